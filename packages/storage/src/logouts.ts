import type { EndedSession, Logouts } from "@dex/oidc";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { tellingClients } from "./ended-sessions.ts";
import { isStorable } from "./stored-text.ts";

/** The user before the session, as in all statements that lock both. Whoever issues a code in the session is waited for. */
const HOLD = cold(
  "logout.hold",
  `SELECT u.id FROM app_user u JOIN session s ON s.user_id = u.id
  WHERE ($1::text IS NULL OR u.id = $1) AND s.hash = $2 FOR NO KEY UPDATE OF u FOR UPDATE OF s`,
);

/** Before the families: a code that is being spent has its family once this has waited for it. */
const EXPIRE_CODES = cold(
  "logout.expireCodes",
  `UPDATE authorization_code c SET expires_at = $3::timestamptz FROM session s
  WHERE s.hash = $2 AND c.user_id = $1 AND c.session_hash = ANY (s.earlier || s.hash)
    AND c.spent_at IS NULL AND c.expires_at > $3`,
);

/** A family without refresh token is an access token of this session; one with a refresh token was to outlive it. */
const END = cold(
  "logout.end",
  `WITH ended AS (
    DELETE FROM session WHERE hash = $2 AND user_id = $1 RETURNING hash, user_id, connector_id, clients, earlier
  ), ended_families AS (
    UPDATE token_family f SET revoked_at = $3::timestamptz, revocation_reason = 'signed out', sealed_current = NULL
    FROM ended e
    WHERE f.user_id = e.user_id AND f.session_hash = ANY (e.earlier || e.hash)
      AND f.revoked_at IS NULL AND f.current_hash IS NULL
  ), ${tellingClients({ ended: "ended", now: "$3" })}, audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail) SELECT 'session ended', user_id, $4, $5, $6, NULL FROM ended
  )
  SELECT connector_id, clients FROM ended`,
);

interface EndedRow {
  readonly connector_id: string;
  readonly clients: Readonly<Record<string, string>>;
}

/** The end of sessions by the wish of the person in front of the browser. */
export function makeLogoutStore(db: Database): Logouts {
  return {
    async end({ hash, userId: claimed, address }, now): Promise<EndedSession | undefined> {
      if (!isStorable(claimed)) return undefined;
      return db.transaction(async (tx) => {
        const [held] = await tx.run<{ id: string }>(HOLD, [claimed, hash]);
        if (held === undefined) return undefined;
        const userId = held.id;
        await tx.run(EXPIRE_CODES, [userId, hash, now]);
        const actor = toAuditValues({ kind: "user", id: userId, address });
        const [row] = await tx.run<EndedRow>(END, [userId, hash, now, ...actor]);
        return row && { userId, connectorId: row.connector_id, clients: toClients(row.clients) };
      });
    },
  };
}

function toClients(clients: EndedRow["clients"]): EndedSession["clients"] {
  return Object.entries(clients).map(([clientId, hash]) => ({ clientId, sessionHash: Buffer.from(hash, "hex") }));
}
