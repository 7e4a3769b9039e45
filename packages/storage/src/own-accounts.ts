import type { AccountOverview, AccountOwner, OwnAccounts } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database, type Runner } from "./database.ts";
import { ENDED_SESSION, tellingClients } from "./ended-sessions.ts";
import { isStorable, orUndefined, toStoredText } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";
import { toUser, USER_COLUMNS, type UserRow } from "./users.ts";

/** What one page can hold. Who has more may still end all of it at once. */
const MAX_ROWS = 100;

/** Whether the identity `i` can sign its user in: see WayIn. Joined with its connector `c` and the password `p`. */
const WAYS = `remote_identity i LEFT JOIN connector c ON c.id = i.connector_id LEFT JOIN password p ON p.user_id = i.user_id`;
const USABLE = "(c.id IS NOT NULL AND (c.type <> 'local' OR p.user_id IS NOT NULL))";

const IDENTITIES = `SELECT json_agg(json_build_object('connectorId', i.connector_id, 'remoteId', i.remote_id,
    'usable', ${USABLE}, 'linkedAt', i.created_at) ORDER BY i.connector_id, i.created_at, i.remote_id)
  FROM ${WAYS} WHERE i.user_id = $1`;

/** What outlives a sign-in: families with a refresh token, of the client of the row around. */
const GRANTS = `SELECT json_agg(row_to_json(lasting)) FROM (
    SELECT f.id, f.created_at AS "grantedAt", GREATEST(f.created_at, f.rotated_at) AS "lastUsedAt",
      s.user_agent AS "userAgent"
    FROM token_family f LEFT JOIN session s ON s.hash = f.session_hash AND s.user_id = f.user_id
    WHERE f.user_id = $1 AND f.client_id = client.id AND f.current_hash IS NOT NULL
      AND f.revoked_at IS NULL AND f.idle_expires_at > $2 AND f.expires_at > $2
    ORDER BY 3 DESC, f.id LIMIT ${MAX_ROWS}
  ) AS lasting`;

const APPLICATIONS = `SELECT json_agg(row_to_json(application) ORDER BY application."lastUsedAt" DESC) FROM (
    SELECT client.id AS "clientId", client.name AS "clientName",
      client.details ->> 'initiate_login_uri' AS "initiateLoginUri", max(access.used_at) AS "lastUsedAt",
      COALESCE(array_agg(DISTINCT one.scope) FILTER (WHERE one.scope IS NOT NULL), '{}') AS scope,
      COALESCE((${GRANTS}), '[]') AS grants
    FROM (
      SELECT client_id, scope, granted_at AS used_at FROM consent WHERE user_id = $1
      UNION ALL
      SELECT client_id, scope, GREATEST(created_at, rotated_at) FROM token_family
      WHERE user_id = $1 AND revoked_at IS NULL AND idle_expires_at > $2 AND expires_at > $2
    ) AS access
    JOIN client ON client.id = access.client_id
    LEFT JOIN LATERAL unnest(access.scope) AS one (scope) ON true
    GROUP BY client.id ORDER BY "lastUsedAt" DESC LIMIT ${MAX_ROWS}
  ) AS application`;

/** The idle limit is as far from the last use as it is long, to a minute. */
const SESSIONS = `SELECT json_agg(row_to_json(open) ORDER BY open."lastSeenAt" DESC) FROM (
    SELECT encode(hash, 'hex') AS hash, connector_id AS "connectorId", auth_time AS "authTime", user_agent AS "userAgent",
      LEAST(idle_expires_at - $3 * interval '1 second', $2::timestamptz) AS "lastSeenAt"
    FROM session WHERE user_id = $1 AND idle_expires_at > $2 AND expires_at > $2 ORDER BY 5 DESC LIMIT ${MAX_ROWS}
  ) AS open`;

/** What clients asked for by name (CIBA). */
const WAITING = `SELECT json_agg(row_to_json(request) ORDER BY request."askedAt" DESC) FROM (
    SELECT d.request_id AS id, d.client_id AS "clientId", client.name AS "clientName",
      d.binding_message AS "bindingMessage", d.created_at AS "askedAt"
    FROM device_request d JOIN client ON client.id = d.client_id
    WHERE d.named_user_id = $1 AND d.decision IS NULL AND d.expires_at > $2 ORDER BY d.created_at DESC LIMIT ${MAX_ROWS}
  ) AS request`;

const READ = cold(
  "ownAccount.read",
  `SELECT ${USER_COLUMNS}, p.changed_at AS password_changed_at, COALESCE((${IDENTITIES}), '[]') AS identities,
    COALESCE((${APPLICATIONS}), '[]') AS applications, COALESCE((${SESSIONS}), '[]') AS sessions,
    COALESCE((${WAITING}), '[]') AS waiting
  FROM app_user u LEFT JOIN password p ON p.user_id = u.id
  WHERE u.id = $1 AND NOT u.disabled`,
);

const REMOTE_IDS = cold(
  "ownAccount.remoteIds",
  "SELECT remote_id FROM remote_identity WHERE user_id = $1 AND connector_id = $2 LIMIT 2",
);

/**
 * Every change begins here. Whoever comes second waits, and then finds the session that the first one ended gone. The
 * statements after it see what others committed until then: under one statement's snapshot they would not.
 */
const HOLD = cold(
  "ownAccount.hold",
  `SELECT u.id FROM app_user u JOIN session s ON s.user_id = u.id
  WHERE u.id = $1 AND NOT u.disabled AND s.hash = $2 AND s.idle_expires_at > $3 AND s.expires_at > $3
  FOR NO KEY UPDATE OF u, s`,
);

const AUDIT = `INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)`;

const RENAME = cold(
  "ownAccount.rename",
  `WITH renamed AS (
    UPDATE app_user SET display_name = $2, profile = CASE WHEN profile = '{}' THEN profile
      ELSE profile || jsonb_build_object('updated_at', floor(extract(epoch FROM $6::timestamptz))) END
    WHERE id = $1 RETURNING id
  )
  ${AUDIT} SELECT 'user renamed', id, $3, $4, $5, NULL FROM renamed`,
);

const FIRST_PASSWORD = cold(
  "ownAccount.firstPassword",
  `WITH secured AS (
    INSERT INTO password (user_id, hash, changed_at) VALUES ($1, $2, $3::timestamptz)
    ON CONFLICT (user_id) DO NOTHING RETURNING user_id
  ), linked AS (
    INSERT INTO remote_identity (connector_id, remote_id, user_id, created_at)
    SELECT $4, user_id, user_id, $3 FROM secured ON CONFLICT DO NOTHING
  )
  SELECT user_id FROM secured`,
);

// Columns keep microseconds, a Date of ours milliseconds.
const NEXT_PASSWORD = cold(
  "ownAccount.nextPassword",
  `UPDATE password
  SET hash = $2, changed_at = GREATEST($3::timestamptz, changed_at + interval '1 millisecond'), wrong_guesses = 0
  WHERE user_id = $1 AND date_trunc('milliseconds', changed_at) = $4 RETURNING user_id`,
);

/** Before the families: a code that is being spent has its family once this has waited for it. */
const EXPIRE_CODES = cold(
  "ownAccount.expireCodes",
  `UPDATE authorization_code SET expires_at = $2
  WHERE user_id = $1 AND spent_at IS NULL AND expires_at > $2
    AND ($3::text IS NULL OR client_id = $3) AND ($4::text IS NULL OR connector_id = $4)
    AND ($5::bytea IS NULL OR session_hash = $5)`,
);

/** A family ends with all its tokens: sealed answers go too. */
const END_FAMILIES = `UPDATE token_family SET revoked_at = $2, revocation_reason = 'revoked by user', sealed_current = NULL
    WHERE user_id = $1 AND revoked_at IS NULL`;

/** For what is on its way at this moment: see endingAccess. */
const END_ACCESS = cold("ownAccount.endAccess", "UPDATE app_user SET access_ended_at = $2 WHERE id = $1");

/** Whoever ends sessions tells their clients. */
const TOLD = tellingClients({ ended: "signed_out", now: "$2" });

const AFTER_PASSWORD = cold(
  "ownAccount.afterPassword",
  `WITH signed_out AS (DELETE FROM session WHERE user_id = $1 AND hash <> $3 RETURNING ${ENDED_SESSION}), ${TOLD},
  ended AS (${END_FAMILIES}),
  superseded AS (DELETE FROM account_link WHERE user_id = $1),
  notice AS (
    INSERT INTO outbox (kind, cause, user_id, occurred_at, due_at)
    VALUES ('password-changed', gen_random_uuid()::text, $1, $2, $2)
  )
  ${AUDIT} VALUES ('password changed', $1, $4, $5, $6, NULL)`,
);

const LINK = cold(
  "ownAccount.link",
  `WITH linked AS (
    INSERT INTO remote_identity (connector_id, remote_id, user_id, created_at) VALUES ($3, $4, $1, $2::timestamptz)
    ON CONFLICT DO NOTHING RETURNING user_id, connector_id
  ), notice AS (
    INSERT INTO outbox (kind, cause, user_id, connector_id, occurred_at, due_at)
    SELECT 'identity-linked', gen_random_uuid()::text, user_id, connector_id, $2, $2 FROM linked
  ), audited AS (
    ${AUDIT} SELECT 'identity linked', user_id, $5, $6, $7, jsonb_build_object('connector', connector_id) FROM linked
  )
  SELECT user_id FROM linked`,
);

/** The condition is that of decideUnlink. */
const UNLINK = cold(
  "ownAccount.unlink",
  `WITH way AS (
    SELECT ${USABLE} AS usable, (i.connector_id = $2 AND i.remote_id = $3) AS sought FROM ${WAYS} WHERE i.user_id = $1
  ), removed AS (
    DELETE FROM remote_identity
    WHERE connector_id = $2 AND remote_id = $3 AND user_id = $1 AND EXISTS (SELECT FROM way WHERE usable AND NOT sought)
    RETURNING user_id
  )
  SELECT EXISTS (SELECT FROM way WHERE sought) AS linked, EXISTS (SELECT FROM removed) AS removed`,
);

/** A local identity has its user's own id upstream; without one a password would be of no use, nor a link to set it. */
const AFTER_UNLINK = cold(
  "ownAccount.afterUnlink",
  `WITH signed_out AS (DELETE FROM session WHERE user_id = $1 AND connector_id = $3 RETURNING ${ENDED_SESSION}), ${TOLD},
  ended AS (${END_FAMILIES} AND connector_id = $3),
  unsecured AS (
    DELETE FROM password WHERE user_id = $1 AND $4 = $1
      AND NOT EXISTS (SELECT FROM connector WHERE id = $3 AND type <> 'local')
      AND NOT EXISTS (SELECT FROM remote_identity WHERE user_id = $1 AND remote_id = $1)
    RETURNING user_id
  ),
  superseded AS (
    DELETE FROM account_link WHERE user_id IN (SELECT user_id FROM unsecured) AND purpose = 'reset password'
  ),
  notice AS (
    INSERT INTO outbox (kind, cause, user_id, connector_id, occurred_at, due_at)
    VALUES ('identity-unlinked', gen_random_uuid()::text, $1, $3, $2, $2)
  )
  ${AUDIT} VALUES ('identity unlinked', $1, $5, $6, $7, jsonb_build_object('connector', $3::text))`,
);

const REVOKE_APPLICATION = cold(
  "ownAccount.revokeApplication",
  `WITH forgotten AS (DELETE FROM consent WHERE user_id = $1 AND client_id = $3 RETURNING client_id),
  ended AS (${END_FAMILIES} AND client_id = $3 RETURNING id)
  ${AUDIT} SELECT 'access revoked', $1, $4, $5, $6,
    jsonb_build_object('client', $3::text, 'families', (SELECT count(*) FROM ended))
  WHERE EXISTS (SELECT FROM forgotten) OR EXISTS (SELECT FROM ended)
  RETURNING id`,
);

const REVOKE_GRANT = cold(
  "ownAccount.revokeGrant",
  `WITH ended AS (${END_FAMILIES} AND id = $3::uuid AND current_hash IS NOT NULL AND idle_expires_at > $2
    AND expires_at > $2 RETURNING client_id)
  ${AUDIT} SELECT 'access revoked', $1, $4, $5, $6, jsonb_build_object('client', client_id, 'families', 1) FROM ended
  RETURNING id`,
);

/** A family without refresh token is an access token of this session; one with a refresh token was to outlive it. */
const END_SESSION = cold(
  "ownAccount.endSession",
  `WITH signed_out AS (DELETE FROM session WHERE hash = $3 AND user_id = $1 RETURNING ${ENDED_SESSION}, earlier), ${TOLD},
  ended AS (${END_FAMILIES} AND current_hash IS NULL
    AND session_hash IN (SELECT unnest(earlier || hash) FROM signed_out))
  ${AUDIT} SELECT 'session ended', $1, $4, $5, $6, NULL FROM signed_out RETURNING id`,
);

const END_OTHER_SESSIONS = cold(
  "ownAccount.endOtherSessions",
  `WITH signed_out AS (DELETE FROM session WHERE user_id = $1 AND hash <> $3 RETURNING ${ENDED_SESSION}), ${TOLD},
  ended AS (${END_FAMILIES})
  ${AUDIT} VALUES ('other sessions ended', $1, $4, $5, $6, NULL)`,
);

interface OverviewRow extends UserRow {
  readonly password_changed_at: Date | null;
  readonly identities: readonly { connectorId: string; remoteId: string; usable: boolean; linkedAt: string }[];
  readonly applications: readonly {
    clientId: string;
    clientName: string | null;
    initiateLoginUri: string | null;
    scope: string[];
    lastUsedAt: string;
    grants: readonly { id: string; grantedAt: string; lastUsedAt: string; userAgent: string | null }[];
  }[];
  readonly sessions: readonly {
    hash: string;
    connectorId: string;
    authTime: string;
    userAgent: string | null;
    lastSeenAt: string;
  }[];
  readonly waiting: readonly {
    id: string;
    clientId: string;
    clientName: string | null;
    bindingMessage: string | null;
    askedAt: string;
  }[];
}

/** The account of whoever is signed in, seen and changed by its owner. */
export function makeOwnAccountStore(db: Database): OwnAccounts {
  /** One transaction, in which nothing happens unless the owner is still signed in. */
  function change<T extends string>(
    owner: AccountOwner,
    now: Date,
    work: (tx: Runner) => Promise<T>,
  ): Promise<T | "signed out"> {
    return db.transaction(async (tx) => {
      const held = await tx.run(HOLD, [owner.userId, owner.sessionHash, now]);
      return held.length === 0 ? ("signed out" as const) : work(tx);
    });
  }

  return {
    async read(userId, now, idleSeconds) {
      if (!isStorable(userId)) return undefined;
      const [row] = await db.run<OverviewRow>(READ, [userId, now, idleSeconds]);
      return row && toOverview(row);
    },
    async soleRemoteId(userId, connectorId) {
      if (!isStorable(userId, connectorId)) return undefined;
      const [first, ...others] = await db.run<{ readonly remote_id: string }>(REMOTE_IDS, [userId, connectorId]);
      return others.length === 0 ? first?.remote_id : undefined;
    },
    rename: (owner, displayName, now) =>
      change(owner, now, async (tx) => {
        await tx.run(RENAME, [owner.userId, toStoredText(displayName), ...by(owner), now]);
        return "done" as const;
      }),
    setPassword: (owner, { hash, changedAt, connectorId }, now) =>
      change(owner, now, async (tx) => {
        const { userId } = owner;
        const secured =
          changedAt === undefined
            ? await tx.run(FIRST_PASSWORD, [userId, hash, now, connectorId])
            : await tx.run(NEXT_PASSWORD, [userId, hash, now, changedAt]);
        if (secured.length === 0) return "outdated";
        await tx.run(END_ACCESS, [userId, now]);
        await tx.run(EXPIRE_CODES, [userId, now, null, null, null]);
        await tx.run(AFTER_PASSWORD, [userId, now, owner.sessionHash, ...by(owner)]);
        return "done" as const;
      }),
    link: (owner, { connectorId, remoteId }, now) =>
      change(owner, now, async (tx) => {
        if (!isStorable(connectorId, remoteId)) return "taken";
        const linked = await tx.run(LINK, [owner.userId, now, connectorId, remoteId, ...by(owner)]);
        return linked.length > 0 ? ("done" as const) : "taken";
      }),
    unlink: (owner, { connectorId, remoteId }, now) =>
      change(owner, now, async (tx) => {
        const { userId } = owner;
        if (!isStorable(connectorId, remoteId)) return "not linked";
        type Row = { readonly linked: boolean; readonly removed: boolean };
        const [row] = await tx.run<Row>(UNLINK, [userId, connectorId, remoteId]);
        if (row?.linked !== true) return "not linked";
        if (!row.removed) return "last way in";
        await tx.run(EXPIRE_CODES, [userId, now, null, connectorId, null]);
        await tx.run(AFTER_UNLINK, [userId, now, connectorId, remoteId, ...by(owner)]);
        return "done" as const;
      }),
    revokeApplication: (owner, clientId, now) =>
      change(owner, now, async (tx) => {
        if (!isStorable(clientId)) return "unknown";
        await tx.run(EXPIRE_CODES, [owner.userId, now, clientId, null, null]);
        const revoked = await tx.run(REVOKE_APPLICATION, [owner.userId, now, clientId, ...by(owner)]);
        return revoked.length > 0 ? ("done" as const) : "unknown";
      }),
    revokeGrant: (owner, grantId, now) =>
      change(owner, now, async (tx) => {
        if (!isUuid(grantId)) return "unknown";
        const ended = await tx.run(REVOKE_GRANT, [owner.userId, now, grantId, ...by(owner)]);
        return ended.length > 0 ? ("done" as const) : "unknown";
      }),
    endSession: (owner, hash, now) =>
      change(owner, now, async (tx) => {
        await tx.run(EXPIRE_CODES, [owner.userId, now, null, null, hash]);
        const ended = await tx.run(END_SESSION, [owner.userId, now, hash, ...by(owner)]);
        return ended.length > 0 ? ("done" as const) : "unknown";
      }),
    endOtherSessions: (owner, now) =>
      change(owner, now, async (tx) => {
        await tx.run(END_ACCESS, [owner.userId, now]);
        await tx.run(EXPIRE_CODES, [owner.userId, now, null, null, null]);
        await tx.run(END_OTHER_SESSIONS, [owner.userId, now, owner.sessionHash, ...by(owner)]);
        return "done" as const;
      }),
  };
}

function by({ userId, address }: AccountOwner): readonly unknown[] {
  return toAuditValues({ kind: "user", id: userId, address });
}

function toOverview(row: OverviewRow): AccountOverview {
  return {
    user: toUser(row),
    passwordChangedAt: orUndefined(row.password_changed_at),
    identities: row.identities.map(({ linkedAt, ...identity }) => ({ ...identity, linkedAt: new Date(linkedAt) })),
    applications: row.applications.map(({ clientId, clientName, initiateLoginUri, scope, lastUsedAt, grants }) => ({
      clientId,
      clientName: orUndefined(clientName),
      initiateLoginUri: orUndefined(initiateLoginUri),
      scope,
      lastUsedAt: new Date(lastUsedAt),
      grants: grants.map((one) => ({
        id: one.id,
        grantedAt: new Date(one.grantedAt),
        lastUsedAt: new Date(one.lastUsedAt),
        userAgent: orUndefined(one.userAgent),
      })),
    })),
    sessions: row.sessions.map(({ hash, connectorId, authTime, userAgent, lastSeenAt }) => ({
      hash: Buffer.from(hash, "hex"),
      connectorId,
      authTime: new Date(authTime),
      userAgent: orUndefined(userAgent),
      lastSeenAt: new Date(lastSeenAt),
    })),
    waiting: row.waiting.map(({ clientName, bindingMessage, askedAt, ...request }) => ({
      ...request,
      clientName: orUndefined(clientName),
      bindingMessage: orUndefined(bindingMessage),
      askedAt: new Date(askedAt),
    })),
  };
}
