// The FAPI 2.0 Security Profile plan of certification, in each combination of client authentication and binding: discovery,
// authorization requests and their answers.
import { createHash } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkIdToken, type Jwk } from "./certification-checks.ts";
import { hasEntropy, isHttpsUrl } from "./certification-rules.ts";
import { PROFILE } from "./certification-world.ts";
import {
  browserOfTester,
  CHALLENGE,
  COMBINATIONS,
  expectRefused,
  type FapiClient,
  type FapiServer,
  type FapiWorld,
  openFapiServer,
  openFapiWorld,
  requestOf,
  VERIFIER,
} from "./fapi2-world.ts";
import { changePerson } from "./person.ts";

const ALGORITHMS = ["PS256", "ES256", "EdDSA", "Ed25519"];

let server: FapiServer;
beforeAll(async () => {
  server = await openFapiServer();
});
afterAll(() => server?.close());

/** OIDC Core §5.5.1. A claim without a value is asked for as it is. */
const CLAIM_FORMS: readonly ((value: unknown) => unknown)[] = [
  () => null,
  () => ({ essential: true }),
  () => ({ essential: false }),
  (value) => (value === undefined ? null : { value }),
  (value) => (value === undefined ? null : { values: [value, "another"], essential: true }),
];

const halfHash = (text: string) => createHash("sha256").update(text).digest().subarray(0, 16).toString("base64url");

describe.each(COMBINATIONS)("by $authentication, bound by $binding", (combination) => {
  let world: FapiWorld;
  let clients: readonly FapiClient[];
  beforeAll(async () => {
    world = await openFapiWorld("fapi2", combination, server);
    clients = [world.first, world.second];
  });
  const byMtls = combination.authentication === "MTLS";
  const toMtls = combination.binding === "MTLS";
  const tokenType = toMtls ? "Bearer" : "DPoP";

  /** The answer of the authorization endpoint that a person gave to this request. */
  const answerTo = (client: FapiClient, more: Parameters<typeof requestOf>[1] = {}) =>
    world.answerTo(client, requestOf(client, more));

  /** What the ID token of a whole flow says. */
  async function idTokenOf(client: FapiClient, more: Parameters<typeof requestOf>[1]) {
    const { id_token: jwt = "" } = await world.tokensFor(client, more);
    return decodeJwt(jwt);
  }

  test("metadata say all that a client under the profile needs (cert 11 discovery-end-point-verification)", () => {
    const { metadata, worker } = world;
    expect(metadata.issuer).toBe(worker.issuer);
    expect(isHttpsUrl(metadata.pushed_authorization_request_endpoint)).toBe(true);
    expect(metadata.response_types_supported).toContain("code");
    expect(metadata.authorization_response_iss_parameter_supported).toBe(true);
    expect(metadata.require_pushed_authorization_requests).toBeTypeOf("boolean");
    expect(metadata.code_challenge_methods_supported).toContain("S256");
    expect(metadata.token_endpoint_auth_methods_supported).toEqual(
      expect.arrayContaining(["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]),
    );
    expect(metadata.tls_client_certificate_bound_access_tokens).toBe(true);
    // RFC 8705 §5: what a client calls with a certificate, on another host.
    for (const endpoint of ["token_endpoint", "pushed_authorization_request_endpoint", "userinfo_endpoint"]) {
      const alias = new URL(String(Reflect.get(metadata.mtls_endpoint_aliases ?? {}, endpoint)));
      const itself = new URL(String(metadata[endpoint]));
      expect([alias.protocol, alias.hostname, alias.pathname]).toEqual(["https:", "localhost", itself.pathname]);
    }
    expect(metadata.scopes_supported).toContain("openid");
    expect(metadata.subject_types_supported).toContain("public");
    expect(isHttpsUrl(metadata.jwks_uri)).toBe(true);
    for (const values of [
      metadata.token_endpoint_auth_signing_alg_values_supported,
      metadata.id_token_signing_alg_values_supported,
      metadata.dpop_signing_alg_values_supported,
    ]) {
      expect(ALGORITHMS.filter((one) => values?.includes(one))).not.toEqual([]);
    }
  });

  describe("a happy flow", () => {
    test("of each of two clients, every answer held to the checks (cert 11 happy-flow)", async () => {
      const keys = (await (await fetch(String(world.metadata.jwks_uri))).json()) as { keys: readonly Jwk[] };
      for (const client of clients) {
        const request = requestOf(client, { state: "s".repeat(128) });
        const { body } = await world.push(client, request);
        const { url } = await world.authorize(client, body.request_uri);
        expect([url.href.startsWith(client.redirectUri), url.hash]).toEqual([true, ""]);
        const { code = "", ...rest } = Object.fromEntries(url.searchParams);
        expect(rest).toEqual({
          ...Object.fromEntries(new URL(client.redirectUri).searchParams),
          ...{ state: "s".repeat(128), iss: world.worker.issuer },
          ...("session_state" in rest ? { session_state: rest.session_state } : {}),
        });
        expect([code.length >= 22, hasEntropy(code, 96)]).toEqual([true, true]);
        const tokens = await world.redeem(client, code);
        expect([tokens.status, tokens.body.token_type]).toEqual([200, tokenType]);
        expect(tokens.headers.get("cache-control")).toContain("no-store");
        const { access_token: accessToken = "", id_token: idToken = "" } = tokens.body as Record<string, string>;
        expect([accessToken.length >= 22, hasEntropy(accessToken, 96)]).toEqual([true, true]);
        const resource = await world.use(client, accessToken);
        const date = Date.parse(resource.headers.get("date") ?? "");
        expect([resource.status, Math.abs(date - Date.now()) < 60_000]).toEqual([200, true]);
        const header = decodeProtectedHeader(idToken);
        const claims = decodeJwt(idToken);
        expect(header).toMatchObject({ alg: "ES256", kid: expect.any(String) });
        checkIdToken({
          ...{ jwt: idToken, header: { ...header }, claims, keys: keys.keys, issuer: world.worker.issuer },
          ...{ clientId: client.id, nonce: request.nonce, subjects: [resource.body.sub], asked: [] },
          now: Date.now() / 1000,
        });
        expect(claims.at_hash).toBe(halfHash(accessToken));
      }
    });

    test("ends at a resource that takes every Accept, and no token in the query (cert 11 happy-flow)", async () => {
      const { access_token: token = "" } = await world.tokensFor(world.first);
      for (const accept of ["application/json", "*/*", "application/json;charset=UTF-8", "text/html, */*;q=0.1"]) {
        expect((await world.use(world.first, token, { headers: { accept } })).status).toBe(200);
      }
      const send = world.send(world.first.certificate);
      const proof = await world.resourceProof(world.first.dpop, token);
      const headers: Record<string, string> = toMtls ? {} : { DPoP: proof };
      const inQuery = await send(`${world.metadata.userinfo_endpoint}?access_token=${token}`, { headers });
      expect([400, 401]).toContain(inQuery.status);
    });

    test("by oauth4webapi (cert 11 happy-flow)", async () => {
      for (const { id, kid, key, certificate, redirectUri } of clients) {
        const { metadata } = world;
        const client: oauth.Client = { client_id: id, use_mtls_endpoint_aliases: certificate !== undefined };
        const authentication = byMtls ? oauth.TlsClientAuth() : oauth.PrivateKeyJwt({ key: key.privateKey, kid });
        const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
        const customFetch: (url: string, init: object) => Promise<Response> = world.send(certificate);
        const options = { ...(toMtls ? {} : { DPoP }), [oauth.customFetch]: customFetch };
        const verifier = oauth.generateRandomCodeVerifier();
        const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
        const request = {
          ...{ response_type: "code", redirect_uri: redirectUri, scope: "openid", state, nonce },
          code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
        };
        const pushing = await oauth.pushedAuthorizationRequest(metadata, client, authentication, request, options);
        const { request_uri: uri } = await oauth.processPushedAuthorizationResponse(metadata, client, pushing);
        const { url } = await world.authorize({ id } as FapiClient, uri);
        const answer = oauth.validateAuthResponse(metadata, client, url, state);
        const response = await oauth.authorizationCodeGrantRequest(
          ...([metadata, client, authentication, answer, redirectUri, verifier] as const),
          options,
        );
        const tokens = await oauth.processAuthorizationCodeResponse(metadata, client, response, {
          expectedNonce: nonce,
          requireIdToken: true,
        });
        const { sub = "" } = oauth.getValidatedIdTokenClaims(tokens) ?? {};
        const asked = await oauth.userInfoRequest(metadata, client, tokens.access_token, options);
        expect(await oauth.processUserInfoResponse(metadata, client, sub, asked)).toMatchObject({ sub });
      }
    });

    test("by openid-client (cert 11 happy-flow; cert 11 par-without-duplicate-parameters)", async () => {
      // It asks for the code with the address that the browser came to, without any query.
      const redirectUri = world.first.redirectUri;
      for (const { id, kid, key, certificate } of clients) {
        const authentication = byMtls ? openid.TlsClientAuth() : openid.PrivateKeyJwt({ key: key.privateKey, kid });
        const use_mtls_endpoint_aliases = certificate !== undefined;
        const metadata = { id_token_signed_response_alg: "ES256", use_mtls_endpoint_aliases };
        const party = await openid.discovery(new URL(world.worker.issuer), id, metadata, authentication);
        party[openid.customFetch] = world.send(certificate) as openid.CustomFetch;
        const DPoP = openid.getDPoPHandle(party, await openid.randomDPoPKeyPair());
        const options = toMtls ? {} : { DPoP };
        const state = openid.randomState();
        const request = { redirect_uri: redirectUri, scope: "openid", state, code_challenge: CHALLENGE };
        const parameters = { ...request, code_challenge_method: "S256" };
        const to = await openid.buildAuthorizationUrlWithPAR(party, parameters, options);
        expect([...to.searchParams.keys()].toSorted()).toEqual(["client_id", "request_uri"]);
        const { url } = await world.authorize({ id } as FapiClient, to.searchParams.get("request_uri"));
        const checks = { pkceCodeVerifier: VERIFIER, expectedState: state, idTokenExpected: true };
        const tokens = await openid.authorizationCodeGrant(party, url, checks, undefined, options);
        const sub = tokens.claims()?.sub ?? "";
        expect(await openid.fetchUserInfo(party, tokens.access_token, sub, options)).toMatchObject({ sub });
      }
    });
  });

  test("who presses cancel is sent back with access_denied, state and iss (cert 11 user-rejects-authentication)", async () => {
    const request = requestOf(world.second, { prompt: "consent" });
    const { body } = await world.push(world.second, request);
    const { url } = await world.authorize(world.second, body.request_uri, { decision: "deny" });
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ...{ error: "access_denied", state: request.state, iss: world.worker.issuer, dummy1: "lorem", dummy2: "ipsum" },
    });
    expect(url.searchParams.has("code")).toBe(false);
  });

  describe("state and nonce", () => {
    test("no state is answered without (cert 11 ensure-authorization-request-without-state-success)", async () => {
      const answer = await answerTo(world.first, { state: undefined });
      expect([answer.has("code"), answer.has("state"), answer.get("iss")]).toEqual([true, false, world.worker.issuer]);
    });

    test("no nonce leaves the ID token without (cert 11 ensure-authorization-request-without-nonce-success)", async () => {
      expect(await idTokenOf(world.first, { nonce: undefined })).not.toHaveProperty("nonce");
    });

    test.each([64, 384])(
      "a nonce of %i characters comes through whole (cert 11 ensure-authorization-request-with-64-char-nonce-success; cert 11 ensure-authorization-request-with-long-nonce)",
      async (length) => {
        expect((await idTokenOf(world.first, { nonce: "n".repeat(length) })).nonce).toBe("n".repeat(length));
      },
    );

    test.each([128, 384])(
      "a state of %i characters comes back whole (cert 11 ensure-authorization-request-with-long-state)",
      async (length) => {
        expect((await answerTo(world.second, { state: "s".repeat(length) })).get("state")).toBe("s".repeat(length));
      },
    );

    test("beside the request_uri they do not count (cert 11 ensure-different-nonce-inside-and-outside-request-object; cert 11 ensure-different-state-inside-and-outside-request-object; PAR-2)", async () => {
      const request = requestOf(world.first, { state: "inside", nonce: "inside" });
      const { body } = await world.push(world.first, request);
      const beside = { state: "outside", nonce: "outside" };
      const { url } = await world.authorize(world.first, body.request_uri, { beside });
      expect(url.searchParams.get("state")).toBe("inside");
      const tokens = await world.redeem(world.first, url.searchParams.get("code") ?? "");
      expect(decodeJwt(String(tokens.body.id_token)).nonce).toBe("inside");
    });

    test("a state beside the request_uri alone is none (cert 11 state-only-outside-request-object-not-used; PAR-2)", async () => {
      const { body } = await world.push(world.first, requestOf(world.first, { state: undefined }));
      const { url } = await world.authorize(world.first, body.request_uri, { beside: { state: "outside" } });
      expect([url.searchParams.has("code"), url.searchParams.has("state")]).toEqual([true, false]);
    });
  });

  test("scopes come in any order (cert 11 ensure-other-scope-order-succeeds)", async () => {
    const claims = await world.tokensFor(world.first, { scope: "email profile openid" });
    expect(claims.scope?.split(" ").toSorted()).toEqual(["email", "openid", "profile"]);
  });

  test("claims are told that are asked for in any form, and unknown ones ignored (cert 11 test-claims-parameter-identity-claims)", async () => {
    await changePerson(world.worker, { profile: PROFILE });
    const supported = (world.metadata.claims_supported as readonly string[]).filter((name) => name !== "sub");
    expect(supported).toEqual(expect.arrayContaining(Object.keys(PROFILE)));
    for (const form of CLAIM_FORMS) {
      const asked = Object.fromEntries(supported.map((name) => [name, form(Reflect.get(PROFILE, name))]));
      const all = { ...asked, "https://unknown.example/claim": null };
      const claims = JSON.stringify({ userinfo: all, id_token: all });
      const { access_token: token, id_token: jwt = "" } = await world.tokensFor(world.first, { claims });
      for (const told of [decodeJwt(jwt), (await world.use(world.first, token)).body]) {
        expect(told).toMatchObject(PROFILE);
        expect(told).not.toHaveProperty("https://unknown.example/claim");
      }
    }
  });

  describe("a pushed request is refused", () => {
    const refusals: readonly (readonly [string, Parameters<typeof requestOf>[1], readonly string[]])[] = [
      [
        "without redirect_uri (cert 11 ensure-request-object-without-redirect-uri-fails; cert 11 ensure-redirect-uri-in-authorization-request)",
        { redirect_uri: undefined },
        ["invalid_request"],
      ],
      [
        "with an unregistered redirect_uri (cert 11 plain-fapi-tolerate-unregistered-redirect-uri; cert 11 ensure-registered-redirect-uri; RED-1)",
        { redirect_uri: "https://tester.example/test/a/dex/callback?unregistered" },
        ["invalid_request"],
      ],
      [
        "for code id_token (cert 11 ensure-response-type-code-idtoken-fails)",
        { response_type: "code id_token" },
        ["unsupported_response_type"],
      ],
      [
        "for a token (cert 11 ensure-response-type-token-fails)",
        { response_type: "token" },
        ["unsupported_response_type"],
      ],
      [
        "with a request_uri of its own (cert 11 par-authorization-request-containing-request_uri-form-param)",
        { request_uri: "urn:ietf:params:oauth:request_uri:x" },
        ["invalid_request"],
      ],
      [
        "without PKCE (cert 11 par-ensure-pkce-required; PKC-1)",
        { code_challenge: undefined, code_challenge_method: undefined },
        ["invalid_request"],
      ],
      [
        "with PKCE by plain (cert 11 par-plain-pkce-rejected; PKC-2)",
        { code_challenge: VERIFIER, code_challenge_method: "plain" },
        ["invalid_request"],
      ],
    ];
    test.each(refusals)("%s", async (_when, changes, codes) => {
      for (const client of clients) expectRefused(await world.push(client, requestOf(client, changes)), ...codes);
    });

    test("by another method than POST (cert 11 par-attempt-invalid-http-method)", async () => {
      const url = String(world.metadata.pushed_authorization_request_endpoint);
      for (const method of ["PUT", "GET", "DELETE"]) expect((await fetch(url, { method })).status).toBe(405);
    });
  });

  test("plain parameters at the authorization endpoint are refused, the rule named (cert 11 ensure-unsigned-authorization-request-without-using-par-fails)", async () => {
    for (const client of clients) {
      const query = new URLSearchParams(requestOf(client) as Record<string, string>);
      const { url } = await browserOfTester().open(`${world.worker.issuer}/auth?client_id=${client.id}&${query}`);
      const { error, error_description: says, iss } = Object.fromEntries(url.searchParams);
      expect([error, iss]).toEqual(["invalid_request", world.worker.issuer]);
      expect(says).toMatch(/\(FAPI 2\.0 Security Profile section 5\.3\.2\.2\)$/);
    }
  });

  describe("a request_uri", () => {
    const pushed = async (client: FapiClient) => (await world.push(client, requestOf(client))).body;
    const stays = async (client: FapiClient, uri: unknown, browser = browserOfTester()) => {
      const { status, url, text } = await world.authorize(client, uri, { browser });
      expect([status, url.origin]).toEqual([400, new URL(world.worker.issuer).origin]);
      expect(text).not.toContain("login-form");
    };

    test("may be opened twice before the sign-in, and yields one answer (cert 11 par-ensure-reused-request-uri-prior-to-auth-completion-succeeds; cert 11 par-attempt-reuse-request_uri; PAR-1)", async () => {
      const { request_uri: uri } = await pushed(world.first);
      const browser = browserOfTester();
      const query = new URLSearchParams({ client_id: world.first.id, request_uri: String(uri) });
      expect((await browser.open(`${world.worker.issuer}/auth?${query}`)).text).toContain("login-form");
      const { url } = await world.authorize(world.first, uri, { browser });
      expect(url.searchParams.has("code")).toBe(true);
      await stays(world.first, uri, browser);
      await stays(world.first, uri);
    });

    test("is good for its client alone (cert 11 par-attempt-to-use-request_uri-for-different-client; PAR-1)", async () => {
      await stays(world.second, (await pushed(world.first)).request_uri);
    });

    test("is good until it expires, which is soon (cert 11 par-attempt-to-use-expired-request_uri; PAR-1)", async () => {
      const { request_uri: uri, expires_in: seconds } = await pushed(world.first);
      expect(seconds).toBeLessThanOrEqual(600);
      world.worker.passTime(Number(seconds));
      try {
        await stays(world.first, uri);
      } finally {
        world.worker.passTime(-Number(seconds));
      }
    });

    test("goes to the browser with nothing but the client's id (cert 11 par-without-duplicate-parameters)", async () => {
      const { url } = await world.authorize(world.second, (await pushed(world.second)).request_uri);
      expect(url.searchParams.has("code")).toBe(true);
    });
  });
});
