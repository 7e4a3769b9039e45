// Running processes notice nothing: a column with a default. Clients that a worker of before registers have the default.
import type { Knex } from "knex";

/** What a client registered about itself beyond the columns, in the names of the RFCs. */
const CLIENTS = `
ALTER TABLE client ADD COLUMN details jsonb NOT NULL DEFAULT '{}';
`;

/** Client metadata that most clients do not have. */
export const clientDetails = {
  name: "0010-client-details",
  async up(db: Knex): Promise<void> {
    await db.raw(CLIENTS);
  },
};
