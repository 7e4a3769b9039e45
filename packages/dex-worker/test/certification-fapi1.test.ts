// The FAPI 1.0 Advanced plan of certification, in all variants: flows that end well, answers, and tokens.
import { createHash } from "node:crypto";
import { type Page, readForm } from "@dex/testing";
import { createLocalJWKSet, jwtVerify } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkIdToken } from "./certification-checks.ts";
import { type Fapi1World, openFapi1Server, openFapi1World, VARIANTS } from "./fapi1-world.ts";
import {
  browserOfTester,
  CHALLENGE,
  expectRefused,
  type FapiClient,
  type FapiServer,
  type Fields,
  passThrough,
  VERIFIER,
} from "./fapi2-world.ts";

let server: FapiServer;
beforeAll(async () => {
  server = await openFapi1Server();
});
afterAll(() => server?.close());

const halfHash = (text: string) => createHash("sha256").update(text).digest().subarray(0, 16).toString("base64url");

describe.each(VARIANTS)("$authentication, requests $sent, answers $answered", (variant) => {
  const { authentication, sent, answered } = variant;
  let world: Fapi1World;
  let first: FapiClient;
  let second: FapiClient;
  let clients: readonly FapiClient[];
  beforeAll(async () => {
    world = await openFapi1World(variant, server);
    ({ first, second } = world);
    clients = [first, second];
  });

  const verified = async (jwt: unknown, audience: string) => {
    const checks = { issuer: server.worker.issuer, audience, algorithms: ["PS256", "ES256", "EdDSA"] };
    return jwtVerify(String(jwt), createLocalJWKSet(world.keys), checks);
  };

  test("signs people in to two clients (cert 13 fapi1 happy-flow; cert 13 fapi1 request-object-by-value; cert 13 fapi1 request-object-pushed)", async () => {
    for (const client of clients) {
      const request = world.requestOf(client, { state: "s".repeat(128) });
      const { members } = await world.ask(client, request);
      expect(members).toMatchObject({ state: "s".repeat(128), iss: server.worker.issuer });
      expect(members).not.toHaveProperty("access_token");
      const { status, body, headers } = await world.redeem(client, String(members.code));
      expect([status, body.token_type, headers.get("cache-control")]).toEqual([200, "Bearer", "no-store"]);
      const resource = await world.use(client, body.access_token);
      expect([resource.status, resource.headers.has("date")]).toEqual([200, true]);
      const { payload, protectedHeader } = await verified(body.id_token, client.id);
      checkIdToken({
        ...{ jwt: String(body.id_token), header: { ...protectedHeader }, claims: payload, keys: world.keys.keys },
        ...{ issuer: server.worker.issuer, clientId: client.id, nonce: request.nonce, asked: [] },
        ...{ subjects: [resource.body.sub], now: Date.now() / 1000 },
      });
      expect(payload.at_hash).toBe(halfHash(String(body.access_token)));
    }
  });

  if (answered === "plain")
    test("answers with an ID token as the signature of code and state (cert 13 fapi1 s_hash; cert 13 fapi1 c_hash)", async () => {
      for (const client of clients) {
        const request = world.requestOf(client);
        const { members } = await world.ask(client, request);
        const { payload, protectedHeader } = await verified(members.id_token, client.id);
        expect(protectedHeader).toMatchObject({ alg: "ES256", kid: expect.any(String) });
        const hashes = { s_hash: halfHash(String(request.state)), c_hash: halfHash(String(members.code)) };
        expect(payload).toMatchObject({ ...hashes, nonce: request.nonce });
        expect(payload).not.toHaveProperty("email");
        const without = await world.ask(client, world.requestOf(client, { state: undefined }));
        const stateless = await verified(without.members.id_token, client.id);
        expect([without.members.state, stateless.payload.s_hash]).toEqual([undefined, undefined]);
      }
    });

  if (answered === "by JARM")
    test("answers code in a JWT that expires soon (cert 13 fapi1 jarm)", async () => {
      for (const client of clients) {
        for (const mode of ["jwt", "query.jwt", "fragment.jwt"]) {
          const { members } = await world.ask(client, world.requestOf(client, { response_mode: mode }));
          expect(members).toMatchObject({ code: expect.any(String), exp: expect.any(Number) });
          expect(Number(members.exp)).toBeLessThanOrEqual(Date.now() / 1000 + 600);
        }
      }
    });

  test("is what openid-client does, and its checks of answers pass (cert 13 fapi1 happy-flow; cert 13 fapi1 jarm; cert 13 fapi1 s_hash)", async () => {
    // It asks for the code with the address that the browser came to, without any query.
    const { redirectUri } = first;
    for (const { id, kid, key, certificate } of clients) {
      const proof =
        authentication === "MTLS" ? openid.TlsClientAuth() : openid.PrivateKeyJwt({ key: key.privateKey, kid });
      const algorithms = { id_token_signed_response_alg: "ES256", authorization_signed_response_alg: "ES256" };
      const metadata = { ...algorithms, use_mtls_endpoint_aliases: true };
      const party = await openid.discovery(new URL(server.worker.issuer), id, metadata, proof);
      party[openid.customFetch] = world.send(certificate) as openid.CustomFetch;
      if (answered === "plain") {
        openid.useCodeIdTokenResponseType(party);
        openid.enableDetachedSignatureResponseChecks(party);
      } else {
        openid.useJwtResponseMode(party);
      }
      const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()];
      const pkce = sent === "pushed" ? { code_challenge: CHALLENGE, code_challenge_method: "S256" } : {};
      const asked = { redirect_uri: redirectUri, scope: "openid", state: expectedState, nonce: expectedNonce, ...pkce };
      const times: openid.ModifyAssertionOptions = {
        [openid.modifyAssertion]: (_header, payload) => void Object.assign(payload, { nbf: payload.iat }),
      };
      const signed = await openid.buildAuthorizationUrlWithJAR(party, asked, { key: key.privateKey, kid }, times);
      const to = sent === "pushed" ? await openid.buildAuthorizationUrlWithPAR(party, signed.searchParams) : signed;
      const browser = browserOfTester();
      const { url } = await passThrough(browser, await browser.open(to), "approve");
      const checks = { expectedState, expectedNonce, idTokenExpected: true };
      const verifier = sent === "pushed" ? { pkceCodeVerifier: VERIFIER } : {};
      const tokens = await openid.authorizationCodeGrant(party, url, { ...checks, ...verifier });
      const sub = tokens.claims()?.sub ?? "";
      expect(await openid.fetchUserInfo(party, tokens.access_token, sub)).toMatchObject({ sub });
    }
  });

  test("who presses cancel sends access_denied, state and iss back (cert 13 fapi1 user-rejects-authentication)", async () => {
    const request = world.requestOf(second, { prompt: "consent" });
    const { members } = await world.ask(second, request, {}, { decision: "deny" });
    expect(members).toMatchObject({ error: "access_denied", state: request.state, iss: server.worker.issuer });
    expect([members.code, members.id_token]).toEqual([undefined, undefined]);
  });

  test("no state is answered without (cert 13 fapi1 ensure-authorization-request-without-state-success)", async () => {
    const { members } = await world.ask(first, world.requestOf(first, { state: undefined }));
    expect([typeof members.code, members.state]).toEqual(["string", undefined]);
  });

  if (sent === "by value")
    test("a state outside the object is none (cert 13 fapi1 state-only-outside-request-object-not-used)", async () => {
      const beside = { state: "outside", nonce: "outside" };
      const none = await world.ask(first, world.requestOf(first, { state: undefined }), {}, { beside });
      expect([typeof none.members.code, none.members.state]).toEqual(["string", undefined]);
      const request = world.requestOf(first, { state: "inside", nonce: "inside" });
      const { members } = await world.ask(first, request, {}, { beside });
      expect(members.state).toBe("inside");
      const { body } = await world.redeem(first, String(members.code));
      expect((await verified(body.id_token, first.id)).payload.nonce).toBe("inside");
    });

  test("a long state and nonce come through whole (cert 13 fapi1 ensure-authorization-request-with-long-nonce; cert 13 fapi1 ensure-authorization-request-with-long-state)", async () => {
    const long = { state: "s".repeat(384), nonce: "n".repeat(384) };
    const { members } = await world.ask(second, world.requestOf(second, long));
    expect(members.state).toBe(long.state);
    const { body } = await world.redeem(second, String(members.code));
    expect((await verified(body.id_token, second.id)).payload.nonce).toBe(long.nonce);
  });

  test("scopes come in any order (cert 13 fapi1 ensure-other-scope-order-succeeds)", async () => {
    const { scope } = await world.tokensFor(first, { scope: "email profile openid" });
    expect(scope?.split(" ").toSorted()).toEqual(["email", "openid", "profile"]);
  });

  test("an answer is posted to who asks for that, all of it signed (cert 13 fapi1 happy-flow)", async () => {
    const response_mode = answered === "plain" ? "form_post" : "form_post.jwt";
    const page = await sendByForm(world.requestOf(first, { response_mode }));
    const { action, method, fields } = readForm(page);
    expect([action.href, method]).toEqual([first.redirectUri, "POST"]);
    const { payload } = await verified(fields.get(answered === "plain" ? "id_token" : "response"), first.id);
    const code = fields.get("code") ?? String(payload.code);
    expect([...fields.keys()].length > 1).toBe(answered === "plain");
    if (answered === "plain") expect(payload.c_hash).toBe(halfHash(code));
    expect((await world.redeem(first, code)).status).toBe(200);
  });

  /** To where the browser ends, which brings the request by POST where it brings it at all (OIDC Core §3.1.2.1). */
  async function sendByForm(parameters: Fields): Promise<Page> {
    const browser = browserOfTester();
    const url = new URL(`${server.worker.issuer}/auth`);
    const { body } = sent === "pushed" ? await world.push(first, parameters) : { body: {} };
    const request = sent === "pushed" ? body : { request: await world.objectOf(first, parameters) };
    const inputs = Object.entries({ client_id: first.id, ...request }).map(
      ([name, value]) => `<input name="${name}" value="${value}">`,
    );
    const text = `<form method="post" action="${url}">${inputs.join("")}</form>`;
    const page = { status: 200, url, headers: new Headers(), text };
    return passThrough(browser, await browser.submit(page), "approve");
  }

  test("tokens are for the owner of the certificate alone (cert 13 fapi1 holder-of-key; cert 13 fapi1 ensure-holder-of-key-required)", async () => {
    for (const client of clients) {
      const code = await world.codeFor(client);
      const bare = await world.redeem(client, code, {}, { certificate: null });
      expectRefused(bare, authentication === "MTLS" ? "invalid_client" : "invalid_request");
      const { status, body } = await world.redeem(client, code);
      expect(status).toBe(200);
      expect((await world.use(client, body.access_token)).status).toBe(200);
      expect((await world.use(client, body.access_token, { unproved: true })).status).toBe(401);
      const other = client === first ? second : first;
      expect((await world.use({ ...client, certificate: other.certificate }, body.access_token)).status).toBe(401);
    }
  });

  if (authentication === "private_key_jwt")
    test("a DPoP proof is not enough (cert 13 fapi1 ensure-holder-of-key-required)", async () => {
      const code = await world.codeFor(first);
      const proof = await world.proofOf(first.dpop, "/token");
      const refused = await world.redeem(first, code, {}, { certificate: null, proof });
      expectRefused(refused, "invalid_request", "invalid_dpop_proof");
      expect((await world.redeem(first, code)).status).toBe(200);
    });

  test("a code is for its client alone (cert 13 fapi1 ensure-authorization-code-is-bound-to-client)", async () => {
    const code = await world.codeFor(first);
    expectRefused(await world.redeem(second, code, { redirect_uri: first.redirectUri }), "invalid_grant");
  });

  test("the other client's client_id is refused (cert 13 fapi1 ensure-client-id-in-token-endpoint)", async () => {
    const code = await world.codeFor(first);
    const mixed = await world.redeem(first, code, { client_id: second.id });
    expectRefused(mixed, "invalid_client", "invalid_grant", "invalid_request");
  });

  test("a code is redeemed once, and its tokens end with a second time (cert 13 fapi1 attempt-reuse-authorization-code-after-one-second)", async () => {
    const code = await world.codeFor(first);
    const { body } = await world.redeem(first, code);
    expectRefused(await world.redeem(first, code), "invalid_grant");
    expect((await world.use(first, body.access_token)).status).toBe(401);
  });

  test("a code is good for a minute at most (cert 13 fapi1 ensure-token-endpoint-fails-with-expired-auth-code)", async () => {
    const code = await world.codeFor(first);
    server.worker.passTime(62);
    try {
      const { certificate } = first;
      const iat = Math.floor(Date.now() / 1000) + 62;
      const beside =
        authentication === "MTLS" ? {} : { assertion: await world.assertionOf(first, { iat, exp: iat + 60 }) };
      expectRefused(
        await world.redeem(first, code, {}, { ...beside, ...(certificate && { certificate }) }),
        "invalid_grant",
      );
    } finally {
      server.worker.passTime(-62);
    }
  });

  test("refresh tokens stay, and are of use to the client alone, with a certificate (cert 13 fapi1 refresh-token)", async () => {
    const { refresh_token = "" } = await world.tokensFor(first, { scope: "openid offline_access", prompt: "consent" });
    const fields = { grant_type: "refresh_token", refresh_token };
    expectRefused(await world.post("/token", second, fields), "invalid_grant");
    expectRefused(await world.post("/token", first, fields, world.unauthenticated), "invalid_client");
    expect((await world.post("/token", first, fields, { certificate: null })).status).toBeGreaterThanOrEqual(400);
    for (const _again of [1, 2]) {
      const { status, body } = await world.post("/token", first, fields);
      expect([status, "refresh_token" in body]).toEqual([200, false]);
      expect((await world.use(first, body.access_token)).status).toBe(200);
      expect((await world.use(first, body.access_token, { unproved: true })).status).toBe(401);
    }
  });
});

test("metadata tell of all that it takes (cert 13 fapi1 discovery-end-point-verification)", () => {
  const { metadata } = server;
  const lists: Readonly<Record<string, readonly string[]>> = {
    response_types_supported: ["code", "code id_token"],
    response_modes_supported: ["fragment", "form_post", "jwt"],
    grant_types_supported: ["authorization_code", "implicit"],
    token_endpoint_auth_methods_supported: ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"],
    token_endpoint_auth_signing_alg_values_supported: ["PS256", "ES256"],
    request_object_signing_alg_values_supported: ["PS256", "ES256"],
    id_token_signing_alg_values_supported: ["ES256"],
    authorization_signing_alg_values_supported: ["ES256"],
    code_challenge_methods_supported: ["S256"],
  };
  for (const [member, values] of Object.entries(lists)) {
    expect(metadata[member], member).toEqual(expect.arrayContaining([...values]));
  }
  expect(metadata).toMatchObject({
    ...{ request_parameter_supported: true, tls_client_certificate_bound_access_tokens: true },
    mtls_endpoint_aliases: { token_endpoint: expect.stringMatching(/^https:/) },
  });
});
