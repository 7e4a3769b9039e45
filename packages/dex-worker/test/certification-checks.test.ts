// Each check of every certification module fails when its demand is broken: one wrong value at a time.
import { generateKeyPairSync, type JsonWebKey, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  AUTHORIZATION_ERROR_RULES,
  AUTHORIZATION_RULES,
  type AuthorizationAnswer,
  DISCOVERY_RULES,
  ID_TOKEN_RULES,
  JWKS_RULES,
  type Jwk,
  REGISTRATION_RULES,
  type ReceivedIdToken,
  TOKEN_ERROR_RULES,
  TOKEN_RULES,
  USERINFO_RULES,
} from "./certification-checks.ts";
import { broken, type Members, type Rule } from "./certification-rules.ts";

const ISSUER = "https://issuer.example/dex";
const json = { status: 200, contentType: "application/json; charset=utf-8" };

/** A good value, and what makes it bad. */
function holdsTo<Given>(
  rules: readonly Rule<Given>[],
  good: Given,
  wrong: readonly { readonly cert: string; readonly given: Given; readonly what: string }[],
): void {
  test("what is right breaks nothing", () => expect(broken(rules, good)).toEqual([]));
  test.each(wrong)("$what breaks $cert", ({ cert, given }) => {
    expect(broken(rules, given)).toEqual(expect.arrayContaining([expect.stringMatching(`^${cert}:`)]));
  });
  test("every rule can be broken", () => {
    const seen = new Set(wrong.flatMap(({ given }) => broken(rules, given)));
    expect(
      broken(
        rules.map((rule) => ({ ...rule, holds: () => false })),
        good,
      ).filter((rule) => !seen.has(rule)),
    ).toEqual([]);
  });
}

function edited<Given extends { readonly body: Members }>(given: Given, more: Members): Given {
  return {
    ...given,
    body: Object.fromEntries(Object.entries({ ...given.body, ...more }).filter(([, value]) => value !== undefined)),
  };
}

describe("checkDiscovery (cert 2.1.1; cert 2.1.3)", () => {
  const body = { issuer: ISSUER, authorization_endpoint: `${ISSUER}/auth`, token_endpoint: `${ISSUER}/token` };
  const good = { ...json, body, authMethod: "client_secret_basic" };
  holdsTo(DISCOVERY_RULES, good, [
    { cert: "2.1.1", what: "404", given: { ...good, status: 404 } },
    { cert: "2.1.1", what: "text/html", given: { ...good, contentType: "text/html" } },
    ...Object.keys(body).map((member) => ({
      cert: "2.1.1",
      what: `no ${member}`,
      given: edited(good, { [member]: undefined }),
    })),
    { cert: "2.1.3", what: "an authentication that is not listed", given: { ...good, authMethod: "private_key_jwt" } },
  ]);
});

const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const EC = generateKeyPairSync("ec", { namedCurve: "P-256" });
const KEYS: readonly Jwk[] = [
  { ...RSA.publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" },
  { ...EC.publicKey.export({ format: "jwk" }), kid: "two" },
];

describe("checkJwks (cert 2.1.2)", () => {
  const [rsa, ec] = KEYS as [Jwk, Jwk];
  holdsTo(JWKS_RULES, KEYS, [
    { cert: "2.1.2", what: "no key", given: [] },
    { cert: "2.1.2", what: "half a key", given: [rsa, { kty: "RSA", kid: "half" }] },
    { cert: "2.1.2", what: "a blank kid", given: [rsa, { ...ec, kid: " " }] },
    { cert: "2.1.2", what: "a kid twice", given: [rsa, { ...ec, kid: "one" }] },
    {
      cert: "2.1.2",
      what: "a private key",
      given: [{ ...RSA.privateKey.export({ format: "jwk" }), kid: "one" } as JsonWebKey],
    },
    { cert: "2.1.2", what: "a symmetric key", given: [rsa, { kty: "oct", k: "c2VjcmV0", kid: "three" }] },
  ]);
});

describe("checkRegistrationAnswer (cert 2.2.1; cert 2.2.2; cert 2.2.3)", () => {
  const management = { registration_client_uri: `${ISSUER}/registration/1`, registration_access_token: "token" };
  const body = { client_id: "1", client_secret: "secret", client_secret_expires_at: 0, ...management };
  const good = { ...json, status: 201, body };
  holdsTo(REGISTRATION_RULES, good, [
    { cert: "2.2.1", what: "200", given: { ...good, status: 200 } },
    { cert: "2.2.1", what: "an error", given: edited(good, { error: "invalid_client_metadata" }) },
    { cert: "2.2.1", what: "no client_id", given: edited(good, { client_id: undefined }) },
    { cert: "2.2.2", what: "a secret of unknown life", given: edited(good, { client_secret_expires_at: undefined }) },
    { cert: "2.2.3", what: "an address alone", given: edited(good, { registration_access_token: undefined }) },
    { cert: "2.2.3", what: "an empty token", given: edited(good, { registration_access_token: "" }) },
    {
      cert: "2.2.3",
      what: "an http address",
      given: edited(good, { registration_client_uri: "http://issuer.example/1" }),
    },
  ]);
});

const REDIRECT = "https://client.example/callback?of=client";
const ofClient = ["of", "client"] as const;
const state = ["state", "s"] as const;
const iss = ["iss", ISSUER] as const;
const code = ["code", "q8GJ2hVYcUz0fN4mTt5RkPb7wXeLaD3s"] as const;
const sent = { redirectUri: REDIRECT, responseType: "code", responseMode: undefined, state: "s" };
const answer: AuthorizationAnswer = {
  ...{ sent, issuer: ISSUER, address: "https://client.example/callback", method: "GET" },
  ...{ query: [ofClient, code, state, iss], fragment: [], form: [] },
};
const hybrid: AuthorizationAnswer = {
  ...{ ...answer, sent: { ...sent, responseType: "code id_token" } },
  ...{ query: [ofClient], fragment: [code, ["id_token", "x"], state, iss] },
};
const posted: AuthorizationAnswer = {
  ...{ ...answer, sent: { ...sent, responseMode: "form_post" }, method: "POST" },
  ...{ query: [ofClient], form: [code, state, iss] },
};

describe("checkAuthorizationAnswer (cert 2.3.1; cert 2.3.2; cert 2.3.3; cert 2.3.4; cert 2.3.5)", () => {
  test.each([hybrid, posted])("other places are right too", (given) => {
    expect(broken(AUTHORIZATION_RULES, given)).toEqual([]);
  });
  holdsTo(AUTHORIZATION_RULES, answer, [
    { cert: "2.3.1", what: "another address", given: { ...answer, address: "https://client.example/callback/" } },
    { cert: "2.3.1", what: "a lost query", given: { ...answer, query: [code, state, iss] } },
    { cert: "2.3.2", what: "a changed state", given: { ...answer, query: [ofClient, code, ["state", "S"], iss] } },
    { cert: "2.3.2", what: "no state", given: { ...answer, query: [ofClient, code, iss] } },
    { cert: "2.3.3", what: "another iss", given: { ...answer, query: [ofClient, code, state, ["iss", `${ISSUER}/`]] } },
    { cert: "2.3.4", what: "a code in the query of a hybrid", given: { ...hybrid, query: [ofClient, code] } },
    { cert: "2.3.4", what: "a code in the fragment", given: { ...answer, fragment: [code] } },
    { cert: "2.3.4", what: "a code in the query of a form", given: { ...posted, query: [ofClient, code] } },
    { cert: "2.3.4", what: "a form that is not posted", given: { ...posted, method: "GET" } },
    { cert: "2.3.4", what: "a member twice", given: { ...answer, query: [ofClient, code, code, state, iss] } },
    { cert: "2.3.4", what: "an error", given: { ...answer, query: [ofClient, ["error", "server_error"], state] } },
    { cert: "2.3.5", what: "a short code", given: { ...answer, query: [ofClient, ["code", "q8GJ2hV"], state, iss] } },
    {
      cert: "2.3.5",
      what: "a dull code",
      given: { ...answer, query: [ofClient, ["code", "ab".repeat(20)], state, iss] },
    },
  ]);
});

describe("checkAuthorizationError (cert 2.4.1; cert 2.4.2; cert 2.4.3)", () => {
  const error = ["error", "login_required"] as const;
  const good: AuthorizationAnswer = {
    ...answer,
    query: [ofClient, error, ["error_description", "no session"], state, iss],
  };
  const having = (...query: AuthorizationAnswer["query"]) => ({ ...good, query: [ofClient, ...query] });
  holdsTo(AUTHORIZATION_ERROR_RULES, good, [
    { cert: "2.3.1", what: "another address", given: { ...good, address: "https://other.example/callback" } },
    { cert: "2.3.2", what: "a changed state", given: having(error, ["state", "t"]) },
    { cert: "2.3.3", what: "another iss", given: having(error, state, ["iss", "https://other.example"]) },
    { cert: "2.3.4", what: "an error in two places", given: { ...good, fragment: [error] } },
    { cert: "2.3.4", what: "a form that is not posted", given: { ...good, method: "POST" } },
    { cert: "2.4.1", what: "no error", given: having(state) },
    { cert: "2.4.1", what: "a code", given: having(error, state, code) },
    { cert: "2.4.2", what: "a quote in the description", given: having(error, state, ["error_description", 'a "b"']) },
    {
      cert: "2.4.2",
      what: "a line feed in the description",
      given: having(error, state, ["error_description", "a\nb"]),
    },
    { cert: "2.4.2", what: "a broken error_uri", given: having(error, state, ["error_uri", "not a URI"]) },
    { cert: "2.4.3", what: "something else", given: having(error, state, ["hint", "x"]) },
  ]);
});

describe("checkTokenAnswer (cert 2.5.1; cert 2.5.2; cert 2.5.3)", () => {
  const body = { access_token: "a", id_token: "b", expires_in: 600, token_type: "bearer" };
  const good = { ...json, body, cacheControl: "no-store", openid: true };
  holdsTo(TOKEN_RULES, good, [
    { cert: "2.5.1", what: "201", given: { ...good, status: 201 } },
    { cert: "2.5.1", what: "no access_token", given: edited(good, { access_token: undefined }) },
    { cert: "2.5.1", what: "no id_token", given: edited(good, { id_token: undefined }) },
    ...[0, "600", 40_000_000, undefined].map((expires_in) => ({
      ...{ cert: "2.5.2", what: `expires_in ${expires_in}`, given: edited(good, { expires_in }) },
    })),
    { cert: "2.5.3", what: "an answer to be stored", given: { ...good, cacheControl: "private" } },
    { cert: "2.5.3", what: "another token_type", given: edited(good, { token_type: "N_A" }) },
  ]);
});

describe("checkTokenError (cert 2.5.4)", () => {
  const good = { ...json, status: 400, body: { error: "invalid_grant", error_description: "the code is no good" } };
  holdsTo(TOKEN_ERROR_RULES, good, [
    { cert: "2.5.4", what: "200", given: { ...good, status: 200 } },
    { cert: "2.5.4", what: "401 for anything", given: { ...good, status: 401 } },
    { cert: "2.5.4", what: "text", given: { ...good, contentType: "text/plain" } },
    { cert: "2.5.4", what: "an error of our own", given: edited(good, { error: "code_expired" }) },
    { cert: "2.5.4", what: "a backslash in the description", given: edited(good, { error_description: "a\\b" }) },
  ]);
});

const NOW = 1_790_000_000;
const CLAIMS = {
  ...{ iss: ISSUER, aud: ["client"], sub: "ada", iat: NOW, exp: NOW + 600, auth_time: NOW - 5, acr: "1", nonce: "n" },
  ...{ email: "ada@example.com", email_verified: true },
};

function idToken(
  more: Members = {},
  header: Members = { alg: "RS256", kid: "one" },
  key = RSA.privateKey,
): ReceivedIdToken {
  const claims = Object.fromEntries(Object.entries({ ...CLAIMS, ...more }).filter(([, value]) => value !== undefined));
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const jwt = `${input}.${sign("sha256", Buffer.from(input), key).toString("base64url")}`;
  return {
    ...{ jwt, header, claims, keys: KEYS, issuer: ISSUER, clientId: "client", nonce: "n" },
    ...{ subjects: ["ada"], asked: ["email", "email_verified"], now: NOW },
  };
}

describe("checkIdToken (cert 2.6.1; cert 2.6.2; cert 2.6.3; cert 2.6.4; cert 2.6.5; cert 2.6.6; cert 2.6.7; cert 2.6.8; cert 2.6.9)", () => {
  const good = idToken();
  const encryption = { header: { kid: "theirs" }, kid: "theirs" };
  test("an encrypted one is right too", () => expect(broken(ID_TOKEN_RULES, { ...good, encryption })).toEqual([]));
  const wrong: readonly (readonly [cert: string, claims: Members])[] = [
    ["2.6.1", { iss: `${ISSUER}/` }],
    ["2.6.1", { aud: "another" }],
    ["2.6.2", { exp: NOW - 1 }],
    ["2.6.2", { exp: NOW * 2 }],
    ["2.6.2", { exp: undefined }],
    ["2.6.2", { iat: NOW - 400 }],
    ["2.6.2", { iat: undefined }],
    ["2.6.3", { auth_time: NOW + 60 }],
    ["2.6.3", { auth_time: NOW - 40_000_000 }],
    ["2.6.3", { auth_time: String(NOW) }],
    ["2.6.4", { acr: "" }],
    ["2.6.4", { nonce: "N" }],
    ["2.6.4", { nonce: undefined }],
    ["2.6.5", { sub: "ä" }],
    ["2.6.5", { sub: "a".repeat(256) }],
    ["2.6.5", { sub: "somebody else" }],
    ["2.6.7", { email_verified: "true" }],
    ["2.6.8", { name: "Ada" }],
  ];
  holdsTo(ID_TOKEN_RULES, good, [
    ...wrong.map(([cert, claims]) => ({ cert, what: JSON.stringify(claims), given: idToken(claims) })),
    { cert: "2.6.4", what: "a nonce that nobody sent", given: { ...good, nonce: undefined } },
    { cert: "2.6.6", what: "another key's signature", given: idToken({}, undefined, EC.privateKey) },
    { cert: "2.6.6", what: "no kid", given: idToken({}, { alg: "RS256" }) },
    { cert: "2.6.6", what: "another alg than the key's", given: idToken({}, { alg: "ES256", kid: "one" }) },
    { cert: "2.6.6", what: "a kid that two keys have", given: { ...good, keys: [...KEYS, ...KEYS] } },
    { cert: "2.6.9", what: "another kid", given: { ...good, encryption: { ...encryption, kid: "mine" } } },
  ]);
});

describe("checkUserinfo (cert 2.7.1; cert 2.7.2; cert 2.7.3)", () => {
  const address = { locality: "London" };
  const good = { ...json, body: { sub: "ada", name: "Ada", birthdate: "1815-12-10", address }, subject: "ada" };
  const wrong: readonly (readonly [cert: string, claims: Members])[] = [
    ["2.7.1", { sub: undefined }],
    ["2.7.1", { sub: "bob" }],
    ["2.7.2", { name: " " }],
    ["2.7.2", { name: "null" }],
    ["2.7.2", { name: 1 }],
    ["2.7.2", { email_verified: "yes" }],
    ["2.7.2", { updated_at: "2026-11-21" }],
    ["2.7.2", { birthdate: "10.12.1815" }],
    ["2.7.2", { birthdate: "0007-12-10" }],
    ["2.7.2", { address: "London" }],
    ["2.7.2", { address: { locality: 7 } }],
    ["2.7.3", { nickname: null }],
    ["2.7.3", { address: {} }],
    ["2.7.3", { _claim_names: { shoe_size: "shop" }, _claim_sources: {} }],
  ];
  holdsTo(USERINFO_RULES, good, [
    { cert: "2.7.1", what: "401", given: { ...good, status: 401 } },
    { cert: "2.7.1", what: "text", given: { ...good, contentType: "text/plain" } },
    ...wrong.map(([cert, claims]) => ({ cert, what: JSON.stringify(claims), given: edited(good, claims) })),
  ]);
});
