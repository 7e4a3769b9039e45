// What a client says of itself when it registers, RFC 7591 §2 and OpenID Connect Dynamic Client Registration §2. Values of
// members we know are strictly typed; wishes for what we do not do are refused, since a client would rely on them; members
// we do not know are ignored, as RFC 7591 §2 asks. Of the addresses among them sector_identifier_uri alone is fetched (SSR-1).
import { z } from "zod";
import { OAuthError } from "../errors.ts";
import { parseScope, SUPPORTED_SCOPES } from "../scope.ts";
import { CLIENT_LIFETIME_MEMBERS } from "../tokens/lifetimes.ts";
import { type ClientDetails, clientDetailsShape, type Profile, renderClientDetails } from "./client-details.ts";
import { clientNameShape, contradictionIn, type NewClientMetadata } from "./client-metadata.ts";
import { defaultAlgorithmFor, mayChangeProfile, withProfileDefaults } from "./profile.ts";
import { registeredDetailsShape } from "./registered-details.ts";
import { SUPPORTED, SUPPORTED_MEMBERS, type SupportedValues } from "./supported.ts";
import { webUriShape } from "./web-uri.ts";

export type RegistrationDecision =
  | { readonly kind: "register"; readonly metadata: NewClientMetadata }
  | { readonly kind: "refused"; readonly error: OAuthError };

const shape = z.object({
  ...registeredDetailsShape,
  redirect_uris: z.array(z.string().max(1000)).max(50).optional(),
  grant_types: z
    .array(z.enum(SUPPORTED.grant_types))
    .min(1, "must not be empty")
    .max(SUPPORTED.grant_types.length, "must hold each value once")
    .optional(),
  id_token_signed_response_alg: z.enum(["RS256", "ES256", "EdDSA"]).optional(),
  scope: z.string().max(1024, "must be at most 1024 characters").optional(),
  client_name: clientNameShape.optional(),
  logo_uri: webUriShape.optional(),
  client_uri: webUriShape.optional(),
});
type Given = z.infer<typeof shape>;

/** Members whose wish we cannot fulfil, whatever their value. */
const NOT_SUPPORTED: readonly string[] = [
  "request_object_encryption_alg",
  "request_object_encryption_enc",
  // DCR-1: an administrator's to say. No registered names, yet whoever sends them counts on them.
  ...CLIENT_LIFETIME_MEMBERS,
  ...Object.entries(SUPPORTED_MEMBERS).flatMap(([member, supported]) => (supported ? [] : [member])),
];

/** What contradictionIn calls a member -> what it is called here. */
const NAMES: Readonly<Record<string, string>> = {
  redirectURIs: "redirect_uris",
  grantTypes: "grant_types",
  clientName: "client_name",
};

/**
 * Decides what client the metadata describe, with the defaults of RFC 7591 §2, or which error of §3.2.2 they are. With `profile`
 * every client has that one, or one that demands more.
 */
export function decideRegistration(
  input: unknown,
  supported: SupportedValues = SUPPORTED,
  profile?: Profile | undefined,
): RegistrationDecision {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return refused("invalid_request", "the body must be a JSON object");
  }
  const wish = NOT_SUPPORTED.find((name) => asksForSomething(input, name));
  if (wish !== undefined) return refuse(wish, "not supported");
  const parsed = shape.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [member = "metadata"] = issue?.path ?? [];
    return refuse(String(member), issue?.message ?? "not valid");
  }
  // What follows from a profile is asked for as what is said.
  const given = withProfileDefaults(withoutUnsupportedUses(withProfile(parsed.data, profile), supported));
  if (profile !== undefined && !mayChangeProfile(profile, given.profile))
    return refuse("profile", `must be ${profile}`);
  const unsupported = unsupportedIn(given, supported);
  if (unsupported !== undefined) return unsupported;
  const metadata = toMetadata(given);
  const contradiction = contradictionIn(metadata);
  if (contradiction !== undefined) {
    return refuse(NAMES[contradiction.member] ?? contradiction.member, contradiction.reason);
  }
  return { kind: "register", metadata };
}

/** Who says nothing of a profile gets that of the deployment. */
function withProfile(given: Given, profile: Profile | undefined): Given {
  return profile === undefined ? given : { ...given, profile: given.profile ?? profile };
}

/**
 * Many a relying party registers for every response type that it could use. What of them we do is enough: the answer says what
 * is left, RFC 7591 §3.2.1. Where nothing would be left the list stays as it is, and is refused.
 */
function withoutUnsupportedUses(given: Given, supported: SupportedValues): Given {
  const { response_types, grant_types } = given;
  return {
    ...given,
    ...(response_types === undefined ? {} : { response_types: keptOf(response_types, supported.response_types) }),
    ...(grant_types === undefined ? {} : { grant_types: keptOf(grant_types, supported.grant_types) }),
  };
}

function keptOf<Value>(wanted: Value[], supported: readonly Value[]): Value[] {
  const kept = wanted.filter((value) => supported.includes(value));
  return kept.length === 0 ? wanted : kept;
}

function unsupportedIn(given: Given, supported: SupportedValues): RegistrationDecision | undefined {
  for (const [member, values] of Object.entries(supported) as [
    keyof SupportedValues,
    readonly (string | boolean)[],
  ][]) {
    const wanted: readonly (string | boolean)[] = [given[member] ?? []].flat();
    if (wanted.every((value) => values.includes(value))) continue;
    return refuse(member, values.length === 0 ? "not supported" : `supported: ${values.join(", ")}`);
  }
  return undefined;
}

function toMetadata(given: Given): NewClientMetadata {
  const isPublic = given.token_endpoint_auth_method === "none";
  return {
    // DCR-1: none of these is the caller's to choose.
    id: undefined,
    secret: undefined,
    admin: false,
    trusted: false,
    trustedPeers: [],
    allowedConnectors: undefined,
    dynamic: true,
    requirePkce: isPublic,
    public: isPublic,
    name: given.client_name,
    logoUri: given.logo_uri,
    clientUri: given.client_uri,
    redirectUris: given.redirect_uris ?? [],
    grantTypes: given.grant_types ?? ["authorization_code"],
    scopes: given.scope === undefined ? undefined : openScopes(given.scope),
    idTokenSigningAlgorithm: given.id_token_signed_response_alg ?? defaultAlgorithmFor(given),
    details: detailsOf(given),
  };
}

/** What was given of the members without a column. What was left out stays out, and has its default wherever it is read. */
function detailsOf(given: Given): ClientDetails {
  return clientDetailsShape.parse(renderClientDetails(given));
}

/** What of the scope anybody may ask for. RFC 7591 §3.2.1: the rest is left out, and the answer says so. */
function openScopes(scope: string): readonly string[] {
  const asked = parseScope(scope);
  return SUPPORTED_SCOPES.filter((known) => asked.includes(known));
}

function asksForSomething(input: object, name: string): boolean {
  if (!Object.hasOwn(input, name)) return false;
  const value: unknown = Reflect.get(input, name);
  return value !== false && !(Array.isArray(value) && value.length === 0);
}

function refuse(member: string, reason: string): RegistrationDecision {
  const code = member === "redirect_uris" ? "invalid_redirect_uri" : "invalid_client_metadata";
  return refused(code, `${member}: ${reason}`);
}

function refused(
  code: "invalid_request" | "invalid_redirect_uri" | "invalid_client_metadata",
  message: string,
): RegistrationDecision {
  return { kind: "refused", error: new OAuthError(code, message) };
}
