import { remoteIdOf } from "./token-grant.ts";

/** Columns that a part which deletes sessions must return for `tellingClients`. */
export const ENDED_SESSION = "hash, user_id, connector_id, clients";

/** The kind of an outbox row that becomes a logout token. */
export const LOGOUT_NOTICE = "backchannel-logout";

/**
 * A part of a WITH that promises each client of sessions that end a logout token, where it takes any (OIDC Back-Channel Logout
 * §2.2). `ended` is an earlier part with ENDED_SESSION, `now` an expression. The user is named in the row itself, not by a
 * foreign key: a deleted user's clients are told too.
 */
export function tellingClients({ ended, now }: { ended: string; now: string }): string {
  return `told_clients AS (
    INSERT INTO outbox (kind, cause, client_id, payload, occurred_at, due_at)
    SELECT '${LOGOUT_NOTICE}', encode(e.hash, 'hex') || ' ' || client.id, client.id,
      jsonb_strip_nulls(jsonb_build_object('userId', e.user_id, 'connectorId', e.connector_id,
        'remoteId', ${remoteIdOf("e.user_id", "e.connector_id")}, 'session', known.value)), ${now}::timestamptz, ${now}
    FROM ${ended} e CROSS JOIN LATERAL jsonb_each_text(e.clients) AS known
      JOIN client ON client.id = known.key AND client.details ? 'backchannel_logout_uri'
    ON CONFLICT ON CONSTRAINT outbox_once DO NOTHING
  )`;
}
