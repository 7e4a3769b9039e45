import { sha256, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { challenge, login, pkce, query } from "../../test/authorization-request.ts";
import { jane, later, now, sealers } from "../../test/fakes.ts";
import { makeLoginStates } from "../login-state/seal-login-state.ts";
import type { Session } from "../ports.ts";
import { newCode } from "./code.ts";
import { DEFAULT_TOKEN_LIFETIMES } from "./lifetimes.ts";

const session: Session = {
  hash: sha256("session"),
  user: jane,
  connectorId: "local",
  authTime: later(-300),
  amr: ["pwd"],
  asked: [],
  expiresAt: later(3600),
  consentedScope: undefined,
};

test("a code is 256 random bits, kept as a hash with all that the token endpoint will ask for (AUT-14)", async () => {
  const request = await login(query({ ...pkce, nonce: "n", scope: "openid email" }));
  const state = makeLoginStates({ sealer: sealers().loginState, random: systemRandom }).begin(request, now);
  const { value, stored } = newCode({ state, session, random: systemRandom, now, lifetimes: DEFAULT_TOKEN_LIFETIMES });
  expect(Buffer.from(value.replace(/^dxc_/, ""), "base64url")).toHaveLength(32);
  expect(stored).toEqual({
    hash: sha256(value),
    loginStateId: state.id,
    clientId: "client-a",
    userId: jane.id,
    connectorId: "local",
    sessionHash: session.hash,
    redirectUri: "https://a.example/cb",
    scope: ["openid", "email"],
    nonce: "n",
    codeChallenge: challenge,
    authTime: later(-300),
    amr: ["pwd"],
    issuedAt: now,
    expiresAt: later(60),
  });
  expect(JSON.stringify(stored)).not.toContain(value.slice(4));
});
