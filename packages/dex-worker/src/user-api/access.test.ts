import type { Client } from "@dex/oidc";
import { describe, expect, test } from "vitest";
import { decideAccess, decideToken } from "./access.ts";

const ISSUER = "https://dex.example";
const now = new Date("2030-01-01T00:00:00Z");
const seconds = now.getTime() / 1000;
const good = { iss: ISSUER, sub: "admin", aud: "admin", client_id: "admin", exp: seconds + 60, iat: seconds };

test("a token that a client got for itself stands for that client (RFC 6749 §4.4)", () => {
  expect(decideToken(good, ISSUER, now)).toEqual({ kind: "client", clientId: "admin" });
  expect(decideToken({ ...good, aud: ["admin"] }, ISSUER, now)).toEqual({ kind: "client", clientId: "admin" });
});

const { client_id: _, ...withoutClientId } = good;
const refusals = [
  { when: "it did not verify", claims: undefined },
  { when: "it holds nothing", claims: {} },
  { when: "another issuer made it", claims: { ...good, iss: "https://dex.example/" } },
  { when: "it is about a user", claims: { ...good, sub: "7e2f9c6e-5f0a-4b8b-9f43-8b1a3c1f5a10" } },
  { when: "it is for another audience", claims: { ...good, aud: "other" } },
  { when: "it is for several audiences", claims: { ...good, aud: ["admin", "other"] } },
  { when: "it is for no audience", claims: { ...good, aud: [] } },
  { when: "another client got it", claims: { ...good, client_id: "other" } },
  { when: "it names no client", claims: withoutClientId },
  { when: "its subject is empty", claims: { ...good, sub: "", aud: "", client_id: "" } },
  { when: "its subject is an object", claims: { ...good, sub: { toString: "admin" } } },
  { when: "it has expired this second", claims: { ...good, exp: seconds } },
  { when: "it never expires", claims: { ...good, exp: undefined } },
  { when: "its expiry is text", claims: { ...good, exp: String(seconds + 60) } },
];
test.each(refusals)("a token is refused with 401 when $when (ADM-1, RFC 9068 §4)", ({ claims }) => {
  const decision = decideToken(claims, ISSUER, now);
  expect(decision).toMatchObject({ kind: "refused", error: { code: "unauthorized", status: 401 } });
});

describe("what the client may do is decided by what it is now", () => {
  const admin: Client = {
    id: "admin",
    name: undefined,
    logoUri: undefined,
    clientUri: undefined,
    redirectUris: [],
    public: false,
    admin: true,
    trusted: false,
    requirePkce: false,
    grantTypes: ["client_credentials"],
    scopes: undefined,
    trustedPeers: [],
    idTokenSigningAlgorithm: "RS256",
    secret: undefined,
    dynamic: false,
    createdAt: now,
  };
  test.each([
    { when: "it was deleted", client: undefined, enabled: true, code: "unauthorized" },
    { when: "it is no admin", client: { ...admin, admin: false }, enabled: true, code: "forbidden" },
    { when: "it is public", client: { ...admin, public: true }, enabled: true, code: "forbidden" },
    { when: "the flag is off", client: admin, enabled: false, code: "forbidden" },
  ])("refused when $when (ADM-2)", ({ client, enabled, code }) => {
    expect(decideAccess(client, "admin client", { enabled })).toMatchObject({ kind: "refused", error: { code } });
  });

  test("an admin client is allowed", () => {
    expect(decideAccess(admin, "admin client", { enabled: true })).toEqual({ kind: "allowed", clientId: "admin" });
  });
});
