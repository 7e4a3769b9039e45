import type { RefreshClient, UserDirectory } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { isStorable, orUndefined } from "./stored-text.ts";

/** A row without a client says that there is such a user. */
const LIST = cold(
  "refreshClients.list",
  `SELECT c.id, c.name, c.logo_uri, c.client_uri
  FROM app_user u LEFT JOIN client c ON c.id IN (
    SELECT f.client_id FROM token_family f
    WHERE f.user_id = u.id AND f.current_hash IS NOT NULL AND f.revoked_at IS NULL
      AND f.idle_expires_at > $2 AND f.expires_at > $2
  )
  WHERE u.id = $1
  ORDER BY c.id COLLATE "C"`,
);

/**
 * Families without a refresh token end too: their access tokens are the same client's. The consent goes with them, or the
 * client would have new ones at the next sign-in without a question.
 */
const REVOKE = cold(
  "refreshClients.revoke",
  `WITH owner AS (SELECT id FROM app_user WHERE id = $1),
  ended AS (
    UPDATE token_family f SET revoked_at = $3, revocation_reason = 'revoked by user', sealed_current = NULL
    FROM owner WHERE f.user_id = owner.id AND f.client_id = $2 AND f.revoked_at IS NULL
    RETURNING f.id
  ), forgotten AS (
    DELETE FROM consent c USING owner WHERE c.user_id = owner.id AND c.client_id = $2 RETURNING c.client_id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'refresh tokens revoked', $1, $4, $5, $6, jsonb_build_object('client', $2::text, 'families', count(*))
    FROM ended HAVING count(*) > 0 OR EXISTS (SELECT FROM forgotten)
  )
  SELECT (SELECT count(*)::integer FROM ended) AS families FROM owner`,
);

interface ClientRow {
  readonly id: string | null;
  readonly name: string | null;
  readonly logo_uri: string | null;
  readonly client_uri: string | null;
}

/** Which clients hold refresh tokens of a user. */
export function makeRefreshClients(db: Database): Pick<UserDirectory, "refreshClients" | "revokeRefresh"> {
  return {
    async refreshClients(userId, now) {
      if (!isStorable(userId)) return undefined;
      const rows = await db.run<ClientRow>(LIST, [userId, now]);
      return rows.length === 0 ? undefined : rows.flatMap(toRefreshClients);
    },
    async revokeRefresh(userId, clientId, actor, now) {
      if (!isStorable(userId)) return undefined;
      const client = isStorable(clientId) ? clientId : null;
      const values = [userId, client, now, ...toAuditValues(actor)];
      const [row] = await db.run<{ families: number }>(REVOKE, values);
      return row?.families;
    },
  };
}

function toRefreshClients(row: ClientRow): readonly RefreshClient[] {
  const { id, name, logo_uri, client_uri } = row;
  if (id === null) return [];
  return [{ id, name: orUndefined(name), logoUri: orUndefined(logo_uri), clientUri: orUndefined(client_uri) }];
}
