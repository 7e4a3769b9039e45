// A relying party of oauth4webapi, which refuses every answer that is not exactly as its specification has it.
import { exportJWK } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

/** The library takes http only when it is told to. */
const insecure = { [oauth.allowInsecureRequests]: true } as const;
const initialAccessToken = Buffer.alloc(32, 9).toString("base64");

let worker: TestWorker;
let server: oauth.AuthorizationServer;
beforeAll(async () => {
  worker = await openTestWorker([
    ...["--enable-client-registration", `--client-registration-tokens=${initialAccessToken}`],
    ...["--enable-front-channel-tokens", "--insecure-private-client-addresses"],
  ]);
  server = await discover();
});
afterAll(() => worker?.close());

async function discover(algorithm: "oidc" | "oauth2" = "oidc"): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(worker.issuer);
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
  return oauth.processDiscoveryResponse(issuer, response);
}

/** A client, as the library knows it, and how it proves who it is. */
interface Party {
  readonly client: oauth.Client;
  readonly authentication: oauth.ClientAuth;
}

async function register(
  metadata: Readonly<Record<string, oauth.JsonValue>> = {},
  authentication?: oauth.ClientAuth,
): Promise<Party> {
  const wishes = { client_name: "Registered", redirect_uris: [REDIRECT_URI], ...metadata };
  const response = await oauth.dynamicClientRegistrationRequest(server, wishes, { initialAccessToken, ...insecure });
  const client = await oauth.processDynamicClientRegistrationResponse(response);
  return { client, authentication: authentication ?? oauth.ClientSecretBasic(String(client.client_secret)) };
}

interface Asked {
  readonly url: URL;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** An authorization request with everything that protects one, and `more`. */
async function ask({ client }: Party, more: Readonly<Record<string, string>> = {}): Promise<Asked> {
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const verifier = oauth.generateRandomCodeVerifier();
  const url = new URL(server.authorization_endpoint ?? "");
  url.search = String(
    new URLSearchParams({
      ...{ client_id: client.client_id, redirect_uri: REDIRECT_URI, response_type: "code", scope: "openid email" },
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      ...{ code_challenge_method: "S256", state, nonce },
      ...more,
    }),
  );
  return { url, state, nonce, verifier };
}

/** Where the browser of PERSON, who signs in and agrees, ends. */
async function visit(url: URL, browser = worker.browser()): Promise<URL> {
  const login = await browser.open(url.href);
  const { email, password } = PERSON;
  const consent = await browser.submit(login, { login: email, password }, { formId: "login-form" });
  return (await browser.submit(consent, { decision: "approve" }, { formId: "consent-form" })).url;
}

async function redeem(
  { client, authentication }: Party,
  { nonce, verifier }: Asked,
  answer: URLSearchParams,
  options: Omit<oauth.ProcessAuthorizationCodeResponseOptions, "expectedNonce"> = {},
) {
  const arguments_ = [server, client, authentication, answer, REDIRECT_URI, verifier, insecure] as const;
  const response = await oauth.authorizationCodeGrantRequest(...arguments_);
  const checks = { expectedNonce: nonce, requireIdToken: true, ...options };
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, checks);
  // By itself it leaves the signature to TLS.
  await oauth.validateApplicationLevelSignature(server, response, insecure);
  return tokens;
}

/** From the request to the tokens. */
async function signIn(party: Party, more: Readonly<Record<string, string>> = {}) {
  const asked = await ask(party, more);
  const end = await visit(asked.url);
  const answer = oauth.validateAuthResponse(server, party.client, end, asked.state);
  return redeem(party, asked, answer);
}

async function userinfo({ client }: Party, accessToken: string, subject: string) {
  const response = await oauth.userInfoRequest(server, client, accessToken, insecure);
  const claims = await oauth.processUserInfoResponse(server, client, subject, response);
  if (client.userinfo_signed_response_alg !== undefined) {
    await oauth.validateApplicationLevelSignature(server, response, insecure);
  }
  return claims;
}

test.each(["oidc", "oauth2"] as const)("finds the provider where %s has it look", async (algorithm) => {
  expect(await discover(algorithm)).toMatchObject({ issuer: worker.issuer });
});

test("registers, signs in with code and PKCE, and reads userinfo", async () => {
  const party = await register();
  const tokens = await signIn(party);
  const claims = oauth.getValidatedIdTokenClaims(tokens) ?? expect.fail("no ID token");
  expect(claims).toMatchObject({ iss: worker.issuer, aud: party.client.client_id });
  expect(await userinfo(party, tokens.access_token, claims.sub)).toEqual({
    sub: claims.sub,
    email: PERSON.email,
    email_verified: true,
  });
});

test.each(["RS256", "ES256", "EdDSA"])("takes ID tokens and userinfo that are signed with %s", async (algorithm) => {
  const party = await register({ id_token_signed_response_alg: algorithm, userinfo_signed_response_alg: algorithm });
  const tokens = await signIn(party);
  const subject = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? "";
  expect(await userinfo(party, tokens.access_token, subject)).toMatchObject({ email: PERSON.email });
});

test("checks how long ago somebody signed in, when it asked for max_age and when it registered that it always wants to", async () => {
  const party = await register({ require_auth_time: true, default_max_age: 60 });
  const asked = await ask(party, { max_age: "30" });
  const answer = oauth.validateAuthResponse(server, party.client, await visit(asked.url), asked.state);
  const tokens = await redeem(party, asked, answer, { maxAge: 30 });
  expect(oauth.getValidatedIdTokenClaims(tokens)?.auth_time).toBeTypeOf("number");
});

test("refreshes, for as much as it had and for less", async () => {
  const party = await register({ grant_types: ["authorization_code", "refresh_token"] });
  const { client, authentication } = party;
  const tokens = await signIn(party, { scope: "openid email offline_access" });
  const before = oauth.getValidatedIdTokenClaims(tokens);
  const refresh = async (token: string | undefined, scope?: string) => {
    const parameters = scope === undefined ? {} : { additionalParameters: { scope } };
    const arguments_ = [server, client, authentication, token ?? "", { ...parameters, ...insecure }] as const;
    const response = await oauth.refreshTokenGrantRequest(...arguments_);
    return oauth.processRefreshTokenResponse(server, client, response);
  };
  const second = await refresh(tokens.refresh_token);
  expect(oauth.getValidatedIdTokenClaims(second)).toMatchObject({ sub: before?.sub, auth_time: before?.auth_time });
  const third = await refresh(second.refresh_token, "openid");
  expect(third.scope).toBe("openid");
  await expect(refresh("dxr_nothing")).rejects.toMatchObject({ error: "invalid_grant", status: 400 });
});

test("obtains a token for itself", async () => {
  const { client, authentication } = await register({ grant_types: ["client_credentials"], redirect_uris: [] });
  const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, {}, insecure);
  const tokens = await oauth.processClientCredentialsResponse(server, client, response);
  expect(tokens).toMatchObject({ token_type: "bearer", expires_in: expect.any(Number) });
  expect(tokens).not.toHaveProperty("refresh_token");
});

test.each(["RS256", "PS256", "ES256", "Ed25519"])("proves who it is with a key for %s", async (algorithm) => {
  const { publicKey, privateKey } = await oauth.generateKeyPair(algorithm, { extractable: true });
  const { kty, n, e, crv, x, y } = await exportJWK(publicKey);
  const key = JSON.parse(JSON.stringify({ kty, n, e, crv, x, y, kid: "one" })) as oauth.JsonObject;
  const own = { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [key] } };
  const party = await register(own, oauth.PrivateKeyJwt({ key: privateKey, kid: "one" }));
  expect(party.client).not.toHaveProperty("client_secret");
  expect(oauth.getValidatedIdTokenClaims(await signIn(party))).toMatchObject({ aud: party.client.client_id });
});

test.each([
  { method: "client_secret_post", by: oauth.ClientSecretPost },
  { method: "client_secret_jwt", by: oauth.ClientSecretJwt },
  { method: "none", by: () => oauth.None() },
])("proves who it is by $method", async ({ method, by }) => {
  const { client } = await register({ token_endpoint_auth_method: method });
  const authentication = by(String(client.client_secret));
  expect(await signIn({ client, authentication })).toHaveProperty("id_token");
});

describe("hybrid flow", () => {
  /** A native application may have its answers on this machine. */
  const hybrid = () =>
    register({
      application_type: "native",
      response_types: ["code id_token"],
      grant_types: ["authorization_code", "implicit"],
    });
  const checks = [
    { by: "validateCodeIdTokenResponse", validate: oauth.validateCodeIdTokenResponse },
    { by: "validateDetachedSignatureResponse", validate: oauth.validateDetachedSignatureResponse },
  ];
  test.each(checks)("finds the hashes of code and state right, by $by", async ({ validate }) => {
    const party = await hybrid();
    const asked = await ask(party, { response_type: "code id_token", max_age: "60" });
    const end = await visit(asked.url);
    const answer = await validate(server, party.client, end, asked.nonce, asked.state, 60, insecure);
    const tokens = await redeem(party, asked, answer);
    const { email } = await userinfo(party, tokens.access_token, oauth.getValidatedIdTokenClaims(tokens)?.sub ?? "");
    expect(email).toBe(PERSON.email);
  });
});

test.each(["JSON", "a JWT"])("learns what its token is worth, from %s (RFC 7662, RFC 9701)", async (form) => {
  const party = await register(form === "JSON" ? {} : { introspection_signed_response_alg: "ES256" });
  const { client, authentication } = party;
  const tokens = await signIn(party);
  const told = async (token: string) => {
    const options = { requestJwtResponse: form !== "JSON", ...insecure };
    const response = await oauth.introspectionRequest(server, client, authentication, token, options);
    const answer = await oauth.processIntrospectionResponse(server, client, response);
    if (form !== "JSON") await oauth.validateApplicationLevelSignature(server, response, insecure);
    return answer;
  };
  const sub = oauth.getValidatedIdTokenClaims(tokens)?.sub;
  expect(await told(tokens.access_token)).toMatchObject({ active: true, sub, client_id: client.client_id });
  expect(await told("nothing")).toEqual({ active: false });
});

test("pushes its request and sends the browser with a name for it (RFC 9126)", async () => {
  const party = await register();
  const { client, authentication } = party;
  const asked = await ask(party);
  const arguments_ = [server, client, authentication, asked.url.searchParams, insecure] as const;
  const response = await oauth.pushedAuthorizationRequest(...arguments_);
  const { request_uri } = await oauth.processPushedAuthorizationResponse(server, client, response);
  const url = new URL(server.authorization_endpoint ?? "");
  url.search = String(new URLSearchParams({ client_id: client.client_id, request_uri }));
  const answer = oauth.validateAuthResponse(server, client, await visit(url), asked.state);
  expect(await redeem(party, asked, answer)).toHaveProperty("id_token");
});

test("revokes what it was given", async () => {
  const party = await register({ grant_types: ["authorization_code", "refresh_token"] });
  const { client, authentication } = party;
  const tokens = await signIn(party, { scope: "openid offline_access" });
  const subject = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? "";
  const revoke = async (token: string | undefined) => {
    const response = await oauth.revocationRequest(server, client, authentication, token ?? "", insecure);
    return oauth.processRevocationResponse(response);
  };
  await revoke(tokens.access_token);
  await expect(userinfo(party, tokens.access_token, subject)).rejects.toMatchObject({ status: 401 });
  await revoke(tokens.refresh_token);
  const arguments_ = [server, client, authentication, tokens.refresh_token ?? "", insecure] as const;
  const response = await oauth.refreshTokenGrantRequest(...arguments_);
  const refreshed = oauth.processRefreshTokenResponse(server, client, response);
  await expect(refreshed).rejects.toMatchObject({ error: "invalid_grant" });
});

describe("refuses what it did not ask for, which shows that it looks", () => {
  test("an answer of another issuer, and another state (RFC 9207)", async () => {
    const party = await register();
    const asked = await ask(party);
    const end = await visit(asked.url);
    const foreign = new URL(end);
    foreign.searchParams.set("iss", "https://elsewhere.example.com");
    expect(() => oauth.validateAuthResponse(server, party.client, foreign, asked.state)).toThrow("iss");
    expect(() => oauth.validateAuthResponse(server, party.client, end, "another")).toThrow("state");
  });

  test("an ID token with another nonce", async () => {
    const party = await register();
    const asked = await ask(party);
    const answer = oauth.validateAuthResponse(server, party.client, await visit(asked.url), asked.state);
    await expect(redeem(party, { ...asked, nonce: "another" }, answer)).rejects.toThrow("nonce");
  });
});

test("reads why it was refused: at the authorization endpoint, at the token endpoint and at userinfo", async () => {
  const party = await register();
  const asked = await ask(party, { prompt: "none" });
  const { url } = await worker.browser().open(asked.url.href);
  const refusal = (read: () => unknown) => expect(async () => read()).rejects;
  await refusal(() => oauth.validateAuthResponse(server, party.client, url, asked.state)).toMatchObject({
    error: "login_required",
  });
  const end = await visit((await ask(party)).url);
  const answer = oauth.validateAuthResponse(server, party.client, end, oauth.skipStateCheck);
  await expect(redeem(party, asked, answer)).rejects.toMatchObject({ error: "invalid_grant", status: 400 });
  const stranger = { ...party, authentication: oauth.ClientSecretBasic("wrong") };
  await expect(redeem(stranger, asked, answer)).rejects.toMatchObject({ status: 401 });
  await expect(userinfo(party, "nothing", "nobody")).rejects.toMatchObject({
    cause: expect.arrayContaining([
      { scheme: "bearer", parameters: expect.objectContaining({ error: "invalid_token" }) },
    ]),
  });
});
