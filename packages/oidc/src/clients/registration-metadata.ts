// What a client says of itself when it registers, RFC 7591 §2 and OpenID Connect Dynamic Client Registration §2. Values of
// members we know are strictly typed; wishes for what we do not do are refused, since a client would rely on them; members
// we do not know are ignored, as RFC 7591 §2 asks. No address among them is ever fetched (SSR-1).
import type { JsonObject } from "@dex/runtime";
import { z } from "zod";
import { OAuthError } from "../errors.ts";
import { parseScope, SUPPORTED_SCOPES } from "../scope.ts";
import type { Client } from "./client.ts";
import { clientNameShape, contradictionIn, type NewClientMetadata, webUriShape } from "./client-metadata.ts";

export type RegistrationDecision =
  | {
      readonly kind: "register";
      readonly metadata: NewClientMetadata;
      /** What is told of the registered client beside what it is stored with. */
      readonly told: JsonObject;
    }
  | { readonly kind: "refused"; readonly error: OAuthError };

const MAX_LIST = 50;
const texts = z.array(z.string().max(1000)).max(MAX_LIST);
const contact = z
  .string()
  .max(320)
  .regex(/^[^\s@]+@[^\s@]+$/, "must be an email address");

/** Members that ask for something, with what we can do. */
const shape = z.object({
  redirect_uris: texts.optional(),
  response_types: z.array(z.literal("code", "only code is supported")).max(1, "must hold each value once").optional(),
  grant_types: z
    .array(
      z.enum(["authorization_code", "refresh_token", "client_credentials"], {
        error: "only authorization_code, refresh_token and client_credentials are supported",
      }),
    )
    .min(1, "must not be empty")
    .max(3, "must hold each value once")
    .optional(),
  token_endpoint_auth_method: z
    .enum(["none", "client_secret_basic", "client_secret_post"], {
      error: "only client_secret_basic, client_secret_post and none are supported",
    })
    .optional(),
  application_type: z.enum(["web", "native"], { error: "must be web or native" }).optional(),
  subject_type: z.literal("public", "only public is supported").optional(),
  id_token_signed_response_alg: z
    .enum(["RS256", "ES256", "EdDSA"], { error: "only RS256, ES256 and EdDSA are supported" })
    .optional(),
  scope: z.string().max(1024, "must be at most 1024 characters").optional(),
  client_name: clientNameShape.optional(),
  logo_uri: webUriShape.optional(),
  client_uri: webUriShape.optional(),
  // Allowed to be there, and without effect.
  policy_uri: webUriShape.optional(),
  tos_uri: webUriShape.optional(),
  initiate_login_uri: webUriShape.optional(),
  jwks_uri: webUriShape.optional(),
  jwks: z.looseObject({ keys: z.array(z.unknown()) }).optional(),
  contacts: z.array(contact).max(MAX_LIST).optional(),
  require_auth_time: z.boolean().optional(),
});

/** Members whose wish we cannot fulfil, whatever their value. */
const NOT_SUPPORTED = [
  "sector_identifier_uri",
  "id_token_encrypted_response_alg",
  "id_token_encrypted_response_enc",
  "userinfo_signed_response_alg",
  "userinfo_encrypted_response_alg",
  "userinfo_encrypted_response_enc",
  "request_object_signing_alg",
  "request_object_encryption_alg",
  "request_object_encryption_enc",
  "token_endpoint_auth_signing_alg",
  "default_max_age",
  "default_acr_values",
  "request_uris",
] as const;

/** What contradictionIn calls a member -> what it is called here. */
const NAMES: Readonly<Record<string, string>> = {
  redirectURIs: "redirect_uris",
  grantTypes: "grant_types",
  clientName: "client_name",
};

/** Decides what client the metadata describe, with the defaults of RFC 7591 §2, or which error of §3.2.2 they are. */
export function decideRegistration(input: unknown): RegistrationDecision {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return refused("invalid_request", "the body must be a JSON object");
  }
  const wish = NOT_SUPPORTED.find((name) => asksForSomething(input, name));
  if (wish !== undefined) return refused("invalid_client_metadata", `${wish}: not supported`);
  const parsed = shape.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [member = "metadata"] = issue?.path ?? [];
    const code = member === "redirect_uris" ? "invalid_redirect_uri" : "invalid_client_metadata";
    return refused(code, `${String(member)}: ${issue?.message ?? "not valid"}`);
  }
  const given = parsed.data;
  const method = given.token_endpoint_auth_method ?? "client_secret_basic";
  const metadata = toMetadata(given, method === "none");
  const inconsistent = inconsistencyIn(given, metadata);
  if (inconsistent !== undefined) return refused("invalid_client_metadata", inconsistent);
  const contradiction = contradictionIn(metadata);
  if (contradiction !== undefined) {
    const { member, reason } = contradiction;
    const code = member === "redirectURIs" ? "invalid_redirect_uri" : "invalid_client_metadata";
    return refused(code, `${NAMES[member] ?? member}: ${reason}`);
  }
  const told = { token_endpoint_auth_method: method, application_type: given.application_type ?? "web" };
  return { kind: "register", metadata, told };
}

function toMetadata(given: z.infer<typeof shape>, isPublic: boolean): NewClientMetadata {
  return {
    // DCR-1: none of these is the caller's to choose.
    id: undefined,
    secret: undefined,
    admin: false,
    trusted: false,
    trustedPeers: [],
    allowedConnectors: undefined,
    dynamic: true,
    details: {},
    requirePkce: isPublic,
    public: isPublic,
    name: given.client_name,
    logoUri: given.logo_uri,
    clientUri: given.client_uri,
    redirectUris: given.redirect_uris ?? [],
    grantTypes: given.grant_types ?? ["authorization_code"],
    scopes: given.scope === undefined ? undefined : openScopes(given.scope),
    idTokenSigningAlgorithm: given.id_token_signed_response_alg ?? "RS256",
  };
}

/** What of the scope anybody may ask for. RFC 7591 §3.2.1: the rest is left out, and the answer says so. */
function openScopes(scope: string): readonly string[] {
  const asked = parseScope(scope);
  return SUPPORTED_SCOPES.filter((known) => asked.includes(known));
}

// RFC 7591 §2.1: response types and grant types must fit each other.
function inconsistencyIn(given: z.infer<typeof shape>, { grantTypes }: NewClientMetadata): string | undefined {
  const codeGrant = grantTypes.includes("authorization_code");
  if (given.response_types !== undefined && given.response_types.includes("code") !== codeGrant) {
    return "response_types: code and the grant type authorization_code need each other";
  }
  if (given.jwks !== undefined && given.jwks_uri !== undefined) return "jwks: must not come with jwks_uri";
  return undefined;
}

function asksForSomething(input: object, name: string): boolean {
  if (!Object.hasOwn(input, name)) return false;
  const value: unknown = Reflect.get(input, name);
  return !(Array.isArray(value) && value.length === 0);
}

/** The client information response, RFC 7591 §3.2.1: what was registered, and the secret this once. */
export function renderRegistration(client: Client, secret: string | undefined, told: JsonObject): JsonObject {
  return {
    client_id: client.id,
    ...(secret === undefined ? {} : { client_secret: secret }),
    client_id_issued_at: Math.floor(client.createdAt.getTime() / 1000),
    client_secret_expires_at: 0,
    redirect_uris: client.redirectUris,
    grant_types: client.grantTypes,
    response_types: client.grantTypes.includes("authorization_code") ? ["code"] : [],
    ...told,
    subject_type: "public",
    id_token_signed_response_alg: client.idTokenSigningAlgorithm,
    ...(client.name === undefined ? {} : { client_name: client.name }),
    ...(client.logoUri === undefined ? {} : { logo_uri: client.logoUri }),
    ...(client.clientUri === undefined ? {} : { client_uri: client.clientUri }),
    ...(client.scopes === undefined ? {} : { scope: client.scopes.join(" ") }),
  };
}

function refused(
  code: "invalid_request" | "invalid_redirect_uri" | "invalid_client_metadata",
  message: string,
): RegistrationDecision {
  return { kind: "refused", error: new OAuthError(code, message) };
}
