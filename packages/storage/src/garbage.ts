import { AUDIT_COLUMNS, OVERLORD, toAuditValues } from "./audit.ts";
import { cold, type Database, type Statement } from "./database.ts";
import { holdFence } from "./leader-fence.ts";

/** Rows deleted, by table. */
export interface GarbageReport {
  readonly authorization_code: number;
  readonly session: number;
  readonly token_family: number;
  readonly attempt_count: number;
  readonly outbox: number;
  readonly registration: number;
  readonly account_link: number;
  readonly used_once: number;
  readonly device_request: number;
  readonly revoked_access_token: number;
  /** Those that describe themselves in a document or that anybody could register, when nobody has used them for a month. */
  readonly client: number;
}

export interface Garbage {
  /**
   * Deletes at most `batchSize` (at most 1,000) rows of each table whose time was over at `now`; call it again while a
   * table reports a full batch. Waits for nobody and makes nobody wait. Undefined when `fence` is not the leader's.
   *
   * A spent code goes when the family it opened has reached its absolute expiry, as does the family: until then their
   * reuse must be noticed (TOK-1, REF-2).
   */
  collect(now: Date, batchSize: number, fence: number): Promise<GarbageReport | undefined>;
}

const MAX_BATCH = 1_000;

function collectFrom(table: keyof GarbageReport, primaryKey: string, expiry: string): Statement {
  return cold(
    `garbage.${table}`,
    `DELETE FROM ${table} WHERE ${primaryKey} IN (
      SELECT ${primaryKey} FROM ${table} WHERE ${expiry} <= $1 ORDER BY ${expiry} LIMIT $2 FOR UPDATE SKIP LOCKED
    ) RETURNING 1 AS one`,
  );
}

const CODES = collectFrom("authorization_code", "hash", "delete_after");
const SESSIONS = collectFrom("session", "hash", "expires_at");
const FAMILIES = collectFrom("token_family", "id", "expires_at");
const ATTEMPTS = collectFrom("attempt_count", "key", "window_ends_at");
const OUTBOX = collectFrom("outbox", "id", "delete_after");
const ACCOUNT_LINKS = collectFrom("account_link", "id", "expires_at");
const USED_ONCE = collectFrom("used_once", "key_hash", "expires_at");
const REVOKED_ACCESS_TOKENS = collectFrom("revoked_access_token", "token_id", "expires_at");
const DEVICE_REQUESTS = collectFrom("device_request", "device_code_hash", "delete_after");
const REGISTRATIONS = collectFrom("registration", "id", "expires_at");

function collectClients(name: string, expiry: string, unused: string): Statement {
  return cold(
    `garbage.${name}`,
    `WITH unused AS (
      DELETE FROM client WHERE id IN (
        SELECT id FROM client c WHERE ${expiry}
          AND NOT EXISTS (SELECT FROM token_family WHERE client_id = c.id)
          AND NOT EXISTS (SELECT FROM authorization_code WHERE client_id = c.id)
          AND ${unused}
        LIMIT $2 FOR UPDATE SKIP LOCKED
      ) RETURNING id
    )
    INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'client deleted', id, $3, $4, $5 FROM unused RETURNING 1 AS one`,
  );
}

/** Whoever comes back with one is asked again, as always, and it is stored again. */
const CLIENT_DOCUMENTS = collectClients(
  "clientDocument",
  "document_read_at <= $1::timestamptz - interval '30 days'",
  "NOT EXISTS (SELECT FROM consent WHERE client_id = c.id AND granted_at > $1::timestamptz - interval '30 days')",
);

// A client that gets tokens for itself by its key leaves no trace, so it counts as used.
const OPEN_REGISTRATIONS = collectClients(
  "openRegistration",
  "delete_unused_after <= $1::timestamptz",
  `NOT EXISTS (SELECT FROM consent WHERE client_id = c.id)
          AND NOT EXISTS (SELECT FROM device_request WHERE client_id = c.id)
          AND NOT EXISTS (SELECT FROM client_secret_use WHERE client_id = c.id)
          AND NOT ('client_credentials' = ANY (grant_types) AND secret_sha256 IS NULL)`,
);

/** Deletes what has expired. Expiry is checked at every use, so nobody notices when this rests for a day. */
export function makeGarbage(db: Database): Garbage {
  return {
    async collect(now, batchSize, fence) {
      const values = [now, Math.max(1, Math.min(batchSize, MAX_BATCH))];
      /** A transaction for each table: locks are held for one batch, not for all. */
      const collect = (statement: Statement, more: readonly unknown[] = []) =>
        db.transaction(async (tx) => {
          if (!(await holdFence(tx, fence))) return undefined;
          const rows = await tx.run(statement, [...values, ...more]);
          return rows.length;
        });
      const authorizationCodes = await collect(CODES);
      const sessions = await collect(SESSIONS);
      const families = await collect(FAMILIES);
      const attempts = await collect(ATTEMPTS);
      const outbox = await collect(OUTBOX);
      const registrations = await collect(REGISTRATIONS);
      const accountLinks = await collect(ACCOUNT_LINKS);
      const usedOnce = await collect(USED_ONCE);
      const deviceRequests = await collect(DEVICE_REQUESTS);
      const revokedAccessTokens = await collect(REVOKED_ACCESS_TOKENS);
      const documented = await collect(CLIENT_DOCUMENTS, toAuditValues(OVERLORD));
      const registered = await collect(OPEN_REGISTRATIONS, toAuditValues(OVERLORD));
      if (authorizationCodes === undefined || sessions === undefined) return undefined;
      if (families === undefined || attempts === undefined || outbox === undefined) return undefined;
      if (registrations === undefined || accountLinks === undefined || usedOnce === undefined) return undefined;
      if (revokedAccessTokens === undefined) return undefined;
      if (deviceRequests === undefined) return undefined;
      if (documented === undefined || registered === undefined) return undefined;
      return {
        authorization_code: authorizationCodes,
        session: sessions,
        token_family: families,
        attempt_count: attempts,
        outbox,
        registration: registrations,
        account_link: accountLinks,
        used_once: usedOnce,
        device_request: deviceRequests,
        revoked_access_token: revokedAccessTokens,
        client: documented + registered,
      };
    },
  };
}
