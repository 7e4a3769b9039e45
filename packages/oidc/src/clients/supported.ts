// What clients may ask for when they register: the one table that registration refuses by and discovery tells of.

import { CLIENT_MAC_ALGORITHMS } from "../client-jwts/shared-secret-mac.ts";
import { CLIENT_SIGNING_ALGORITHMS } from "../client-jwts/verify-jws.ts";
import type { GrantType, SigningAlgorithm } from "./client.ts";
import { type ClientDetails, CONTENT_ENCRYPTIONS, ENCRYPTION_ALGORITHMS, RESPONSE_TYPES } from "./client-details.ts";

type ValuesOf<Member extends keyof ClientDetails> =
  NonNullable<ClientDetails[Member]> extends readonly (infer One)[]
    ? readonly One[]
    : readonly NonNullable<ClientDetails[Member]>[];

export interface SupportedValues {
  readonly response_types: ValuesOf<"response_types">;
  readonly grant_types: readonly GrantType[];
  readonly token_endpoint_auth_method: ValuesOf<"token_endpoint_auth_method">;
  readonly token_endpoint_auth_signing_alg: ValuesOf<"token_endpoint_auth_signing_alg">;
  readonly subject_type: ValuesOf<"subject_type">;
  readonly id_token_signed_response_alg: readonly SigningAlgorithm[];
  readonly id_token_encrypted_response_alg: ValuesOf<"id_token_encrypted_response_alg">;
  readonly id_token_encrypted_response_enc: ValuesOf<"id_token_encrypted_response_enc">;
  readonly userinfo_signed_response_alg: ValuesOf<"userinfo_signed_response_alg">;
  readonly userinfo_encrypted_response_alg: ValuesOf<"userinfo_encrypted_response_alg">;
  readonly userinfo_encrypted_response_enc: ValuesOf<"userinfo_encrypted_response_enc">;
  readonly authorization_signed_response_alg: ValuesOf<"authorization_signed_response_alg">;
  readonly authorization_encrypted_response_alg: ValuesOf<"authorization_encrypted_response_alg">;
  readonly authorization_encrypted_response_enc: ValuesOf<"authorization_encrypted_response_enc">;
  readonly introspection_signed_response_alg: ValuesOf<"introspection_signed_response_alg">;
  readonly introspection_encrypted_response_alg: ValuesOf<"introspection_encrypted_response_alg">;
  readonly introspection_encrypted_response_enc: ValuesOf<"introspection_encrypted_response_enc">;
  readonly request_object_signing_alg: ValuesOf<"request_object_signing_alg">;
  readonly backchannel_token_delivery_mode: ValuesOf<"backchannel_token_delivery_mode">;
  readonly backchannel_authentication_request_signing_alg: ValuesOf<"backchannel_authentication_request_signing_alg">;
  readonly backchannel_user_code_parameter: ValuesOf<"backchannel_user_code_parameter">;
  readonly tls_client_certificate_bound_access_tokens: ValuesOf<"tls_client_certificate_bound_access_tokens">;
}

/** Members with a choice of values, and those of them that work here. An empty list: none does. */
export const SUPPORTED: SupportedValues = {
  /** Those beside code work where the deployment wants them (TOK-14). */
  response_types: RESPONSE_TYPES,
  grant_types: [
    "authorization_code",
    "implicit",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
  ],
  token_endpoint_auth_method: [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
  ],
  token_endpoint_auth_signing_alg: [...CLIENT_SIGNING_ALGORITHMS, ...CLIENT_MAC_ALGORITHMS],
  subject_type: ["public", "pairwise"],
  id_token_signed_response_alg: ["RS256", "ES256", "EdDSA"],
  id_token_encrypted_response_alg: ENCRYPTION_ALGORITHMS,
  id_token_encrypted_response_enc: CONTENT_ENCRYPTIONS,
  userinfo_signed_response_alg: ["RS256", "ES256", "EdDSA"],
  userinfo_encrypted_response_alg: ENCRYPTION_ALGORITHMS,
  userinfo_encrypted_response_enc: CONTENT_ENCRYPTIONS,
  authorization_signed_response_alg: ["RS256", "ES256", "EdDSA"],
  authorization_encrypted_response_alg: ENCRYPTION_ALGORITHMS,
  authorization_encrypted_response_enc: CONTENT_ENCRYPTIONS,
  introspection_signed_response_alg: ["RS256", "ES256", "EdDSA"],
  introspection_encrypted_response_alg: ENCRYPTION_ALGORITHMS,
  introspection_encrypted_response_enc: CONTENT_ENCRYPTIONS,
  request_object_signing_alg: [...CLIENT_SIGNING_ALGORITHMS, "none"],
  backchannel_token_delivery_mode: ["poll", "ping"],
  backchannel_authentication_request_signing_alg: CLIENT_SIGNING_ALGORITHMS,
  backchannel_user_code_parameter: [false],
  tls_client_certificate_bound_access_tokens: [true, false],
};

/** What a deployment sees of client certificates (RFC 8705): nothing, those there are, or also which of them are issued to clients. */
export type CertificateUse = "none" | "shown" | "issued";

/**
 * Grants that an administrator lets a client use: none that it registers itself for (DCR-1). By the second a client has us write
 * to people who never heard of it.
 */
export const ADMINISTRATED_GRANTS = [
  "password",
  "urn:openid:params:grant-type:ciba",
  "urn:ietf:params:oauth:grant-type:jwt-bearer",
  "urn:ietf:params:oauth:grant-type:token-exchange",
] as const satisfies readonly GrantType[];

/** Every grant that a client can be allowed. */
export const GRANT_TYPES: readonly GrantType[] = [...SUPPORTED.grant_types, ...ADMINISTRATED_GRANTS];

/** Members that ask for something with any value, and whether it is done here. */
export const SUPPORTED_MEMBERS = {
  default_max_age: true,
  default_acr_values: true,
  request_uris: true,
  post_logout_redirect_uris: true,
  backchannel_logout_uri: true,
  backchannel_client_notification_endpoint: true,
  backchannel_logout_session_required: true,
  frontchannel_logout_uri: true,
  frontchannel_logout_session_required: true,
  dpop_bound_access_tokens: true,
  require_pushed_authorization_requests: true,
  require_signed_request_object: true,
} as const satisfies Partial<Record<keyof ClientDetails, boolean>>;

const METHODS_OF_CERTIFICATES: Readonly<Record<string, readonly CertificateUse[]>> = {
  tls_client_auth: ["issued"],
  self_signed_tls_client_auth: ["shown", "issued"],
};

/** The table of a deployment that serves these response types alone, and sees so much of client certificates. */
export function supportedWith(
  responseTypes: SupportedValues["response_types"],
  certificates: CertificateUse = "none",
): SupportedValues {
  const inBrowser = responseTypes.some((type) => type !== "code");
  return {
    ...SUPPORTED,
    response_types: responseTypes,
    grant_types: SUPPORTED.grant_types.filter((grant) => grant !== "implicit" || inBrowser),
    token_endpoint_auth_method: SUPPORTED.token_endpoint_auth_method.filter(
      (method) => METHODS_OF_CERTIFICATES[method]?.includes(certificates) !== false,
    ),
    tls_client_certificate_bound_access_tokens: certificates === "none" ? [false] : [true, false],
  };
}
