import type { DirectoryEntry, RemoteIdentity, User, UserDirectory, UserFilter } from "@dex/users";
import type { Knex } from "knex";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { endingAccess } from "./ended-access.ts";
import { ENDED_SESSION, tellingClients } from "./ended-sessions.ts";
import { makeRefreshClients } from "./refresh-clients.ts";
import { sqlStateOf } from "./storage-unavailable.ts";
import { isStorable, orUndefined, toStoredJson, toStoredText } from "./stored-text.ts";
import { toUser, USER_COLUMNS, type UserRow } from "./users.ts";

const FIND = cold("userDirectory.find", `SELECT ${USER_COLUMNS} FROM app_user u WHERE u.id = $1`);

const FIND_WITH_ACCESS = cold(
  "userDirectory.findWithAccess",
  `SELECT ${USER_COLUMNS}, u.access_ended_at FROM app_user u WHERE u.id = $1`,
);

const CREATE = cold(
  "userDirectory.create",
  `WITH created AS (
    INSERT INTO app_user (id, email, email_verified, display_name, admin, disabled, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id, email
  ), linked AS (
    INSERT INTO remote_identity (connector_id, remote_id, user_id, created_at) SELECT $8, id, id, $7 FROM created
  ), secured AS (
    INSERT INTO password (user_id, hash, changed_at) SELECT id, $9, $7 FROM created WHERE $9::text IS NOT NULL
  ), invited AS (
    INSERT INTO account_link (id, purpose, user_id, email, client_id, redirect_uri, flow_id, created_at, expires_at)
    SELECT $10::uuid, 'invitation', id, email, $11::text, $12::text, $13::text, $7, $14::timestamptz
    FROM created WHERE $10::uuid IS NOT NULL
    RETURNING id, user_id, client_id, redirect_uri, flow_id
  ), promised AS (
    INSERT INTO outbox (kind, cause, user_id, link_id, client_id, redirect_uri, flow_id, locale, occurred_at, due_at)
    SELECT 'invitation', id::text, user_id, id, client_id, redirect_uri, flow_id, $15::text, $7, $7 FROM invited
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
  SELECT 'user created', id, $16, $17, $18, jsonb_build_object('admin', $5::boolean, 'invited', $10::uuid IS NOT NULL)
  FROM created`,
);

/** The row is locked before it is looked at, so that what the audit event tells is what was changed. */
const BEFORE = `before AS (SELECT * FROM app_user WHERE id = $1 FOR UPDATE)`;

const UPDATE = cold(
  "userDirectory.update",
  `WITH ${BEFORE}, changed AS (
    UPDATE app_user u SET
      email = COALESCE($2::text, u.email),
      email_verified = COALESCE($3::boolean, u.email_verified AND COALESCE($2::text, u.email) = u.email),
      display_name = CASE WHEN $4::boolean THEN $5::text ELSE u.display_name END,
      admin = COALESCE($6::boolean, u.admin),
      access_ended_at = CASE WHEN COALESCE($2::text, u.email) = u.email THEN u.access_ended_at ELSE $7::timestamptz END,
      -- A name alone is no profile: who has none has no time of its last change either.
      profile = CASE WHEN $11::jsonb IS NULL AND (NOT $4 OR u.profile = '{}') THEN u.profile
        ELSE jsonb_strip_nulls(u.profile || COALESCE($11, '{}'))
          || jsonb_build_object('updated_at', floor(extract(epoch FROM $7::timestamptz))) END
    FROM before b WHERE u.id = b.id
    RETURNING ${USER_COLUMNS}, b.email AS old_email, b.email_verified AS old_verified
  ), moved AS (
    SELECT id, old_email, old_verified FROM changed WHERE email <> old_email
  ), ${endingAccess({ whose: "moved", now: "$7", reason: "'address changed'" })}, notice AS (
    INSERT INTO outbox (kind, cause, user_id, email, occurred_at, due_at)
    SELECT 'email-changed', gen_random_uuid()::text, id, old_email, $7, $7 FROM moved WHERE old_verified
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'user updated', id, $8, $9, $10, jsonb_strip_nulls(jsonb_build_object(
      'email', $2::text, 'emailVerified', $3::boolean, 'admin', $6::boolean,
      'displayName', CASE WHEN $4::boolean THEN COALESCE($5::text, '') END,
      'profile', (SELECT jsonb_agg(member) FROM jsonb_object_keys($11::jsonb) AS member)))
    FROM changed
  )
  SELECT ${USER_COLUMNS} FROM changed u`,
);

/** Enabling ends it all again: a sign-in that began before the disabling may have ended after it. */
const SET_DISABLED = cold(
  "userDirectory.setDisabled",
  `WITH ${BEFORE}, changed AS (
    UPDATE app_user u SET disabled = $2::boolean,
      access_ended_at = CASE WHEN b.disabled = $2::boolean THEN u.access_ended_at ELSE $3::timestamptz END
    FROM before b WHERE u.id = b.id
    RETURNING ${USER_COLUMNS}, b.disabled AS was_disabled
  ), turned AS (
    SELECT id FROM changed WHERE disabled <> was_disabled
  ), ${endingAccess({ whose: "turned", now: "$3", reason: "'user disabled'" })}, audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS})
    SELECT CASE WHEN $2::boolean THEN 'user disabled' ELSE 'user enabled' END, id, $4, $5, $6 FROM turned
  )
  SELECT ${USER_COLUMNS} FROM changed u`,
);

/** Foreign keys take along what hangs on the user; a trigger keeps the id from being given away again. */
const DELETE = cold(
  "userDirectory.delete",
  `WITH deleted AS (DELETE FROM app_user WHERE id = $1 RETURNING id),
  ended AS (SELECT ${ENDED_SESSION} FROM session WHERE user_id IN (SELECT id FROM deleted)),
  ${tellingClients({ ended: "ended", now: "now()" })}
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'user deleted', id, $2, $3, $4 FROM deleted RETURNING subject_id`,
);

/** A row without an identity says that there is such a user. */
const IDENTITIES = cold(
  "userDirectory.identities",
  `SELECT r.connector_id, r.remote_id, r.created_at
  FROM app_user u LEFT JOIN remote_identity r ON r.user_id = u.id
  WHERE u.id = $1
  ORDER BY r.connector_id COLLATE "C", r.remote_id COLLATE "C"`,
);

/** The user before anything of theirs, as in a sign-in, so that the two never wait for each other in a circle. */
const UNLINK = cold(
  "userDirectory.unlink",
  `WITH person AS (
    SELECT id FROM app_user WHERE id = $1 FOR NO KEY UPDATE
  ), gone AS (
    DELETE FROM remote_identity WHERE user_id = (SELECT id FROM person) AND connector_id = $2 AND remote_id = $3
    RETURNING user_id, connector_id
  ), unsecured AS (
    DELETE FROM password p USING gone g, connector c
    WHERE p.user_id = g.user_id AND c.id = g.connector_id AND c.type = 'local'
  ), ended_sessions AS (
    DELETE FROM session s USING gone g WHERE s.user_id = g.user_id AND s.connector_id = g.connector_id
    RETURNING s.hash, s.user_id, s.connector_id, s.clients
  ), ${tellingClients({ ended: "ended_sessions", now: "$4" })}, ended_codes AS (
    UPDATE authorization_code c SET expires_at = LEAST(c.expires_at, $4::timestamptz)
    FROM gone g WHERE c.user_id = g.user_id AND c.connector_id = g.connector_id AND c.spent_at IS NULL
  ), ended_families AS (
    UPDATE token_family f SET revoked_at = $4::timestamptz, revocation_reason = 'identity unlinked', sealed_current = NULL
    FROM gone g WHERE f.user_id = g.user_id AND f.connector_id = g.connector_id AND f.revoked_at IS NULL
  ), notice AS (
    INSERT INTO outbox (kind, cause, user_id, connector_id, occurred_at, due_at)
    SELECT 'identity-unlinked', gen_random_uuid()::text, user_id, connector_id, $4, $4 FROM gone
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
  SELECT 'identity unlinked', user_id, $5, $6, $7, jsonb_build_object('connector', connector_id, 'remoteID', $3::text)
  FROM gone RETURNING subject_id`,
);

/**
 * The row is that of anybody's own request, so that the mail is resolved and rendered like theirs: also for a user who was
 * made without a password, and signs in with one here.
 */
const PROMISE_RESET = cold(
  "userDirectory.promisePasswordReset",
  `WITH person AS (
    SELECT id, email, disabled, EXISTS (SELECT FROM password WHERE user_id = u.id)
      OR EXISTS (SELECT FROM remote_identity WHERE user_id = u.id AND remote_id = u.id) AS has_password
    FROM app_user u WHERE id = $1
  ), promised AS (
    INSERT INTO outbox (kind, cause, email, client_id, redirect_uri, flow_id, locale, occurred_at, due_at)
    SELECT 'password-reset', 'for ' || id || ' ' || floor(extract(epoch FROM $2::timestamptz) / 60)::bigint, email,
      $3::text, $4::text, $5::text, $6::text, $2, $2
    FROM person WHERE has_password AND NOT disabled
    ON CONFLICT ON CONSTRAINT outbox_once DO NOTHING
    RETURNING id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS})
    SELECT 'password reset requested', $1, $7, $8, $9 FROM promised
  )
  SELECT disabled, has_password FROM person`,
);

interface IdentityRow {
  readonly connector_id: string | null;
  readonly remote_id: string;
  readonly created_at: Date;
}

/** Users as administrators see them. */
export function makeUserDirectory(db: Database): UserDirectory {
  return {
    ...makeRefreshClients(db),
    async list(filter, { after, limit }) {
      const rows = await db.query<UserRow>("userDirectory.list", pageOf(db.sql, filter, after).limit(limit + 1));
      const users = rows.slice(0, limit).map(toUser);
      return { users, next: rows.length > limit ? users.at(-1)?.email : undefined };
    },
    async find(userId) {
      if (!isStorable(userId)) return undefined;
      const [row] = await db.run<UserRow>(FIND, [userId]);
      return row && toUser(row);
    },
    async findWithAccess(userId) {
      if (!isStorable(userId)) return undefined;
      type Row = UserRow & { readonly access_ended_at: Date | null };
      const [row] = await db.run<Row>(FIND_WITH_ACCESS, [userId]);
      return row && { user: toUser(row), accessEndedAt: orUndefined(row.access_ended_at) };
    },
    async create(entry, actor) {
      try {
        await db.run(CREATE, [...toCreateValues(entry), ...toAuditValues(actor)]);
        return "created";
      } catch (error) {
        if (sqlStateOf(error) === "23505") return "email taken";
        throw error;
      }
    },
    async update(userId, changes, actor, now) {
      if (!isStorable(userId)) return { kind: "unknown" };
      const { email, emailVerified, displayName, admin, profile } = changes;
      const name = ["displayName" in changes, toStoredText(displayName)];
      const values = [
        userId,
        email,
        emailVerified,
        ...name,
        admin,
        now,
        ...toAuditValues(actor),
        profile && toStoredJson(profile),
      ];
      try {
        const [row] = await db.run<UserRow>(UPDATE, values);
        return row === undefined ? { kind: "unknown" } : { kind: "updated", user: toUser(row) };
      } catch (error) {
        if (sqlStateOf(error) === "23505") return { kind: "email taken" };
        throw error;
      }
    },
    async setDisabled(userId, disabled, actor, now): Promise<User | undefined> {
      if (!isStorable(userId)) return undefined;
      const [row] = await db.run<UserRow>(SET_DISABLED, [userId, disabled, now, ...toAuditValues(actor)]);
      return row && toUser(row);
    },
    async delete(userId, actor) {
      if (!isStorable(userId)) return false;
      const rows = await db.run(DELETE, [userId, ...toAuditValues(actor)]);
      return rows.length > 0;
    },
    async identities(userId) {
      if (!isStorable(userId)) return undefined;
      const rows = await db.run<IdentityRow>(IDENTITIES, [userId]);
      return rows.length === 0 ? undefined : rows.flatMap(toRemoteIdentities);
    },
    async unlink(userId, { connectorId, remoteId }, actor, now) {
      if (!isStorable(userId, connectorId, remoteId)) return false;
      const rows = await db.run(UNLINK, [userId, connectorId, remoteId, now, ...toAuditValues(actor)]);
      return rows.length > 0;
    },
    async promisePasswordReset(userId, { clientId, redirectUri, flowId, locale }, actor, now) {
      if (!isStorable(userId)) return "unknown";
      const values = [userId, now, clientId, redirectUri, flowId, locale, ...toAuditValues(actor)];
      const [row] = await db.run<{ disabled: boolean; has_password: boolean }>(PROMISE_RESET, values);
      if (row === undefined) return "unknown";
      if (row.disabled) return "disabled";
      return row.has_password ? "promised" : "no password";
    },
  };
}

/** Email addresses in the order of their bytes, from where the page before ended: no row is read that is not shown. */
function pageOf(sql: Knex, filter: UserFilter, after: string | undefined): Knex.QueryBuilder {
  const { emailPrefix, admin, disabled, emailVerified } = filter;
  const page = sql("app_user as u").select(sql.raw(USER_COLUMNS)).orderByRaw('u.email COLLATE "C"');
  if (after !== undefined) page.whereRaw('u.email COLLATE "C" > ?', [after]);
  if (emailPrefix !== undefined && emailPrefix !== "") {
    page.whereRaw('u.email COLLATE "C" >= ?', [emailPrefix]);
    page.whereRaw('u.email COLLATE "C" < ?', [endOfPrefix(emailPrefix)]);
  }
  // As the indexes say it, word for word: a parameter would keep the planner from using them.
  if (admin !== undefined) page.whereRaw(admin ? "u.admin" : "NOT u.admin");
  if (disabled !== undefined) page.whereRaw(disabled ? "u.disabled" : "NOT u.disabled");
  if (emailVerified !== undefined) page.whereRaw(emailVerified ? "u.email_verified" : "NOT u.email_verified");
  return page;
}

/** The first text after all that begin with the prefix, which is ASCII. */
function endOfPrefix(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

function toCreateValues({ user, localConnectorId, passwordHash, invitation }: DirectoryEntry): readonly unknown[] {
  const { origin } = invitation ?? {};
  return [
    user.id,
    user.email,
    user.emailVerified,
    toStoredText(user.displayName),
    user.admin,
    user.disabled,
    user.createdAt,
    localConnectorId,
    passwordHash,
    invitation?.id,
    origin?.clientId,
    origin?.redirectUri,
    origin?.flowId,
    invitation?.expiresAt,
    origin?.locale,
  ];
}

function toRemoteIdentities(row: IdentityRow): readonly RemoteIdentity[] {
  const { connector_id, remote_id, created_at } = row;
  return connector_id === null ? [] : [{ connectorId: connector_id, remoteId: remote_id, createdAt: created_at }];
}
