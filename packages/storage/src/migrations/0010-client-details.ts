// Running processes notice nothing: columns with a default. Clients that a worker of before registers have the default.
import type { Knex } from "knex";

/**
 * What a client registered about itself beyond the columns, in the names of the RFCs; and the hash of what it manages its
 * registration with (RFC 7592), null where it did not register itself.
 */
const CLIENTS = `
ALTER TABLE client ADD COLUMN details jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN registration_token_sha256 bytea CHECK (octet_length(registration_token_sha256) = 32);
`;

/** Client metadata that most clients do not have, and clients that manage their own. */
export const clientDetails = {
  name: "0010-client-details",
  async up(db: Knex): Promise<void> {
    await db.raw(CLIENTS);
  },
};
