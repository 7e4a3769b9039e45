// Running processes notice nothing: a column that may be empty. Sessions that a worker of before opens are not found by the
// name of the session upstream.
import type { Knex } from "knex";

/** A hash of the connector and of what the upstream calls its session. */
const SESSIONS = "ALTER TABLE session ADD COLUMN upstream_sid bytea";
const BY_SID = "CREATE INDEX session_upstream_sid ON session (upstream_sid) WHERE upstream_sid IS NOT NULL";

/** Sessions that end with the one upstream that they came from. */
export const upstreamSessions = {
  name: "0033-upstream-sessions",
  async up(db: Knex): Promise<void> {
    for (const part of [SESSIONS, BY_SID]) await db.raw(part);
  },
};
