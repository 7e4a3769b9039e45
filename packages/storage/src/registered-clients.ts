import type { Client, RegisteredClients } from "@dex/oidc";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { CLIENT_COLUMNS, type ClientRow, insertClient, originsOf, toClient } from "./clients.ts";
import { cold, type Database } from "./database.ts";
import { isStorable, toStoredText } from "./stored-text.ts";

export interface RegisteredClientStore extends RegisteredClients {
  /** Stores a client that registered itself, and the hash of its registration access token. See StoreRegisteredClient. */
  create(client: Client, tokenHash: Buffer, source: string, deleteUnusedAfter?: Date): Promise<"created" | "id taken">;
}

const FIND = cold(
  "registeredClient.find",
  `SELECT ${CLIENT_COLUMNS.join(", ")} FROM client WHERE id = $1 AND registration_token_sha256 = $2`,
);

// Columns that are not the client's to choose do not stand here: what an administrator set meanwhile stays.
const REPLACE = cold(
  "registeredClient.replace",
  `WITH changed AS (
    UPDATE client SET registration_token_sha256 = $3, name = $4, logo_uri = $5, client_uri = $6, redirect_uris = $7,
      redirect_origins = $8, grant_types = $9, scopes = $10, id_token_signing_algorithm = $11, details = $12,
      secret_sha256 = coalesce($16, secret_sha256),
      secret_argon2id = CASE WHEN $16::bytea IS NULL THEN secret_argon2id END,
      secret_bcrypt = CASE WHEN $16::bytea IS NULL THEN secret_bcrypt END,
      secret_sealed = CASE WHEN $16 IS NOT NULL THEN $17 WHEN $19 THEN secret_sealed END,
      secret_created_at = CASE WHEN $16 IS NOT NULL THEN $18::timestamptz ELSE secret_created_at END,
      secret_expires_at = CASE WHEN $16::bytea IS NULL THEN secret_expires_at END,
      added_secrets = CASE WHEN $16 IS NOT NULL THEN '[]' WHEN $19 THEN added_secrets ELSE coalesce((
        SELECT jsonb_agg(s - 'sealed' ORDER BY n) FROM jsonb_array_elements(added_secrets) WITH ORDINALITY e (s, n)
      ), '[]') END
    WHERE id = $1 AND registration_token_sha256 = $2 RETURNING id
  ), forgotten AS (
    DELETE FROM client_secret_use u USING changed WHERE $16 IS NOT NULL AND u.client_id = changed.id
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'client changed', id, $13, $14, $15 FROM changed RETURNING subject_id`,
);

const DELETE = cold(
  "registeredClient.delete",
  `WITH deleted AS (DELETE FROM client WHERE id = $1 AND registration_token_sha256 = $2 RETURNING id)
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'client deleted', id, $3, $4, $5 FROM deleted RETURNING subject_id`,
);

/** Clients that registered themselves, each with the token that manages it (DCR-2). */
export function makeRegisteredClients(db: Database): RegisteredClientStore {
  return {
    async create(client, tokenHash, source, deleteUnusedAfter) {
      const registered = { tokenHash, deleteUnusedAfter };
      const created = await insertClient(db, client, "client created", itself(client.id, source), registered);
      return created ? "created" : "id taken";
    },
    async find(clientId, tokenHash) {
      if (!isStorable(clientId)) return undefined;
      const [row] = await db.run<ClientRow>(FIND, [clientId, tokenHash]);
      return row === undefined ? undefined : toClient(row);
    },
    async replace(client, { presented, next }, source, secret) {
      const values = [
        ...[client.id, presented, next, ...toChanges(client), ...toAuditValues(itself(client.id, source))],
        ...[secret?.hash.hash, secret?.sealed, client.firstSecret?.createdAt],
        client.details.token_endpoint_auth_method === "client_secret_jwt",
      ];
      return (await db.run(REPLACE, values)).length > 0;
    },
    async delete(clientId, tokenHash, source) {
      if (!isStorable(clientId)) return false;
      const rows = await db.run(DELETE, [clientId, tokenHash, ...toAuditValues(itself(clientId, source))]);
      return rows.length > 0;
    },
  };
}

function toChanges(client: Client): readonly unknown[] {
  return [
    toStoredText(client.name),
    client.logoUri,
    client.clientUri,
    client.redirectUris,
    originsOf(client.redirectUris),
    client.grantTypes,
    client.scopes,
    client.idTokenSigningAlgorithm,
    client.details,
  ];
}

function itself(id: string, address: string): Actor {
  return { kind: "registration", id, address };
}
