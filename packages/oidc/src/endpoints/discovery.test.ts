import { expect, test } from "vitest";
import { renderDiscovery } from "./discovery.ts";

const addresses = [
  { issuer: "https://id.example", token: "https://id.example/token" },
  { issuer: "https://id.example/", token: "https://id.example/token" },
  { issuer: "https://id.example/dex", token: "https://id.example/dex/token" },
  { issuer: "https://id.example/dex/", token: "https://id.example/dex/token" },
];
test.each(addresses)("issuer $issuer stays as it is; its token endpoint is $token (OIDC Discovery §3)", (row) => {
  const document = renderDiscovery({
    issuer: row.issuer,
    algorithms: ["RS256"],
    responseTypes: ["code"],
    registration: { clients: true, people: false },
  });
  expect(document).toMatchObject({ issuer: row.issuer, token_endpoint: row.token });
  for (const [name, value] of Object.entries(document)) {
    if (name.endsWith("_endpoint") || name === "jwks_uri") expect(String(value).slice(8)).not.toContain("//");
  }
});

test("what does not work is not advertised, and absent defaults do not lie (OIDC Discovery §3, TOK-14, AUT-3, PKC-2)", () => {
  expect(
    renderDiscovery({
      issuer: "https://id.example",
      algorithms: ["RS256", "ES256"],
      responseTypes: ["code"],
      registration: { clients: false, people: false },
    }),
  ).toMatchObject({
    response_types_supported: ["code"],
    response_modes_supported: ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"],
    device_authorization_endpoint: "https://id.example/device/code",
    grant_types_supported: [
      "authorization_code",
      "refresh_token",
      "client_credentials",
      "urn:ietf:params:oauth:grant-type:device_code",
    ],
    subject_types_supported: ["public", "pairwise"],
    id_token_signing_alg_values_supported: ["RS256", "ES256"],
    code_challenge_methods_supported: ["S256"],
    dpop_signing_alg_values_supported: ["ES256", "PS256", "EdDSA", "Ed25519"],
    token_endpoint_auth_methods_supported: [
      "client_secret_basic",
      "client_secret_post",
      "client_secret_jwt",
      "private_key_jwt",
      "none",
    ],
    token_endpoint_auth_signing_alg_values_supported: ["RS256", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"],
    request_object_signing_alg_values_supported: ["RS256", "PS256", "ES256", "EdDSA", "none"],
    authorization_response_iss_parameter_supported: true,
    request_parameter_supported: true,
    request_uri_parameter_supported: true,
    require_request_uri_registration: true,
    claims_parameter_supported: true,
  });
});

const bare = [
  "issuer",
  "authorization_endpoint",
  "token_endpoint",
  "jwks_uri",
  "userinfo_endpoint",
  "backchannel_authentication_endpoint",
  "backchannel_authentication_request_signing_alg_values_supported",
  "backchannel_token_delivery_modes_supported",
  "backchannel_user_code_parameter_supported",
  "device_authorization_endpoint",
  "pushed_authorization_request_endpoint",
  "require_pushed_authorization_requests",
  "end_session_endpoint",
  "check_session_iframe",
  "introspection_endpoint",
  "introspection_endpoint_auth_methods_supported",
  "introspection_endpoint_auth_signing_alg_values_supported",
  "introspection_signing_alg_values_supported",
  "introspection_encryption_alg_values_supported",
  "introspection_encryption_enc_values_supported",
  "revocation_endpoint",
  "revocation_endpoint_auth_methods_supported",
  "revocation_endpoint_auth_signing_alg_values_supported",
  "frontchannel_logout_supported",
  "frontchannel_logout_session_supported",
  "backchannel_logout_supported",
  "backchannel_logout_session_supported",
  "scopes_supported",
  "response_types_supported",
  "response_modes_supported",
  "authorization_signing_alg_values_supported",
  "authorization_encryption_alg_values_supported",
  "authorization_encryption_enc_values_supported",
  "grant_types_supported",
  "subject_types_supported",
  "id_token_signing_alg_values_supported",
  "id_token_encryption_alg_values_supported",
  "id_token_encryption_enc_values_supported",
  "userinfo_signing_alg_values_supported",
  "userinfo_encryption_alg_values_supported",
  "userinfo_encryption_enc_values_supported",
  "token_endpoint_auth_methods_supported",
  "code_challenge_methods_supported",
  "dpop_signing_alg_values_supported",
  "acr_values_supported",
  "claims_supported",
  "prompt_values_supported",
  "authorization_response_iss_parameter_supported",
  "token_endpoint_auth_signing_alg_values_supported",
  "request_object_signing_alg_values_supported",
  "require_request_uri_registration",
  "request_uri_parameter_supported",
  "request_parameter_supported",
  "claims_parameter_supported",
];
const offers = [
  {
    registration: { clients: false, people: false },
    more: [],
    prompts: ["none", "login", "consent", "select_account"],
  },
  {
    registration: { clients: true, people: true },
    more: ["registration_endpoint"],
    prompts: ["none", "login", "consent", "select_account", "create"],
  },
];
test.each(offers)("with $registration the document has these members and no other (v1 D01, v1 D04)", (row) => {
  const issuer = "https://id.example/dex";
  const document = renderDiscovery({
    issuer,
    algorithms: ["RS256"],
    responseTypes: ["code"],
    registration: row.registration,
  });
  expect(Object.keys(document).sort()).toEqual([...bare, ...row.more].sort());
  expect(document).toMatchObject({
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    userinfo_endpoint: `${issuer}/userinfo`,
    ...(row.registration.clients ? { registration_endpoint: `${issuer}/registration` } : {}),
    scopes_supported: ["openid", "profile", "email", "address", "phone", "groups", "federated:id", "offline_access"],
    prompt_values_supported: row.prompts,
    claims_supported: expect.arrayContaining(["sub", "aud", "azp", "auth_time", "email", "name", "groups"]),
  });
});

test("response types that hand out tokens bring the implicit grant with them (OIDC Discovery §3, TOK-14, AUT-3)", () => {
  const parts = {
    issuer: "https://id.example",
    algorithms: ["RS256"] as const,
    registration: { clients: true, people: false },
  };
  const types = ["code", "code id_token"] as const;
  expect(renderDiscovery({ ...parts, responseTypes: types })).toMatchObject({
    response_types_supported: types,
    grant_types_supported: expect.arrayContaining(["implicit"]),
  });
  const off = renderDiscovery({ ...parts, responseTypes: ["code"] });
  expect(off.grant_types_supported).not.toContain("implicit");
});

test.each([
  { issuer: "https://id.example/dex", frame: "https://id.example/dex/check-session" },
  { issuer: "http://127.0.0.1:5556/dex", frame: "http://127.0.0.1:5556/dex/check-session" },
  { issuer: "http://id.internal/dex", frame: undefined },
])("sessions of $issuer are checked at $frame (OIDC Session Management §3.3)", ({ issuer, frame }) => {
  const parts = {
    algorithms: ["RS256"],
    responseTypes: ["code"],
    registration: { clients: false, people: false },
  } as const;
  expect(renderDiscovery({ issuer, ...parts }).check_session_iframe).toBe(frame);
});
