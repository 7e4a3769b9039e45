import { expect, test } from "vitest";
import { decideRegistration } from "./registration-metadata.ts";

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
    told: { token_endpoint_auth_method: "client_secret_basic", application_type: "web" },
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
  { policy_uri: "https://a.example/p", tos_uri: "https://a.example/t", contacts: ["a@example.com"] },
  { jwks_uri: "https://169.254.169.254/", initiate_login_uri: "https://a.example/l", require_auth_time: true },
  { jwks: { keys: [] }, request_uris: [], default_acr_values: [] },
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
      ["implicit"],
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
    sector_identifier_uri: ["https://a.example/sector"],
    default_max_age: [0],
    default_acr_values: [["gold"]],
    request_uris: [["https://a.example/request"]],
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
  const decision = decideRegistration(input);
  expect(decision).toMatchObject({ kind: "refused", error: { code, status: 400 } });
  expect(decision.kind === "refused" && decision.error.message).toContain(says);
});
