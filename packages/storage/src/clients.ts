import type { Client, ClientSecretHash, ClientSecretUpgrades, Clients } from "@dex/oidc";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { SECRET_COLUMNS, type SecretColumns, toSecrets, toSecretValues } from "./client-secrets.ts";
import { cold, type Database, hot, type Runner } from "./database.ts";
import { isStorable, orUndefined, toStoredText } from "./stored-text.ts";

export interface ClientStore extends Clients, ClientSecretUpgrades {
  create(client: Client, actor: Actor): Promise<"created" | "id taken">;
  /** All clients, ordered by id. */
  list(): Promise<readonly Client[]>;
  /** Deletes the client with its codes, token families and consents; false when there is none. */
  delete(clientId: string, actor: Actor): Promise<boolean>;
  /** Whether the client may use the management API; all else of it stays. A public client never may, and is unknown here. */
  setAdmin(clientId: string, admin: boolean, actor: Actor): Promise<"done" | "unknown">;
  /** Which connectors people may sign in to the client through from now on: null allows all. Tokens of others end (TOK-16). */
  setAllowedConnectors(
    clientId: string,
    allowed: readonly string[] | undefined,
    actor: Actor,
  ): Promise<"done" | "unknown">;
  /** Which grants the client may use from now on. The caller has checked that such a client can be. */
  setGrantTypes(clientId: string, grantTypes: Client["grantTypes"], actor: Actor): Promise<"done" | "unknown">;
  /** Replaces what the client registered beside the columns, where it still is `read`. */
  setDetails(
    clientId: string,
    details: { readonly read: Client["details"]; readonly next: Client["details"] },
    actor: Actor,
  ): Promise<"done" | "changed" | "unknown">;
  /** Whether some client has a redirect_uri of this origin (RFC 6454 §6.2), for CORS. */
  originIsRegistered(origin: string): Promise<boolean>;
}

export interface ClientRow extends SecretColumns {
  readonly id: string;
  readonly name: string | null;
  readonly logo_uri: string | null;
  readonly client_uri: string | null;
  readonly redirect_uris: readonly string[];
  readonly public: boolean;
  readonly admin: boolean;
  readonly trusted: boolean;
  readonly require_pkce: boolean;
  readonly grant_types: Client["grantTypes"];
  readonly scopes: readonly string[] | null;
  readonly trusted_peers: readonly string[];
  readonly id_token_signing_algorithm: Client["idTokenSigningAlgorithm"];
  readonly secret_sha256: Buffer | null;
  readonly secret_argon2id: string | null;
  readonly secret_bcrypt: string | null;
  readonly dynamic: boolean;
  readonly allowed_connectors: readonly string[] | null;
  readonly details: Client["details"];
  readonly created_at: Date;
}

export const CLIENT_COLUMNS = [
  "id",
  "name",
  "logo_uri",
  "client_uri",
  "redirect_uris",
  "public",
  "admin",
  "trusted",
  "require_pkce",
  "grant_types",
  "scopes",
  "trusted_peers",
  "id_token_signing_algorithm",
  "secret_sha256",
  "secret_argon2id",
  "created_at",
  "secret_bcrypt",
  "dynamic",
  "allowed_connectors",
  "details",
  ...SECRET_COLUMNS,
] as const;

const FIND = hot("client.find", `SELECT ${CLIENT_COLUMNS.join(", ")} FROM client WHERE id = $1`);

function placeholders(first: number, count: number): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(", ");
}

const CREATE = cold(
  "client.create",
  `WITH created AS (
    INSERT INTO client (${CLIENT_COLUMNS.join(", ")}, redirect_origins, registration_token_sha256,
      delete_unused_after)
    VALUES (${placeholders(5, CLIENT_COLUMNS.length + 3)})
    ON CONFLICT (id) DO NOTHING RETURNING id
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT $1, id, $2, $3, $4 FROM created RETURNING subject_id`,
);

// Nobody changed anything that means something, so no audit event.
const UPGRADE_SECRET = cold(
  "client.upgradeSecret",
  `UPDATE client SET secret_bcrypt = NULL, secret_sha256 = $3, secret_argon2id = $4
  WHERE id = $1 AND secret_bcrypt = $2`,
);

const SET_ADMIN = cold(
  "client.setAdmin",
  `WITH changed AS (UPDATE client SET admin = $2 WHERE id = $1 AND NOT public AND admin <> $2 RETURNING id),
  audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS})
    SELECT CASE WHEN $2 THEN 'client made admin' ELSE 'client no longer admin' END, id, $3, $4, $5 FROM changed
  )
  SELECT id FROM client WHERE id = $1 AND NOT public`,
);

const SET_ALLOWED_CONNECTORS = cold(
  "client.setAllowedConnectors",
  `WITH changed AS (
    UPDATE client SET allowed_connectors = $2::text[] WHERE id = $1 AND allowed_connectors IS DISTINCT FROM $2 RETURNING id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'client connectors changed', id, $3, $4, $5, jsonb_build_object('allowedConnectors', $2::text[]) FROM changed
  )
  SELECT id FROM client WHERE id = $1`,
);

const SET_GRANT_TYPES = cold(
  "client.setGrantTypes",
  `WITH changed AS (
    UPDATE client SET grant_types = $2::text[] WHERE id = $1 AND grant_types IS DISTINCT FROM $2 RETURNING id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'client grants changed', id, $3, $4, $5, jsonb_build_object('grantTypes', $2::text[]) FROM changed
  )
  SELECT id FROM client WHERE id = $1`,
);

const SET_DETAILS = cold(
  "client.setDetails",
  `WITH changed AS (
    UPDATE client SET details = $3::jsonb WHERE id = $1 AND details = $2::jsonb RETURNING id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'client changed', id, $4, $5, $6, jsonb_build_object('details', $3::jsonb) FROM changed
  )
  SELECT EXISTS (SELECT FROM changed) AS done FROM client WHERE id = $1`,
);

const DELETE = cold(
  "client.delete",
  `WITH deleted AS (DELETE FROM client WHERE id = $1 RETURNING id)
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'client deleted', id, $2, $3, $4 FROM deleted RETURNING subject_id`,
);

/** Clients as rows. Deleting one takes all it was granted with it, by foreign keys. */
export function makeClientStore(db: Database): ClientStore {
  return {
    async find(clientId) {
      if (!isStorable(clientId)) return undefined;
      const [row] = await db.run<ClientRow>(FIND, [clientId]);
      return row === undefined ? undefined : toClient(row);
    },
    async create(client, actor) {
      return (await insertClient(db, client, "client created", actor)) ? "created" : "id taken";
    },
    async list() {
      const rows = await db.query<ClientRow>("client.list", db.sql("client").select(CLIENT_COLUMNS).orderBy("id"));
      return rows.map(toClient);
    },
    async delete(clientId, actor) {
      if (!isStorable(clientId)) return false;
      const rows = await db.run(DELETE, [clientId, ...toAuditValues(actor)]);
      return rows.length > 0;
    },
    async setAdmin(clientId, admin, actor) {
      if (!isStorable(clientId)) return "unknown";
      const rows = await db.run(SET_ADMIN, [clientId, admin, ...toAuditValues(actor)]);
      return rows.length > 0 ? "done" : "unknown";
    },
    async setAllowedConnectors(clientId, allowed, actor) {
      if (!isStorable(clientId, ...(allowed ?? []))) return "unknown";
      const rows = await db.run(SET_ALLOWED_CONNECTORS, [clientId, allowed, ...toAuditValues(actor)]);
      return rows.length > 0 ? "done" : "unknown";
    },
    async setGrantTypes(clientId, grantTypes, actor) {
      if (!isStorable(clientId)) return "unknown";
      const rows = await db.run(SET_GRANT_TYPES, [clientId, grantTypes, ...toAuditValues(actor)]);
      return rows.length > 0 ? "done" : "unknown";
    },
    async setDetails(clientId, { read, next }, actor) {
      if (!isStorable(clientId)) return "unknown";
      const [row] = await db.run<{ done: boolean }>(SET_DETAILS, [clientId, read, next, ...toAuditValues(actor)]);
      if (row === undefined) return "unknown";
      return row.done ? "done" : "changed";
    },
    async upgradeSecret(clientId, oldHash, next) {
      const values = [next.kind === "sha256" ? next.hash : null, next.kind === "argon2id" ? next.hash : null];
      await db.run(UPGRADE_SECRET, [clientId, oldHash, ...values]);
    },
    async originIsRegistered(origin) {
      if (!isStorable(origin)) return false;
      const registered = db
        .sql("client")
        .select("id")
        .whereRaw("redirect_origins @> ARRAY[?]::text[]", [origin])
        .limit(1);
      const rows = await db.query("client.originIsRegistered", registered);
      return rows.length > 0;
    },
  };
}

/** Stores the client with its audit event; false when the id is taken, and then nothing has changed. */
export async function insertClient(
  runner: Runner,
  client: Client,
  event: "client created" | "client imported",
  actor: Actor,
  /** Of a client that registered itself: what it manages that with, and when it goes where nobody has used it. */
  registered?: { readonly tokenHash: Buffer; readonly deleteUnusedAfter: Date | undefined },
): Promise<boolean> {
  const own = [
    ...toValues(client),
    originsOf(client.redirectUris),
    registered?.tokenHash ?? null,
    registered?.deleteUnusedAfter ?? null,
  ];
  const values = [event, ...toAuditValues(actor), ...own];
  return (await runner.run(CREATE, values)).length > 0;
}

/** Those of the clients that there are. */
export async function findClients(db: Database, ids: readonly string[]): Promise<readonly Client[]> {
  const sought = db
    .sql("client")
    .select(CLIENT_COLUMNS)
    .whereIn(
      "id",
      ids.filter((id) => isStorable(id)),
    );
  return (await db.query<ClientRow>("client.findSome", sought)).map(toClient);
}

function toValues(client: Client): readonly unknown[] {
  return [
    client.id,
    toStoredText(client.name),
    client.logoUri,
    client.clientUri,
    client.redirectUris,
    client.public,
    client.admin,
    client.trusted,
    client.requirePkce,
    client.grantTypes,
    client.scopes,
    client.trustedPeers,
    client.idTokenSigningAlgorithm,
    client.secret?.kind === "sha256" ? client.secret.hash : null,
    client.secret?.kind === "argon2id" ? client.secret.hash : null,
    client.createdAt,
    client.secret?.kind === "bcrypt" ? client.secret.hash : null,
    client.dynamic,
    client.allowedConnectors,
    client.details,
    ...toSecretValues(client),
  ];
}

export function toClient(row: ClientRow): Client {
  return {
    id: row.id,
    name: orUndefined(row.name),
    logoUri: orUndefined(row.logo_uri),
    clientUri: orUndefined(row.client_uri),
    redirectUris: row.redirect_uris,
    public: row.public,
    admin: row.admin,
    trusted: row.trusted,
    requirePkce: row.require_pkce,
    grantTypes: row.grant_types,
    scopes: orUndefined(row.scopes),
    trustedPeers: row.trusted_peers,
    idTokenSigningAlgorithm: row.id_token_signing_algorithm,
    secret: toSecretHash(row),
    ...toSecrets(row),
    dynamic: row.dynamic,
    allowedConnectors: orUndefined(row.allowed_connectors),
    details: row.details,
    createdAt: row.created_at,
  };
}

function toSecretHash(row: ClientRow): ClientSecretHash | undefined {
  if (row.secret_sha256 !== null) return { kind: "sha256", hash: row.secret_sha256 };
  if (row.secret_argon2id !== null) return { kind: "argon2id", hash: row.secret_argon2id };
  if (row.secret_bcrypt !== null) return { kind: "bcrypt", hash: row.secret_bcrypt };
  return undefined;
}

/** Of a private-use scheme there is none: such a client makes no cross-origin requests. */
export function originsOf(redirectUris: readonly string[]): string[] {
  const origins = redirectUris.map((uri) => URL.parse(uri)?.origin ?? "null");
  return [...new Set(origins.filter((origin) => origin !== "null"))];
}
