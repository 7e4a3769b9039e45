import type { MailQueue, MailState, QueuedMail } from "@dex/email";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database, type Statement } from "./database.ts";
import { orUndefined } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";

/** As in the indexes of the same names. */
const STATES: Readonly<Record<MailState, string>> = {
  waiting: "o.sent_at IS NULL AND o.dead_at IS NULL",
  sent: "o.sent_at IS NOT NULL",
  dead: "o.dead_at IS NOT NULL AND NOT o.discarded",
  discarded: "o.dead_at IS NOT NULL AND o.discarded",
};

function listOf(state: MailState): Statement {
  return cold(
    `mailQueue.list ${state}`,
    `SELECT o.id, o.kind, COALESCE(o.email, u.email, o.client_id) AS email, o.attempts, o.last_error, o.occurred_at, o.due_at,
      COALESCE(o.sent_at, o.dead_at) AS ended_at
    FROM outbox o LEFT JOIN app_user u ON u.id = o.user_id
    WHERE ${STATES[state]} AND (o.occurred_at, o.id) < ($1::timestamptz, $2::uuid)
    ORDER BY o.occurred_at DESC, o.id DESC LIMIT $3`,
  );
}

const LISTS: Readonly<Record<MailState, Statement>> = {
  waiting: listOf("waiting"),
  sent: listOf("sent"),
  dead: listOf("dead"),
  discarded: listOf("discarded"),
};

/** Whoever still holds the lease of the last try has lost it. */
const RETRY = cold(
  "mailQueue.retry",
  `WITH again AS (
    UPDATE outbox SET dead_at = NULL, delete_after = NULL, attempts = 0, lease = NULL, due_at = $2
    WHERE id = $1::uuid AND dead_at IS NOT NULL AND NOT discarded
    RETURNING id, kind, user_id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'mail retried', user_id, $3, $4, $5, jsonb_build_object('mail', id, 'kind', kind) FROM again
  )
  SELECT EXISTS (SELECT FROM again) AS due FROM outbox WHERE id = $1::uuid`,
);

/** Behind every other. */
const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

interface QueuedRow {
  readonly id: string;
  readonly kind: string;
  readonly email: string;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly occurred_at: Date;
  readonly due_at: Date;
  readonly ended_at: Date | null;
}

/** The outbox as operators see it. */
export function makeMailQueue(db: Database): MailQueue<Actor> {
  return {
    async list({ state, limit, after }) {
      const start = after === undefined ? undefined : parsePlace(after);
      if (after !== undefined && start === undefined) return undefined;
      const values = [start?.occurredAt ?? "infinity", start?.id ?? LAST_ID, limit + 1];
      const rows = await db.run<QueuedRow>(LISTS[state], values);
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        mails: page.map((row) => toQueuedMail(row, state)),
        next: rows.length > limit && last !== undefined ? `${last.occurred_at.getTime()}.${last.id}` : undefined,
      };
    },
    async retry(id, actor, now) {
      if (!isUuid(id)) return "unknown";
      const [row] = await db.run<{ due: boolean }>(RETRY, [id, now, ...toAuditValues(actor)]);
      return row === undefined ? "unknown" : row.due ? "due" : "not dead";
    },
  };
}

// Causes are noted with a Date of ours, so milliseconds are all there is to the column.
function parsePlace(text: string): { occurredAt: Date; id: string } | undefined {
  const [, milliseconds, id] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(text) ?? [];
  return id === undefined || !isUuid(id) ? undefined : { occurredAt: new Date(Number(milliseconds)), id };
}

function toQueuedMail(row: QueuedRow, state: MailState): QueuedMail {
  return {
    id: row.id,
    kind: row.kind,
    state,
    recipient: row.email,
    attempts: row.attempts,
    lastError: orUndefined(row.last_error),
    occurredAt: row.occurred_at,
    dueAt: state === "waiting" ? row.due_at : undefined,
    endedAt: orUndefined(row.ended_at),
  };
}
