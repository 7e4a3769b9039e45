import type { RefreshClient, RefreshTokenOfUser, UserDirectory } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { isStorable, orUndefined } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";

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

/** Who has more is shown those that were used last. */
const MAX_TOKENS = 500;

const ALIVE = `f.current_hash IS NOT NULL AND f.revoked_at IS NULL AND f.idle_expires_at > $2 AND f.expires_at > $2`;

/** A row without a token says that there is such a user. */
const LIST_TOKENS = cold(
  "refreshTokens.list",
  `SELECT f.id, f.client_id, c.name AS client_name, f.created_at, GREATEST(f.created_at, f.rotated_at) AS last_used_at,
    s.user_agent
  FROM app_user u
    LEFT JOIN token_family f ON f.user_id = u.id AND ${ALIVE}
    LEFT JOIN client c ON c.id = f.client_id
    LEFT JOIN session s ON s.hash = f.session_hash AND s.user_id = u.id
  WHERE u.id = $1
  ORDER BY 5 DESC, f.id LIMIT ${MAX_TOKENS}`,
);

const REVOKE_TOKEN = cold(
  "refreshTokens.revoke",
  `WITH ended AS (
    UPDATE token_family f SET revoked_at = $2::timestamptz, revocation_reason = 'revoked by user', sealed_current = NULL
    WHERE f.user_id = $1 AND f.id = $3::uuid AND ${ALIVE} RETURNING f.client_id
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
  SELECT 'refresh tokens revoked', $1, $4, $5, $6, jsonb_build_object('client', client_id, 'families', 1) FROM ended
  RETURNING id`,
);

interface TokenRow {
  readonly id: string | null;
  readonly client_id: string;
  readonly client_name: string | null;
  readonly created_at: Date;
  readonly last_used_at: Date;
  readonly user_agent: string | null;
}

interface ClientRow {
  readonly id: string | null;
  readonly name: string | null;
  readonly logo_uri: string | null;
  readonly client_uri: string | null;
}

/** Which clients hold refresh tokens of a user. */
export function makeRefreshClients(
  db: Database,
): Pick<UserDirectory, "refreshClients" | "revokeRefresh" | "refreshTokens" | "revokeRefreshToken"> {
  return {
    async refreshClients(userId, now) {
      if (!isStorable(userId)) return undefined;
      const rows = await db.run<ClientRow>(LIST, [userId, now]);
      return rows.length === 0 ? undefined : rows.flatMap(toRefreshClients);
    },
    async refreshTokens(userId, now) {
      if (!isStorable(userId)) return undefined;
      const rows = await db.run<TokenRow>(LIST_TOKENS, [userId, now]);
      return rows.length === 0 ? undefined : rows.flatMap(toRefreshToken);
    },
    async revokeRefreshToken(userId, tokenId, actor, now) {
      if (!isStorable(userId) || !isUuid(tokenId)) return false;
      const rows = await db.run(REVOKE_TOKEN, [userId, now, tokenId, ...toAuditValues(actor)]);
      return rows.length > 0;
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

function toRefreshToken(row: TokenRow): readonly RefreshTokenOfUser[] {
  if (row.id === null) return [];
  return [
    {
      id: row.id,
      clientId: row.client_id,
      clientName: orUndefined(row.client_name),
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
      userAgent: orUndefined(row.user_agent),
    },
  ];
}
