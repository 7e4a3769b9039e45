import type { AuthorizationCodes, GrantTerms, StoredCode } from "@dex/oidc";
import { cold, type Database, hot } from "./database.ts";
import { isGranted, toAskedValue } from "./granted-terms.ts";
import { isStorable, orUndefined } from "./stored-text.ts";
import { grantColumns, type TokenGrantRow, toTokenGrant } from "./token-grant.ts";

// At so many wrong verifiers a code is dead (PKC-7).
const MAX_WRONG_VERIFIERS = 5;

/**
 * An INSERT that opens the family of what was spent: `spent` is an earlier part of the WITH, with the columns of grantColumns
 * and `offline`, which says whether there is to be a refresh token. The others are expressions.
 */
export function openingFamily(of: {
  readonly spent: string;
  readonly now: string;
  readonly refreshTokenHash: string;
  readonly idleExpiresAt: string;
  readonly expiresAt: string;
  /** Of a family without refresh token. */
  readonly accessExpiresAt: string;
  /** Added to those of what was spent. */
  readonly terms: string;
}): string {
  return `INSERT INTO token_family (id, client_id, user_id, connector_id, session_hash, scope, claims, terms, nonce, auth_time, amr, groups,
      preferred_username, created_at, current_hash, idle_expires_at, expires_at)
    SELECT family_id, client_id, user_id, connector_id, session_hash, scope, claims,
      NULLIF(COALESCE(terms, '{}') || COALESCE(${of.terms}::jsonb, '{}'), '{}'), nonce, auth_time, amr, groups,
      preferred_username, ${of.now}::timestamptz, CASE WHEN offline THEN ${of.refreshTokenHash} END,
      CASE WHEN offline THEN ${of.idleExpiresAt}::timestamptz ELSE ${of.accessExpiresAt}::timestamptz END,
      CASE WHEN offline THEN ${of.expiresAt}::timestamptz ELSE ${of.accessExpiresAt}::timestamptz END
    FROM ${of.spent}`;
}

/**
 * The conditions are those of decideCode. Of two racing statements the second waits for the row, looks at it again and
 * finds it spent. A code without challenge takes no verifier and one with a challenge needs the fitting one: both are
 * IS NOT DISTINCT FROM (PKC-4, PKC-5).
 *
 * The client is compared in a form that no index serves: on a table without statistics the planner would rather read all
 * codes of the client than the one with this hash, and redeeming would slow down with every code.
 *
 * `delete_after` moves to the end of the family: until then a second use must be told from an unknown code (TOK-1). It is
 * indexed, so the row's other index entries are written again, once in the life of a code.
 */
const REDEEM = hot(
  "code.redeem",
  `WITH spent AS (
    UPDATE authorization_code c
    SET spent_at = $5, family_id = $6::uuid, delete_after = GREATEST(c.delete_after,
      CASE WHEN $7::bytea IS NOT NULL AND 'offline_access' = ANY (c.scope) THEN $9::timestamptz ELSE $10::timestamptz END)
    FROM app_user u
    WHERE c.hash = $1 AND c.spent_at IS NULL AND c.expires_at > $5::timestamptz
      AND c.wrong_verifiers < ${MAX_WRONG_VERIFIERS}
      AND c.client_id IS NOT DISTINCT FROM $2::text AND c.redirect_uri = $3 AND c.code_challenge IS NOT DISTINCT FROM $4::text
      AND ($11::text[] IS NULL OR c.connector_id = ANY ($11))
      AND COALESCE(c.terms ->> 'codeJkt' = $12::text, c.terms ->> 'codeJkt' IS NULL)
      AND ${isGranted("c.terms", "$14")}
      AND u.id = c.user_id AND NOT u.disabled
      AND EXISTS (SELECT FROM connector WHERE id = c.connector_id)
    RETURNING ${grantColumns("c", "c.family_id")},
      ($7::bytea IS NOT NULL AND 'offline_access' = ANY (c.scope)) AS offline
  ), opened AS (
    ${openingFamily({ spent: "spent", now: "$5", refreshTokenHash: "$7", idleExpiresAt: "$8", expiresAt: "$9", accessExpiresAt: "$10", terms: "$13" })}
  )
  SELECT * FROM spent`,
);

const FIND = cold(
  "code.find",
  `SELECT c.client_id, c.connector_id, c.redirect_uri, c.code_challenge, c.terms, c.expires_at, c.spent_at, c.wrong_verifiers, c.family_id,
    c.front_channel_family_id, (NOT u.disabled AND EXISTS (SELECT FROM connector WHERE id = c.connector_id)) AS owner_active
  FROM authorization_code c JOIN app_user u ON u.id = c.user_id
  WHERE c.hash = $1`,
);

const COUNT_WRONG_VERIFIER = cold(
  "code.countWrongVerifier",
  `UPDATE authorization_code SET wrong_verifiers = wrong_verifiers + 1
  WHERE hash = $1 AND spent_at IS NULL AND wrong_verifiers < ${MAX_WRONG_VERIFIERS}`,
);

interface CodeRow {
  readonly client_id: string;
  readonly connector_id: string;
  readonly redirect_uri: string;
  readonly code_challenge: string | null;
  readonly terms: GrantTerms | null;
  readonly expires_at: Date;
  readonly spent_at: Date | null;
  readonly wrong_verifiers: number;
  readonly family_id: string | null;
  readonly front_channel_family_id: string | null;
  readonly owner_active: boolean;
}

/** Authorization codes, RFC 6749 §4.1. */
export function makeCodeStore(db: Database): AuthorizationCodes {
  return {
    async redeem(redemption, now) {
      const { codeHash, clientId, redirectUri, challengeOfVerifier, family } = redemption;
      if (redirectUri === undefined || !isStorable(clientId, redirectUri, challengeOfVerifier)) return undefined;
      const [row] = await db.run<TokenGrantRow>(REDEEM, [
        codeHash,
        clientId,
        redirectUri,
        challengeOfVerifier,
        now,
        family.id,
        family.refreshTokenHash,
        family.refreshIdleExpiresAt,
        family.refreshExpiresAt,
        family.accessExpiresAt,
        redemption.allowedConnectors,
        redemption.confirmation?.jkt,
        family.terms && JSON.stringify(family.terms),
        toAskedValue(redemption.asked),
      ]);
      return row === undefined ? undefined : toTokenGrant(row);
    },
    async find(codeHash) {
      const [row] = await db.run<CodeRow>(FIND, [codeHash]);
      return row === undefined ? undefined : toStoredCode(row);
    },
    async countWrongVerifier(codeHash) {
      await db.run(COUNT_WRONG_VERIFIER, [codeHash]);
    },
  };
}

function toStoredCode(row: CodeRow): StoredCode {
  return {
    clientId: row.client_id,
    connectorId: row.connector_id,
    redirectUri: row.redirect_uri,
    codeChallenge: orUndefined(row.code_challenge),
    terms: orUndefined(row.terms),
    expiresAt: row.expires_at,
    spentAt: orUndefined(row.spent_at),
    wrongVerifiers: row.wrong_verifiers,
    familyId: orUndefined(row.family_id),
    frontChannelFamilyId: orUndefined(row.front_channel_family_id),
    ownerActive: row.owner_active,
  };
}
