// What a client proves itself with is replaced as a whole: its secrets end in the statement that names what comes in their place.
import type { ClientDetails } from "@dex/oidc";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { type GeneratedClientSecret, HAS_FIRST } from "./client-secrets.ts";
import { cold, type Database } from "./database.ts";
import { isStorable } from "./stored-text.ts";

export interface ClientProofStore {
  /**
   * Ends every secret of the client, puts this one in their place where there is one, and the details in the place of `read`.
   * "changed": they are not `read` any more, and nothing was written. `endedSecrets`: how many there were.
   */
  replace(
    clientId: string,
    proof: {
      readonly read: ClientDetails;
      readonly next: ClientDetails;
      readonly secret: GeneratedClientSecret | undefined;
    },
    actor: Actor,
  ): Promise<{ readonly kind: "done"; readonly endedSecrets: number } | { readonly kind: "changed" | "unknown" }>;
}

const REPLACE = cold(
  "clientProof.replace",
  `WITH found AS (
    SELECT id, details, (${HAS_FIRST})::int + jsonb_array_length(added_secrets) AS secrets
    FROM client WHERE id = $1 FOR UPDATE
  ), changed AS (
    UPDATE client SET details = $3::jsonb, secret_sha256 = $4, secret_argon2id = NULL, secret_bcrypt = NULL,
      secret_sealed = $5, secret_created_at = $6, secret_expires_at = NULL, added_secrets = '[]'
    FROM found WHERE client.id = found.id AND found.details = $2::jsonb RETURNING client.id, found.secrets
  ), forgotten AS (
    DELETE FROM client_secret_use u USING changed WHERE u.client_id = changed.id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'client authentication changed', id, $7, $8, $9,
      jsonb_build_object('details', $3::jsonb, 'endedSecrets', secrets) FROM changed
  )
  SELECT EXISTS (SELECT FROM changed) AS done, secrets FROM found`,
);

export function makeClientProofStore(db: Database): ClientProofStore {
  return {
    async replace(clientId, { read, next, secret }, actor) {
      if (!isStorable(clientId)) return { kind: "unknown" };
      const kept = [secret?.hash.hash, secret?.sealed, secret?.createdAt].map((value) => value ?? null);
      const values = [clientId, read, next, ...kept, ...toAuditValues(actor)];
      const [row] = await db.run<{ done: boolean; secrets: number }>(REPLACE, values);
      if (row === undefined) return { kind: "unknown" };
      return row.done ? { kind: "done", endedSecrets: row.secrets } : { kind: "changed" };
    },
  };
}
