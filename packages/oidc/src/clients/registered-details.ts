// What a client may say of itself beyond the columns when it registers: OpenID Connect Dynamic Client Registration §2, RFC 7591
// §2, and the logout specifications. Each member by itself, then those that must fit each other.
import { isLoopback } from "@dex/runtime";
import { z } from "zod";
import { CIBA_GRANT } from "../backchannel-authentication/auth-req-id.ts";
import type { GrantType } from "./client.ts";
import {
  bringsAccessToken,
  type ClientDetails,
  clientDetailsShape,
  RESPONSE_TYPES,
  responseTypesOf,
} from "./client-details.ts";
import { parseRedirectUriForRegistration } from "./redirect-uri.ts";
import { webUriShape } from "./web-uri.ts";

const contact = z
  .string()
  .max(320)
  .regex(/^[^\s@]+@[^\s@]+$/, "must be an email address");

/** An address that we call or send browsers to with something of ours: nothing of it may stay behind. */
const endpointShape = webUriShape.refine((text) => !text.includes("#"), "must have no fragment");

/** As it is compared: OAuth 2.0 Multiple Response Types §3 says that the order of the words means nothing. */
const responseType = z.preprocess(inKnownOrder, z.enum(RESPONSE_TYPES, "is no response type of OpenID Connect"));

const uniqueStrings = (values: readonly string[]) => new Set(values).size === values.length;
const ONCE = "must hold each value once";

// DCR-1: whom its sign-ins count for, what its tokens are like, and how long they live, is nothing that a client says of itself.
const registrable = clientDetailsShape.omit({
  sso_shared_with: true,
  trusted_issuers: true,
  groups: true,
  roles: true,
  access_token_format: true,
  access_token_lifetime: true,
  id_token_lifetime: true,
  refresh_token_idle_lifetime: true,
  refresh_token_absolute_lifetime: true,
  refresh_token_grace: true,
}).shape;

/** Each member as somebody may register it. */
export const registeredDetailsShape = {
  ...registrable,
  response_types: z.array(responseType).min(1, "must not be empty").max(6, ONCE).refine(uniqueStrings, ONCE).optional(),
  application_type: z.enum(["web", "native"], { error: "must be web or native" }).optional(),
  contacts: z.array(contact).max(50).optional(),
  policy_uri: webUriShape.optional(),
  tos_uri: webUriShape.optional(),
  initiate_login_uri: webUriShape.optional(),
  jwks_uri: endpointShape.optional(),
  sector_identifier_uri: endpointShape.optional(),
  // OIDC Core §6.2: a fragment says which version is meant.
  request_uris: z.array(webUriShape).max(20).refine(uniqueStrings, ONCE).optional(),
  backchannel_logout_uri: endpointShape.optional(),
  frontchannel_logout_uri: endpointShape.optional(),
  backchannel_client_notification_endpoint: endpointShape.optional(),
};

function inKnownOrder(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const words = value.split(" ");
  return RESPONSE_TYPES.find((known) => known.split(" ").toSorted().join(" ") === words.toSorted().join(" ")) ?? value;
}

/** What is registered, as far as its members must fit each other. */
export interface RegisteredTogether {
  readonly details: ClientDetails;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly GrantType[];
  readonly public: boolean;
  /** Nobody here has looked at it. */
  readonly dynamic: boolean;
}

/** What contradicts itself, by the member's name. */
export interface Contradiction {
  readonly member: string;
  readonly reason: string;
}

interface Rule {
  readonly member: string;
  readonly reason: string;
  readonly breaks: (registered: RegisteredTogether) => boolean;
}

const RULES: readonly Rule[] = [
  {
    // RFC 9449 §5.2
    member: "dpop_bound_access_tokens",
    reason: "forbids response types with token, which nobody could bind",
    breaks: ({ details }) =>
      details.dpop_bound_access_tokens === true && details.response_types?.some(bringsAccessToken) === true,
  },
  {
    member: "tls_client_certificate_bound_access_tokens",
    reason: "forbids response types with token, which nobody could bind",
    breaks: ({ details }) =>
      details.tls_client_certificate_bound_access_tokens === true &&
      details.response_types?.some(bringsAccessToken) === true,
  },
  {
    // RFC 7591 §2.1, OIDC Registration §2
    member: "response_types",
    reason: "code needs the grant type authorization_code, and id_token and token need implicit",
    breaks: ({ details, grantTypes }) =>
      (details.response_types !== undefined || grantTypes.includes("implicit")) &&
      grantsOf(details).some((grant) => !grantTypes.includes(grant)),
  },
  {
    member: "response_types",
    reason: "the grant types authorization_code and implicit need a response type",
    breaks: ({ details, grantTypes }) =>
      (["authorization_code", "implicit"] as const).some(
        (grant) => grantTypes.includes(grant) && !grantsOf(details).includes(grant),
      ),
  },
  {
    member: "redirect_uris",
    reason: "must be https and not this machine for a web application whose tokens travel with the browser",
    // An administrator may be developing an application on this machine, and knows.
    breaks: ({ details, redirectUris, grantTypes, dynamic }) =>
      dynamic &&
      (details.application_type ?? "web") === "web" &&
      grantTypes.includes("implicit") &&
      (redirectUris.length === 0 || redirectUris.some((uri) => !isRemoteHttps(uri))),
  },
  {
    member: "jwks",
    reason: "keys are needed for encryption, here or at jwks_uri",
    breaks: ({ details }) => isEncryptedTo(details) && details.jwks === undefined && details.jwks_uri === undefined,
  },
  {
    // RFC 9101 §10.5
    member: "require_signed_request_object",
    reason: "needs keys, here or at jwks_uri, and another request_object_signing_alg than none",
    breaks: ({ details }) =>
      details.require_signed_request_object === true &&
      (details.request_object_signing_alg === "none" || (details.jwks === undefined && details.jwks_uri === undefined)),
  },
  {
    member: "id_token_encrypted_response_enc",
    reason: "needs id_token_encrypted_response_alg",
    breaks: ({ details }) =>
      details.id_token_encrypted_response_enc !== undefined && details.id_token_encrypted_response_alg === undefined,
  },
  {
    member: "userinfo_encrypted_response_enc",
    reason: "needs userinfo_encrypted_response_alg",
    breaks: ({ details }) =>
      details.userinfo_encrypted_response_enc !== undefined && details.userinfo_encrypted_response_alg === undefined,
  },
  {
    // RFC 9701 §6
    member: "introspection_encrypted_response_enc",
    reason: "needs introspection_encrypted_response_alg",
    breaks: ({ details }) =>
      details.introspection_encrypted_response_enc !== undefined &&
      details.introspection_encrypted_response_alg === undefined,
  },
  {
    // JARM §3
    member: "authorization_encrypted_response_enc",
    reason: "needs authorization_encrypted_response_alg",
    breaks: ({ details }) =>
      details.authorization_encrypted_response_enc !== undefined &&
      details.authorization_encrypted_response_alg === undefined,
  },
  {
    // OIDC Core §8.1
    member: "sector_identifier_uri",
    reason: "is needed for the subject_type pairwise when the redirect URIs are not all of one host",
    breaks: ({ details, redirectUris }) =>
      details.subject_type === "pairwise" &&
      details.sector_identifier_uri === undefined &&
      new Set(redirectUris.map((uri) => new URL(uri).host)).size !== 1,
  },
  {
    // RP-Initiated Logout §3.1
    member: "post_logout_redirect_uris",
    reason: "must be what a redirect URI may be, each once",
    breaks: ({ details: { post_logout_redirect_uris: uris = [] }, public: isPublic }) =>
      !uniqueStrings(uris) || uris.some((uri) => !mayBeRedirectedTo(uri, isPublic)),
  },
  {
    // CIBA Core §4 and §7: nobody else may ask for people
    member: "grant_types",
    reason: "urn:openid:params:grant-type:ciba is for clients that can keep a secret",
    breaks: ({ grantTypes, public: isPublic }) => isPublic && grantTypes.includes(CIBA_GRANT),
  },
  {
    // CIBA Core §5: tokens go to who asks for them with a proof, and are left at nobody's door.
    member: "backchannel_token_delivery_mode",
    reason: "must be poll or ping",
    breaks: ({ details }) => details.backchannel_token_delivery_mode === "push",
  },
  {
    member: "backchannel_client_notification_endpoint",
    reason: "is needed for the backchannel_token_delivery_mode ping",
    breaks: ({ details: { backchannel_token_delivery_mode: mode, backchannel_client_notification_endpoint: uri } }) =>
      mode === "ping" && uri === undefined,
  },
  {
    // Front-Channel Logout §2
    member: "frontchannel_logout_uri",
    reason: "must have the scheme, host and port of a redirect URI",
    breaks: ({ details: { frontchannel_logout_uri: uri }, redirectUris }) =>
      uri !== undefined && !redirectUris.some((redirect) => new URL(redirect).origin === new URL(uri).origin),
  },
];

/** What of the registered members contradicts another one, by the name it was registered under. */
export function contradictionInDetails(registered: RegisteredTogether): Contradiction | undefined {
  const rule = RULES.find(({ breaks }) => breaks(registered));
  return rule === undefined ? undefined : { member: rule.member, reason: rule.reason };
}

/** The grants that the client's response types take. OIDC Registration §2, the list at `grant_types`. */
export function grantsOf(details: ClientDetails): readonly GrantType[] {
  const words = responseTypesOf(details).flatMap((type) => type.split(" "));
  return words.map((word) => (word === "code" ? "authorization_code" : "implicit"));
}

function isEncryptedTo(details: ClientDetails): boolean {
  return (["id_token", "userinfo", "introspection", "authorization"] as const).some(
    (kind) => details[`${kind}_encrypted_response_alg`] !== undefined,
  );
}

function isRemoteHttps(uri: string): boolean {
  const url = new URL(uri);
  return url.protocol === "https:" && !isLoopback(url);
}

function mayBeRedirectedTo(uri: string, isPublic: boolean): boolean {
  const parsed = parseRedirectUriForRegistration(uri);
  return parsed.kind === "accepted" && (parsed.form !== "private-use" || isPublic);
}
