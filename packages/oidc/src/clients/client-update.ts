// What a client may change of its registration, RFC 7592 §2.2: all of its metadata at once, and nothing else.
import { equalInConstantTime, sha256 } from "@dex/runtime";
import { OAuthError } from "../errors.ts";
import type { Client } from "./client.ts";
import { type Profile, provesByCertificate, splitDetails } from "./client-details.ts";
import { mayChangeProfile } from "./profile.ts";
import { decideRegistration } from "./registration-metadata.ts";
import type { SupportedValues } from "./supported.ts";

export type ClientUpdateDecision =
  /** `secret`: whether it keeps those that it has, or one that is new and readable takes their place. */
  | { readonly kind: "update"; readonly client: Client; readonly secret: "kept" | "new" }
  | { readonly kind: "refused"; readonly error: OAuthError };

/** RFC 7592 §2.2 forbids to send them. */
const SERVER_SET = [
  "registration_access_token",
  "registration_client_uri",
  "client_secret_expires_at",
  "client_id_issued_at",
] as const;

/**
 * Members that protect the client or its users. What is left out of an update has its default from then on; these must be
 * turned off in so many words, as null, or somebody forgets one and is less safe without noticing (DCR-2).
 */
const PROTECTIONS = [
  "token_endpoint_auth_method",
  "token_endpoint_auth_signing_alg",
  "request_object_signing_alg",
  "subject_type",
  "sector_identifier_uri",
  "id_token_encrypted_response_alg",
  "userinfo_signed_response_alg",
  "userinfo_encrypted_response_alg",
  "introspection_signed_response_alg",
  "introspection_encrypted_response_alg",
  "authorization_signed_response_alg",
  "authorization_encrypted_response_alg",
  "require_pushed_authorization_requests",
  "require_signed_request_object",
  "require_auth_time",
  "default_max_age",
  "default_acr_values",
  "backchannel_logout_uri",
  "frontchannel_logout_uri",
  "backchannel_token_delivery_mode",
  "backchannel_client_notification_endpoint",
  "backchannel_authentication_request_signing_alg",
  "dpop_bound_access_tokens",
  "tls_client_certificate_bound_access_tokens",
] as const;

/**
 * Decides what becomes of a client that asks to be `input`. What only we or an administrator set stays as it is (DCR-2). With
 * `profile` none goes on without it, whenever it registered.
 */
export function decideClientUpdate(
  client: Client,
  input: unknown,
  supported: SupportedValues,
  profile?: Profile | undefined,
): ClientUpdateDecision {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return refused("invalid_request", "the body must be a JSON object");
  }
  const { client_id: id, client_secret: secret, ...wanted } = input as Readonly<Record<string, unknown>>;
  const foreign = SERVER_SET.find((member) => Object.hasOwn(wanted, member));
  if (foreign !== undefined) return refused("invalid_request", `${foreign}: must not be sent`);
  if (id !== client.id) return refused("invalid_request", "client_id: must be the client's own");
  if (secret !== undefined && !isSecretOf(client, secret)) {
    return refused("invalid_client_metadata", "client_secret: must be the client's own, or left out");
  }
  const forgotten = forgottenProtection(client, wanted);
  if (forgotten !== undefined) {
    return refused("invalid_client_metadata", `${forgotten}: is registered; send it again, or null to be without`);
  }
  const present = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));
  const decision = decideRegistration(present, supported, profile);
  if (decision.kind === "refused") return decision;
  const { metadata } = decision;
  if (!mayChangeProfile(client.details.profile, metadata.details.profile)) {
    return refused("invalid_client_metadata", "profile: cannot be taken away by the client itself");
  }
  const [proof, before] = [proofOf(metadata), proofOf(client)];
  if (proof !== before && !PROOF_CHANGES.some(([from, to]) => from === before && to === proof)) {
    return refused("invalid_client_metadata", "token_endpoint_auth_method: the kind of proof cannot be changed");
  }
  const { name, logoUri, clientUri, redirectUris, grantTypes, scopes, idTokenSigningAlgorithm } = metadata;
  const details = { ...metadata.details, ...splitDetails(client.details).administrated };
  const changes = { name, logoUri, clientUri, redirectUris, grantTypes, scopes, idTokenSigningAlgorithm, details };
  const secretFrom = proof === "client_secret_jwt" && proof !== before ? "new" : "kept";
  return { kind: "update", client: { ...client, ...changes }, secret: secretFrom };
}

function forgottenProtection(client: Client, wanted: object): string | undefined {
  if (client.scopes !== undefined && !Object.hasOwn(wanted, "scope")) return "scope";
  return PROTECTIONS.find((member) => client.details[member] !== undefined && !Object.hasOwn(wanted, member));
}

type Proof = "none" | "secret" | "client_secret_jwt" | "private_key_jwt" | "certificate";

/** What a client proves itself with cannot be changed but so: to a secret that is made then, or from it to its hash. */
const PROOF_CHANGES: readonly (readonly [Proof, Proof])[] = [
  ["secret", "client_secret_jwt"],
  ["private_key_jwt", "client_secret_jwt"],
  ["client_secret_jwt", "secret"],
];

/** Clients of one kind prove with the same thing who they are. */
export function proofOf({ public: isPublic, details }: Pick<Client, "public" | "details">): Proof {
  const { token_endpoint_auth_method: method } = details;
  if (isPublic) return "none";
  if (provesByCertificate(details)) return "certificate";
  return method === "private_key_jwt" || method === "client_secret_jwt" ? method : "secret";
}

function isSecretOf({ secret }: Client, presented: unknown): boolean {
  return (
    secret?.kind === "sha256" && typeof presented === "string" && equalInConstantTime(sha256(presented), secret.hash)
  );
}

function refused(code: "invalid_request" | "invalid_client_metadata", message: string): ClientUpdateDecision {
  return { kind: "refused", error: new OAuthError(code, message) };
}
