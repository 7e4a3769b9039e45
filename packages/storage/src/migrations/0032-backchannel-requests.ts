// Running processes notice nothing: columns that may be empty. A worker of before finds no such request by a user code, and
// gives up the mail of one, which it cannot write.
import type { Knex } from "knex";

/**
 * Clients that ask for a person by name (CIBA) wait beside devices, whose person is whoever types the code. What names such a
 * request is a `request_id`, and its `user_code_hash` is made of that. `named_user_id` stays empty where nobody was found.
 * `sealed_notification` is what the client is told of the decision with.
 */
const BACKCHANNEL_REQUESTS = `
ALTER TABLE device_request
  ADD COLUMN request_id uuid UNIQUE,
  ADD COLUMN named_user_id text REFERENCES app_user (id) ON DELETE CASCADE,
  ADD COLUMN binding_message text,
  ADD COLUMN sealed_notification bytea;
CREATE INDEX device_request_named_user_id ON device_request (named_user_id) WHERE named_user_id IS NOT NULL;
`;

/** Client-initiated backchannel authentication. */
export const backchannelRequests = {
  name: "0032-backchannel-requests",
  async up(db: Knex): Promise<void> {
    await db.raw(BACKCHANNEL_REQUESTS);
  },
};
