import type { Client } from "@dex/oidc";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { originsOf } from "./clients.ts";
import { cold, type Database } from "./database.ts";
import { toStoredText } from "./stored-text.ts";

export interface ClientDocumentStore {
  /**
   * Stores a client that is described by the document at its id, or what has changed of it, with an audit event: one statement.
   * Of two callers with the same, one stores. A client that an administrator made under this id stays as it is.
   */
  keep(client: Client, now: Date): Promise<void>;
}

const DESCRIBED = [
  "name",
  "logo_uri",
  "client_uri",
  "redirect_uris",
  "redirect_origins",
  "public",
  "grant_types",
  "scopes",
  "id_token_signing_algorithm",
  "details",
] as const;

// Columns that are not the client's to choose do not stand here: what an administrator set stays.
const KEEP = cold(
  "clientDocument.keep",
  `WITH kept AS (
    INSERT INTO client AS c (id, document_read_at, created_at, admin, trusted, require_pkce, dynamic, trusted_peers,
      ${DESCRIBED.join(", ")})
    VALUES ($1, $2::timestamptz, $2, false, false, true, true, '{}',
      $6, $7, $8, $9::text[], $10::text[], $11, $12::text[], $13::text[], $14, $15::jsonb)
    ON CONFLICT (id) DO UPDATE
    SET document_read_at = EXCLUDED.document_read_at, ${DESCRIBED.map((name) => `${name} = EXCLUDED.${name}`).join(", ")}
    WHERE c.document_read_at IS NOT NULL
      AND (${DESCRIBED.map((name) => `c.${name}`).join(", ")}) IS DISTINCT FROM (${DESCRIBED.map((name) => `EXCLUDED.${name}`).join(", ")})
    RETURNING id, created_at = $2 AS created
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS})
  SELECT CASE WHEN created THEN 'client created' ELSE 'client changed' END, id, $3, $4, $5 FROM kept`,
);

/** Clients that nobody registered, in the table of all clients: `document_read_at` tells them. */
export function makeClientDocumentStore(db: Database): ClientDocumentStore {
  return {
    async keep(client, now) {
      await db.run(KEEP, [
        client.id,
        now,
        ...toAuditValues({ kind: "registration", id: client.id, address: undefined }),
        toStoredText(client.name),
        client.logoUri,
        client.clientUri,
        client.redirectUris,
        originsOf(client.redirectUris),
        client.public,
        client.grantTypes,
        client.scopes,
        client.idTokenSigningAlgorithm,
        client.details,
      ]);
    },
  };
}
