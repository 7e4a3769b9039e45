import type { Revocations } from "@dex/oidc";
import { AUDIT_COLUMNS } from "./audit.ts";
import { cold, type Database, hot } from "./database.ts";
import { isStorable } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";

/**
 * RFC 7009 §2.1: with a refresh token goes what came of the same grant, also the access token that the authorization endpoint
 * handed out beside the code. A rotation that runs at the same time waits for the row, or is waited for; either way the
 * family has ended when both are done (REV-4).
 */
const END_FAMILY = cold(
  "revocation.endFamily",
  `WITH family AS (
    SELECT id, user_id FROM token_family WHERE id = $1::uuid AND client_id = $2::text
  ), grant_families AS (
    SELECT id FROM family
    UNION SELECT c.front_channel_family_id FROM family
      JOIN authorization_code c ON c.user_id = family.user_id AND c.family_id = family.id
    WHERE c.front_channel_family_id IS NOT NULL
  ), ended AS (
    UPDATE token_family f SET revoked_at = $3::timestamptz, revocation_reason = 'revoked by client', sealed_current = NULL
    FROM grant_families WHERE f.id = grant_families.id AND f.revoked_at IS NULL
    RETURNING f.id, f.user_id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'token family revoked', user_id, 'client', $2::text, NULL,
      jsonb_build_object('reason', 'revoked by client', 'family', id, 'client', $2::text)
    FROM ended
  )
  SELECT client_id FROM token_family WHERE id = $1::uuid`,
);

const END_ACCESS_TOKEN = cold(
  "revocation.endAccessToken",
  `WITH ended AS (
    INSERT INTO revoked_access_token (token_id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING token_id
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
  SELECT 'access token revoked', $4::text, 'client', $3, NULL, jsonb_build_object('token', token_id, 'client', $3::text)
  FROM ended`,
);

const STANDS = hot(
  "revocation.stands",
  `SELECT 1 AS one FROM client
  WHERE id = $2 AND NOT EXISTS (SELECT FROM revoked_access_token r WHERE r.token_id = $1::text)`,
);

/** Tokens that clients give back, RFC 7009. */
export function makeRevocationStore(db: Database): Revocations {
  return {
    async endFamily({ familyId, clientId }, now) {
      if (!isUuid(familyId) || !isStorable(clientId)) return undefined;
      const [row] = await db.run<{ client_id: string }>(END_FAMILY, [familyId, clientId, now]);
      return row?.client_id;
    },
    async endAccessToken({ id, clientId, userId, expiresAt }) {
      if (isStorable(id, clientId, userId)) await db.run(END_ACCESS_TOKEN, [id, expiresAt, clientId, userId ?? null]);
    },
    async stands({ id, clientId }) {
      if (!isStorable(id, clientId)) return false;
      const rows = await db.run(STANDS, [id, clientId]);
      return rows.length === 1;
    },
  };
}
