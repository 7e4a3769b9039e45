import type { Resource } from "@dex/oidc";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { isStorable, orUndefined, toStoredJson } from "./stored-text.ts";

/** Registered resources. Each change and its audit event are one statement (ADM-6). */
export interface ResourceStore {
  /** All of them, ordered by identifier. */
  list(): Promise<readonly Resource[]>;
  /** Adds it where there is none of its identifier: of two callers one succeeds. */
  add(resource: Resource, actor: Actor): Promise<"added" | "identifier taken">;
  /** Puts `next` in its place where it still is `read`. */
  replace(read: Resource, next: Resource, actor: Actor): Promise<"done" | "changed">;
  remove(identifier: string, actor: Actor): Promise<"removed" | "unknown">;
}

interface ResourceRow {
  readonly identifier: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly access_token_seconds: number | null;
  readonly token_format: Resource["tokenFormat"];
  readonly signing_algorithm: Resource["signingAlgorithm"];
  readonly allowed_clients: readonly string[] | null;
  readonly introspected_by: readonly string[];
  readonly authorization_details_types: Resource["authorizationDetailsTypes"];
}

const COLUMNS = `identifier, name, scopes, access_token_seconds, token_format, signing_algorithm, allowed_clients, introspected_by,
  authorization_details_types`;
const VALUES = (first: number) =>
  ["text", "text", "text[]", "integer", "text", "text", "text[]", "text[]", "jsonb"]
    .map((type, index) => `$${first + index}::${type}`)
    .join(", ");

const LIST = cold("resource.list", `SELECT ${COLUMNS} FROM resource ORDER BY identifier COLLATE "C"`);

const ADD = cold(
  "resource.add",
  `WITH added AS (
    INSERT INTO resource (${COLUMNS}) VALUES (${VALUES(4)}) ON CONFLICT (identifier) DO NOTHING RETURNING identifier
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'resource added', identifier, $1, $2, $3 FROM added RETURNING subject_id`,
);

// The old row as one value: whoever changed any part of it meanwhile is not overwritten.
const REPLACE = cold(
  "resource.replace",
  `WITH changed AS (
    UPDATE resource SET (${COLUMNS}) = (${VALUES(4)})
    WHERE identifier = $4 AND (${COLUMNS}) IS NOT DISTINCT FROM (${VALUES(13)})
    RETURNING identifier
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'resource changed', identifier, $1, $2, $3 FROM changed RETURNING subject_id`,
);

const REMOVE = cold(
  "resource.remove",
  `WITH removed AS (DELETE FROM resource WHERE identifier = $4 RETURNING identifier)
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'resource removed', identifier, $1, $2, $3 FROM removed RETURNING subject_id`,
);

/** Resources as rows. */
export function makeResourceStore(db: Database): ResourceStore {
  return {
    list: async () => (await db.run<ResourceRow>(LIST)).map(toResource),
    async add(resource, actor) {
      const rows = await db.run(ADD, [...toAuditValues(actor), ...toValues(resource)]);
      return rows.length > 0 ? "added" : "identifier taken";
    },
    async replace(read, next, actor) {
      const rows = await db.run(REPLACE, [...toAuditValues(actor), ...toValues(next), ...toValues(read)]);
      return rows.length > 0 ? "done" : "changed";
    },
    async remove(identifier, actor) {
      if (!isStorable(identifier)) return "unknown";
      const rows = await db.run(REMOVE, [...toAuditValues(actor), identifier]);
      return rows.length > 0 ? "removed" : "unknown";
    },
  };
}

function toValues(resource: Resource): readonly unknown[] {
  return [
    resource.identifier,
    resource.name,
    resource.scopes,
    resource.accessTokenSeconds ?? null,
    resource.tokenFormat,
    resource.signingAlgorithm,
    resource.allowedClients ?? null,
    resource.introspectedBy,
    toStoredJson(resource.authorizationDetailsTypes.map((one) => ({ ...one }))),
  ];
}

function toResource(row: ResourceRow): Resource {
  return {
    identifier: row.identifier,
    name: row.name,
    scopes: row.scopes,
    accessTokenSeconds: orUndefined(row.access_token_seconds),
    tokenFormat: row.token_format,
    signingAlgorithm: row.signing_algorithm,
    allowedClients: orUndefined(row.allowed_clients),
    introspectedBy: row.introspected_by,
    authorizationDetailsTypes: row.authorization_details_types,
  };
}
