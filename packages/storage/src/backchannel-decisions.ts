import type { BackchannelDecisions, PendingBackchannelRequest } from "@dex/oidc";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { tellingWaitingClient } from "./device-requests.ts";
import { isStorable, orUndefined } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";

/** What one answer can hold. */
const MAX_ROWS = 100;

/** A row without a request says that there is such a user. */
const PENDING = cold(
  "backchannel.pending",
  `SELECT d.request_id, d.client_id, c.name AS client_name, d.scope, d.binding_message, d.created_at, d.expires_at
  FROM app_user u
    LEFT JOIN device_request d ON d.named_user_id = u.id AND d.request_id IS NOT NULL AND d.decision IS NULL
      AND d.expires_at > $2::timestamptz
    LEFT JOIN client c ON c.id = d.client_id
  WHERE u.id = $1
  ORDER BY d.created_at DESC, d.request_id LIMIT ${MAX_ROWS}`,
);

/**
 * As `device.decide`, for a person whom no browser signed in: the user is locked as there, and of two decisions the second
 * waits for the row and finds it decided. What the client may have them through is the identity that they have had for longest.
 */
const DECIDE = cold(
  "backchannel.decide",
  `WITH found AS (
    SELECT d.client_id, d.decision, d.expires_at, c.allowed_connectors
    FROM device_request d JOIN client c ON c.id = d.client_id
    WHERE d.request_id = $1::uuid AND d.named_user_id = $2::text
  ), active AS (
    SELECT u.id FROM app_user u
    WHERE u.id = $2 AND NOT u.disabled AND (u.access_ended_at IS NULL OR u.access_ended_at <= $3::timestamptz)
    FOR SHARE
  ), way AS (
    SELECT i.connector_id FROM remote_identity i JOIN connector ON connector.id = i.connector_id JOIN active ON active.id = i.user_id
    WHERE (SELECT allowed_connectors IS NULL OR i.connector_id = ANY (allowed_connectors) FROM found)
    ORDER BY i.created_at, i.connector_id, i.remote_id LIMIT 1
  ), decided AS (
    UPDATE device_request d SET decision = $4::text, decided_at = $3,
      user_id = CASE WHEN $4 = 'approved' THEN $2 END,
      connector_id = way.connector_id, session_hash = $5::bytea, auth_time = $3, amr = '{}',
      scope = CASE WHEN way.connector_id = ANY ($6::text[]) THEN array_remove(d.scope, 'offline_access') ELSE d.scope END,
      terms = COALESCE(d.terms, '{}') || COALESCE(d.asked, '{}') || $7::jsonb
    FROM (SELECT (SELECT connector_id FROM way) AS connector_id) AS way
    WHERE d.request_id = $1 AND d.named_user_id = $2 AND d.decision IS NULL AND d.expires_at > $3
      AND (way.connector_id IS NOT NULL OR $4 = 'denied')
    RETURNING d.client_id, d.request_id, d.sealed_notification, d.expires_at
  ), ${tellingWaitingClient("$3")}, audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'backchannel request decided', $2, $8, $9, $10,
      jsonb_build_object('client', client_id, 'request', request_id, 'decision', $4)
    FROM decided
  )
  SELECT EXISTS (SELECT FROM decided) AS decided, decision IS NOT NULL AS before, expires_at <= $3 AS expired,
    EXISTS (SELECT FROM way) AS signable
  FROM found`,
);

interface PendingRow {
  readonly request_id: string | null;
  readonly client_id: string;
  readonly client_name: string | null;
  readonly scope: readonly string[];
  readonly binding_message: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

interface DecidedRow {
  readonly decided: boolean;
  readonly before: boolean;
  readonly expired: boolean;
  readonly signable: boolean;
}

/** What an administrator answers in the place of a person. */
export function makeBackchannelDecisionStore(db: Database): BackchannelDecisions<Actor> {
  return {
    async pending(userId, now) {
      if (!isStorable(userId)) return undefined;
      const rows = await db.run<PendingRow>(PENDING, [userId, now]);
      return rows.length === 0 ? undefined : rows.flatMap(toPending);
    },

    async decide({ userId, requestId }, { decision, actor, sessionHash, connectorsWithoutOfflineAccess }, by, now) {
      if (!isStorable(userId) || !isUuid(requestId)) return "unknown";
      const terms = JSON.stringify({ direct: { authTime: "unknown" }, act: actor });
      const [row] = await db.run<DecidedRow>(DECIDE, [
        ...[requestId, userId, now, decision, sessionHash, connectorsWithoutOfflineAccess, terms],
        ...toAuditValues(by),
      ]);
      if (row === undefined) return "unknown";
      if (row.decided) return "decided";
      if (row.expired) return "expired";
      if (row.before) return "decided before";
      // Of an open request the snapshot says only whether there was a way in; without a loss there, somebody else was first.
      return row.signable || decision === "denied" ? "decided before" : "nobody to sign in";
    },
  };
}

function toPending(row: PendingRow): readonly PendingBackchannelRequest[] {
  if (row.request_id === null) return [];
  return [
    {
      id: row.request_id,
      clientId: row.client_id,
      clientName: orUndefined(row.client_name),
      scope: row.scope,
      bindingMessage: orUndefined(row.binding_message),
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    },
  ];
}
