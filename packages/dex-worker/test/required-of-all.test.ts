// What a deployment demands of every client: PKCE, and requests that are pushed.
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let pkce: TestWorker;
let pushed: TestWorker;
beforeAll(async () => {
  pkce = await openTestWorker(["--require-pkce"]);
  pushed = await openTestWorker(["--require-pushed-authorization-requests"]);
});
afterAll(async () => {
  await Promise.all([pkce?.close(), pushed?.close()]);
});

const partyOf = ({ issuer, client }: TestWorker) =>
  openid.discovery(new URL(issuer), client.id, undefined, openid.ClientSecretBasic(client.secret), {
    execute: [openid.allowInsecureRequests],
  });

async function requestWithPkce() {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const challenge = await openid.calculatePKCECodeChallenge(pkceCodeVerifier);
  const parameters = { code_challenge: challenge, code_challenge_method: "S256" };
  return { checks: { pkceCodeVerifier, idTokenExpected: true }, parameters };
}

test("PKCE is required of a client that has a secret, too, by every way its request comes (PKC-1)", async () => {
  const refused = (await pkce.browser().open(pkce.authorizationUrl())).url;
  expect([refused.origin, refused.searchParams.get("error")]).toEqual([
    new URL(REDIRECT_URI).origin,
    "invalid_request",
  ]);
  expect(refused.searchParams.get("error_description")).toContain("code_challenge");
  const parameters = { redirect_uri: REDIRECT_URI, scope: "openid" };
  const party = await partyOf(pkce);
  await expect(openid.buildAuthorizationUrlWithPAR(party, parameters)).rejects.toMatchObject({
    error: "invalid_request",
  });
  const right = await requestWithPkce();
  const answer = await pkce.signIn(pkce.browser(), right.parameters);
  expect(await openid.authorizationCodeGrant(party, answer, right.checks)).toHaveProperty("access_token");
});

test("a request that was not pushed is refused of every client, and discovery says so (RFC 9126 §5)", async () => {
  const right = await requestWithPkce();
  const refused = (await pushed.browser().open(pushed.authorizationUrl(right.parameters))).url;
  expect(refused.searchParams.get("error")).toBe("invalid_request");
  const party = await partyOf(pushed);
  expect(party.serverMetadata().require_pushed_authorization_requests).toBe(true);
  const asked = { redirect_uri: REDIRECT_URI, scope: "openid", ...right.parameters };
  const to = await openid.buildAuthorizationUrlWithPAR(party, asked);
  const browser = pushed.browser();
  const form = await browser.open(to);
  const { email, password } = PERSON;
  const answer = (await browser.submit(form, { login: email, password }, { formId: "login-form" })).url;
  expect(await openid.authorizationCodeGrant(party, answer, right.checks)).toHaveProperty("access_token");
});
