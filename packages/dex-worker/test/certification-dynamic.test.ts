// The Dynamic profile of OpenID Connect's certification, with the two response types that testers choose: clients register
// themselves at an https issuer and sign what they send.
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, UnsecuredJWT } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasEntropy } from "./certification-rules.ts";
import {
  answerIn,
  CALLBACK,
  type ClientKey,
  type DynamicWorld,
  type Members,
  makeClientKey,
  openDynamicWorld,
  type Registered,
  relyingParty,
  sign,
} from "./dynamic-world.ts";

let world: DynamicWorld;
let issuer: string;
let key: ClientKey;
beforeAll(async () => {
  world = await openDynamicWorld();
  issuer = world.worker.issuer;
  key = await makeClientKey("tester-1");
});
afterAll(() => world.close());

/** 43 characters that are not the hash of anything. */
const FRAGMENT = "GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM";

describe.each([{ type: "code" }, { type: "code id_token" }])("with response type $type", ({ type }) => {
  const request = (client: Registered, more: Members = {}) => ({
    client_id: client.id,
    redirect_uri: CALLBACK,
    response_type: type,
    scope: "openid",
    state: "s-1",
    nonce: "n-1",
    ...more,
  });

  /** Signs in, redeems the code as openid-client does, and gives all that the client has then. */
  async function happy(
    client: Registered,
    authentication = openid.ClientSecretBasic(client.secret),
    { asked = {}, metadata = {} }: { asked?: Members; metadata?: Partial<openid.ClientMetadata> } = {},
  ) {
    const party = await relyingParty(world, client, type, authentication, metadata);
    const parameters = request(client, asked);
    const page = await world.authorize(parameters);
    const front = answerIn(page, type);
    expect(front).toMatchObject({ state: "s-1", iss: issuer, code: expect.any(String) });
    const tokens = await openid.authorizationCodeGrant(party, page.url, { expectedState: "s-1", expectedNonce: "n-1" });
    const idTokens = [tokens.id_token, front.id_token].filter((one) => one !== undefined);
    expect(idTokens).toHaveLength(type === "code" ? 1 : 2);
    return { party, page, tokens, idTokens, sub: tokens.claims()?.sub ?? "" };
  }

  async function expectErrorPage(parameters: Members): Promise<void> {
    const page = await world.authorize(parameters);
    expect([page.status, page.url.origin]).toEqual([400, new URL(issuer).origin]);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
  }

  const verified = (jwt: string, audience: string) =>
    jwtVerify(jwt, createRemoteJWKSet(new URL(`${issuer}/keys`)), { issuer, audience });

  test("an ID token is signed with RS256 for who asks for it (cert 8 oidcc-idtoken-rs256)", async () => {
    const client = await world.register(type, { id_token_signed_response_alg: "RS256" });
    expect(client.body.id_token_signed_response_alg).toBe("RS256");
    const { idTokens } = await happy(client);
    for (const idToken of idTokens) {
      const { protectedHeader } = await verified(idToken, client.id);
      expect(protectedHeader).toMatchObject({ alg: "RS256", kid: expect.stringMatching(/./) });
    }
  });

  test("no ID token is unsigned: none is not listed, and nobody registers for it (cert 8 oidcc-idtoken-unsigned)", async () => {
    const metadata = (await relyingParty(world, await world.register(type), type, openid.None())).serverMetadata();
    expect(metadata.id_token_signing_alg_values_supported).not.toContain("none");
    const refused = await world.post({ response_types: [type], id_token_signed_response_alg: "none" });
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: "invalid_client_metadata" }]);
  });

  test("userinfo is signed with RS256 for the client, and holds no nonce (cert 8 oidcc-userinfo-rs256)", async () => {
    const metadata = { userinfo_signed_response_alg: "RS256" };
    const client = await world.register(type, metadata);
    const { party, tokens, sub } = await happy(client, undefined, { metadata });
    expect(party.serverMetadata().userinfo_signing_alg_values_supported).toContain("RS256");
    const headers = { Authorization: `Bearer ${tokens.access_token}` };
    const response = await fetch(`${issuer}/userinfo`, { headers });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/jwt"]);
    const { payload, protectedHeader } = await verified(await response.text(), client.id);
    expect(protectedHeader).toMatchObject({ alg: "RS256", kid: expect.any(String) });
    expect(payload).toEqual({ iss: issuer, aud: client.id, sub });
    expect(await openid.fetchUserInfo(party, tokens.access_token, sub)).toEqual(payload);
  });

  test("of two redirect URIs none is the default (cert 8 oidcc-ensure-redirect-uri-in-authorization-request)", async () => {
    const client = await world.register(type, { redirect_uris: [CALLBACK, `${CALLBACK}/second`] });
    await expectErrorPage(request(client, { redirect_uri: undefined }));
  });

  test("a registered query stays in the answer (cert 8 oidcc-redirect-uri-query-OK)", async () => {
    const redirect_uri = `${CALLBACK}?foo=bar&a=b%20c`;
    const client = await world.register(type, { redirect_uris: [redirect_uri] });
    const page = await world.authorize(request(client, { redirect_uri }));
    expect(page.url.href.startsWith(type === "code" ? `${redirect_uri}&` : `${redirect_uri}#`)).toBe(true);
    const { code = "" } = answerIn(page, type);
    const { body } = await world.worker.token({ grant_type: "authorization_code", code, redirect_uri }, client);
    expect(body.id_token).toBeTypeOf("string");
  });

  test("another query than the registered one is refused on a page (cert 8 oidcc-redirect-uri-query-mismatch)", async () => {
    const client = await world.register(type, { redirect_uris: [`${CALLBACK}?foo=bar`] });
    await expectErrorPage(request(client, { redirect_uri: `${CALLBACK}?foo=other` }));
    await expectErrorPage(request(client, { redirect_uri: CALLBACK }));
  });

  test("a query that was not registered is refused on a page (cert 8 oidcc-redirect-uri-query-added)", async () => {
    const client = await world.register(type);
    await expectErrorPage(request(client, { redirect_uri: `${CALLBACK}?foo=bar` }));
  });

  test("a redirect URI with a fragment is not registered (cert 8 oidcc-redirect-uri-regfrag)", async () => {
    const refused = await world.post({ response_types: [type], redirect_uris: [`${CALLBACK}#foobar`] });
    expect([refused.status, refused.headers.get("content-type")]).toEqual([
      400,
      expect.stringMatching(/^application\/json/),
    ]);
    expect(await refused.json()).toMatchObject({ error: "invalid_redirect_uri" });
  });

  const signing = { token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: "RS256" };
  const inline = () => ({ ...signing, jwks: { keys: [key.jwk] } });
  const byKey = (one = key, more: openid.ModifyAssertionOptions = {}) =>
    openid.PrivateKeyJwt({ key: one.privateKey, kid: one.kid }, more);

  test("a client with its keys inline signs in and reads userinfo (cert 8 oidcc-server)", async () => {
    const client = await world.register(type, inline());
    expect(client.body).not.toHaveProperty("client_secret");
    const { party, tokens, idTokens, sub } = await happy(client, byKey());
    expect(tokens).toMatchObject({ token_type: "bearer", expires_in: expect.any(Number) });
    for (const idToken of idTokens) {
      const { payload } = await verified(idToken, client.id);
      expect(payload).toMatchObject({ sub, nonce: "n-1" });
      expect(payload).not.toHaveProperty("name");
    }
    expect(await openid.fetchUserInfo(party, tokens.access_token, sub)).toMatchObject({ sub });
  });

  test("the page shows logo, policy and terms (cert 8 oidcc-registration-logo-uri; cert 8 oidcc-registration-policy-uri; cert 8 oidcc-registration-tos-uri)", async () => {
    const links = {
      logo_uri: "https://tester.example/logo.png",
      policy_uri: "https://tester.example/policy",
      tos_uri: "https://tester.example/terms",
    };
    const client = await world.register(type, links);
    expect(client.body).toMatchObject(links);
    const browser = world.browser();
    await world.authorize(request(await world.register(type)), browser);
    const page = await browser.open(`${issuer}/auth?${new URLSearchParams(request(client) as Record<string, string>)}`);
    expect(page.status).toBe(200);
    expect(page.text).toMatch(new RegExp(`<img [^>]*src="${links.logo_uri}"`));
    for (const link of [links.policy_uri, links.tos_uri]) {
      expect(page.text).toMatch(new RegExp(`<a [^>]*href="${link}"`));
    }
    expect(page.headers.get("content-security-policy")).toContain("img-src 'self' https://tester.example");
  });

  test("keys behind a jwks_uri are fetched (cert 8 oidcc-registration-jwks-uri)", async () => {
    const published = world.address.publish(JSON.stringify({ keys: [key.jwk] }));
    const client = await world.register(type, { ...signing, jwks_uri: published.url });
    const { tokens } = await happy(client, byKey());
    expect(tokens.access_token).toBeTypeOf("string");
    expect(published.visits()).toBe(1);
  });

  const offline = { scope: "openid offline_access", prompt: "consent" };
  const refreshing = () => ({
    grant_types: [...(type === "code" ? [] : ["implicit"]), "authorization_code", "refresh_token"],
  });

  test("keys that were replaced behind their address are good within 60 seconds (cert 8 oidcc-refresh-token-rp-key-rotation)", async () => {
    const next = await makeClientKey("tester-2");
    const published = world.address.publish(JSON.stringify({ keys: [key.jwk] }));
    const client = await world.register(type, { ...signing, ...refreshing(), jwks_uri: published.url });
    const { tokens } = await happy(client, byKey(), { asked: offline });
    const refreshToken = tokens.refresh_token ?? expect.fail("no refresh token");
    published.replace(JSON.stringify({ keys: [next.jwk] }));
    const party = await relyingParty(world, client, type, byKey(next));
    const refresh = async () =>
      (await openid.refreshTokenGrant(party, refreshToken).catch(() => undefined))?.access_token;
    // Asked again at once it may refuse; a tester waits for a minute.
    await expect.poll(refresh, { timeout: 15_000, interval: 1000 }).toBeTypeOf("string");
  }, 30_000);

  test("an unsigned request object at a registered address is used (cert 8 oidcc-request-uri-unsigned)", async () => {
    const published = world.address.publish("", "application/jwt");
    const uri = `${published.url}#${FRAGMENT}`;
    const client = await world.register(type, { request_uris: [uri], request_object_signing_alg: "none" });
    expect(client.body.request_uris).toEqual([uri]);
    const { state: _outside, ...inside } = request(client, { state: "inside", nonce: "inside" });
    published.replace(new UnsecuredJWT({ ...inside, state: "inside" }).encode());
    const page = await world.authorize({
      ...request(client, { state: undefined, nonce: "outside" }),
      request_uri: uri,
    });
    expect(answerIn(page, type)).toMatchObject({ state: "inside", code: expect.any(String) });
    const party = await relyingParty(world, client, type, openid.ClientSecretBasic(client.secret));
    expect(party.serverMetadata()).toMatchObject({
      request_uri_parameter_supported: true,
      request_object_signing_alg_values_supported: expect.arrayContaining(["none"]),
    });
    const checks = { expectedState: "inside", expectedNonce: "inside" };
    expect((await openid.authorizationCodeGrant(party, page.url, checks)).claims()).toMatchObject({ nonce: "inside" });
  });

  test("a signed request object at a registered address is used (cert 8 oidcc-request-uri-signed-rs256)", async () => {
    const published = world.address.publish("", "application/jwt");
    const uri = `${published.url}#${FRAGMENT}`;
    const metadata = { request_uris: [uri], request_object_signing_alg: "RS256", jwks: { keys: [key.jwk] } };
    const client = await world.register(type, metadata);
    const inside = { ...request(client, { state: "inside", nonce: "inside" }), iss: client.id, aud: issuer };
    published.replace(await sign(inside, key));
    const page = await world.authorize({
      ...request(client, { state: undefined, nonce: "outside" }),
      request_uri: uri,
    });
    expect(answerIn(page, type)).toMatchObject({ state: "inside", code: expect.any(String) });
    const party = await relyingParty(world, client, type, openid.ClientSecretBasic(client.secret));
    expect(party.serverMetadata().request_object_signing_alg_values_supported).toContain("RS256");
    const checks = { expectedState: "inside", expectedNonce: "inside" };
    expect((await openid.authorizationCodeGrant(party, page.url, checks)).claims()).toMatchObject({ nonce: "inside" });
    expect(published.visits()).toBe(1);
  });

  test("the redirect_uri inside counts (cert 8 oidcc-ensure-request-object-with-redirect-uri)", async () => {
    const client = await world.register(type, { ...inline(), request_object_signing_alg: "none" });
    const object = new UnsecuredJWT(request(client)).encode();
    const page = await world.authorize(request(client, { redirect_uri: "https://evil.example/", request: object }));
    expect(answerIn(page, type)).toMatchObject({ state: "s-1", code: expect.any(String) });
  });

  test("a refresh token is good for its client alone, with and without a scope (cert 8 oidcc-refresh-token)", async () => {
    const client = await world.register(type, { ...inline(), ...refreshing() });
    const other = await world.register(type, { ...inline(), ...refreshing() });
    const first = await happy(client, byKey(), { asked: offline });
    const second = await happy(other, byKey(), { asked: offline });
    expect(first.party.serverMetadata().grant_types_supported).toContain("refresh_token");
    const authTime = first.tokens.claims()?.auth_time;
    let refreshToken = first.tokens.refresh_token ?? expect.fail("no refresh token");
    for (const more of [{}, { scope: "openid" }]) {
      for (const token of [refreshToken, first.tokens.access_token]) {
        expect(token).toMatch(/^[\x21-\x7e]{22,}$/);
        expect(hasEntropy(token, 96)).toBe(true);
      }
      const refreshed = await openid.refreshTokenGrant(first.party, refreshToken, more);
      refreshToken = refreshed.refresh_token ?? refreshToken;
      expect(refreshed.claims()).toMatchObject({ iss: issuer, sub: first.sub, aud: client.id, auth_time: authTime });
      expect(await openid.fetchUserInfo(first.party, refreshed.access_token, first.sub)).toEqual({ sub: first.sub });
    }
    const stolen = openid.refreshTokenGrant(first.party, second.tokens.refresh_token ?? "");
    await expect(stolen).rejects.toMatchObject({ error: "invalid_grant", status: 400 });
  });

  test("an assertion may be for the issuer or for the token endpoint (cert 8 oidcc-ensure-client-assertion-with-iss-aud-succeeds)", async () => {
    const client = await world.register(type, inline());
    for (const aud of [issuer, `${issuer}/token`]) {
      const authentication = byKey(key, {
        [openid.modifyAssertion]: (_header, payload) => {
          payload.aud = aud;
        },
      });
      const { tokens } = await happy(client, authentication);
      expect(decodeProtectedHeader(tokens.id_token ?? "")).toMatchObject({ alg: "RS256" });
    }
  });
});
