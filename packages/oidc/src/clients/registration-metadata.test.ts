import { expect, test } from "vitest";
import { decideRegistration } from "./registration-metadata.ts";
import type { SupportedValues } from "./supported.ts";

/** A deployment that can do little. */
const little: SupportedValues = {
  response_types: ["code"],
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  token_endpoint_auth_method: ["client_secret_basic", "client_secret_post", "none"],
  token_endpoint_auth_signing_alg: [],
  subject_type: ["public"],
  id_token_signed_response_alg: ["RS256", "ES256", "EdDSA"],
  id_token_encrypted_response_alg: [],
  id_token_encrypted_response_enc: [],
  userinfo_signed_response_alg: [],
  userinfo_encrypted_response_alg: [],
  userinfo_encrypted_response_enc: [],
  authorization_signed_response_alg: [],
  authorization_encrypted_response_alg: [],
  authorization_encrypted_response_enc: [],
  introspection_signed_response_alg: [],
  introspection_encrypted_response_alg: [],
  introspection_encrypted_response_enc: [],
  request_object_signing_alg: [],
  backchannel_token_delivery_mode: [],
  backchannel_authentication_request_signing_alg: [],
  backchannel_user_code_parameter: [],
  tls_client_certificate_bound_access_tokens: [false],
};

const minimal = { redirect_uris: ["https://app.example.com/cb"] };

function metadataOf(input: unknown) {
  const decision = decideRegistration(input);
  return decision.kind === "register" ? decision.metadata : expect.fail(decision.error.message);
}

test("what is left out has the defaults of RFC 7591 §2", () => {
  expect(decideRegistration(minimal)).toEqual({
    kind: "register",
    metadata: {
      id: undefined,
      secret: undefined,
      name: undefined,
      logoUri: undefined,
      clientUri: undefined,
      redirectUris: minimal.redirect_uris,
      public: false,
      admin: false,
      trusted: false,
      trustedPeers: [],
      dynamic: true,
      allowedConnectors: undefined,
      details: {},
      requirePkce: false,
      grantTypes: ["authorization_code"],
      scopes: undefined,
      idTokenSigningAlgorithm: "RS256",
    },
  });
});

test("every member that we act on is taken (v1 G02, v1 G04)", () => {
  const input = {
    redirect_uris: ["https://app.example.com/a", "https://app.example.com/b"],
    response_types: ["code"],
    grant_types: ["authorization_code", "refresh_token", "client_credentials"],
    token_endpoint_auth_method: "client_secret_post",
    application_type: "native",
    subject_type: "public",
    id_token_signed_response_alg: "ES256",
    scope: "openid email things:read offline_access audience:server:client_id:other",
    client_name: "My App",
    logo_uri: "https://app.example.com/logo.png",
    client_uri: "https://app.example.com",
  };
  expect(metadataOf(input)).toMatchObject({
    redirectUris: input.redirect_uris,
    grantTypes: input.grant_types,
    idTokenSigningAlgorithm: "ES256",
    scopes: ["openid", "email", "offline_access"], // DCR-1: no further than the open ones
    name: "My App",
    logoUri: input.logo_uri,
    clientUri: input.client_uri,
  });
});

test("metadata without a column is kept as given, and answered back (oidcc-3rd_party-init-login)", () => {
  const details = {
    application_type: "web",
    contacts: ["a@example.com"],
    policy_uri: "https://app.example.com/p",
    tos_uri: "https://app.example.com/t",
    jwks_uri: "https://app.example.com/jwks",
    sector_identifier_uri: "https://app.example.com/sector",
    token_endpoint_auth_method: "client_secret_post",
    default_max_age: 60,
    require_auth_time: true,
    default_acr_values: ["gold"],
    initiate_login_uri: "https://app.example.com/l",
  };
  expect(metadataOf({ ...minimal, ...details, unknown: "ignored" }).details).toEqual(details);
  expect(metadataOf({ ...minimal, jwks: { keys: [] } }).details).toEqual({ jwks: { keys: [] } });
});

test.each([
  { response_types: ["code"], grant_types: undefined },
  { response_types: ["code id_token"], grant_types: ["authorization_code", "implicit"] },
  { response_types: ["code token"], grant_types: ["implicit", "authorization_code", "refresh_token"] },
  { response_types: ["code id_token token"], grant_types: ["authorization_code", "implicit"] },
  { response_types: ["id_token"], grant_types: ["implicit"] },
  { response_types: ["id_token token"], grant_types: ["implicit"] },
  { response_types: ["code", "id_token"], grant_types: ["authorization_code", "implicit"] },
  { response_types: undefined, grant_types: ["client_credentials"] },
])("$response_types and $grant_types fit each other (OIDC Registration §2)", (types) => {
  const given = Object.fromEntries(Object.entries(types).filter(([, value]) => value !== undefined));
  const { details, grantTypes } = metadataOf({ ...minimal, ...given });
  expect(details.response_types).toEqual(types.response_types);
  expect(grantTypes).toEqual(types.grant_types ?? ["authorization_code"]);
});

test("the order of the words of a response type means nothing (OAuth 2.0 Multiple Response Types §3)", () => {
  const given = {
    response_types: ["token id_token", "id_token code"],
    grant_types: ["authorization_code", "implicit"],
  };
  expect(metadataOf({ ...minimal, ...given }).details.response_types).toEqual(["id_token token", "code id_token"]);
});

const contradictory: readonly { input: object; says: string; code?: string }[] = [
  { input: { response_types: ["id_token"] }, says: "response_types: " },
  { input: { response_types: ["code id_token"], grant_types: ["authorization_code"] }, says: "response_types: " },
  { input: { response_types: ["code id_token"], grant_types: ["implicit"] }, says: "response_types: " },
  { input: { grant_types: ["implicit"] }, says: "response_types: " },
  { input: { grant_types: ["authorization_code", "implicit"] }, says: "response_types: " },
  { input: { response_types: ["code"], grant_types: ["client_credentials"] }, says: "response_types: " },
  ...["http://127.0.0.1/cb", "http://localhost:1/cb", "https://localhost/cb"].map((uri) => ({
    input: { redirect_uris: [uri], response_types: ["id_token"], grant_types: ["implicit"] },
    says: "redirect_uris: ",
    code: "invalid_redirect_uri",
  })),
  {
    input: { redirect_uris: [], response_types: ["id_token"], grant_types: ["implicit"] },
    says: "redirect_uris: ",
    code: "invalid_redirect_uri",
  },
  { input: { id_token_encrypted_response_alg: "RSA-OAEP-256" }, says: "jwks: " },
  { input: { userinfo_encrypted_response_alg: "ECDH-ES" }, says: "jwks: " },
  { input: { id_token_encrypted_response_enc: "A128GCM" }, says: "id_token_encrypted_response_enc: " },
  { input: { userinfo_encrypted_response_enc: "A128GCM" }, says: "userinfo_encrypted_response_enc: " },
  { input: { jwks: { keys: [{ kty: "RSA", d: "AQAB" }] } }, says: "jwks: " },
  {
    input: { redirect_uris: ["https://a.example/", "https://b.example/"], subject_type: "pairwise" },
    says: "sector_identifier_uri: ",
  },
];
/** A deployment that can do everything there is. */
const everything: SupportedValues = {
  ...little,
  response_types: ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"],
  grant_types: [...little.grant_types, "implicit"],
  subject_type: ["public", "pairwise"],
  id_token_encrypted_response_alg: ["RSA-OAEP-256"],
  id_token_encrypted_response_enc: ["A128GCM"],
  userinfo_encrypted_response_alg: ["ECDH-ES"],
  userinfo_encrypted_response_enc: ["A128GCM"],
};
test.each(contradictory)("$input contradicts itself (OIDC Registration §2, DCR-1)", ({ input, says, code }) => {
  const decision = decideRegistration({ ...minimal, ...input }, everything);
  expect(decision).toMatchObject({ kind: "refused", error: { code: code ?? "invalid_client_metadata", status: 400 } });
  expect(decision.kind === "refused" && decision.error.message).toContain(says);
});

test("of the uses that a client names those that the deployment has are registered, and the answer says so (RFC 7591 §3.2.1, TOK-14)", () => {
  const greedy = { response_types: everything.response_types, grant_types: ["authorization_code", "implicit"] };
  const decision = decideRegistration({ ...minimal, ...greedy }, little);
  expect(decision).toMatchObject({
    metadata: { details: { response_types: ["code"] }, grantTypes: ["authorization_code"] },
  });
});

test("the method none makes a public client, which may do without redirect URIs (v1 C13)", () => {
  const none = { token_endpoint_auth_method: "none", client_name: "CLI" };
  expect(metadataOf(none)).toMatchObject({ public: true, requirePkce: true, redirectUris: [] });
  expect(metadataOf({ ...none, redirect_uris: ["com.example.app:/cb"] })).toMatchObject({ public: true });
});

const ignored = [
  { client_id: "chosen", client_secret: "chosen-by-the-caller" },
  { id: "chosen", secret: "chosen", isAdmin: true, admin: true, trusted: true, first_party: true, skip_consent: true },
  { trustedPeers: ["victim"], trusted_peers: ["victim"], dynamic: false, public: true, requirePKCE: false },
  { allowedConnectors: ["corp"], allowed_connectors: ["corp"] },
  { createdAt: "1970-01-01T00:00:00Z", client_id_issued_at: 1, client_secret_expires_at: 1 },
  { software_id: "x", software_version: "1", software_statement: "e30.e30.", "client_name#ja": "名" },
  JSON.parse('{"__proto__": {"admin": true}, "constructor": {"trusted": true}}') as object,
];
test.each(ignored)("%o changes nothing about the client (DCR-1, SSR-1)", (more) => {
  expect(decideRegistration({ ...minimal, ...more })).toEqual(decideRegistration(minimal));
});

const refusals: readonly { when: string; input: unknown; code: string; says: string }[] = [
  ...[undefined, null, [], "{}", 7].map((input) => ({
    when: `the body is ${JSON.stringify(input)}`,
    input,
    code: "invalid_request",
    says: "object",
  })),
  { when: "there is no redirect URI", input: {}, code: "invalid_redirect_uri", says: "redirect_uris: " },
  { when: "the list is empty", input: { redirect_uris: [] }, code: "invalid_redirect_uri", says: "redirect_uris: " },
  ...[
    "",
    "/cb",
    "app.example.com/cb",
    "http://app.example.com/cb",
    "https://app.example.com/cb#x",
    "https://*.example.com/cb",
    "https://user@app.example.com/cb",
    "javascript:alert(1)",
    "com.example.app:/cb",
    "urn:ietf:wg:oauth:2.0:oob",
  ].map((uri) => ({
    when: `a redirect URI is ${uri}`,
    input: { redirect_uris: ["https://a.example/", uri] },
    code: "invalid_redirect_uri",
    says: "redirect_uris: ",
  })),
  ...[7, null, "https://a.example/cb", [7], [["https://a.example"]], { 0: "https://a.example" }].map((value) => ({
    when: `redirect_uris is ${JSON.stringify(value)}`,
    input: { redirect_uris: value },
    code: "invalid_redirect_uri",
    says: "redirect_uris: ",
  })),
  {
    when: "one redirect URI comes twice",
    input: { redirect_uris: ["https://a.example/", "https://a.example/"] },
    code: "invalid_redirect_uri",
    says: "twice",
  },
  {
    when: "there are 51 redirect URIs",
    input: { redirect_uris: Array.from({ length: 51 }, (_, n) => `https://a.example/${n}`) },
    code: "invalid_redirect_uri",
    says: "redirect_uris: ",
  },
  ...Object.entries({
    grant_types: [
      ["password"],
      [],
      "authorization_code",
      ["authorization_code", "authorization_code"],
      ["refresh_token"],
    ],
    response_types: [["token"], ["code id_token"], ["none"], "code", []],
    token_endpoint_auth_method: ["private_key_jwt", "client_secret_jwt", "tls_client_auth", "", 1],
    application_type: ["desktop", 1],
    subject_type: ["pairwise"],
    id_token_signed_response_alg: ["none", "HS256", "RS512", ""],
    id_token_encrypted_response_alg: ["RSA-OAEP"],
    id_token_encrypted_response_enc: ["A128GCM"],
    userinfo_signed_response_alg: ["RS256", "none"],
    userinfo_encrypted_response_alg: ["RSA-OAEP"],
    userinfo_encrypted_response_enc: ["A128GCM"],
    request_object_signing_alg: ["RS256"],
    request_object_encryption_alg: ["RSA-OAEP"],
    request_object_encryption_enc: ["A128GCM"],
    token_endpoint_auth_signing_alg: ["RS256"],
    sector_identifier_uri: ["http://a.example/sector", "https://a.example/#x", 1],
    default_max_age: [-1, 0.5, "0"],
    default_acr_values: ["gold", [1]],
    request_uris: [["http://a.example/request"], ["https://a.example/r", "https://a.example/r"], "https://a.example/r"],
    initiate_login_uri: ["http://a.example/login", "javascript:alert(1)", 1],
    backchannel_logout_uri: ["http://a.example/out", "https://a.example/out#x"],
    frontchannel_logout_uri: ["http://a.example/out", "https://b.example/out", "https://app.example.com:8443/out"],
    post_logout_redirect_uris: [
      ["http://a.example/"],
      ["https://a.example/#x"],
      ["javascript:alert(1)"],
      "https://a.example",
    ],
    client_name: ["", "a".repeat(101), "a\u202eb", 1, {}],
    logo_uri: ["http://a.example/logo", "javascript:alert(1)", "data:image/png;base64,", 1],
    client_uri: ["http://a.example/", "javascript:alert(1)"],
    policy_uri: ["javascript:alert(1)"],
    tos_uri: [1],
    jwks_uri: ["http://a.example/jwks", "file:///etc/passwd"],
    jwks: ["{}", {}, { keys: 1 }],
    contacts: ["a@example.com", ["nobody"], ["a b@example.com"]],
    require_auth_time: ["true"],
    scope: [["openid"], "a".repeat(1025)],
  }).flatMap(([member, values]) =>
    values.map((value) => ({
      when: `${member} is ${JSON.stringify(value).slice(0, 60)}`,
      input: { ...minimal, [member]: value },
      code: "invalid_client_metadata",
      says: `${member}: `,
    })),
  ),
  {
    when: "code is asked for without its grant",
    input: { grant_types: ["client_credentials"], response_types: ["code"] },
    code: "invalid_client_metadata",
    says: "response_types: ",
  },
  {
    when: "there are two key sets",
    input: { ...minimal, jwks: { keys: [] }, jwks_uri: "https://a.example/jwks" },
    code: "invalid_client_metadata",
    says: "jwks: ",
  },
  {
    when: "a public client wants client_credentials",
    input: {
      ...minimal,
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "client_credentials"],
    },
    code: "invalid_client_metadata",
    says: "grant_types: ",
  },
  {
    when: "a public client has neither redirect URI nor name",
    input: { token_endpoint_auth_method: "none" },
    code: "invalid_client_metadata",
    says: "client_name: ",
  },
];
test.each(refusals)("$code when $when (RFC 7591 §3.2.2, DCR-1, v1 G03)", ({ input, code, says }) => {
  const decision = decideRegistration(input, little);
  expect(decision).toMatchObject({ kind: "refused", error: { code, status: 400 } });
  expect(decision.kind === "refused" && decision.error.message).toContain(says);
});
