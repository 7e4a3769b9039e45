import { isLoopback, type JsonObject } from "@dex/runtime";
import { BACKCHANNEL_AUTHENTICATION_PATH } from "../backchannel-authentication/auth-req-id.ts";
import type { GrantType, SigningAlgorithm } from "../clients/client.ts";
import type { ResponseType } from "../clients/client-details.ts";
import { type CertificateUse, SUPPORTED, supportedWith } from "../clients/supported.ts";
import { DEVICE_AUTHORIZATION_PATH } from "../device-authorization/paths.ts";
import { SUPPORTED_SCOPES } from "../scope.ts";
import { DPOP_SIGNING_ALGORITHMS } from "../sender-constraint/dpop-proof.ts";
import { CHECK_SESSION_PATH } from "../sessions/browser-state.ts";
import { ACR_VALUES } from "../tokens/acr.ts";
import { USER_CLAIMS } from "../tokens/claims.ts";
import { END_SESSION_PATH } from "./end-session.ts";
import { INTROSPECTION_PATH } from "./introspection.ts";
import { PUSHED_AUTHORIZATION_PATH } from "./pushed-requests.ts";
import { asksForTokens, RESPONSE_MODE_VALUES } from "./response-type.ts";
import { REVOCATION_PATH } from "./revocation.ts";

export interface DiscoveryParts {
  readonly issuer: string;
  /** Algorithms that can sign now. RS256 must be among them, OIDC Discovery §3. */
  readonly algorithms: readonly SigningAlgorithm[];
  /** What clients may be registered for. */
  readonly responseTypes: readonly ResponseType[];
  /** Whether clients, and whether people, may register themselves. */
  readonly registration: { readonly clients: boolean; readonly people: boolean };
  /** Whether only pushed requests are taken. */
  readonly requirePushed?: boolean;
  /** Whether a client can be the address of a document (OAuth Client ID Metadata Document). */
  readonly clientIdDocuments?: boolean;
  /** Grants beside those that clients register for. */
  readonly administratedGrants?: readonly GrantType[];
  /** What is seen of client certificates, and what stands for the issuer where clients are asked for them. */
  readonly mutualTls?: { readonly certificates: CertificateUse; readonly url: string | undefined };
  /** Identifiers of resources that describe themselves (RFC 9728 §4). */
  readonly protectedResources?: readonly string[];
  /** What the registered resources know (RFC 9396 §10). */
  readonly authorizationDetailsTypes?: readonly string[];
}

/** The URL of one of our endpoints. An issuer may end in a slash; no address of an endpoint has two in a row. */
export function endpointUrl(issuer: string, path: `/${string}`): string {
  return issuer.replace(/\/+$/, "") + path;
}

/** Endpoints that clients show certificates at, RFC 8705 §5: browsers go to none of them by themselves. */
const ALIASED = {
  token_endpoint: "/token",
  pushed_authorization_request_endpoint: PUSHED_AUTHORIZATION_PATH,
  device_authorization_endpoint: DEVICE_AUTHORIZATION_PATH,
  backchannel_authentication_endpoint: BACKCHANNEL_AUTHENTICATION_PATH,
  revocation_endpoint: REVOCATION_PATH,
  introspection_endpoint: INTROSPECTION_PATH,
  userinfo_endpoint: "/userinfo",
} as const;

/** RFC 8705 §3.3 and §5. */
function renderMutualTls({ certificates, url }: NonNullable<DiscoveryParts["mutualTls"]>): JsonObject {
  if (certificates === "none") return {};
  const aliases = (base: string) =>
    Object.fromEntries(Object.entries(ALIASED).map(([name, path]) => [name, endpointUrl(base, path)]));
  return {
    tls_client_certificate_bound_access_tokens: true,
    ...(url === undefined ? {} : { mtls_endpoint_aliases: aliases(url) }),
  };
}

/** The provider metadata, OIDC Discovery §3 and RFC 8414 §2: what works, and nothing else. */
export function renderDiscovery(parts: DiscoveryParts): JsonObject {
  const { issuer, algorithms, responseTypes, registration, requirePushed = false, administratedGrants = [] } = parts;
  const { mutualTls = { certificates: "none", url: undefined } } = parts;
  const { token_endpoint_auth_method: methods } = supportedWith(responseTypes, mutualTls.certificates);
  return {
    issuer,
    authorization_endpoint: endpointUrl(issuer, "/auth"),
    token_endpoint: endpointUrl(issuer, "/token"),
    pushed_authorization_request_endpoint: endpointUrl(issuer, PUSHED_AUTHORIZATION_PATH),
    require_pushed_authorization_requests: requirePushed,
    jwks_uri: endpointUrl(issuer, "/keys"),
    userinfo_endpoint: endpointUrl(issuer, "/userinfo"),
    // RFC 8628 §4
    device_authorization_endpoint: endpointUrl(issuer, DEVICE_AUTHORIZATION_PATH),
    // CIBA Core §4
    backchannel_authentication_endpoint: endpointUrl(issuer, BACKCHANNEL_AUTHENTICATION_PATH),
    backchannel_token_delivery_modes_supported: SUPPORTED.backchannel_token_delivery_mode,
    backchannel_authentication_request_signing_alg_values_supported:
      SUPPORTED.backchannel_authentication_request_signing_alg,
    backchannel_user_code_parameter_supported: false,
    revocation_endpoint: endpointUrl(issuer, REVOCATION_PATH),
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: SUPPORTED.token_endpoint_auth_signing_alg,
    introspection_endpoint: endpointUrl(issuer, INTROSPECTION_PATH),
    // Here a client must show something that it alone has.
    introspection_endpoint_auth_methods_supported: methods.filter((method) => method !== "none"),
    introspection_endpoint_auth_signing_alg_values_supported: SUPPORTED.token_endpoint_auth_signing_alg,
    introspection_signing_alg_values_supported: SUPPORTED.introspection_signed_response_alg,
    introspection_encryption_alg_values_supported: SUPPORTED.introspection_encrypted_response_alg,
    introspection_encryption_enc_values_supported: SUPPORTED.introspection_encrypted_response_enc,
    end_session_endpoint: endpointUrl(issuer, END_SESSION_PATH),
    ...(framesWork(issuer) ? { check_session_iframe: endpointUrl(issuer, CHECK_SESSION_PATH) } : {}),
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    ...(registration.clients ? { registration_endpoint: endpointUrl(issuer, "/registration") } : {}),
    ...(parts.clientIdDocuments === true ? { client_id_metadata_document_supported: true } : {}),
    scopes_supported: SUPPORTED_SCOPES,
    response_types_supported: responseTypes,
    response_modes_supported: RESPONSE_MODE_VALUES,
    authorization_signing_alg_values_supported: algorithms,
    authorization_encryption_alg_values_supported: SUPPORTED.authorization_encrypted_response_alg,
    authorization_encryption_enc_values_supported: SUPPORTED.authorization_encrypted_response_enc,
    grant_types_supported: [
      ...SUPPORTED.grant_types.filter((grant) => grant !== "implicit" || responseTypes.some(asksForTokens)),
      ...administratedGrants,
    ],
    subject_types_supported: SUPPORTED.subject_type,
    id_token_signing_alg_values_supported: algorithms,
    id_token_encryption_alg_values_supported: SUPPORTED.id_token_encrypted_response_alg,
    id_token_encryption_enc_values_supported: SUPPORTED.id_token_encrypted_response_enc,
    userinfo_signing_alg_values_supported: SUPPORTED.userinfo_signed_response_alg,
    userinfo_encryption_alg_values_supported: SUPPORTED.userinfo_encrypted_response_alg,
    userinfo_encryption_enc_values_supported: SUPPORTED.userinfo_encrypted_response_enc,
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: SUPPORTED.token_endpoint_auth_signing_alg,
    request_object_signing_alg_values_supported: SUPPORTED.request_object_signing_alg,
    code_challenge_methods_supported: ["S256"],
    dpop_signing_alg_values_supported: DPOP_SIGNING_ALGORITHMS,
    ...renderMutualTls(mutualTls),
    ...listed("protected_resources", parts.protectedResources),
    ...listed("authorization_details_types_supported", parts.authorizationDetailsTypes),
    acr_values_supported: ACR_VALUES,
    claims_supported: [
      ...["iss", "sub", "aud", "exp", "iat", "auth_time", "sid", "nonce", "at_hash", "acr", "amr", "azp"],
      ...USER_CLAIMS,
    ],
    // Initiating User Registration via OpenID Connect §5
    prompt_values_supported: ["none", "login", "consent", "select_account", ...(registration.people ? ["create"] : [])],
    authorization_response_iss_parameter_supported: true,
    request_parameter_supported: true,
    request_uri_parameter_supported: true,
    require_request_uri_registration: true,
    claims_parameter_supported: true,
  };
}

/** RFC 8414 §3.2: a member without a value is left out. */
function listed(name: string, values: readonly string[] = []): JsonObject {
  return values.length === 0 ? {} : { [name]: values };
}

/** Browsers keep cookies from frames of other sites' pages unless they are Secure, which over http only loopback can have. */
function framesWork(issuer: string): boolean {
  const url = new URL(issuer);
  return url.protocol === "https:" || isLoopback(url);
}
