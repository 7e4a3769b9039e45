import { tellingClients } from "./ended-sessions.ts";

/**
 * Parts of a WITH that end whatever a user has in hand: sessions, codes, refresh token families, links (REF-12, TOK-16).
 * `whose` is an earlier part with the column `id`; when it holds no row nothing ends. `now` and `reason` are expressions.
 *
 * What is on its way at this moment is not among the rows yet: the statement, or one before it in its transaction, also sets
 * `app_user.access_ended_at`, which statements that open sessions and issue codes look at under a lock on the user.
 *
 * A code is not deleted: its login state must not yield a second one.
 */
export function endingAccess({ whose, now, reason }: { whose: string; now: string; reason: string }): string {
  return `ended_sessions AS (
    DELETE FROM session s USING ${whose} w WHERE s.user_id = w.id RETURNING s.hash, s.user_id, s.connector_id, s.clients
  ), ${tellingClients({ ended: "ended_sessions", now })}, ended_codes AS (
    UPDATE authorization_code c SET expires_at = LEAST(c.expires_at, ${now}::timestamptz)
    FROM ${whose} w WHERE c.user_id = w.id AND c.spent_at IS NULL
  ), ended_families AS (
    UPDATE token_family f SET revoked_at = ${now}::timestamptz, revocation_reason = ${reason}, sealed_current = NULL
    FROM ${whose} w WHERE f.user_id = w.id AND f.revoked_at IS NULL
  ), ended_links AS (
    DELETE FROM account_link l USING ${whose} w WHERE l.user_id = w.id
  )`;
}
