import type { StoredFamily, TokenFamilies } from "@dex/oidc";
import { AUDIT_COLUMNS } from "./audit.ts";
import { cold, type Database, hot } from "./database.ts";
import { isGranted, toAskedValue } from "./granted-terms.ts";
import { isStorable, orUndefined } from "./stored-text.ts";
import { grantColumns, type TokenGrantRow, toTokenGrant } from "./token-grant.ts";

const GRANT = grantColumns("f", "f.id");
const CONNECTOR_EXISTS = "EXISTS (SELECT FROM connector WHERE id = f.connector_id)";
/** `grantTypes` of a connector's configuration lists those that it may be used for; without any all are (C 18). */
const MAY_REFRESH = `EXISTS (SELECT FROM connector c
      WHERE c.id = f.connector_id AND (COALESCE(c.config->'grantTypes', '[]') = '[]' OR c.config->'grantTypes' ? 'refresh_token'))`;

/** The conditions are those of decideRefresh for `rotate`. No indexed column changes, so no index is written. */
const ROTATE = hot(
  "family.rotate",
  `UPDATE token_family f
  SET previous_hash = f.current_hash, current_hash = $5, sealed_current = $6,
    generation = f.generation + CASE WHEN f.current_hash = $5 THEN 0 ELSE 1 END,
    rotated_at = $8, idle_expires_at = LEAST($9::timestamptz, f.expires_at)
  FROM app_user u
  WHERE f.id = $1::uuid AND f.client_id = $2 AND f.current_hash = $3 AND f.generation = $4
    AND f.revoked_at IS NULL AND f.idle_expires_at > $8::timestamptz AND f.expires_at > $8
    AND ($7::text[] IS NULL OR f.scope @> $7)
    AND ($10::text[] IS NULL OR f.connector_id = ANY ($10))
    AND COALESCE(f.terms -> 'confirmation', '{}') <@ COALESCE($12::jsonb, '{}')
    AND ${isGranted("f.terms", "$13")}
    AND u.id = f.user_id AND NOT u.disabled AND ${MAY_REFRESH}
    AND NOT EXISTS (SELECT FROM upstream_grant g
      WHERE g.user_id = f.user_id AND g.connector_id = f.connector_id
        AND (g.outcome = 'refused' OR g.checked_at < $11::timestamptz))
  RETURNING ${GRANT}`,
);

/**
 * What was exchanged ends with what it was derived from (TX-1): a row that is gone, as a deleted client's are, has ended too. Of
 * other families nothing more is read.
 */
const ORIGINS_STAND = `NOT EXISTS (SELECT FROM jsonb_array_elements_text(f.terms #> '{derivedFrom,families}') AS origin (id)
      WHERE NOT EXISTS (SELECT FROM token_family o
        WHERE o.id = origin.id::uuid AND o.revoked_at IS NULL AND o.idle_expires_at > $2 AND o.expires_at > $2))
    AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(f.terms #> '{derivedFrom,tokens}') AS origin (id)
      JOIN revoked_access_token r ON r.token_id = origin.id)`;

const FIND_LIVE = hot(
  "family.findLive",
  `SELECT ${GRANT}
  FROM token_family f JOIN app_user u ON u.id = f.user_id AND NOT u.disabled JOIN client ON client.id = f.client_id
  WHERE f.id = $1::uuid AND f.revoked_at IS NULL AND f.idle_expires_at > $2 AND f.expires_at > $2 AND ${CONNECTOR_EXISTS}
    AND NOT EXISTS (SELECT FROM revoked_access_token r WHERE r.token_id = $3::text)
    AND ${ORIGINS_STAND}`,
);

const FIND = hot(
  "family.find",
  `SELECT ${GRANT}, f.generation, f.current_hash, f.previous_hash, f.rotated_at, f.sealed_current, f.idle_expires_at,
    f.expires_at, f.revoked_at, (NOT u.disabled AND ${MAY_REFRESH}) AS owner_active,
    g.outcome AS upstream_outcome, g.checked_at AS upstream_checked_at
  FROM token_family f JOIN app_user u ON u.id = f.user_id
    LEFT JOIN upstream_grant g ON g.user_id = f.user_id AND g.connector_id = f.connector_id
  WHERE f.id = $1::uuid`,
);

/** RFC 9700 §4.14.2: of a token used twice its user is told, by mail that is promised in the same statement. */
const REVOKE = cold(
  "family.revoke",
  `WITH ended AS (
    UPDATE token_family SET revoked_at = $2, revocation_reason = $3::text, sealed_current = NULL
    WHERE id = ANY ($1::uuid[]) AND revoked_at IS NULL
    RETURNING id, user_id, client_id
  ), notice AS (
    INSERT INTO outbox (kind, cause, user_id, client_id, occurred_at, due_at)
    SELECT 'refresh-token-replayed', id::text, user_id, client_id, $2, $2 FROM ended
    WHERE $3::text = 'refresh token replayed'
    ON CONFLICT ON CONSTRAINT outbox_once DO NOTHING
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
  SELECT 'token family revoked', user_id, 'worker', client_id, NULL,
    jsonb_build_object('reason', $3::text, 'family', id, 'client', client_id)
  FROM ended`,
);

interface FamilyRow extends TokenGrantRow {
  readonly generation: number;
  readonly current_hash: Buffer | null;
  readonly previous_hash: Buffer | null;
  readonly rotated_at: Date | null;
  readonly sealed_current: Buffer | null;
  readonly idle_expires_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
  readonly owner_active: boolean;
  readonly upstream_outcome: "good" | "refused" | null;
  readonly upstream_checked_at: Date | null;
}

/** Refresh tokens and what belongs to them, one row for each family. */
export function makeFamilyStore(db: Database): TokenFamilies {
  const revokeAll: TokenFamilies["revokeAll"] = async (familyIds, reason, now) => {
    const ids = familyIds.filter(isUuid);
    if (ids.length > 0) await db.run(REVOKE, [ids, now, reason]);
  };
  return {
    async rotate(rotation, now) {
      const { familyId, clientId, scope } = rotation;
      if (!isUuid(familyId) || !isStorable(clientId, ...(scope ?? []))) return undefined;
      const [row] = await db.run<TokenGrantRow>(ROTATE, [
        familyId,
        clientId,
        rotation.presentedHash,
        rotation.presentedGeneration,
        rotation.nextHash,
        rotation.sealedNext,
        scope,
        now,
        rotation.idleExpiresAt,
        rotation.allowedConnectors,
        rotation.upstreamAskedSince,
        rotation.confirmation && JSON.stringify(rotation.confirmation),
        toAskedValue(rotation.asked),
      ]);
      return row === undefined ? undefined : toTokenGrant(row);
    },
    async find(familyId) {
      if (!isUuid(familyId)) return undefined;
      const [row] = await db.run<FamilyRow>(FIND, [familyId]);
      return row === undefined ? undefined : toStoredFamily(row);
    },
    async findLive(familyId, now, accessTokenId) {
      if (!isUuid(familyId) || !isStorable(accessTokenId)) return undefined;
      const [row] = await db.run<TokenGrantRow>(FIND_LIVE, [familyId, now, accessTokenId]);
      return row === undefined ? undefined : toTokenGrant(row);
    },
    revoke: (familyId, reason, now) => revokeAll([familyId], reason, now),
    revokeAll,
  };
}

/** What is no UUID, Postgres would refuse with an error. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

function toStoredFamily(row: FamilyRow): StoredFamily {
  const { upstream_outcome: outcome, upstream_checked_at: checkedAt } = row;
  return {
    id: row.family_id,
    clientId: row.client_id,
    grant: toTokenGrant(row),
    generation: row.generation,
    currentHash: orUndefined(row.current_hash),
    previousHash: orUndefined(row.previous_hash),
    rotatedAt: orUndefined(row.rotated_at),
    sealedCurrent: orUndefined(row.sealed_current),
    idleExpiresAt: row.idle_expires_at,
    expiresAt: row.expires_at,
    revokedAt: orUndefined(row.revoked_at),
    ownerActive: row.owner_active,
    upstream: outcome === null || checkedAt === null ? undefined : { outcome, checkedAt },
  };
}
