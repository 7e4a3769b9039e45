import type { JsonObject } from "@dex/runtime";
import { z } from "zod";
import { keyProblemIn } from "../client-jwts/key-metadata.ts";
import { isBlank } from "../text-for-people.ts";
import type { Client, GrantType, SigningAlgorithm } from "./client.ts";
import { type ClientDetails, clientDetailsShape, provesByKey, renderClientDetails } from "./client-details.ts";
import { encryptionProblemIn } from "./encryption-key.ts";
import { defaultAlgorithmFor, withProfileDefaults } from "./profile.ts";
import { contradictionInProfile } from "./profile-rules.ts";
import { parseRedirectUriForRegistration } from "./redirect-uri.ts";
import { type Contradiction, contradictionInDetails, grantsOf } from "./registered-details.ts";
import { GRANT_TYPES } from "./supported.ts";
import { webUriShape } from "./web-uri.ts";

/** What somebody who may create clients asks for, checked. */
export interface NewClientMetadata {
  readonly id: string | undefined;
  readonly secret: string | undefined;
  readonly name: string | undefined;
  readonly logoUri: string | undefined;
  readonly clientUri: string | undefined;
  readonly redirectUris: readonly string[];
  readonly public: boolean;
  readonly admin: boolean;
  readonly trusted: boolean;
  readonly requirePkce: boolean;
  readonly grantTypes: readonly GrantType[];
  readonly scopes: readonly string[] | undefined;
  readonly trustedPeers: readonly string[];
  readonly allowedConnectors: readonly string[] | undefined;
  readonly idTokenSigningAlgorithm: SigningAlgorithm;
  readonly dynamic: boolean;
  readonly details: ClientDetails;
}

export type NewClientDecision =
  | { readonly kind: "client"; readonly metadata: NewClientMetadata }
  | { readonly kind: "refused"; readonly reason: string };

const id = z
  .string()
  // The equals sign ends the random part of ids that dex v1 made.
  .regex(/^[A-Za-z0-9._~@:/=-]{1,255}$/, "must be 1 to 255 characters of letters, digits and ._~@:/=-")
  .refine((text) => text !== "." && text !== "..", "must not be a dot segment, which no URL path can name")
  // Ours, OWN_PAGES_CLIENT_ID among them.
  .refine((text) => !text.startsWith("dex:"), "is reserved: it must not begin with dex:");
// RFC 6749 §10.10 asks for 128 bits of an attacker's work. 16 characters are 96 bits when random; argon2id adds the rest.
const secret = z.string().regex(/^[A-Za-z0-9_-]{16,256}={0,2}$/, "must be 16 to 256 characters of base64url");
const scopeWord = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "must be a scope, RFC 6749 section 3.3");
/** What people are shown as the name of a client. */
export const clientNameShape = z
  .string()
  .min(1, "must not be empty")
  .max(100, "must be at most 100 characters")
  .refine((text) => !/\p{C}/u.test(text), "must hold no control characters")
  .refine((text) => !isBlank(text), "must hold something to see");

/** Connectors by id. There may be none of that id yet. */
export const allowedConnectorsShape = z
  .array(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "must be the id of a connector"))
  .max(100, "must be at most 100");

const grantTypesShape = z.array(z.enum(GRANT_TYPES)).min(1).max(GRANT_TYPES.length);

/** The client of dex v1's admin API and dexctl, with our additions. Unknown members are mistakes, not noise. */
export const newClientShape = z.strictObject({
  id: id.optional(),
  secret: secret.optional(),
  isAdmin: z.boolean().optional(),
  redirectURIs: z.array(z.string()).max(50, "must be at most 50").optional(),
  clientName: clientNameShape.optional(),
  logoURI: webUriShape.optional(),
  clientURI: webUriShape.optional(),
  trustedPeers: z.array(id).max(100, "must be at most 100").optional(),
  public: z.boolean().optional(),
  trusted: z.boolean().optional(),
  requirePKCE: z.boolean().optional(),
  grantTypes: grantTypesShape.optional(),
  scopes: z.array(scopeWord).max(100, "must be at most 100").optional(),
  allowedConnectors: allowedConnectorsShape.optional(),
  idTokenSignedResponseAlg: z.enum(["RS256", "ES256", "EdDSA"]).optional(),
  details: z.strictObject(clientDetailsShape.shape).optional(),
});

/** What of a client can be changed: one of these at a time. */
export const clientChangesShape = z.strictObject({
  allowedConnectors: allowedConnectorsShape.optional(),
  grantTypes: grantTypesShape.optional(),
  details: z
    .record(z.string(), z.unknown())
    .describe("Members of client metadata by their registered names; null takes one away, the others stay.")
    .optional(),
});

export type ClientChangesDecision =
  | { readonly kind: "changes"; readonly allowedConnectors: readonly string[] | undefined }
  | { readonly kind: "grant types"; readonly grantTypes: readonly GrantType[] }
  | { readonly kind: "details"; readonly changed: ClientDetails; readonly removed: readonly string[] }
  | { readonly kind: "refused"; readonly reason: string };

/** Checks how a client is to change. The reason of a refusal names the member. */
export function parseClientChanges(input: unknown): ClientChangesDecision {
  const parsed = clientChangesShape.safeParse(input);
  if (!parsed.success) return { kind: "refused", reason: describeIssue(parsed.error) };
  const { allowedConnectors, grantTypes, details } = parsed.data;
  if ([allowedConnectors, grantTypes, details].filter((one) => one !== undefined).length !== 1) {
    return { kind: "refused", reason: "client: expected one of allowedConnectors, grantTypes and details" };
  }
  if (details !== undefined) return parseDetailsChanges(details);
  if (grantTypes !== undefined) return { kind: "grant types", grantTypes };
  return { kind: "changes", allowedConnectors: allowedConnectorsOf(allowedConnectors) };
}

function parseDetailsChanges(details: Readonly<Record<string, unknown>>): ClientChangesDecision {
  const members = Object.entries(details);
  const removed = members.filter(([, value]) => value === null).map(([member]) => member);
  const unknown = removed.find((member) => !Object.hasOwn(clientDetailsShape.shape, member));
  if (unknown !== undefined) return { kind: "refused", reason: `details.${unknown}: is not known` };
  const kept = Object.fromEntries(members.filter(([, value]) => value !== null));
  const changed = z.strictObject(clientDetailsShape.shape).safeParse(kept);
  return changed.success
    ? { kind: "details", changed: changed.data, removed }
    : { kind: "refused", reason: `details.${describeIssue(changed.error)}` };
}

/** Why the client cannot have these grants, or undefined when it can. */
export function grantTypesProblemOf(client: Client, grantTypes: readonly GrantType[]): string | undefined {
  const contradiction = contradictionIn({ ...client, grantTypes, secret: undefined });
  return contradiction === undefined ? undefined : `${contradiction.member}: ${contradiction.reason}`;
}

/** Checks the description of a client that is to be created. The reason of a refusal names the member. */
export function parseNewClient(input: unknown): NewClientDecision {
  const parsed = newClientShape.safeParse(input);
  if (!parsed.success) return refused(describeIssue(parsed.error));
  const given = parsed.data;
  const isPublic = given.public ?? false;
  const metadata: NewClientMetadata = {
    id: given.id,
    secret: given.secret,
    name: given.clientName,
    logoUri: given.logoURI,
    clientUri: given.clientURI,
    redirectUris: given.redirectURIs ?? [],
    public: isPublic,
    admin: given.isAdmin ?? false,
    trusted: given.trusted ?? false,
    requirePkce: given.requirePKCE ?? isPublic,
    grantTypes: given.grantTypes ?? defaultGrantTypes(isPublic, given.details),
    scopes: given.scopes,
    trustedPeers: given.trustedPeers ?? [],
    allowedConnectors: allowedConnectorsOf(given.allowedConnectors),
    idTokenSigningAlgorithm: given.idTokenSignedResponseAlg ?? defaultAlgorithmFor(given.details ?? {}),
    dynamic: false,
    details: withProfileDefaults(given.details ?? {}),
  };
  const contradiction = contradictionIn(metadata);
  return contradiction === undefined
    ? { kind: "client", metadata }
    : refused(`${NAMES[contradiction.member] ?? contradiction.member}: ${contradiction.reason}`);
}

/** What the rules for what clients register call a member -> what it is called here. */
const NAMES: Readonly<Record<string, string>> = {
  redirect_uris: "redirectURIs",
  grant_types: "grantTypes",
  id_token_signed_response_alg: "idTokenSignedResponseAlg",
};

/** As in dex v2 an empty list allows all. */
export function allowedConnectorsOf(given: readonly string[] | undefined): readonly string[] | undefined {
  return given === undefined || given.length === 0 ? undefined : [...new Set(given)];
}

/** Those that its response types take, and those that go with them. */
function defaultGrantTypes(isPublic: boolean, details: ClientDetails = {}): readonly GrantType[] {
  const ofResponses = new Set(grantsOf(details));
  const refreshing: readonly GrantType[] = ofResponses.has("authorization_code") ? ["refresh_token"] : [];
  const ofPeople = [...ofResponses, ...refreshing];
  return isPublic ? ofPeople : [...ofPeople, "client_credentials"];
}

/** What a refresh token can come from. */
const OF_PEOPLE: readonly GrantType[] = [
  "authorization_code",
  "password",
  "urn:ietf:params:oauth:grant-type:device_code",
  "urn:openid:params:grant-type:ciba",
];

/**
 * Why such a client cannot be, or undefined when it can: the same for everyone who makes or changes clients, whether it
 * registers itself or an administrator describes it to an API, to dexctl or in a file. Columns go by their names in the APIs.
 */
export function contradictionIn(client: NewClientMetadata): Contradiction | undefined {
  for (const uri of client.redirectUris) {
    const registration = parseRedirectUriForRegistration(uri);
    if (registration.kind === "refused") return { member: "redirectURIs", reason: registration.reason };
    // Any program on the device may claim such a scheme, so a client that can keep a secret has no use for it.
    if (registration.form === "private-use" && !client.public) {
      return { member: "redirectURIs", reason: "a private-use scheme is for public clients only" };
    }
  }
  const lists = { redirectURIs: client.redirectUris, trustedPeers: client.trustedPeers, grantTypes: client.grantTypes };
  for (const [member, values] of Object.entries(lists)) {
    if (new Set(values).size < values.length) return { member, reason: "holds a value twice" };
  }
  if (client.grantTypes.includes("authorization_code") && client.redirectUris.length === 0) {
    if (!client.public)
      return { member: "redirectURIs", reason: "at least one is needed for the authorization_code grant" };
    // Nothing else tells people who asks.
    if (client.name === undefined) {
      return { member: "clientName", reason: "a public client without redirect URIs needs a name" };
    }
  }
  if (client.grantTypes.includes("refresh_token") && !client.grantTypes.some((grant) => OF_PEOPLE.includes(grant))) {
    return {
      member: "grantTypes",
      reason: "refresh_token needs authorization_code, password, the device code or ciba",
    };
  }
  const keys = keyProblemIn(client.details, client.public);
  if (keys !== undefined) return keys;
  const encryption = encryptionProblemIn(client.details);
  if (encryption !== undefined) return encryption;
  if (client.secret !== undefined && provesByKey(client.details)) {
    return { member: "secret", reason: "a client that signs has none" };
  }
  // Whoever sees one assertion can try words at it for as long as they like (RFC 7518 §3.2).
  if (client.secret !== undefined && client.details.token_endpoint_auth_method === "client_secret_jwt") {
    return { member: "secret", reason: "a client that makes MACs has one that was generated" };
  }
  return (
    (client.public ? contradictionInPublic(client) : undefined) ??
    contradictionInDetails(client) ??
    contradictionInProfile(client)
  );
}

/** Who can be anybody gets nothing for itself, and nothing for what others were given (TX-1). */
const OF_PROVED_CLIENTS: readonly GrantType[] = [
  "client_credentials",
  "urn:ietf:params:oauth:grant-type:jwt-bearer",
  "urn:ietf:params:oauth:grant-type:token-exchange",
];

function contradictionInPublic(client: NewClientMetadata): Contradiction | undefined {
  if (client.secret !== undefined) return { member: "secret", reason: "a public client has none" };
  if (client.admin) return { member: "isAdmin", reason: "a public client cannot prove who it is" };
  if (!client.requirePkce) return { member: "requirePKCE", reason: "a public client always needs it" };
  if (client.trusted) {
    return { member: "trusted", reason: "a public client can be impersonated, so people must be asked" };
  }
  const unproved = client.grantTypes.find((grant) => OF_PROVED_CLIENTS.includes(grant));
  return unproved === undefined
    ? undefined
    : { member: "grantTypes", reason: `${unproved} needs a confidential client` };
}

/** A client as the APIs show it: v1's members and ours. Neither secret nor hash is among them (ADM-5, TOK-17). */
export function renderClient(client: Client): JsonObject {
  return {
    id: client.id,
    ...(client.name === undefined ? {} : { clientName: client.name }),
    ...(client.logoUri === undefined ? {} : { logoURI: client.logoUri }),
    ...(client.clientUri === undefined ? {} : { clientURI: client.clientUri }),
    redirectURIs: client.redirectUris,
    public: client.public,
    isAdmin: client.admin,
    trusted: client.trusted,
    requirePKCE: client.requirePkce,
    grantTypes: client.grantTypes,
    ...(client.scopes === undefined ? {} : { scopes: client.scopes }),
    trustedPeers: client.trustedPeers,
    ...(client.allowedConnectors === undefined ? {} : { allowedConnectors: client.allowedConnectors }),
    idTokenSignedResponseAlg: client.idTokenSigningAlgorithm,
    ...(client.dynamic ? { dynamic: true } : {}),
    ...(Object.keys(client.details).length === 0 ? {} : { details: renderClientDetails(client.details) }),
    createdAt: client.createdAt.toISOString(),
  };
}

function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "client" : issue.path.join(".");
  return `${where}: ${issue?.message ?? "is not valid"}`;
}

function refused(reason: string): NewClientDecision {
  return { kind: "refused", reason };
}
