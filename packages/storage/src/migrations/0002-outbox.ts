// Running processes notice nothing: a new table, and nothing else changes. A worker of before writes no mail into it.
import type { Knex } from "knex";

/**
 * `due_at` alone says when a row may be claimed: a claim moves it to the end of its lease, a failure to the next try. So
 * one small index answers the only question that is asked every few seconds. `cause` makes a notice unique: what caused
 * it once causes one mail. No foreign key to the client: its name is shown while there is one.
 */
const OUTBOX = `
CREATE TABLE outbox (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind text NOT NULL,
  cause text NOT NULL,
  user_id text NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
  client_id text,
  occurred_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  lease uuid,
  last_error text,
  sent_at timestamptz,
  dead_at timestamptz,
  delete_after timestamptz,
  CONSTRAINT outbox_once UNIQUE (kind, cause),
  CONSTRAINT outbox_one_end CHECK (sent_at IS NULL OR dead_at IS NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX outbox_due_at ON outbox (due_at) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_user_id ON outbox (user_id);
CREATE INDEX outbox_delete_after ON outbox (delete_after);
`;

/** Mail that is promised in the transaction of its cause and delivered afterwards. */
export const outbox = {
  name: "0002-outbox",
  async up(db: Knex): Promise<void> {
    await db.raw(OUTBOX);
  },
};
