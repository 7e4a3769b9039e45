import type { IssueOutcome, NewCode, Session, SignIns } from "@dex/oidc";
import { addSeconds } from "@dex/runtime";
import { attemptKey } from "./attempts.ts";
import { type Database, hot } from "./database.ts";
import type { RedisAttempts } from "./redis-attempts.ts";
import { sqlStateOf } from "./storage-unavailable.ts";
import { isStorable, orUndefined, toStoredText, toStoredTexts } from "./stored-text.ts";
import { remoteIdOf, type TokenUserRow, toTokenUser } from "./token-grant.ts";

/** A use moves the idle limit when it would move by this much: one write a minute, however busy the browser is. */
const TOUCH_SECONDS = 60;
/**
 * A code that nobody redeems is kept for longer than any login state lives (600 seconds), so that the unique index still
 * finds a login state that is used a second time (BRO-6).
 */
const KEEP_UNSPENT_SECONDS = 900;

/**
 * Set inside the statement, for its transaction alone. Of sign-ins a crash may forget the last codes and sessions of the
 * past half second, which costs their owners a click. Spending a code is durable, and so then is the code.
 */
export const ASYNCHRONOUS_COMMIT = "set_config('synchronous_commit', 'off', true)";

const FIND_SESSION = hot(
  "session.find",
  `WITH touched AS (
    UPDATE session SET idle_expires_at = LEAST($4::timestamptz, expires_at)
    WHERE hash = $1 AND idle_expires_at > $3 AND expires_at > $3
      AND idle_expires_at < LEAST($4, expires_at) - make_interval(secs => $5)
  )
  SELECT s.user_id, u.email, u.email_verified, u.display_name, s.groups, s.preferred_username, u.profile,
    ${remoteIdOf("u.id", "s.connector_id")} AS remote_id,
    s.connector_id, s.auth_time, s.amr, s.expires_at, s.asked, s.proved_for,
    jsonb_exists(s.clients, $2) AS known_to_client, c.scope AS consented_scope,
    EXISTS (SELECT FROM authorization_code WHERE login_state_id = $6::text) AS answered
  FROM session s
  JOIN app_user u ON u.id = s.user_id AND NOT u.disabled
  LEFT JOIN consent c ON c.user_id = s.user_id AND c.client_id = $2
  WHERE s.hash = $1 AND s.idle_expires_at > $3 AND s.expires_at > $3
    AND EXISTS (SELECT FROM connector WHERE id = s.connector_id)`,
);

const CODE_COLUMNS = `hash, login_state_id, client_id, connector_id, session_hash, redirect_uri, scope, nonce,
      code_challenge, auth_time, amr, issued_at, expires_at, delete_after, user_id, groups, preferred_username,
      front_channel_family_id, spent_at, claims, terms`;
/** The first fourteen parameters of both statements that issue codes. */
const CODE_VALUES = `$1::bytea, $2::text, $3::text, $4::text, $5::bytea, $6::text, $7::text[], $8::text,
      $9::text, $10::timestamptz, $11::text[], $12::timestamptz, $13::timestamptz, $14::timestamptz`;

/** How many sessions back a browser's is remembered: who signs in again more often than this is on their own. */
const MAX_EARLIER = 20;

/** What the row of a code and the family that is opened with it have in common. */
const ISSUED_COLUMNS = `client_id, user_id, connector_id, session_hash, scope, nonce, auth_time, amr, groups,
      preferred_username, issued_at, front_channel_family_id, hash, claims, terms`;

/** An access token that travels with the code belongs to a family of its own, which lives as long as that token. */
function openFrontChannelFamily(expiresAt: string): string {
  return `front_channel AS (
    INSERT INTO token_family (client_id, user_id, connector_id, session_hash, scope, nonce, auth_time, amr, groups,
      preferred_username, created_at, id, claims, terms, idle_expires_at, expires_at)
    SELECT client_id, user_id, connector_id, session_hash, scope, nonce, auth_time, amr, groups,
      preferred_username, issued_at, front_channel_family_id, claims, terms, ${expiresAt}::timestamptz, ${expiresAt}
    FROM issued WHERE front_channel_family_id IS NOT NULL
  )`;
}

/**
 * The user is locked, so that whoever is taking the access away waits for this, or this for them; it then looks at the user as
 * they left it (`access_ended_at`), though it began before.
 *
 * A right password ends the row of wrong ones (ACC-3), when it was this user's own: that of a directory is counted under a
 * name which is nobody's address. The user comes before the password, and that before the rest, as in all statements that
 * lock more than the password's row, so that no two of them wait for each other in a circle.
 */
const SIGN_IN = hot(
  "signIn.signIn",
  `WITH active AS (
    SELECT id, email FROM app_user
    WHERE id = $15::text AND NOT disabled AND (access_ended_at IS NULL OR access_ended_at <= $28::timestamptz)
    FOR SHARE
  ), issued AS (
    INSERT INTO authorization_code (${CODE_COLUMNS})
    SELECT ${CODE_VALUES}, id, $16::text[], $17::text, $33::uuid, $34::timestamptz, $36::jsonb, $37::jsonb
    FROM active WHERE $1::bytea IS NOT NULL
    ON CONFLICT (login_state_id) DO NOTHING
    RETURNING ${ISSUED_COLUMNS}
  ), ${openFrontChannelFamily("$35")}, replaced AS (
    -- The same person again: signing out ends what both were used for. Another's is none of theirs.
    SELECT s.hash, s.clients, s.earlier, s.proved_for FROM session s JOIN active a ON a.id = s.user_id WHERE s.hash = $24::bytea
  ), opened AS (
    INSERT INTO session (hash, user_id, connector_id, auth_time, amr, groups, preferred_username, idle_expires_at, expires_at,
      user_agent, asked, clients, earlier, proved_for, upstream_sid)
    SELECT $18::bytea, id, $19::text, $20::timestamptz, $21::text[], $16, $17, $22::timestamptz, $23::timestamptz,
      $27::text, $30::text[],
      COALESCE((SELECT clients FROM replaced), '{}')
        || CASE WHEN $1::bytea IS NULL THEN '{}' ELSE jsonb_build_object($3, encode($18, 'hex')) END,
      COALESCE((SELECT (earlier || hash)[GREATEST(1, cardinality(earlier) + 2 - ${MAX_EARLIER}):] FROM replaced), '{}'),
      array_remove(COALESCE((
        SELECT (array_remove(proved_for, $38::text))[GREATEST(1, cardinality(proved_for) + 2 - ${MAX_EARLIER}):] FROM replaced
      ), '{}') || $38, NULL), $39::bytea
    FROM active WHERE $1::bytea IS NULL OR EXISTS (SELECT FROM issued)
    RETURNING hash
  ), cleared AS (
    UPDATE password p SET wrong_guesses = 0 FROM active a
    WHERE p.user_id = a.id AND a.email = $29::text AND p.wrong_guesses > 0 AND EXISTS (SELECT FROM opened)
    RETURNING p.user_id
  ), ended AS (
    DELETE FROM session
    WHERE hash = $24::bytea AND (SELECT count(*) FROM cleared) >= 0 AND EXISTS (SELECT FROM opened)
  ), forgotten AS (
    DELETE FROM attempt_count
    WHERE key = $25::bytea AND (SELECT count(*) FROM cleared) >= 0 AND EXISTS (SELECT FROM opened)
    RETURNING key
  ), taken_back AS (
    UPDATE attempt_count SET attempts = attempts - 1
    -- Reading from forgotten keeps the order in which attempts are counted: the account before the source.
    WHERE key = $26::bytea AND attempts > 0 AND (SELECT count(*) FROM forgotten) >= 0 AND EXISTS (SELECT FROM opened)
  ), granted AS (
    INSERT INTO upstream_grant AS g (user_id, connector_id, remote_id, sealed, asked, outcome, checked_at)
    SELECT id, $19::text, $31::text, $32::bytea, $30::text[], 'good', $28::timestamptz
    FROM active WHERE $32::bytea IS NOT NULL AND EXISTS (SELECT FROM opened)
    ON CONFLICT (user_id, connector_id) DO UPDATE
    SET remote_id = EXCLUDED.remote_id, sealed = EXCLUDED.sealed, asked = EXCLUDED.asked, outcome = EXCLUDED.outcome,
      checked_at = EXCLUDED.checked_at, unavailable_at = NULL, lease = NULL, lease_until = NULL
    -- One that was asked for less could not tell the groups that other clients' tokens tell.
    WHERE g.outcome <> 'good' OR g.remote_id <> EXCLUDED.remote_id OR g.asked <@ EXCLUDED.asked
  )
  SELECT EXISTS (SELECT FROM active) AS active, EXISTS (SELECT FROM opened) AS done, ${ASYNCHRONOUS_COMMIT}`,
);

const ISSUE_CODE = hot(
  "signIn.issueCode",
  `WITH active AS (
    SELECT s.user_id, s.groups, s.preferred_username
    FROM session s JOIN app_user u ON u.id = s.user_id AND NOT u.disabled
      AND (u.access_ended_at IS NULL OR u.access_ended_at <= $12::timestamptz)
    WHERE s.hash = $5::bytea AND s.user_id = $15::text
      AND s.idle_expires_at > $12::timestamptz AND s.expires_at > $12
    FOR SHARE OF u FOR KEY SHARE OF s
  ), issued AS (
    INSERT INTO authorization_code (${CODE_COLUMNS})
    SELECT ${CODE_VALUES}, user_id, groups, preferred_username, $17::uuid, $18::timestamptz, $20::jsonb, $21::jsonb FROM active
    ON CONFLICT (login_state_id) DO NOTHING
    RETURNING ${ISSUED_COLUMNS}
  ), ${openFrontChannelFamily("$19")}, signed_in_to AS (
    UPDATE session SET clients = clients || jsonb_build_object($3, encode($5, 'hex'))
    WHERE hash = $5 AND clients ->> $3 IS DISTINCT FROM encode($5, 'hex') AND EXISTS (SELECT FROM issued)
  ), consented AS (
    INSERT INTO consent AS c (user_id, client_id, scope, granted_at)
    SELECT user_id, $3, $16::text[], $12 FROM issued WHERE $16::text[] IS NOT NULL
    ON CONFLICT (user_id, client_id) DO UPDATE
    SET scope = ARRAY(SELECT DISTINCT unnest(c.scope || EXCLUDED.scope)), granted_at = EXCLUDED.granted_at
  )
  SELECT EXISTS (SELECT FROM active) AS active, EXISTS (SELECT FROM issued) AS done,
    CASE WHEN $16::text[] IS NULL THEN ${ASYNCHRONOUS_COMMIT} END`,
);

interface SessionRow extends TokenUserRow {
  readonly connector_id: string;
  readonly auth_time: Date;
  readonly amr: readonly string[];
  readonly expires_at: Date;
  readonly asked: Session["asked"];
  readonly proved_for: readonly string[];
  readonly known_to_client: boolean;
  readonly answered: boolean;
  readonly consented_scope: readonly string[] | null;
}
type OutcomeRow = { readonly active: boolean; readonly done: boolean };

/** The browser side of a sign-in: one statement for each step. */
export function makeSignInStore(db: Database, redis: RedisAttempts | undefined): SignIns {
  return {
    async findSession(hash, clientId, now, idleSeconds, oneAnswer): Promise<Session | undefined> {
      if (!isStorable(clientId)) return undefined;
      const touchSeconds = Math.min(TOUCH_SECONDS, idleSeconds / 2);
      const values = [hash, clientId, now, addSeconds(now, idleSeconds), touchSeconds, oneAnswer];
      const [row] = await db.run<SessionRow>(FIND_SESSION, values);
      return row === undefined ? undefined : toSession(hash, row);
    },
    async signIn({ session, code, replaces, rightPassword, upstreamGrant }) {
      const tried = rightPassword && {
        account: attemptKey("account", rightPassword.account),
        source: attemptKey("source", rightPassword.source),
      };
      const outcome = await issue(() =>
        db.run<OutcomeRow>(SIGN_IN, [
          ...toCodeValues(code),
          session.userId,
          toStoredTexts(session.groups),
          toStoredText(session.preferredUsername),
          session.hash,
          session.connectorId,
          session.authTime,
          session.amr,
          session.idleExpiresAt,
          session.expiresAt,
          replaces,
          tried?.account,
          tried?.source,
          toStoredText(session.userAgent),
          session.createdAt,
          toStoredText(rightPassword?.account),
          session.asked,
          upstreamGrant?.remoteId,
          upstreamGrant?.sealed,
          ...toOptionalValues(code),
          session.provedFor,
          session.upstreamSid,
        ]),
      );
      if (outcome === "issued" && tried !== undefined) await redis?.forgive(tried.account, tried.source);
      return outcome;
    },
    issueCode: ({ code, consent }) =>
      issue(() =>
        db.run<OutcomeRow>(ISSUE_CODE, [...toCodeValues(code), code.userId, consent, ...toOptionalValues(code)]),
      ),
  };
}

function toCodeValues(code: NewCode | undefined): readonly unknown[] {
  if (code === undefined) return new Array(14).fill(null);
  return [
    code.hash,
    code.loginStateId,
    code.clientId,
    code.connectorId,
    code.sessionHash,
    code.redirectUri,
    code.scope,
    // OIDC Core §3.1.2.1: the nonce is the client's and comes back as it was, which with a NUL in it is impossible.
    toStoredText(code.nonce),
    code.codeChallenge,
    code.authTime,
    code.amr,
    code.issuedAt,
    code.expiresAt,
    latest(addSeconds(code.expiresAt, KEEP_UNSPENT_SECONDS), code.keepUntil),
  ];
}

function latest(one: Date, other: Date | undefined): Date {
  return other === undefined || other < one ? one : other;
}

/** The last five parameters of both statements that issue codes. */
function toOptionalValues(code: NewCode | undefined): readonly unknown[] {
  const { frontChannelFamily: family, claims, terms } = code ?? {};
  const asked = claims && JSON.stringify({ userinfo: claims.userinfo, idToken: claims.idToken });
  return [family?.id, code?.spentAt, family?.expiresAt, asked, terms && JSON.stringify(terms)];
}

async function issue(run: () => Promise<readonly OutcomeRow[]>): Promise<IssueOutcome> {
  try {
    const [row] = await run();
    if (row?.active !== true) return "user gone";
    return row.done ? "issued" : "flow used";
  } catch (error) {
    // The user or the client was deleted while this statement ran.
    if (sqlStateOf(error) === "23503") return "user gone";
    throw error;
  }
}

function toSession(hash: Buffer, row: SessionRow): Session {
  return {
    hash,
    user: toTokenUser(row),
    connectorId: row.connector_id,
    authTime: row.auth_time,
    amr: row.amr,
    expiresAt: row.expires_at,
    asked: row.asked,
    provedFor: row.proved_for,
    knownToClient: row.known_to_client,
    answered: row.answered,
    consentedScope: orUndefined(row.consented_scope),
  };
}
