// Running processes notice nothing: a new column, which workers of before leave empty.
import type { Knex } from "knex";

/** Set for clients whose id is the address of a document: when what stands in the row was read there. */
const CLIENT_DOCUMENTS = `
ALTER TABLE client ADD COLUMN document_read_at timestamptz;
CREATE INDEX client_document_read_at ON client (document_read_at) WHERE document_read_at IS NOT NULL;
`;

/** Clients that describe themselves in a document (OAuth Client ID Metadata Document). */
export const clientDocuments = {
  name: "0034-client-documents",
  async up(db: Knex): Promise<void> {
    await db.raw(CLIENT_DOCUMENTS);
  },
};
