// Grants without a browser, which an administrator lets a client use.
import { githubActionsClaims, startFakeTokenIssuer } from "@dex/testing";
import { decodeJwt } from "jose";
import * as openid from "openid-client";
import { expect } from "vitest";
import { CALLBACK } from "../dynamic-world.ts";
import { PERSON } from "../worker-server.ts";
import type { CallWorld, MemberCalls } from "./call-world.ts";

const JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

/** A client exchanges its own access token for one that can do less. */
async function exchange(world: CallWorld): Promise<void> {
  const grantTypes = ["authorization_code", TOKEN_EXCHANGE_GRANT];
  const client = {
    ...(await world.worker.addClient({ redirectURIs: [CALLBACK], trusted: true, grantTypes })),
    body: {},
  };
  const { tokens, party, sub } = await world.signIn(client, { asked: { scope: "openid email" } });
  const subject = { subject_token: tokens.access_token, subject_token_type: ACCESS_TOKEN };
  const narrower = await openid.genericGrantRequest(party, TOKEN_EXCHANGE_GRANT, { ...subject, scope: "openid" });
  expect(narrower).toMatchObject({ issued_token_type: ACCESS_TOKEN, scope: "openid" });
  expect(await world.userinfo(narrower.access_token)).toEqual({ sub });
}

/** A job of GitHub Actions comes with what its issuer signs, and with nothing of ours. */
async function bear(world: CallWorld): Promise<void> {
  const issuer = await startFakeTokenIssuer();
  try {
    const trusted = { issuer: issuer.issuer, jwks: issuer.jwks, subject_prefix: "repo:octo-org/octo-repo:" };
    const details = { trusted_issuers: [trusted] };
    const { id } = await world.worker.addClient({ redirectURIs: [], grantTypes: [JWT_BEARER_GRANT], details });
    const given = { issuer: issuer.issuer, audience: world.issuer, nowSeconds: Math.floor(Date.now() / 1000) };
    const assertion = await issuer.sign(githubActionsClaims(given));
    const party = await openid.discovery(new URL(world.issuer), id, undefined, openid.None());
    const tokens = await openid.genericGrantRequest(party, JWT_BEARER_GRANT, { assertion });
    expect(decodeJwt(tokens.access_token)).toMatchObject({ sub: id, client_id: id });
  } finally {
    await issuer.close();
  }
}

/** A program without a browser sends a person's name and password. */
async function signInByPassword(world: CallWorld): Promise<void> {
  const { id, secret } = await world.worker.addClient({ redirectURIs: [], grantTypes: ["password"] });
  const party = await openid.discovery(new URL(world.issuer), id, secret);
  const typed = { username: PERSON.email, password: PERSON.password, scope: "openid email" };
  const tokens = await openid.genericGrantRequest(party, "password", typed);
  expect(tokens.claims()).toMatchObject({ sub: world.userId, email: PERSON.email });
}

export const DIRECT_GRANTS: MemberCalls = {
  password: signInByPassword,
  [TOKEN_EXCHANGE_GRANT]: exchange,
  [JWT_BEARER_GRANT]: bear,
};
