// Running processes notice nothing: columns with a default, and a table of its own. Workers of before go on with the first
// secret of each client, and refuse clients that prove themselves with a MAC.
import type { Knex } from "knex";

/**
 * Of the first secret, which lies in the columns of before: the secret itself, sealed, of clients that make MACs with it; when
 * it was made, null where that was with the client; when it ends. And the secrets that were added to it, as a list of
 * {id, sha256, sealed?, created_at, expires_at?}, bytes in base64url: all of a client in one row, so that a change of one is
 * one statement, and reading them no second one.
 */
const SECRETS = `
ALTER TABLE client
  ADD COLUMN secret_sealed bytea,
  ADD COLUMN secret_created_at timestamptz,
  ADD COLUMN secret_expires_at timestamptz,
  ADD COLUMN added_secrets jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(added_secrets) = 'array');
`;

/** Those whose secrets are sealed, for the overlord that seals them again under a new key secret. */
const SEALED = `
CREATE INDEX client_sealed_secret ON client (id) WHERE details ->> 'token_endpoint_auth_method' = 'client_secret_jwt';
`;

/** The day on which each secret was used last. Beside the client's row, whose every change has all workers read it again. */
const USES = `
CREATE TABLE client_secret_use (
  client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
  secret_id text NOT NULL,
  used_on date NOT NULL,
  PRIMARY KEY (client_id, secret_id)
);
`;

/** Two secrets at a time, such as end by themselves, and when they were used last. */
export const clientSecrets = {
  name: "0021-client-secrets",
  async up(db: Knex): Promise<void> {
    for (const statement of [SECRETS, SEALED, USES]) await db.raw(statement);
  },
};
