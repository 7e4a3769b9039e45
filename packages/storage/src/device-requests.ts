import type {
  DeviceDecision,
  DeviceRequestLimits,
  DeviceRequests,
  EnteredUserCode,
  GrantTerms,
  NewDeviceRequestOutcome,
  RequestedTargets,
  StoredDeviceRequest,
} from "@dex/oidc";
import { addSeconds } from "@dex/runtime";
import { attemptKey } from "./attempts.ts";
import { openingFamily } from "./authorization-codes.ts";
import { type Database, hot } from "./database.ts";
import { isGranted, toAskedValue } from "./granted-terms.ts";
import { sqlStateOf } from "./storage-unavailable.ts";
import { isStorable, orUndefined, toStoredText, toStoredTexts } from "./stored-text.ts";
import { grantColumns, type TokenGrantRow, toTokenGrant } from "./token-grant.ts";

/** RFC 8628 §3.5, and where growing ends: nobody has to wait for longer than a code lives. */
export const INTERVAL_SECONDS = 5;
const MAX_INTERVAL_SECONDS = 600;
/** Networks deliver two polls closer together than they were sent. */
const TOLERANCE_SECONDS = 1;
/** Who polls late is told that the code has expired, not that there never was one. */
export const KEEP_EXPIRED_SECONDS = 600;
/** Each insertion takes as many away that are over: the table stays small even where nobody collects garbage. */
const SWEEP = 10;

/** The kind of an outbox row that tells a client of the decision it waits for (CIBA Core §10.2). */
export const BACKCHANNEL_NOTICE = "backchannel-authentication";

/** Counts one at `key`, where `given` holds a row. The row of the count is locked until the statement ends. */
export function counting(
  name: string,
  { key, given, now, until }: { key: string; given: string; now: string; until: string },
): string {
  return `${name} AS (
    INSERT INTO attempt_count AS a (key, attempts, window_ends_at)
    SELECT ${key}::bytea, 1, ${until}::timestamptz ${given}
    ON CONFLICT (key) DO UPDATE SET
      attempts = CASE WHEN a.window_ends_at <= ${now} THEN 1 ELSE a.attempts + 1 END,
      window_ends_at = CASE WHEN a.window_ends_at <= ${now} THEN EXCLUDED.window_ends_at ELSE a.window_ends_at END
    RETURNING attempts, window_ends_at
  )`;
}

/** Takes away some of what is over. */
export function sweeping(now: string): string {
  return `DELETE FROM device_request WHERE device_code_hash IN (
      SELECT device_code_hash FROM device_request WHERE delete_after <= ${now}::timestamptz ORDER BY delete_after LIMIT ${SWEEP}
      FOR UPDATE SKIP LOCKED
    )`;
}

const at = { now: "$6", until: "$9" };

/**
 * Counted in a chain, each only where the one before has room: a client that is full takes nothing from the others. Counts of
 * a window rather than of rows, since only the former are exact when many insert at once.
 */
const CREATE = hot(
  "device.create",
  `WITH swept AS (${sweeping("$6")}),
  ${counting("of_client", { key: "$10", given: "", ...at })},
  ${counting("in_all", { key: "$11", given: "FROM of_client WHERE attempts <= $13::integer", ...at })},
  ${counting("short_ones", { key: "$12", given: "FROM in_all WHERE attempts <= $14::integer", ...at })},
  stored AS (
    INSERT INTO device_request (device_code_hash, user_code_hash, client_id, scope, code_challenge, created_at, expires_at,
      delete_after, interval_seconds, asked)
    SELECT $1::bytea, CASE WHEN attempts <= $15::integer THEN $2::bytea ELSE $3::bytea END, $4::text, $5::text[], $7::text,
      $6::timestamptz, $8::timestamptz, $8::timestamptz + make_interval(secs => ${KEEP_EXPIRED_SECONDS}), ${INTERVAL_SECONDS},
      $16::jsonb
    FROM short_ones
    RETURNING user_code_hash = $2 AS short
  )
  SELECT (SELECT short FROM stored) AS short,
    (SELECT window_ends_at FROM of_client) AS client_until, (SELECT window_ends_at FROM in_all) AS all_until`,
);

/**
 * Wrong ones alone are counted, yet none is evaluated that was not: whoever guesses waits for the row of the count, and a
 * right one is refused like a wrong one where the count is full (ACC-5).
 */
const ENTER = hot(
  "device.enter",
  `WITH found AS (
    SELECT client_id, scope, asked FROM device_request
    WHERE user_code_hash = ANY ($1::bytea[]) AND expires_at > $2::timestamptz AND decision IS NULL
  ), counted AS (
    INSERT INTO attempt_count AS a (key, attempts, window_ends_at)
    SELECT $3::bytea, CASE WHEN EXISTS (SELECT FROM found) THEN 0 ELSE 1 END, $4::timestamptz
    ON CONFLICT (key) DO UPDATE SET
      attempts = CASE WHEN a.window_ends_at <= $2 THEN 0 ELSE a.attempts END + EXCLUDED.attempts,
      window_ends_at = CASE WHEN a.window_ends_at <= $2 THEN EXCLUDED.window_ends_at ELSE a.window_ends_at END
    RETURNING attempts, window_ends_at
  )
  SELECT c.attempts, c.window_ends_at, f.client_id, f.scope, f.asked FROM counted c LEFT JOIN found f ON true`,
);

/** Promises the notice to a client in ping mode: `decided` is an earlier part of the WITH, the request as it is then. */
export function tellingWaitingClient(now: string): string {
  return `told_client AS (
    INSERT INTO outbox (kind, cause, client_id, payload, occurred_at, due_at)
    SELECT '${BACKCHANNEL_NOTICE}', request_id::text, client_id,
      jsonb_build_object('sealed', encode(sealed_notification, 'hex'), 'until', extract(epoch FROM expires_at)), ${now}, ${now}
    FROM decided WHERE sealed_notification IS NOT NULL
  )`;
}

/**
 * The user is locked as where a code is issued: whoever is taking the access away waits for this, or this for them. Of two
 * decisions the second waits for the row, looks at it again and finds it decided. Where a client named somebody, nobody else
 * decides.
 */
const DECIDE = hot(
  "device.decide",
  `WITH active AS (
    SELECT s.user_id FROM session s JOIN app_user u ON u.id = s.user_id AND NOT u.disabled
      AND (u.access_ended_at IS NULL OR u.access_ended_at <= $2::timestamptz)
    WHERE s.hash = $5::bytea AND s.user_id = $6::text AND s.idle_expires_at > $2 AND s.expires_at > $2
    FOR SHARE OF u FOR KEY SHARE OF s
  ), decided AS (
    UPDATE device_request d SET decision = $4::text, decided_at = $2,
      user_id = CASE WHEN $4 = 'approved' THEN active.user_id END,
      connector_id = $7::text, session_hash = $5, auth_time = $8::timestamptz, amr = $9::text[], groups = $10::text[],
      preferred_username = $11::text, scope = $12::text[],
      terms = COALESCE(d.terms || $13::jsonb, $13, d.terms)
    FROM active
    WHERE d.user_code_hash = ANY ($1::bytea[]) AND d.client_id = $3::text AND d.decision IS NULL AND d.expires_at > $2
      AND (d.request_id IS NULL OR d.named_user_id = active.user_id)
    RETURNING d.client_id, d.request_id, d.sealed_notification, d.expires_at
  ), ${tellingWaitingClient("$2")}, signed_in_to AS (
    UPDATE session SET clients = clients || jsonb_build_object($3, encode($5, 'hex'))
    WHERE hash = $5 AND $4 = 'approved' AND clients ->> $3 IS DISTINCT FROM encode($5, 'hex') AND EXISTS (SELECT FROM decided)
  )
  SELECT client_id FROM decided`,
);

/**
 * Whether what the approval rests on still is: the user, the connector, and the session, unless there is to be a refresh
 * token, which outlives a session anyway. Somebody who signs in again in the same browser has not ended anything. Where an
 * administrator answered in the person's place there is none.
 */
const OWNER_ACTIVE = `NOT u.disabled AND (u.access_ended_at IS NULL OR u.access_ended_at <= d.decided_at)
      AND EXISTS (SELECT FROM connector WHERE id = d.connector_id)
      AND ('offline_access' = ANY (d.scope) OR COALESCE(d.terms ? 'direct', false) OR EXISTS (
        SELECT FROM session s WHERE s.user_id = u.id AND (s.hash = d.session_hash OR d.session_hash = ANY (s.earlier))
      ))`;

/** RFC 8628 §3.5: a poll that comes too early makes the interval longer, for good. The first may come at once. */
const POLL = hot(
  "device.poll",
  `WITH paced AS (
    UPDATE device_request SET polled_at = $3::timestamptz,
      too_early = COALESCE(polled_at + make_interval(secs => interval_seconds - ${TOLERANCE_SECONDS}) > $3, false),
      interval_seconds = CASE WHEN polled_at + make_interval(secs => interval_seconds - ${TOLERANCE_SECONDS}) > $3
        THEN LEAST(interval_seconds + ${INTERVAL_SECONDS}, ${MAX_INTERVAL_SECONDS}) ELSE interval_seconds END
    WHERE device_code_hash = $1 AND client_id = $2::text AND decision IS NULL AND expires_at > $3
    RETURNING too_early
  )
  SELECT d.client_id, d.scope, d.code_challenge, d.terms, d.expires_at, d.decision, d.spent_at, d.connector_id,
    COALESCE((SELECT too_early FROM paced), false) AS too_early,
    COALESCE(${OWNER_ACTIVE}, false) AS owner_active
  FROM device_request d LEFT JOIN app_user u ON u.id = d.user_id
  WHERE d.device_code_hash = $1`,
);

/** The conditions are those of decideDevicePoll. Of two racing statements the second finds the row spent. */
const REDEEM = hot(
  "device.redeem",
  `WITH spent AS (
    UPDATE device_request d SET spent_at = $2, family_id = $3::uuid
    FROM app_user u
    WHERE d.device_code_hash = $1 AND d.client_id IS NOT DISTINCT FROM $8::text AND d.spent_at IS NULL
      AND d.decision = 'approved' AND d.expires_at > $2::timestamptz
      AND ($9::text[] IS NULL OR (d.scope @> $9 AND d.scope <@ $9))
      AND d.code_challenge IS NOT DISTINCT FROM $10::text
      AND ($11::text[] IS NULL OR d.connector_id = ANY ($11))
      AND COALESCE(d.terms ->> 'codeJkt' = $12::text, d.terms ->> 'codeJkt' IS NULL)
      AND ${isGranted("d.terms", "$14")}
      AND u.id = d.user_id AND ${OWNER_ACTIVE}
    RETURNING ${grantColumns("d", "d.family_id")},
      ($4::bytea IS NOT NULL AND 'offline_access' = ANY (d.scope)) AS offline
  ), opened AS (
    ${openingFamily({ spent: "spent", now: "$2", refreshTokenHash: "$4", idleExpiresAt: "$5", expiresAt: "$6", accessExpiresAt: "$7", terms: "$13" })}
  )
  SELECT * FROM spent`,
);

interface CreatedRow {
  readonly short: boolean | null;
  readonly client_until: Date;
  readonly all_until: Date | null;
}

interface EnteredRow {
  readonly attempts: number;
  readonly window_ends_at: Date;
  readonly client_id: string | null;
  readonly scope: readonly string[] | null;
  readonly asked: RequestedTargets | null;
}

interface PolledRow {
  readonly client_id: string;
  readonly scope: readonly string[];
  readonly code_challenge: string | null;
  readonly terms: GrantTerms | null;
  readonly expires_at: Date;
  readonly decision: DeviceDecision | null;
  readonly too_early: boolean;
  readonly spent_at: Date | null;
  readonly connector_id: string | null;
  readonly owner_active: boolean;
}

/** Devices that wait for their person, RFC 8628. */
export function makeDeviceRequestStore(db: Database): DeviceRequests {
  return {
    async create(request, limits, now): Promise<NewDeviceRequestOutcome> {
      const rows = await unlessClientGone(
        db.run<CreatedRow>(CREATE, [
          request.deviceCodeHash,
          request.userCodeHashes.short,
          request.userCodeHashes.long,
          request.clientId,
          request.scope,
          now,
          request.codeChallenge,
          request.expiresAt,
          ...countsOf(request.clientId, limits, now),
          toAskedOfResources(request.targets),
        ]),
      );
      if (rows === undefined) return { kind: "client gone" };
      const [row] = rows;
      if (row === undefined) throw new Error("storing a device request returned no row");
      if (row.short !== null) return { kind: "stored", length: row.short ? "short" : "long" };
      return row.all_until === null
        ? { kind: "client full", until: row.client_until }
        : { kind: "full", until: row.all_until };
    },

    async enter(userCodeHashes, { times, windowSeconds }, now): Promise<EnteredUserCode> {
      const values = [userCodeHashes, now, attemptKey("failure", "device user codes"), addSeconds(now, windowSeconds)];
      const [row] = await db.run<EnteredRow>(ENTER, values);
      if (row === undefined) throw new Error("counting a user code returned no row");
      const { client_id: clientId, scope, asked, attempts, window_ends_at: until } = row;
      if (clientId === null || scope === null)
        return attempts > times ? { kind: "too many", until } : { kind: "unknown" };
      return attempts >= times ? { kind: "too many", until } : { kind: "found", clientId, scope, targets: asked ?? {} };
    },

    async decide(userCodeHashes, { decision, clientId, session, scope, targets }, now) {
      if (!isStorable(clientId)) return false;
      const { hash, user, connectorId, authTime, amr } = session;
      const rows = await db.run(DECIDE, [
        ...[userCodeHashes, now, clientId, decision, hash, user.id, connectorId, authTime, amr],
        toStoredTexts(user.groups),
        toStoredText(user.preferredUsername),
        scope,
        toAskedOfResources(targets),
      ]);
      return rows.length === 1;
    },

    async poll(deviceCodeHash, clientId, now) {
      const [row] = await db.run<PolledRow>(POLL, [deviceCodeHash, clientId, now]);
      return row === undefined ? undefined : toStoredDeviceRequest(row);
    },

    async redeem(redemption, now) {
      const { deviceCodeHash, clientId, scope, challengeOfVerifier, family } = redemption;
      if (!isStorable(clientId, challengeOfVerifier, ...(scope ?? []))) return undefined;
      const [row] = await db.run<TokenGrantRow>(REDEEM, [
        deviceCodeHash,
        now,
        family.id,
        family.refreshTokenHash,
        family.refreshIdleExpiresAt,
        family.refreshExpiresAt,
        family.accessExpiresAt,
        clientId,
        scope,
        challengeOfVerifier,
        redemption.allowedConnectors,
        redemption.confirmation?.jkt,
        family.terms && JSON.stringify(family.terms),
        toAskedValue(redemption.asked),
      ]);
      return row === undefined ? undefined : toTokenGrant(row);
    },
  };
}

/** The value of the column `asked`, which says nothing of what is granted. Null where there is nothing to say. */
export function toAskedOfResources({ resources, authorizationDetails }: RequestedTargets): string | null {
  const nothing = resources === undefined && authorizationDetails === undefined;
  return nothing ? null : JSON.stringify({ resources, authorizationDetails });
}

/** Workers know clients from a cache: one may have been deleted a moment ago. */
export async function unlessClientGone<Rows>(running: Promise<Rows>): Promise<Rows | undefined> {
  try {
    return await running;
  } catch (error) {
    if (sqlStateOf(error) === "23503") return undefined;
    throw error;
  }
}

/** Seven parameters of CREATE. */
function countsOf(clientId: string, limits: DeviceRequestLimits, now: Date): readonly unknown[] {
  const key = (name: string) => attemptKey("failure", `device requests ${name}`);
  return [
    addSeconds(now, limits.windowSeconds),
    ...[key(`of ${clientId}`), key("in all"), key("with a short code")],
    ...[limits.ofClient, limits.inAll, limits.withShortCode],
  ];
}

function toStoredDeviceRequest(row: PolledRow): StoredDeviceRequest {
  return {
    clientId: row.client_id,
    scope: row.scope,
    codeChallenge: orUndefined(row.code_challenge),
    terms: orUndefined(row.terms),
    expiresAt: row.expires_at,
    decision: orUndefined(row.decision),
    early: row.too_early,
    spentAt: orUndefined(row.spent_at),
    connectorId: orUndefined(row.connector_id),
    ownerActive: row.owner_active,
  };
}
