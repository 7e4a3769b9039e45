// What a client registered about itself beyond what every client has: OpenID Connect Dynamic Client Registration §2, RFC 7591
// §2 and the logout specifications. Stored as one JSON value, in the names of those documents.
import type { Json, JsonObject } from "@dex/runtime";
import { z } from "zod";
import { isSubjectValue, type SubjectMember } from "../mutual-tls/certificate-subject.ts";
import { CLIENT_LIFETIME_MEMBERS, type ClientLifetimeMember, rangeOfClientLifetime } from "../tokens/lifetimes.ts";
import { trustedIssuersShape } from "./trusted-issuers.ts";

/** OAuth 2.0 Multiple Response Types §3, §5: the words in the order in which they are compared. */
export const RESPONSE_TYPES = [
  "code",
  "id_token",
  "id_token token",
  "code id_token",
  "code token",
  "code id_token token",
] as const;
export type ResponseType = (typeof RESPONSE_TYPES)[number];

/** What a client can be held to as a whole, see profile.ts. */
export const PROFILES = ["fapi2", "fapi2-message-signing", "fapi-ciba", "fapi1-advanced"] as const;
export type Profile = (typeof PROFILES)[number];
/** Those that a client can have without an administrator: CIBA is none that it registers itself for (DCR-1). */
export const REGISTRATION_PROFILES = [
  "fapi2",
  "fapi2-message-signing",
  "fapi1-advanced",
] as const satisfies readonly Profile[];

/** RFC 7518 §4.1 and §5.1, as far as jose has them and nobody advises against them. */
export const ENCRYPTION_ALGORITHMS = ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"] as const;
export const CONTENT_ENCRYPTIONS = ["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"] as const;
const signing = z.enum(["RS256", "ES256", "EdDSA"]);
const encryption = z.enum(ENCRYPTION_ALGORITHMS);
const contentEncryption = z.enum(CONTENT_ENCRYPTIONS);
/** An address that we call or send browsers to. Who registers itself is held to https on top. */
const webAddress = z
  .string()
  .max(1000)
  .refine((text) => hasScheme(text, /^https?:$/), "must be an https URL");
/** RFC 8252 §7.1: an application on a device has a scheme with a dot in it. */
const onwardAddress = z
  .string()
  .max(1000)
  .refine((text) => hasScheme(text, /^(?:https?|[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+):$/), "must be an https URL");

function hasScheme(text: string, schemes: RegExp): boolean {
  return /^[\x21-\x7e]+$/.test(text) && schemes.test(URL.parse(text)?.protocol ?? "");
}

/** RFC 8705 §2.1.2. */
function subjectValue(member: SubjectMember) {
  return z
    .string()
    .max(1000)
    .refine((value) => isSubjectValue(member, value), "must be the name of a subject");
}

/** RFC 7517. Public keys, RFC 7591 §2; what is in them is looked at where they are used. */
const jwkValue = z.union([z.string().max(8192), z.number(), z.boolean(), z.array(z.string().max(8192)).max(20)]);
const jwks = z.object({ keys: z.array(z.record(z.string().max(100), jwkValue)).max(20) });

/** Names of groups or roles, as they are told. */
const memberships = z.array(z.string().regex(/^\P{C}{1,255}$/u, "must be a name")).max(100);

function lifetime(member: ClientLifetimeMember) {
  const { least, most } = rangeOfClientLifetime(member);
  const message = `must be a whole number of seconds from ${least} to ${most}`;
  return z.int(message).min(least, message).max(most, message);
}

/** How long what a client gets stays good, in seconds. An administrator's to say, and nobody else's (DCR-1, P2). */
export const clientLifetimesShape = z.strictObject({
  access_token_lifetime: lifetime("access_token_lifetime").optional(),
  id_token_lifetime: lifetime("id_token_lifetime").optional(),
  refresh_token_idle_lifetime: lifetime("refresh_token_idle_lifetime").optional(),
  refresh_token_absolute_lifetime: lifetime("refresh_token_absolute_lifetime").optional(),
  refresh_token_grace: lifetime("refresh_token_grace").optional(),
});

/** Members of client metadata, by their registered names. All may be missing. */
export const clientDetailsShape = z.object({
  response_types: z.array(z.enum(RESPONSE_TYPES)).max(6).optional(),
  /** Ours: the rules that this client is held to beyond those of all. Once there it is not taken back by the client. */
  profile: z.enum(PROFILES, { error: `must be ${PROFILES.join(" or ")}` }).optional(),
  application_type: z.enum(["web", "native"]).optional(),
  contacts: z.array(z.string().max(320)).max(50).optional(),
  policy_uri: webAddress.optional(),
  tos_uri: webAddress.optional(),
  jwks: jwks.optional(),
  jwks_uri: webAddress.optional(),
  sector_identifier_uri: webAddress.optional(),
  subject_type: z.enum(["public", "pairwise"]).optional(),
  token_endpoint_auth_method: z
    .enum([
      "none",
      "client_secret_basic",
      "client_secret_post",
      "client_secret_jwt",
      "private_key_jwt",
      "tls_client_auth",
      "self_signed_tls_client_auth",
    ])
    .optional(),
  token_endpoint_auth_signing_alg: z.enum(["RS256", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"]).optional(),
  /** Ours: whether an ID token beside an access token tells what the scope releases, or leaves that to userinfo. */
  id_token_claims: z.enum(["by_scope", "requested"]).optional(),
  id_token_encrypted_response_alg: encryption.optional(),
  id_token_encrypted_response_enc: contentEncryption.optional(),
  userinfo_signed_response_alg: signing.optional(),
  userinfo_encrypted_response_alg: encryption.optional(),
  userinfo_encrypted_response_enc: contentEncryption.optional(),
  authorization_signed_response_alg: signing.optional(),
  authorization_encrypted_response_alg: encryption.optional(),
  authorization_encrypted_response_enc: contentEncryption.optional(),
  introspection_signed_response_alg: signing.optional(),
  introspection_encrypted_response_alg: encryption.optional(),
  introspection_encrypted_response_enc: contentEncryption.optional(),
  request_object_signing_alg: z.enum(["RS256", "PS256", "ES256", "EdDSA", "none"]).optional(),
  /** RFC 9101 §10.5 */
  require_signed_request_object: z.boolean().optional(),
  request_uris: z.array(webAddress).max(20).optional(),
  default_max_age: z.int().min(0).max(2_147_483_647).optional(),
  require_auth_time: z.boolean().optional(),
  default_acr_values: z.array(z.string().max(255)).max(20).optional(),
  initiate_login_uri: webAddress.optional(),
  require_pushed_authorization_requests: z.boolean().optional(),
  post_logout_redirect_uris: z.array(onwardAddress).max(50).optional(),
  backchannel_logout_uri: webAddress.optional(),
  backchannel_logout_session_required: z.boolean().optional(),
  /** CIBA Core §4. */
  backchannel_token_delivery_mode: z.enum(["poll", "ping", "push"]).optional(),
  backchannel_client_notification_endpoint: webAddress.optional(),
  backchannel_authentication_request_signing_alg: z.enum(["RS256", "PS256", "ES256", "EdDSA"]).optional(),
  backchannel_user_code_parameter: z.boolean().optional(),
  frontchannel_logout_uri: webAddress.optional(),
  frontchannel_logout_session_required: z.boolean().optional(),
  /** dex v2's ssoSharedWith: clients that a sign-in to this one counts for, or `*`. An administrator's to say (DCR-1). */
  sso_shared_with: z
    .array(z.string().regex(/^[\x21-\x7e]{1,255}$/))
    .max(100)
    .optional(),
  dpop_bound_access_tokens: z.boolean().optional(),
  /** Ours: issuers whose tokens stand for the client (RFC 7523). An administrator's to say, as what follows. */
  trusted_issuers: trustedIssuersShape.optional(),
  /** Ours, what the client is a member of and may act as, for its own tokens: RFC 9068 §2.2.3.1. */
  groups: memberships.optional(),
  roles: memberships.optional(),
  /** Ours: of access tokens that are for no resource. An administrator's to say, since who reads them must be told (DCR-1). */
  access_token_format: z.enum(["opaque", "jwt"]).optional(),
  tls_client_auth_subject_dn: subjectValue("tls_client_auth_subject_dn").optional(),
  tls_client_auth_san_dns: subjectValue("tls_client_auth_san_dns").optional(),
  tls_client_auth_san_uri: subjectValue("tls_client_auth_san_uri").optional(),
  tls_client_auth_san_ip: subjectValue("tls_client_auth_san_ip").optional(),
  tls_client_auth_san_email: subjectValue("tls_client_auth_san_email").optional(),
  tls_client_certificate_bound_access_tokens: z.boolean().optional(),
  ...clientLifetimesShape.shape,
});
export type ClientDetails = z.infer<typeof clientDetailsShape>;

/** What an administrator says of a client, and the client neither chooses nor hears (DCR-1). */
const ADMINISTRATED: readonly string[] = [
  "sso_shared_with",
  "trusted_issuers",
  "groups",
  "roles",
  "access_token_format",
  ...CLIENT_LIFETIME_MEMBERS,
];

/** The details in two: what the client says of itself, and what an administrator says of it. */
export function splitDetails(details: ClientDetails): {
  readonly own: ClientDetails;
  readonly administrated: ClientDetails;
} {
  const part = (administrated: boolean): ClientDetails =>
    Object.fromEntries(Object.entries(details).filter(([name]) => ADMINISTRATED.includes(name) === administrated));
  return { own: part(false), administrated: part(true) };
}

/** The members that there are, as JSON. */
export function renderClientDetails(details: ClientDetails): JsonObject {
  const members = Object.entries(details).flatMap(([name, value]) =>
    // What zod made of JSON is JSON still: members that are undefined are not there.
    value === undefined ? [] : [[name, value as Json] as const],
  );
  return Object.fromEntries(members);
}

/** Whether the client authenticates with nothing but the certificate of its connection (RFC 8705 §2). */
export function provesByCertificate({ token_endpoint_auth_method: method }: ClientDetails): boolean {
  return method === "tls_client_auth" || method === "self_signed_tls_client_auth";
}

/** Whether the client proves who it is with a key of its own, and so has no secret. */
export function provesByKey(details: ClientDetails): boolean {
  return details.token_endpoint_auth_method === "private_key_jwt" || provesByCertificate(details);
}

/** Whether the client gets no access token but such as are bound to a key: by DPoP, or by the certificate of its connection. */
export function hasBoundTokens(details: ClientDetails): boolean {
  return details.dpop_bound_access_tokens === true || details.tls_client_certificate_bound_access_tokens === true;
}

/**
 * Response types a client may ask for: code alone unless it registered others (OIDC Registration §2). Nobody proves a key
 * at the authorization endpoint, so none with an access token where those are bound to one (RFC 9449 §5.2).
 */
export function responseTypesOf(details: ClientDetails): readonly ResponseType[] {
  const { response_types: types = ["code"] } = details;
  return hasBoundTokens(details) ? types.filter((type) => !bringsAccessToken(type)) : types;
}

/** Whether an access token travels with the browser. */
export function bringsAccessToken(type: ResponseType): boolean {
  return type.split(" ").includes("token");
}
