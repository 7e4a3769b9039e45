// Links that are mailed to users. Whether one may be used is decided by the statement that uses it up.
import type { AccountLink, AccountLinkPurpose, AccountLinks, Actor, LinkOrigin } from "@dex/users";
import { attemptKey } from "./attempts.ts";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database, type Statement } from "./database.ts";
import { endingAccess } from "./ended-access.ts";
import type { RedisAttempts } from "./redis-attempts.ts";
import { sqlStateOf } from "./storage-unavailable.ts";
import { isStorable, orUndefined, toStoredText } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";
import { toUser, USER_COLUMNS, type UserRow } from "./users.ts";

/** As in LINK_LIFETIME_SECONDS of users, which a test compares: of that package only types may be used here. */
export const LINK_LIFETIMES: Readonly<Record<AccountLinkPurpose, number>> = {
  "verify email": 86_400,
  "change email": 86_400,
  "reset password": 1_800,
  invitation: 604_800,
};

const expiryOf = (purpose: AccountLinkPurpose, now: string) =>
  `${now}::timestamptz + interval '${LINK_LIFETIMES[purpose]} seconds'`;

/** The address is the user's own for all but a change: a link to an address they no longer have is dead (ACC-11). */
const FIND = cold(
  "accountLink.find",
  `SELECT ${USER_COLUMNS}, l.id AS link_id, l.email AS link_email, l.client_id, l.redirect_uri, l.flow_id, l.expires_at
  FROM account_link l JOIN app_user u ON u.id = l.user_id AND NOT u.disabled
  WHERE l.id = $1::uuid AND l.purpose = $2 AND l.expires_at > $3 AND (l.purpose = 'change email' OR l.email = u.email)`,
);

/** The minute is part of the cause: a button that is pressed five times sends one mail. */
const REQUEST_RESET = cold(
  "accountLink.requestPasswordReset",
  `INSERT INTO outbox (kind, cause, email, client_id, redirect_uri, flow_id, locale, occurred_at, due_at)
  VALUES ('password-reset', $1 || ' ' || floor(extract(epoch FROM $6::timestamptz) / 60)::bigint, $1, $2, $3, $4, $5, $6, $6)
  ON CONFLICT ON CONSTRAINT outbox_once DO NOTHING`,
);

/** Whether the user `u` can sign in with a password of ours: a local identity has its user's own id upstream. */
const SIGNS_IN_HERE = "EXISTS (SELECT FROM remote_identity WHERE user_id = u.id AND remote_id = u.id)";

/**
 * Whether a password can be reset: one is there, or the local identity that an administrator made without one. A link of
 * the same mail that is gone again was used, and the password is then younger than the mail: it does not come back.
 */
const OPEN_RESET = cold(
  "accountLink.openPasswordReset",
  `WITH asked AS (
    SELECT id, occurred_at, client_id, redirect_uri, flow_id FROM outbox WHERE id = $1::uuid
  ), person AS (
    SELECT u.id, u.email, p.changed_at,
      (p.user_id IS NOT NULL OR ${SIGNS_IN_HERE}) AS eligible
    FROM app_user u LEFT JOIN password p ON p.user_id = u.id
    WHERE u.email = $2 AND NOT u.disabled
  ), opened AS (
    INSERT INTO account_link AS l (id, purpose, user_id, email, client_id, redirect_uri, flow_id, created_at, expires_at)
    SELECT a.id, 'reset password', p.id, p.email, a.client_id, a.redirect_uri, a.flow_id, a.occurred_at,
      ${expiryOf("reset password", "$3")}
    FROM asked a, person p WHERE p.eligible AND (p.changed_at IS NULL OR p.changed_at <= a.occurred_at)
    ON CONFLICT ON CONSTRAINT account_link_one_per_purpose DO UPDATE
    SET id = EXCLUDED.id, email = EXCLUDED.email, client_id = EXCLUDED.client_id, redirect_uri = EXCLUDED.redirect_uri,
      flow_id = EXCLUDED.flow_id, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at
    WHERE l.created_at <= EXCLUDED.created_at
    RETURNING l.id
  )
  SELECT eligible, EXISTS (SELECT FROM opened) AS opened FROM person`,
);

/**
 * A new link of this purpose for a user whose address is not verified, and its mail; at most one a minute. Whoever signs
 * in elsewhere alone is not invited: the password that they chose would be of no use.
 */
function requestUnverified(name: string, purpose: AccountLinkPurpose, kind: string, event: string): Statement {
  return cold(
    name,
    `WITH person AS (
      SELECT id, email, email_verified, ${purpose === "invitation" ? SIGNS_IN_HERE : "true"} AS fit
      FROM app_user u WHERE id = $1 AND NOT disabled
    ), linked AS (
      INSERT INTO account_link AS l (id, purpose, user_id, email, client_id, redirect_uri, flow_id, created_at, expires_at)
      SELECT gen_random_uuid(), '${purpose}', id, email, $2, $3, $4, $6, ${expiryOf(purpose, "$6")}
      FROM person WHERE NOT email_verified AND fit
      ON CONFLICT ON CONSTRAINT account_link_one_per_purpose DO UPDATE
      SET id = EXCLUDED.id, email = EXCLUDED.email, client_id = EXCLUDED.client_id, redirect_uri = EXCLUDED.redirect_uri,
        flow_id = EXCLUDED.flow_id, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at
      WHERE l.created_at <= EXCLUDED.created_at - interval '1 minute' OR l.email <> EXCLUDED.email
      RETURNING l.id, l.user_id, l.client_id, l.redirect_uri, l.flow_id
    ), promised AS (
      INSERT INTO outbox (kind, cause, user_id, link_id, client_id, redirect_uri, flow_id, locale, occurred_at, due_at)
      SELECT '${kind}', id::text, user_id, id, client_id, redirect_uri, flow_id, $5, $6, $6 FROM linked
    ), audited AS (
      INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT '${event}', user_id, $7, $8, $9 FROM linked
    )
    SELECT email_verified, fit FROM person`,
  );
}
const REQUEST_VERIFICATION = requestUnverified(
  "accountLink.requestVerification",
  "verify email",
  "verify-email",
  "verification requested",
);
const REQUEST_INVITATION = requestUnverified(
  "accountLink.requestInvitation",
  "invitation",
  "invitation",
  "user invited",
);

const REQUEST_CHANGE = cold(
  "accountLink.requestEmailChange",
  `WITH person AS (
    SELECT id FROM app_user WHERE id = $1 AND NOT disabled AND email <> $7
  ), linked AS (
    INSERT INTO account_link AS l (id, purpose, user_id, email, client_id, redirect_uri, flow_id, created_at, expires_at)
    SELECT gen_random_uuid(), 'change email', id, $7, $2, $3, $4, $6, ${expiryOf("change email", "$6")} FROM person
    ON CONFLICT ON CONSTRAINT account_link_one_per_purpose DO UPDATE
    SET id = EXCLUDED.id, email = EXCLUDED.email, client_id = EXCLUDED.client_id, redirect_uri = EXCLUDED.redirect_uri,
      flow_id = EXCLUDED.flow_id, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at
    WHERE l.created_at <= EXCLUDED.created_at - interval '1 minute' OR l.email <> EXCLUDED.email
    RETURNING l.id, l.user_id, l.email, l.client_id, l.redirect_uri, l.flow_id
  ), promised AS (
    INSERT INTO outbox (kind, cause, user_id, email, link_id, client_id, redirect_uri, flow_id, locale, occurred_at, due_at)
    SELECT 'confirm-email-change', id::text, user_id, email, id, client_id, redirect_uri, flow_id, $5, $6::timestamptz, $6
    FROM linked
    UNION ALL
    SELECT 'email-change-requested', id::text, user_id, NULL, NULL, NULL, NULL, NULL, $5, $6, $6 FROM linked
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
  SELECT 'address change requested', user_id, $8, $9, $10, jsonb_build_object('email', email) FROM linked`,
);

/**
 * Every use begins here: the user before anything of theirs, so that no two callers wait for each other in a circle. The
 * statements after it see what others committed until then, such as a session that was just opened; under one statement's
 * snapshot they would not.
 */
const HOLD = cold(
  "accountLink.hold",
  `SELECT id FROM app_user WHERE id = (SELECT user_id FROM account_link WHERE id = $1::uuid) FOR NO KEY UPDATE`,
);

/** Before the families: a code that is being spent has its family once this has waited for it. */
const EXPIRE_CODES = cold(
  "accountLink.expireCodes",
  `UPDATE authorization_code SET expires_at = LEAST(expires_at, $2::timestamptz)
  WHERE spent_at IS NULL
    AND user_id = (SELECT user_id FROM account_link WHERE id = $1::uuid AND purpose = $3 AND expires_at > $2)`,
);

/** The link, used up, and its user. */
const used = (purpose: AccountLinkPurpose, more = "") => `used AS (
    DELETE FROM account_link WHERE id = $1::uuid AND purpose = '${purpose}' AND expires_at > $2 ${more}
    RETURNING id AS link_id, user_id, email
  )`;
const personWhere = (condition: string) => `person AS (
    SELECT u.id, u.email, u.email_verified, used.link_id FROM used JOIN app_user u ON u.id = used.user_id
    WHERE NOT u.disabled AND u.email = used.email AND ${condition} FOR NO KEY UPDATE OF u
  )`;

/** Only the user, signed in, can say that the mailbox is theirs too: see AccountLinks.verifyEmail. */
const VERIFY = cold(
  "accountLink.verifyEmail",
  `WITH ${used("verify email", "AND user_id = $6")}, ${personWhere("true")}, verified AS (
    UPDATE app_user u SET email_verified = true FROM person p WHERE u.id = p.id AND NOT u.email_verified RETURNING u.id
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'address verified', id, $3, $4, $5 FROM verified RETURNING subject_id`,
);

/**
 * Whoever reads the mailbox takes the account over. If the address was never verified, somebody else may have prepared it
 * (ACC-13): what they could sign in with goes, and so does all that was begun (ACC-16). Where nothing would be left to sign
 * in with, the link does nothing: neither may its reader be locked out, nor somebody else's identity get the address.
 */
function setPassword(name: string, purpose: AccountLinkPurpose, event: string): Statement {
  return cold(
    name,
    `WITH ${used(purpose)}, ${personWhere(`(u.email_verified OR ${SIGNS_IN_HERE})`)}, secured AS (
      INSERT INTO password AS p (user_id, hash, changed_at) SELECT id, $6, $2 FROM person
      ON CONFLICT (user_id) DO UPDATE
      SET hash = EXCLUDED.hash, changed_at = EXCLUDED.changed_at, wrong_guesses = 0
    ), verified AS (
      UPDATE app_user u SET email_verified = true, access_ended_at = $2 FROM person p WHERE u.id = p.id
    ), dropped AS (
      DELETE FROM remote_identity r USING person p
      WHERE r.user_id = p.id AND NOT p.email_verified AND r.remote_id <> p.id
    ), ${endingAccess({ whose: "person", now: "$2", reason: "'password changed'" })}, notice AS (
      INSERT INTO outbox (kind, cause, user_id, occurred_at, due_at)
      SELECT 'password-changed', link_id::text, id, $2::timestamptz, $2 FROM person
    ), forgotten AS (
      DELETE FROM attempt_count a USING person p
      WHERE a.key = sha256(convert_to('account', 'UTF8') || '\\x00'::bytea || convert_to(p.email, 'UTF8'))
    ), audited AS (
      INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT '${event}', id, $3, $4, $5 FROM person
    )
    SELECT email FROM person`,
  );
}
const RESET = setPassword("accountLink.resetPassword", "reset password", "password reset");
const ACCEPT = setPassword("accountLink.acceptInvitation", "invitation", "invitation accepted");

/** The uses that end everything the user holds. */
const ENDING_ACCESS: ReadonlyMap<Statement, AccountLinkPurpose> = new Map([
  [RESET, "reset password"],
  [ACCEPT, "invitation"],
]);

const CHANGE = cold(
  "accountLink.changeEmail",
  `WITH ${used("change email")}, before AS (
    SELECT u.id, u.email AS old_email, u.email_verified AS old_verified, used.email AS new_email, used.link_id
    FROM used JOIN app_user u ON u.id = used.user_id WHERE NOT u.disabled FOR NO KEY UPDATE OF u
  ), changed AS (
    UPDATE app_user u SET email = b.new_email, email_verified = true FROM before b WHERE u.id = b.id
    RETURNING u.id, b.old_email, b.old_verified, b.new_email, b.link_id
  ), ended_links AS (
    DELETE FROM account_link l USING changed c WHERE l.user_id = c.id
  ), notice AS (
    INSERT INTO outbox (kind, cause, user_id, email, occurred_at, due_at)
    SELECT 'email-changed', link_id::text, id, old_email, $2::timestamptz, $2 FROM changed WHERE old_verified
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
  SELECT 'address changed', id, $3, $4, $5, jsonb_build_object('from', old_email, 'to', new_email) FROM changed
  RETURNING subject_id`,
);

interface LinkRow extends UserRow {
  readonly link_id: string;
  readonly link_email: string;
  readonly client_id: string | null;
  readonly redirect_uri: string | null;
  readonly flow_id: string | null;
  readonly expires_at: Date;
}

/** Links of users, and the reset of passwords that mail delivery resolves. */
export interface AccountLinkStore extends AccountLinks {
  /**
   * Finds out whose password a reset mail is about, and opens the link for it; see OpenPasswordReset of email. `id` is
   * that of the mail's row, and becomes that of the link.
   */
  openPasswordReset(
    request: { readonly id: string; readonly email: string },
    now: Date,
  ): Promise<"link" | "no password" | "nobody" | "superseded">;
}

export function makeAccountLinkStore(db: Database, redis: RedisAttempts | undefined): AccountLinkStore {
  type Used = { readonly email?: string } | undefined;
  async function use(statement: Statement, id: string, now: Date, actor: Actor, ...more: readonly unknown[]) {
    if (!isUuid(id)) return undefined;
    return db.transaction(async (tx): Promise<Used> => {
      await tx.run(HOLD, [id]);
      const purpose = ENDING_ACCESS.get(statement);
      if (purpose !== undefined) await tx.run(EXPIRE_CODES, [id, now, purpose]);
      const [row] = await tx.run<NonNullable<Used>>(statement, [id, now, ...toAuditValues(actor), ...more]);
      return row;
    });
  }

  async function setNewPassword(statement: Statement, id: string, passwordHash: string, actor: Actor, now: Date) {
    const row = await use(statement, id, now, actor, passwordHash);
    if (row === undefined) return "gone";
    // The owner has come back by mail: what others tried in vain must not keep them waiting (ACC-3). No source gets one
    // back, for using a link was counted at none: else one could mail oneself as many guesses as one likes.
    await redis?.forget(attemptKey("account", row.email ?? ""));
    return "done";
  }

  return {
    async find(id, purpose, now) {
      if (!isUuid(id)) return undefined;
      const [row] = await db.run<LinkRow>(FIND, [id, purpose, now]);
      return row && toAccountLink(row, purpose);
    },
    async requestPasswordReset(email, origin, now) {
      await db.run(REQUEST_RESET, [email, ...toOriginValues(origin), now]);
    },
    async openPasswordReset({ id, email }, now) {
      const [row] = await db.run<{ eligible: boolean; opened: boolean }>(OPEN_RESET, [id, email, now]);
      if (row === undefined) return "nobody";
      if (row.opened) return "link";
      return row.eligible ? "superseded" : "no password";
    },
    async requestVerification(userId, origin, now) {
      const actor = { kind: "user", id: userId, address: undefined } as const;
      const values = [userId, ...toOriginValues(origin), now, ...toAuditValues(actor)];
      const row = await requested(db, REQUEST_VERIFICATION, values);
      if (row === undefined) return "unknown";
      return row.email_verified ? "verified" : "promised";
    },
    async requestInvitation(userId, origin, actor, now) {
      const values = [userId, ...toOriginValues(origin), now, ...toAuditValues(actor)];
      const row = await requested(db, REQUEST_INVITATION, values);
      if (row === undefined) return "unknown";
      if (row.email_verified) return "verified";
      return row.fit ? "promised" : "no password";
    },
    async requestEmailChange(userId, email, origin, actor, now) {
      await db.run(REQUEST_CHANGE, [userId, ...toOriginValues(origin), now, email, ...toAuditValues(actor)]);
    },
    async verifyEmail(id, userId, actor, now) {
      return (await use(VERIFY, id, now, actor, userId)) === undefined ? "gone" : "done";
    },
    resetPassword: (...given) => setNewPassword(RESET, ...given),
    acceptInvitation: (...given) => setNewPassword(ACCEPT, ...given),
    async changeEmail(id, actor, now) {
      try {
        return (await use(CHANGE, id, now, actor)) === undefined ? "gone" : "done";
      } catch (error) {
        if (sqlStateOf(error) === "23505") return "taken";
        throw error;
      }
    },
  };
}

interface RequestedRow {
  readonly email_verified: boolean;
  readonly fit: boolean;
}

async function requested(db: Database, statement: Statement, values: readonly unknown[]) {
  const [row] = isStorable(String(values[0])) ? await db.run<RequestedRow>(statement, values) : [];
  return row;
}

function toOriginValues({ clientId, redirectUri, flowId, locale }: LinkOrigin): readonly (string | null)[] {
  return [clientId, redirectUri, flowId, locale].map(toStoredText);
}

function toAccountLink(row: LinkRow, purpose: AccountLinkPurpose): AccountLink {
  return {
    id: row.link_id,
    purpose,
    user: toUser(row),
    email: row.link_email,
    origin: {
      clientId: orUndefined(row.client_id),
      redirectUri: orUndefined(row.redirect_uri),
      flowId: orUndefined(row.flow_id),
    },
    expiresAt: row.expires_at,
  };
}
