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
      registration: { clients: false, people: false },
    }),
  ).toMatchObject({
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256", "ES256"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "none"],
    authorization_response_iss_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    claims_parameter_supported: false,
  });
});
