import {
  type Client,
  type ClientDetails,
  checkSectorIdentifier,
  decideDetails,
  grantTypesProblemOf,
  makeClient,
  needsSealedSecret,
  OAuthError,
  parseClientChanges,
  parseNewClient,
  renderClient,
  type SealSecret,
  SUBJECT_MEMBERS,
} from "@dex/oidc";
import type { FetchDocument, JsonObject, Random, Secret } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { type KeyAddresses, keysProblemOf } from "./new-keys.ts";

/** What is needed of the stored clients. Each write and its audit event are one transaction (ADM-6). */
export interface ManagedClients {
  /** All of them, ordered by id. */
  list(): Promise<readonly Client[]>;
  create(client: Client, actor: Actor): Promise<"created" | "id taken">;
  /** Deletes the client with its codes, token families and consents; false when there is none. */
  delete(clientId: string, actor: Actor): Promise<boolean>;
}

export interface ChangeableClients {
  find(clientId: string): Promise<Client | undefined>;
  /** Which connectors people may sign in to the client through from now on; undefined allows all. */
  setAllowedConnectors(
    clientId: string,
    allowed: readonly string[] | undefined,
    actor: Actor,
  ): Promise<"done" | "unknown">;
  /** Which grants the client may use from now on. */
  setGrantTypes(clientId: string, grantTypes: Client["grantTypes"], actor: Actor): Promise<"done" | "unknown">;
  /** "changed": it is not `read` any more, and nothing was written; of two callers who read the same one succeeds. */
  setDetails(
    clientId: string,
    details: { readonly read: ClientDetails; readonly next: ClientDetails },
    actor: Actor,
  ): Promise<"done" | "changed" | "unknown">;
}

export type ClientChange =
  | { readonly kind: "done" }
  | { readonly kind: "unknown" }
  | { readonly kind: "refused"; readonly reason: string };

export interface ChangeParts extends KeyAddresses {
  readonly clients: ChangeableClients;
  readonly fetchDocument: FetchDocument;
  /** Whether those who ask may change what proves a client that can administer. */
  readonly adminClients: "allowed" | "refused";
}

/** Changes a client. `wanted` is what somebody described, unchecked. */
export async function changeClient(
  parts: ChangeParts,
  clientId: string,
  wanted: unknown,
  actor: Actor,
  now: Date,
): Promise<ClientChange> {
  const { clients, fetchDocument, adminClients } = parts;
  const decision = parseClientChanges(wanted);
  if (decision.kind === "refused") return decision;
  if (!CLIENT_ID.test(clientId)) return { kind: "unknown" };
  if (decision.kind === "changes") {
    return { kind: await clients.setAllowedConnectors(clientId, decision.allowedConnectors, actor) };
  }
  const client = await clients.find(clientId);
  if (client === undefined) return { kind: "unknown" };
  if (decision.kind === "details") {
    const keys = keysProblemOf(decision.changed, parts, now);
    if (keys !== undefined) return { kind: "refused", reason: keys };
    if (client.admin && adminClients === "refused" && PROVING.some((member) => touches(decision, member))) {
      return ADMIN_PROOF_REFUSED;
    }
    const outcome = decideDetails(client, decision);
    if (outcome.kind === "refused") return outcome;
    const next = { ...client, details: outcome.details };
    const sector = isOfAnotherSector(client, next) ? await sectorProblemOf(next, fetchDocument) : undefined;
    if (sector !== undefined) return { kind: "refused", reason: sector };
    const written = await clients.setDetails(clientId, { read: client.details, next: outcome.details }, actor);
    return written === "changed" ? CHANGED_MEANWHILE : { kind: written };
  }
  const problem = grantTypesProblemOf(client, decision.grantTypes);
  if (problem !== undefined) return { kind: "refused", reason: problem };
  const next = { ...client, grantTypes: decision.grantTypes };
  const sector = isOfAnotherSector(client, next) ? await sectorProblemOf(next, fetchDocument) : undefined;
  if (sector !== undefined) return { kind: "refused", reason: sector };
  return { kind: await clients.setGrantTypes(clientId, decision.grantTypes, actor) };
}

/** Whoever may write these can be the client. */
const PROVING = ["jwks", "jwks_uri", "trusted_issuers", "token_endpoint_auth_method", ...SUBJECT_MEMBERS] as const;
type Details = { readonly changed: ClientDetails; readonly removed: readonly string[] };
const touches = ({ changed, removed }: Details, member: (typeof PROVING)[number]) =>
  changed[member] !== undefined || removed.includes(member);

// A stolen admin token lives for minutes. Were it able to give an admin client a key, the theft would outlive it.
const ADMIN_PROOF_REFUSED: ClientChange = {
  kind: "refused",
  reason: "what proves an admin client can only be changed with dexctl on the database",
};

/** Or may be: of whom the document must tell more than before. */
const isOfAnotherSector = (before: Client, { details, grantTypes }: Client) =>
  details.sector_identifier_uri !== before.details.sector_identifier_uri ||
  details.jwks_uri !== before.details.jwks_uri ||
  grantTypes.some((grant) => !before.grantTypes.includes(grant));

/**
 * Why the client is not of the sector that it names (OIDC Core §8.1), for whoever described it: an administrator may have been
 * given the address by the client, too. Fetched once, as at registration.
 */
async function sectorProblemOf(
  client: Pick<Client, "details" | "redirectUris" | "grantTypes">,
  fetchDocument: FetchDocument,
): Promise<string | undefined> {
  try {
    await checkSectorIdentifier(client, fetchDocument);
    return undefined;
  } catch (error) {
    if (error instanceof OAuthError) return error.message;
    throw error;
  }
}

const CHANGED_MEANWHILE: ClientChange = {
  kind: "refused",
  reason: "somebody else changed the client at the same moment: try again",
};

export interface ClientAdministrationParts extends KeyAddresses {
  readonly clients: ManagedClients;
  /** Whether those who ask may make clients that can administer in turn. */
  readonly adminClients: "allowed" | "refused";
  readonly hashChosenSecret: (secret: string) => Promise<string>;
  /** For the document of a client's sector. */
  readonly fetchDocument: FetchDocument;
  /** For clients that make MACs with their secrets; without it none is made here. */
  readonly sealClientSecret?: SealSecret | undefined;
  readonly random: Random;
}

export type ClientCreation =
  | { readonly kind: "created"; readonly client: Client; readonly secret: Secret<string> | undefined }
  | {
      readonly kind: "refused";
      readonly code: "bad_request" | "forbidden" | "duplicate_id";
      readonly reason: string;
    };

/** Lists, creates and deletes clients, whoever asks and however. */
export interface ClientAdministration {
  /** As the APIs show them: nothing secret is among it (ADM-5). */
  list(): Promise<readonly JsonObject[]>;
  /** `wanted` is a client as somebody described it, unchecked. The secret is given out this once. */
  create(wanted: unknown, actor: Actor, now: Date): Promise<ClientCreation>;
  /** False when there is no such client. */
  delete(clientId: string, actor: Actor): Promise<boolean>;
}

// The ids that a client can have. Anything else, such as a NUL byte, names no client and never reaches the database.
export const CLIENT_ID = /^[\x21-\x7e]{1,255}$/;

export function makeClientAdministration(parts: ClientAdministrationParts): ClientAdministration {
  const { clients } = parts;
  return {
    list: async () => (await clients.list()).map(renderClient),
    async create(wanted, actor, now) {
      const decision = parseNewClient(wanted);
      if (decision.kind === "refused") return { ...decision, code: "bad_request" };
      // A stolen admin token lives for minutes. Were it able to make admin clients, the theft would outlive it.
      if (decision.metadata.admin && parts.adminClients === "refused") return ADMIN_REFUSED;
      const keys = keysProblemOf(decision.metadata.details, parts, now);
      if (keys !== undefined) return { kind: "refused", code: "bad_request", reason: keys };
      const { sealClientSecret: sealSecret } = parts;
      if (needsSealedSecret(decision.metadata.details) && sealSecret === undefined) return SEAL_REFUSED;
      const sector = await sectorProblemOf(decision.metadata, parts.fetchDocument);
      if (sector !== undefined) return { kind: "refused", code: "bad_request", reason: sector };
      const made = await makeClient(decision.metadata, { ...parts, sealSecret, now });
      const outcome = await clients.create(made.client, actor);
      if (outcome === "id taken")
        return { kind: "refused", code: "duplicate_id", reason: "a client with this id exists" };
      return { kind: "created", ...made };
    },
    delete: async (clientId, actor) => CLIENT_ID.test(clientId) && (await clients.delete(clientId, actor)),
  };
}

/** Where a client makes MACs, and nothing is at hand to seal its secret with. */
export const SEAL_REFUSED = {
  kind: "refused",
  code: "bad_request",
  reason:
    "token_endpoint_auth_method: client_secret_jwt needs a key secret, which workers and the overlord have: use their API",
} as const;

const ADMIN_REFUSED: ClientCreation = {
  kind: "refused",
  code: "forbidden",
  reason: "isAdmin: an admin client can only be created with dexctl on the database or by the overlord's admin API",
};
