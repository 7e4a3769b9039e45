import type { ClaimedMail, Outbox } from "@dex/email";
import type { JsonObject } from "@dex/runtime";
import { cold, type Database, hot } from "./database.ts";
import { orUndefined } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";

const DUE = "sent_at IS NULL AND dead_at IS NULL AND due_at <=";

/** How long people can look up what became of a mail; what never arrived is of interest for longer. */
const KEEP_SENT = "interval '30 days'";
const KEEP_DEAD = "interval '90 days'";

/** Of no interest once ended, and it may name an address that belongs to nobody here. */
const KEEP_DISCARDED = "interval '1 day'";

/**
 * What is no mail is over within seconds, one way or the other, and soon of no use: of a process that dies with it, another takes
 * it over while the client still waits. A copy too many harms nobody there.
 */
const LONGEST_LEASE_OF_NOTICES = "CASE WHEN due.payload IS NOT NULL THEN 60 END";

/** What a row says of itself; the claim joins what that means by now. */
const DUE_COLUMNS = "id, kind, user_id, email, link_id, client_id, payload";

/**
 * Address, name and the state of the link are read with the claim: a mail goes to where its user is reached now, and no
 * mail goes out whose link is used up, superseded, or was for another address or a disabled user (ACC-8, ACC-11).
 */
const CLAIM = `UPDATE outbox o
  SET lease = gen_random_uuid(), attempts = o.attempts + 1,
    due_at = $2::timestamptz + LEAST($3, ${LONGEST_LEASE_OF_NOTICES}) * interval '1 second'
  FROM due
    LEFT JOIN app_user u ON u.id = due.user_id
    LEFT JOIN client c ON c.id = due.client_id
    LEFT JOIN registration r ON due.kind = 'confirm-registration' AND r.id = due.link_id AND r.expires_at > $2
    LEFT JOIN account_link l ON l.id = due.link_id AND l.user_id = u.id AND l.expires_at > $2 AND NOT u.disabled
      AND l.email = COALESCE(due.email, u.email) AND l.purpose = CASE due.kind
        WHEN 'verify-email' THEN 'verify email' WHEN 'invitation' THEN 'invitation'
        WHEN 'confirm-email-change' THEN 'change email' END
    LEFT JOIN device_request d ON due.kind = 'backchannel-request' AND d.request_id = due.link_id
      AND d.named_user_id = u.id AND d.decision IS NULL AND d.expires_at > $2 AND NOT u.disabled AND u.email_verified
  WHERE o.id = due.id
  RETURNING o.id, o.lease, o.attempts, o.kind, o.occurred_at, COALESCE(o.email, u.email) AS email,
    COALESCE(u.email_verified AND COALESCE(o.email, u.email) = u.email, false) AS email_verified,
    EXISTS (SELECT FROM app_user taken WHERE taken.email = o.email) AS email_taken,
    o.link_id, COALESCE(r.id, l.id, d.request_id) IS NOT NULL AS link_live,
    o.connector_id, o.client_id, o.payload, o.redirect_uri, o.flow_id, o.locale, COALESCE(c.name, c.id) AS client_name`;

const CLAIM_DUE = hot(
  "outbox.claimDue",
  `WITH due AS (
    SELECT ${DUE_COLUMNS} FROM outbox WHERE ${DUE} $2 ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
  ) ${CLAIM}`,
);

const CLAIM_ONE = hot(
  "outbox.claim",
  `WITH due AS (
    SELECT ${DUE_COLUMNS} FROM outbox WHERE id = $1::uuid AND ${DUE} $2 FOR UPDATE SKIP LOCKED
  ) ${CLAIM}`,
);

/** Says yes to the same lease again, so that a caller whose answer was lost may repeat itself. */
const MARK_SENT = cold(
  "outbox.markSent",
  `UPDATE outbox
  SET sent_at = COALESCE(sent_at, $3), last_error = NULL, delete_after = COALESCE(delete_after, $3::timestamptz + ${KEEP_SENT})
  WHERE id = $1::uuid AND lease = $2::uuid AND dead_at IS NULL
  RETURNING id`,
);

const MARK_FAILED = cold(
  "outbox.markFailed",
  `UPDATE outbox
  SET last_error = left($3, 200), due_at = COALESCE($4::timestamptz, due_at),
    dead_at = CASE WHEN $4::timestamptz IS NULL THEN $5::timestamptz END,
    delete_after = CASE WHEN $4::timestamptz IS NULL THEN $5::timestamptz + ${KEEP_DEAD} END
  WHERE id = $1::uuid AND lease = $2::uuid AND sent_at IS NULL AND dead_at IS NULL
  RETURNING id`,
);

const MARK_DISCARDED = cold(
  "outbox.markDiscarded",
  `UPDATE outbox
  SET last_error = left($3, 200), dead_at = $4::timestamptz, discarded = true,
    delete_after = $4::timestamptz + ${KEEP_DISCARDED}
  WHERE id = $1::uuid AND lease = $2::uuid AND sent_at IS NULL AND dead_at IS NULL
  RETURNING id`,
);

const LIST_DUE = hot("outbox.listDue", `SELECT id, due_at FROM outbox WHERE ${DUE} $2 ORDER BY due_at LIMIT $1`);

interface ClaimedRow {
  readonly id: string;
  readonly lease: string;
  readonly attempts: number;
  readonly kind: string;
  readonly occurred_at: Date;
  /** None where the row is no mail. */
  readonly email: string | null;
  readonly payload: JsonObject | null;
  readonly email_verified: boolean;
  readonly email_taken: boolean;
  readonly link_id: string | null;
  readonly link_live: boolean;
  readonly connector_id: string | null;
  readonly client_id: string | null;
  readonly redirect_uri: string | null;
  readonly flow_id: string | null;
  readonly locale: string | null;
  readonly client_name: string | null;
}

/** Mail on its way out. Rows are written by the statements of their causes. */
export function makeOutbox(db: Database): Outbox {
  return {
    async claimDue(limit, now, leaseSeconds) {
      const rows = await db.run<ClaimedRow>(CLAIM_DUE, [limit, now, leaseSeconds]);
      return rows.map(toClaimedMail);
    },
    async claim(id, now, leaseSeconds) {
      if (!isUuid(id)) return undefined;
      const [row] = await db.run<ClaimedRow>(CLAIM_ONE, [id, now, leaseSeconds]);
      return row && toClaimedMail(row);
    },
    async markSent(id, lease, now) {
      const rows = await db.run(MARK_SENT, [id, lease, now]);
      return rows.length > 0;
    },
    async markFailed(id, lease, error, next, now) {
      const retryAt = next.kind === "retry" ? next.at : null;
      const rows = await db.run(MARK_FAILED, [id, lease, error, retryAt, now]);
      return rows.length > 0;
    },
    async markDiscarded(id, lease, reason, now) {
      const rows = await db.run(MARK_DISCARDED, [id, lease, reason, now]);
      return rows.length > 0;
    },
    async listDue(limit, now) {
      const rows = await db.run<{ id: string; due_at: Date }>(LIST_DUE, [limit, now]);
      return rows.map(({ id, due_at }) => ({ id, dueAt: due_at }));
    },
  };
}

function toClaimedMail(row: ClaimedRow): ClaimedMail {
  return {
    id: row.id,
    lease: row.lease,
    attempt: row.attempts,
    kind: row.kind,
    recipient: { address: row.email ?? "", verified: row.email_verified },
    addressTaken: row.email_taken,
    link: row.link_id === null ? undefined : { id: row.link_id, live: row.link_live },
    connectorId: orUndefined(row.connector_id),
    clientName: orUndefined(row.client_name),
    origin: {
      clientId: orUndefined(row.client_id),
      redirectUri: orUndefined(row.redirect_uri),
      flowId: orUndefined(row.flow_id),
      locale: orUndefined(row.locale),
    },
    payload: orUndefined(row.payload),
    occurredAt: row.occurred_at,
  };
}
