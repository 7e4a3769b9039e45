// Running processes notice nothing: a new table. A worker of before takes an access token that was given back for good until
// it has expired.
import type { Knex } from "knex";

/**
 * Access tokens that ended by themselves before their time, RFC 7009: nothing else of them is kept. A row is needed only as
 * long as the token would have been good.
 */
const REVOKED_ACCESS_TOKENS = `
CREATE TABLE revoked_access_token (
  token_id text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX revoked_access_token_expires_at ON revoked_access_token (expires_at);
`;

/** Access tokens that clients gave back. */
export const revokedAccessTokens = {
  name: "0023-revoked-access-tokens",
  async up(db: Knex): Promise<void> {
    await db.raw(REVOKED_ACCESS_TOKENS);
  },
};
