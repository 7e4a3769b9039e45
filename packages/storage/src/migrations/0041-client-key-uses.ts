// Running processes notice nothing: a new table. Workers of before write nothing into it.
import type { Knex } from "knex";

/**
 * The day on which a key or certificate proved its client last: a key by its thumbprint (RFC 7638), a certificate by its own
 * (RFC 8705 §3.1), a subject by its hash. Beside the client's row, whose every change has all workers read it again; and not
 * only of keys that the row holds, for a client may publish them elsewhere.
 */
const USES = `
CREATE TABLE client_key_use (
  client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
  key_id text NOT NULL,
  used_on date NOT NULL,
  PRIMARY KEY (client_id, key_id)
);
`;

/** When the keys and certificates of clients were used last. */
export const clientKeyUses = {
  name: "0041-client-key-uses",
  async up(db: Knex): Promise<void> {
    await db.raw(USES);
  },
};
