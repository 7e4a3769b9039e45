import type { EndedSession, Logouts } from "@dex/oidc";
import { AUDIT_COLUMNS, type AuditActor, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { tellingClients } from "./ended-sessions.ts";
import { isStorable } from "./stored-text.ts";
import { makeUseOnce } from "./used-once.ts";

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

/** Whoever has more sessions than this from one upstream signs out of the others there again. */
const MAX_UPSTREAM_SESSIONS = 500;

/** In the order in which they are locked. The user is any of them in the session that the token names, or the owner of an identity. */
const OF_UPSTREAM = cold(
  "logout.ofUpstream",
  `SELECT s.user_id, s.hash FROM session s
  WHERE s.connector_id = $1 AND ($2::bytea IS NULL OR s.upstream_sid = $2) AND ($3::text IS NULL OR EXISTS (
    SELECT FROM remote_identity r WHERE r.connector_id = $1 AND r.remote_id = $3 AND r.user_id = s.user_id
  )) AND ($2 IS NOT NULL OR $3 IS NOT NULL)
  ORDER BY s.user_id, s.hash LIMIT ${MAX_UPSTREAM_SESSIONS}`,
);

interface EndedRow {
  readonly connector_id: string;
  readonly clients: Readonly<Record<string, string>>;
}

/** The end of sessions by the wish of the person in front of the browser. */
export function makeLogoutStore(db: Database): Logouts {
  async function endHeld(
    tx: Pick<Database, "run">,
    held: { readonly userId: string; readonly hash: Buffer },
    actor: AuditActor,
    now: Date,
  ): Promise<EndedSession | undefined> {
    const { userId, hash } = held;
    await tx.run(EXPIRE_CODES, [userId, hash, now]);
    const [row] = await tx.run<EndedRow>(END, [userId, hash, now, ...toAuditValues(actor)]);
    return row && { userId, connectorId: row.connector_id, clients: toClients(row.clients) };
  }

  return {
    async end({ hash, userId: claimed, address }, now): Promise<EndedSession | undefined> {
      if (!isStorable(claimed)) return undefined;
      return db.transaction(async (tx) => {
        const [held] = await tx.run<{ id: string }>(HOLD, [claimed, hash]);
        if (held === undefined) return undefined;
        return endHeld(tx, { userId: held.id, hash }, { kind: "user", id: held.id, address }, now);
      });
    },

    async endOfUpstream({ connectorId, sid, remoteId, jti, until, address }, now) {
      return db.transaction(async (tx) => {
        const useOnce = makeUseOnce(tx);
        if (!(await useOnce(`upstream logout ${JSON.stringify([connectorId, jti])}`, until))) return undefined;
        if (!isStorable(remoteId)) return [];
        const found = await tx.run<{ user_id: string; hash: Buffer }>(OF_UPSTREAM, [connectorId, sid, remoteId]);
        const ended: EndedSession[] = [];
        for (const { user_id: userId, hash } of found) {
          const [held] = await tx.run<{ id: string }>(HOLD, [userId, hash]);
          const actor = { kind: "upstream", id: connectorId, address } as const;
          const one = held && (await endHeld(tx, { userId, hash }, actor, now));
          if (one !== undefined) ended.push(one);
        }
        return ended;
      });
    },
  };
}

function toClients(clients: EndedRow["clients"]): EndedSession["clients"] {
  return Object.entries(clients).map(([clientId, hash]) => ({ clientId, sessionHash: Buffer.from(hash, "hex") }));
}
