// Running processes notice nothing: a new table. A worker of before remembers no assertion, as it knew none.
import type { Knex } from "knex";

/**
 * What was used and may not be used again, such as a SAML assertion (SAM-7). Logged, unlike attempt_count: after a crash an
 * assertion that still is valid must stay used. The key is a hash: of one size, and silent about what it stands for.
 */
const USED_ONCE = `
CREATE TABLE used_once (
  key_hash bytea PRIMARY KEY CHECK (octet_length(key_hash) = 32),
  expires_at timestamptz NOT NULL
);
CREATE INDEX used_once_expires_at ON used_once (expires_at);
`;

/** Things of other parties that are accepted one time only. */
export const usedOnce = {
  name: "0005-used-once",
  async up(db: Knex): Promise<void> {
    await db.raw(USED_ONCE);
  },
};
