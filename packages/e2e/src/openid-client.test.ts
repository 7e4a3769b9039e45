import { finishSignIn, openAdminApi, openFormBrowser, signInWithForms } from "@dex/testing";
import * as openid from "openid-client";
import { beforeAll, expect, inject, test } from "vitest";
import { makeRelyingParty, obtainTokens, type RelyingParty } from "./relying-party.ts";

const { facts, workerOrigins, registrationToken } = inject("sharedFleet");
let party: RelyingParty;
beforeAll(async () => {
  party = await makeRelyingParty(facts);
});

test("openid-client signs in with code and PKCE, verifies the ID token, reads userinfo and refreshes (REF-1, JWT-7)", async () => {
  const tokens = await obtainTokens(party);
  const claims = tokens.claims();
  expect(claims).toMatchObject({ iss: facts.issuer, aud: facts.client.id, email: facts.user.email });
  expect(tokens.expires_in).toBe(600);

  const userinfo = await openid.fetchUserInfo(party.configuration, tokens.access_token, claims?.sub ?? "");
  expect(userinfo).toMatchObject({ sub: claims?.sub, email: facts.user.email });

  const refreshed = await openid.refreshTokenGrant(party.configuration, tokens.refresh_token ?? "");
  expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
  expect(refreshed.claims()).toMatchObject({ iss: facts.issuer, sub: claims?.sub, auth_time: claims?.auth_time });
});

test("openid-client obtains a token for itself with client_credentials (TOK-15)", async () => {
  const tokens = await openid.clientCredentialsGrant(party.configuration);
  expect(tokens.access_token).toBeTypeOf("string");
  expect(tokens).not.toHaveProperty("id_token");
  expect(tokens).not.toHaveProperty("refresh_token");
});

test("a sign-in succeeds when each of its requests lands on another worker", async () => {
  const used: string[] = [];
  const browser = openFormBrowser({
    stopAt: [party.redirectUri],
    route(url) {
      const origin = workerOrigins[used.length % workerOrigins.length] ?? "";
      used.push(origin);
      return new URL(url.pathname + url.search, origin);
    },
  });
  const { url, checks } = await party.begin();
  const answer = await party.signIn(url, browser);
  expect(used.length).toBeGreaterThanOrEqual(3);
  expect(new Set(used).size).toBe(workerOrigins.length);
  const tokens = await party.redeem(answer, checks);
  expect(tokens.claims()?.email).toBe(facts.user.email);
});

test("a client that asks for no offline_access gets no refresh token (REF-11)", async () => {
  const tokens = await obtainTokens(party, "openid email");
  expect(tokens.refresh_token).toBeUndefined();
});

test("several sign-ins in one browser at once all succeed, in whatever order they end", async () => {
  const browser = openFormBrowser({ stopAt: [party.redirectUri] });
  const begun = await Promise.all([party.begin(), party.begin(), party.begin()]);
  const pages = [];
  for (const { url } of begun) pages.push(await browser.open(url));
  for (const index of [2, 0, 1]) {
    const page = pages[index];
    const flow = begun[index];
    if (page === undefined || flow === undefined) throw new Error("three sign-ins were begun");
    const answer = await finishSignIn(browser, page, facts.user);
    const tokens = await party.redeem(answer, flow.checks);
    expect(tokens.claims()?.email).toBe(facts.user.email);
  }
});

const REDIRECT_URI = "http://127.0.0.1:9/openid-client";

/** Makes a client that is registered for one response type, and reads the discovery document as it. */
async function configure(responseType: string, ...execute: ((configuration: openid.Configuration) => void)[]) {
  const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
  const client = await admin.createClient({
    clientName: responseType,
    redirectURIs: [REDIRECT_URI],
    details: { response_types: [responseType] },
  });
  return openid.discovery(new URL(facts.issuer), client.id, client.secret, undefined, {
    execute: [openid.allowInsecureRequests, ...execute],
  });
}

test("openid-client takes an ID token from the browser alone, in the implicit flow", async () => {
  const configuration = await configure("id_token", openid.useIdTokenResponseType);
  const [expectedNonce, expectedState] = [openid.randomNonce(), openid.randomState()];
  const asked = { redirect_uri: REDIRECT_URI, scope: "openid email", nonce: expectedNonce, state: expectedState };
  const url = openid.buildAuthorizationUrl(configuration, asked);
  expect(url.searchParams.get("response_type")).toBe("id_token");
  const answer = await signInWithForms(openFormBrowser({ stopAt: [REDIRECT_URI] }), url, facts.user);
  const claims = await openid.implicitAuthentication(configuration, answer, expectedNonce, { expectedState });
  expect(claims).toMatchObject({ iss: facts.issuer, email: facts.user.email });
});

test("openid-client takes a code and an ID token that vouches for it, in the hybrid flow", async () => {
  const { useCodeIdTokenResponseType, enableDetachedSignatureResponseChecks } = openid;
  const configuration = await configure(
    "code id_token",
    useCodeIdTokenResponseType,
    enableDetachedSignatureResponseChecks,
  );
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const [expectedNonce, expectedState] = [openid.randomNonce(), openid.randomState()];
  const url = openid.buildAuthorizationUrl(configuration, {
    ...{ redirect_uri: REDIRECT_URI, scope: "openid email", nonce: expectedNonce, state: expectedState },
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const answer = await signInWithForms(openFormBrowser({ stopAt: [REDIRECT_URI] }), url, facts.user);
  const checks = { expectedNonce, expectedState, pkceCodeVerifier };
  const tokens = await openid.authorizationCodeGrant(configuration, answer, checks);
  const userinfo = await openid.fetchUserInfo(configuration, tokens.access_token, tokens.claims()?.sub ?? "");
  expect(userinfo).toMatchObject({ email: facts.user.email });
});

test("openid-client registers itself, signs in, and signs out to where it registered", async () => {
  const signedOut = `${REDIRECT_URI}/signed-out`;
  const configuration = await openid.dynamicClientRegistration(
    new URL(facts.issuer),
    { client_name: "Itself", redirect_uris: [REDIRECT_URI], post_logout_redirect_uris: [signedOut] },
    undefined,
    { initialAccessToken: registrationToken, execute: [openid.allowInsecureRequests] },
  );
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const asked = { redirect_uri: REDIRECT_URI, scope: "openid" };
  const url = openid.buildAuthorizationUrl(configuration, asked);
  const tokens = await openid.authorizationCodeGrant(configuration, await signInWithForms(browser, url, facts.user));
  const end = openid.buildEndSessionUrl(configuration, {
    ...{ id_token_hint: tokens.id_token ?? "", post_logout_redirect_uri: signedOut, state: "back-again" },
  });
  expect((await browser.open(end.href)).url.href).toBe(`${signedOut}?state=back-again`);
  const silent = await browser.open(openid.buildAuthorizationUrl(configuration, { ...asked, prompt: "none" }).href);
  expect(silent.url.searchParams.get("error")).toBe("login_required");
});
