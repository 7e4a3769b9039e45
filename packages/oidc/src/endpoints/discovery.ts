import type { JsonObject } from "@dex/runtime";
import type { SigningAlgorithm } from "../clients/client.ts";
import { SUPPORTED } from "../clients/supported.ts";
import { SUPPORTED_SCOPES } from "../scope.ts";

export interface DiscoveryParts {
  readonly issuer: string;
  /** Algorithms that can sign now. RS256 must be among them, OIDC Discovery §3. */
  readonly algorithms: readonly SigningAlgorithm[];
  /** Whether clients, and whether people, may register themselves. */
  readonly registration: { readonly clients: boolean; readonly people: boolean };
}

/** The URL of one of our endpoints. An issuer may end in a slash; no address of an endpoint has two in a row. */
export function endpointUrl(issuer: string, path: `/${string}`): string {
  return issuer.replace(/\/+$/, "") + path;
}

/** The provider metadata, OIDC Discovery §3 and RFC 8414 §2: what works, and nothing else. */
export function renderDiscovery({ issuer, algorithms, registration }: DiscoveryParts): JsonObject {
  return {
    issuer,
    authorization_endpoint: endpointUrl(issuer, "/auth"),
    token_endpoint: endpointUrl(issuer, "/token"),
    jwks_uri: endpointUrl(issuer, "/keys"),
    userinfo_endpoint: endpointUrl(issuer, "/userinfo"),
    ...(registration.clients ? { registration_endpoint: endpointUrl(issuer, "/registration") } : {}),
    scopes_supported: SUPPORTED_SCOPES,
    response_types_supported: SUPPORTED.response_types,
    response_modes_supported: ["query"],
    grant_types_supported: SUPPORTED.grant_types,
    subject_types_supported: SUPPORTED.subject_type,
    id_token_signing_alg_values_supported: algorithms,
    token_endpoint_auth_methods_supported: SUPPORTED.token_endpoint_auth_method,
    code_challenge_methods_supported: ["S256"],
    claims_supported: [
      ...["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "amr", "azp"],
      ...["email", "email_verified", "name", "preferred_username", "groups"],
    ],
    // Initiating User Registration via OpenID Connect §5
    prompt_values_supported: ["none", "login", "consent", "select_account", ...(registration.people ? ["create"] : [])],
    authorization_response_iss_parameter_supported: true,
    // Absent, these would mean true, false and false (OIDC Discovery §3).
    request_uri_parameter_supported: false,
    request_parameter_supported: false,
    claims_parameter_supported: false,
  };
}
