// The FAPI 2.0 Message Signing plan of certification: signed requests, signed answers, signed introspection.
import { randomUUID } from "node:crypto";
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isErrorDescription } from "./certification-rules.ts";
import { type Key, type Members, makeKey, seconds } from "./dpop-world.ts";
import {
  type FapiAnswer,
  type FapiClient,
  type FapiWorld,
  type Fields,
  openFapiWorld,
  requestOf,
} from "./fapi2-world.ts";

const MINUTE = 60;
const REFUSALS = ["invalid_request_object", "invalid_request", "invalid_request_uri", "access_denied"];

let world: FapiWorld;
let first: FapiClient;
let second: FapiClient;
let rsa: Key;
let keys: JSONWebKeySet;
beforeAll(async () => {
  world = await openFapiWorld("fapi2-message-signing");
  ({ first, second } = world);
  rsa = await makeKey("RS256");
  keys = (await (await fetch(String(world.metadata.jwks_uri))).json()) as JSONWebKeySet;
});
afterAll(() => world?.close());

function expectRefused({ status, body }: FapiAnswer): void {
  expect(REFUSALS).toContain(body.error);
  expect(status).toBe(400);
  expect(isErrorDescription(body.error_description)).toBe(true);
}

const pushObject = (client: FapiClient, request: string, beside: Fields = {}) =>
  world.post("/par", client, { request, ...beside });

/** Pushes a good request object but for these claims. */
const pushWith = async (client: FapiClient, claims: Members) =>
  pushObject(client, await world.objectOf(client, requestOf(client), claims));

test("two clients sign their requests and sign people in (cert 11 happy-flow)", async () => {
  for (const client of [first, second]) {
    const nonce = randomUUID();
    const { id_token: jwt = "" } = await world.tokensFor(client, { nonce });
    expect(decodeJwt(jwt)).toMatchObject({ aud: client.id, nonce });
  }
});

test("oauth4webapi signs and pushes its request (cert 11 happy-flow)", async () => {
  const { metadata } = world;
  for (const tester of [first, second]) {
    const { id, kid, key } = tester;
    const client: oauth.Client = { client_id: id };
    const signing = { key: key.privateKey, kid };
    const parameters = requestOf(tester) as Record<string, string>;
    const times: oauth.ModifyAssertionOptions = {
      [oauth.modifyAssertion]: (_header, payload) => void Object.assign(payload, { nbf: payload.iat }),
    };
    const request = await oauth.issueRequestObject(metadata, client, parameters, signing, times);
    const authentication = oauth.PrivateKeyJwt(signing);
    const response = await oauth.pushedAuthorizationRequest(metadata, client, authentication, { request });
    const pushed = await oauth.processPushedAuthorizationResponse(metadata, client, response);
    const { url } = await world.authorize({ id } as FapiClient, pushed.request_uri);
    expect(oauth.validateAuthResponse(metadata, client, url, parameters.state).get("code")).toMatch(/^dxc_/);
  }
});

describe("a request object is taken", () => {
  const taken: readonly (readonly [string, () => Members])[] = [
    [
      "for several audiences with the issuer among them (cert 12 ensure-request-object-with-multiple-aud-succeeds)",
      () => ({ aud: ["https://other.example", world.worker.issuer] }),
    ],
    [
      "from eight seconds ahead (cert 12 ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted)",
      () => ({ nbf: seconds(8), iat: seconds(8) }),
    ],
    ["that is 59 minutes old", () => ({ nbf: seconds(-59 * MINUTE), exp: seconds(30) })],
    ["that is good for an hour", () => ({ nbf: seconds(0), exp: seconds(60 * MINUTE) })],
  ];
  test.each(taken)("%s", async (_when, claims) => {
    for (const client of [first, second]) expect((await pushWith(client, claims())).status).toBe(201);
  });
});

describe("a request object is refused", () => {
  const claims: readonly (readonly [string, () => Members])[] = [
    ["without exp (cert 12 ensure-request-object-without-exp-fails)", () => ({ exp: undefined })],
    ["without nbf (cert 12 ensure-request-object-without-nbf-fails)", () => ({ nbf: undefined })],
    [
      "that has expired (cert 12 ensure-expired-request-object-fails)",
      () => ({ nbf: seconds(-400), iat: seconds(-400), exp: seconds(-300) }),
    ],
    ["for somebody else (cert 12 ensure-request-object-with-bad-aud-fails)", () => ({ aud: "https://other.example" })],
    ["without an audience (cert 12 ensure-request-object-with-bad-aud-fails)", () => ({ aud: undefined })],
    [
      "that is good for more than 60 minutes (cert 12 ensure-request-object-with-exp-over-60-fails)",
      () => ({ exp: seconds(70 * MINUTE) }),
    ],
    [
      "that is more than 60 minutes old (cert 12 ensure-request-object-with-nbf-over-60-fails)",
      () => ({ nbf: seconds(-70 * MINUTE), exp: seconds(60) }),
    ],
    [
      "with a request_uri inside (cert 12 par-authorization-request-containing-request_uri)",
      () => ({ request_uri: "urn:ietf:params:oauth:request_uri:x" }),
    ],
  ];
  test.each(claims)("%s", async (_when, changes) => {
    for (const client of [first, second]) expectRefused(await pushWith(client, changes()));
  });

  const forgeries: readonly (readonly [string, () => Promise<string>])[] = [
    [
      "by RS256 (cert 12 ensure-signed-request-object-with-RS256-fails)",
      () => world.objectOf({ ...first, key: rsa }, requestOf(first)),
    ],
    [
      "that is unsigned (cert 12 ensure-request-object-signature-algorithm-is-not-none)",
      async () => {
        const [, payload] = (await world.objectOf(first, requestOf(first))).split(".");
        const header = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
        return `${header}.${payload}.`;
      },
    ],
    [
      "with a broken signature (cert 12 ensure-request-object-with-invalid-signature-fails)",
      async () => (await world.objectOf(first, requestOf(first))).replace(/.{12}$/, "AAAAAAAAAAAA"),
    ],
    [
      "that the other client signed (cert 12 ensure-matching-key-in-authorization-request)",
      () => world.objectOf({ ...first, key: second.key, kid: second.kid }, requestOf(first)),
    ],
    [
      "of the other client (cert 12 ensure-matching-key-in-authorization-request)",
      () => world.objectOf(second, requestOf(second)),
    ],
  ];
  test.each(forgeries)("%s", async (_when, make) => {
    expectRefused(await pushObject(first, await make()));
  });

  test("by RS256 although the client published such a key (cert 12 ensure-signed-request-object-with-RS256-fails)", async () => {
    const ofRsa = {
      keys: [
        { ...first.key.jwk, kid: first.kid },
        { ...rsa.jwk, kid: "rsa" },
      ],
    };
    const { id } = await world.worker.addClient({
      redirectURIs: [first.redirectUri],
      details: { profile: "fapi2-message-signing", jwks: ofRsa },
    });
    const client = { ...first, id };
    const request = await world.objectOf({ ...client, key: rsa, kid: "rsa" }, requestOf(client));
    expectRefused(await pushObject(client, request));
    expect((await world.push(client, requestOf(client))).status).toBe(201);
  });
});

test("parameters without a request object are refused, the rule named (cert 12 ensure-unsigned-request-at-par-endpoint-fails)", async () => {
  for (const client of [first, second]) {
    const answer = await world.post("/par", client, requestOf(client));
    expectRefused(answer);
    expect(answer.body.error_description).toMatch(/\(FAPI 2\.0 Message Signing section 5\.3\.1\)$/);
  }
});

test("a request_uri beside the request object is refused (cert 12 par-authorization-request-containing-request_uri)", async () => {
  const request = await world.objectOf(first, requestOf(first));
  expectRefused(await pushObject(first, request, { request_uri: "urn:ietf:params:oauth:request_uri:x" }));
});

describe("an answer that was asked for as a JWT", () => {
  const read = async (client: FapiClient, changes: Fields, decision: "approve" | "deny" = "approve") => {
    const request = requestOf(client, { response_mode: "jwt", ...changes });
    const { body } = await world.push(client, request);
    const { url } = await world.authorize(client, body.request_uri, { decision });
    const { response = "", ...beside } = Object.fromEntries(url.searchParams);
    expect([beside, url.hash]).toEqual([Object.fromEntries(new URL(client.redirectUri).searchParams), ""]);
    const checks = { issuer: world.worker.issuer, audience: client.id, requiredClaims: ["exp"] };
    const { payload, protectedHeader } = await jwtVerify(response, createLocalJWKSet(keys), checks);
    expect(protectedHeader).toMatchObject({ alg: "ES256", kid: expect.any(String) });
    expect(Number(payload.exp)).toBeLessThanOrEqual(seconds(600));
    expect(payload.state).toBe(request.state);
    return payload;
  };

  test("is one, signed by an allowed algorithm, with nothing beside it (cert 12 response_mode=jwt)", async () => {
    for (const client of [first, second]) {
      const { code } = await read(client, {});
      expect((await world.redeem(client, String(code))).status).toBe(200);
    }
  });

  test("is one also where it is an error (cert 12 response_mode=jwt)", async () => {
    const payload = await read(second, { prompt: "consent" }, "deny");
    expect([payload.error, payload.code]).toEqual(["access_denied", undefined]);
  });

  test("is read by oauth4webapi (cert 12 response_mode=jwt)", async () => {
    const request = requestOf(first, { response_mode: "jwt" });
    const { body } = await world.push(first, request);
    const { url } = await world.authorize(first, body.request_uri);
    const client = { client_id: first.id, authorization_signed_response_alg: "ES256" };
    const answer = await oauth.validateJwtAuthResponse(world.metadata, client, url, request.state);
    expect(answer.get("code")).toMatch(/^dxc_/);
  });

  test("is what metadata tell of (cert 12 response_mode=jwt)", () => {
    const { metadata } = world;
    expect(metadata.response_modes_supported).toContain("jwt");
    for (const member of [
      "authorization_signing_alg_values_supported",
      "authorization_encryption_alg_values_supported",
      "authorization_encryption_enc_values_supported",
    ]) {
      expect(metadata[member], member).toEqual(expect.arrayContaining([expect.any(String)]));
    }
    expect(metadata.authorization_signing_alg_values_supported).toContain("ES256");
  });
});

test("introspection is signed for who asks so, by an allowed algorithm (RFC 9701)", async () => {
  const { access_token: token = "" } = await world.tokensFor(first);
  const body = new URLSearchParams({
    token,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await world.assertionOf(first),
  });
  const headers = { Accept: "application/token-introspection+jwt" };
  const response = await fetch(String(world.metadata.introspection_endpoint), { method: "POST", headers, body });
  expect(response.headers.get("content-type")).toMatch(/^application\/token-introspection\+jwt/);
  const checks = { issuer: world.worker.issuer, audience: first.id, algorithms: ["ES256"] };
  const { payload } = await jwtVerify(await response.text(), createLocalJWKSet(keys), checks);
  expect(payload.token_introspection).toMatchObject({ active: true, cnf: { jkt: first.dpop.jkt } });
});
