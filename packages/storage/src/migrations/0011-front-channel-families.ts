// Running processes notice nothing: a new column that may be null. A worker of before leaves it so, and ends one family where
// a code that it did not issue is replayed.
import type { Knex } from "knex";

/** The family of an access token that the authorization endpoint handed out beside the code: a replay ends it too (TOK-1). */
const FRONT_CHANNEL = `
ALTER TABLE authorization_code ADD COLUMN front_channel_family_id uuid;
`;

/** Access tokens from the authorization endpoint. */
export const frontChannelFamilies = {
  name: "0011-front-channel-families",
  async up(db: Knex): Promise<void> {
    await db.raw(FRONT_CHANNEL);
  },
};
