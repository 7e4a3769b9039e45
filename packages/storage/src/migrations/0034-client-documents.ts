// Running processes notice nothing: new columns, which workers of before leave empty.
import type { Knex } from "knex";

/**
 * `document_read_at`: of clients whose id is the address of a document, when what stands in the row was read there.
 * `delete_unused_after`: of those that anybody could register; one that nobody has used by then is no loss.
 */
const CLIENT_DOCUMENTS = `
ALTER TABLE client ADD COLUMN document_read_at timestamptz;
CREATE INDEX client_document_read_at ON client (document_read_at) WHERE document_read_at IS NOT NULL;
ALTER TABLE client ADD COLUMN delete_unused_after timestamptz;
CREATE INDEX client_delete_unused_after ON client (delete_unused_after) WHERE delete_unused_after IS NOT NULL;
`;

/** Clients that describe themselves in a document (OAuth Client ID Metadata Document). */
export const clientDocuments = {
  name: "0034-client-documents",
  async up(db: Knex): Promise<void> {
    await db.raw(CLIENT_DOCUMENTS);
  },
};
