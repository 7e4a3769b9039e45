// Running processes notice nothing: a new table. A worker of before offers no device anything.
import type { Knex } from "knex";

/**
 * Devices that wait for a person (RFC 8628): ten minutes each, and the device asks again when its request is lost. Hence
 * unlogged. `too_early` is about the last poll. The columns from `connector_id` on are set by the approval; those from
 * `claims` on stay empty and are there since a family is opened from this row as from that of a code.
 */
const DEVICE_REQUESTS = `
CREATE UNLOGGED TABLE device_request (
  device_code_hash bytea PRIMARY KEY CHECK (octet_length(device_code_hash) = 32),
  user_code_hash bytea NOT NULL UNIQUE CHECK (octet_length(user_code_hash) = 32),
  client_id text NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  scope text[] NOT NULL,
  code_challenge text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  delete_after timestamptz NOT NULL,
  interval_seconds integer NOT NULL,
  polled_at timestamptz,
  too_early boolean NOT NULL DEFAULT false,
  decision text CHECK (decision IN ('approved', 'denied')),
  decided_at timestamptz,
  spent_at timestamptz,
  family_id uuid,
  connector_id text,
  user_id text REFERENCES app_user (id) ON DELETE CASCADE,
  session_hash bytea,
  auth_time timestamptz,
  amr text[],
  groups text[],
  preferred_username text,
  claims jsonb,
  terms jsonb,
  nonce text,
  CONSTRAINT device_request_decided CHECK ((decision IS NULL) = (decided_at IS NULL)),
  CONSTRAINT device_request_approved CHECK ((decision IS NOT DISTINCT FROM 'approved') = (user_id IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX device_request_client_id ON device_request (client_id);
CREATE INDEX device_request_user_id ON device_request (user_id);
CREATE INDEX device_request_delete_after ON device_request (delete_after);
`;

/** The device authorization grant. */
export const deviceRequests = {
  name: "0024-device-requests",
  async up(db: Knex): Promise<void> {
    await db.raw(DEVICE_REQUESTS);
  },
};
