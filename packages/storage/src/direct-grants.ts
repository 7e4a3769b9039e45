// Families of people whom no browser of ours signed in: exchanged tokens, and passwords that a client sent.
import type { DirectGrant, DirectGrants } from "@dex/oidc";
import { attemptKey } from "./attempts.ts";
import { AUDIT_COLUMNS } from "./audit.ts";
import { type Database, hot } from "./database.ts";
import type { RedisAttempts } from "./redis-attempts.ts";
import { sqlStateOf } from "./storage-unavailable.ts";
import { isStorable, toStoredJson, toStoredText, toStoredTexts } from "./stored-text.ts";
import { grantColumns, type TokenGrantRow, toTokenGrant } from "./token-grant.ts";

/**
 * The user is locked, so that whoever is taking the access away waits for this, or this for them. A right password ends the
 * account's wrong ones, in the order in which SignIns.signIn does.
 */
const OPEN = hot(
  "directGrant.open",
  `WITH active AS (
    SELECT u.id, u.email FROM app_user u
    WHERE u.id = $3::text AND NOT u.disabled AND (u.access_ended_at IS NULL OR u.access_ended_at <= $16::timestamptz)
      AND EXISTS (SELECT FROM connector WHERE id = $4::text)
    FOR SHARE
  ), opened AS (
    INSERT INTO token_family (id, client_id, user_id, connector_id, session_hash, scope, nonce, terms, auth_time, amr, groups,
      preferred_username, current_hash, idle_expires_at, expires_at, created_at)
    SELECT $1::uuid, $2::text, id, $4, $5::bytea, $6::text[], $7::text, $8::jsonb, $9::timestamptz, $10::text[], $11::text[],
      $12::text, $13::bytea, $14::timestamptz, $15::timestamptz, $16
    FROM active
    RETURNING *
  ), cleared AS (
    UPDATE password p SET wrong_guesses = 0 FROM active a
    WHERE p.user_id = a.id AND a.email = $19::text AND p.wrong_guesses > 0 AND EXISTS (SELECT FROM opened)
    RETURNING p.user_id
  ), forgotten AS (
    DELETE FROM attempt_count
    WHERE key = $20::bytea AND (SELECT count(*) FROM cleared) >= 0 AND EXISTS (SELECT FROM opened)
    RETURNING key
  ), taken_back AS (
    UPDATE attempt_count SET attempts = attempts - 1
    WHERE key = $21::bytea AND attempts > 0 AND (SELECT count(*) FROM forgotten) >= 0 AND EXISTS (SELECT FROM opened)
  ), granted AS (
    INSERT INTO upstream_grant AS g (user_id, connector_id, remote_id, sealed, asked, outcome, checked_at)
    SELECT user_id, connector_id, $22::text, $23::bytea, $24::text[], 'good', $16
    FROM opened WHERE $23::bytea IS NOT NULL
    ON CONFLICT (user_id, connector_id) DO UPDATE
    SET remote_id = EXCLUDED.remote_id, sealed = EXCLUDED.sealed, asked = EXCLUDED.asked, outcome = EXCLUDED.outcome,
      checked_at = EXCLUDED.checked_at, unavailable_at = NULL, lease = NULL, lease_until = NULL
    WHERE g.outcome <> 'good' OR g.remote_id <> EXCLUDED.remote_id OR g.asked <@ EXCLUDED.asked
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT $17::text, user_id, 'client', $2, NULL, $18::jsonb FROM opened
  )
  SELECT ${grantColumns("f", "f.id")} FROM opened f JOIN app_user u ON u.id = f.user_id`,
);

/** Grants that begin without a browser. */
export function makeDirectGrantStore(db: Database, redis: RedisAttempts | undefined): DirectGrants {
  return {
    async open(grant, now) {
      const { id, clientId, userId, connectorId, origin } = grant;
      if (!isStorable(clientId, userId, connectorId, ...grant.scope)) return undefined;
      const { attempt, upstreamGrant, asked } = origin.kind === "password" ? origin : NOTHING_OF_A_PASSWORD;
      const tried = attempt && {
        account: attemptKey("account", attempt.account),
        source: attemptKey("source", attempt.source),
      };
      const rows = await unlessClientGone(
        db.run<TokenGrantRow>(OPEN, [
          ...[id, clientId, userId, connectorId, grant.sessionHash, grant.scope, toStoredText(grant.nonce)],
          ...[JSON.stringify(grant.terms), grant.authTime, grant.amr, toStoredTexts(grant.groups)],
          ...[toStoredText(grant.preferredUsername), grant.refresh?.hash],
          ...[grant.refresh?.idleExpiresAt ?? grant.accessExpiresAt, grant.refresh?.expiresAt ?? grant.accessExpiresAt],
          ...[now, EVENTS[origin.kind], toStoredJson(detailOf(grant))],
          ...[toStoredText(attempt?.account), tried?.account, tried?.source],
          ...[upstreamGrant?.remoteId, upstreamGrant?.sealed, asked],
        ]),
      );
      const [row] = rows;
      if (row !== undefined && tried !== undefined) await redis?.forgive(tried.account, tried.source);
      return row === undefined ? undefined : toTokenGrant(row);
    },
  };
}

const EVENTS = { "token exchange": "token exchanged", password: "password exchanged for tokens" } as const;
const NOTHING_OF_A_PASSWORD = { attempt: undefined, upstreamGrant: undefined, asked: undefined };

function detailOf({ id, clientId, connectorId, scope, terms }: DirectGrant) {
  const { derivedFrom, act, resources } = terms;
  return {
    family: id,
    client: clientId,
    connector: connectorId,
    scope,
    ...(derivedFrom === undefined ? {} : { derivedFrom: derivedFrom.families }),
    ...(act === undefined ? {} : { act }),
    ...(resources === undefined ? {} : { resources: resources.map(({ identifier }) => identifier) }),
  };
}

/** Workers know clients from a cache: one may have been deleted a moment ago. */
async function unlessClientGone<Row>(running: Promise<readonly Row[]>): Promise<readonly Row[]> {
  try {
    return await running;
  } catch (error) {
    if (sqlStateOf(error) === "23503") return [];
    throw error;
  }
}
