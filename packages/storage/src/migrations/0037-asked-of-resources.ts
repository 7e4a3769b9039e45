// Running processes notice nothing: a column that may be null. A worker of before asks the person for nothing of it, and what
// they then allow holds nothing of it either.
import type { Knex } from "knex";

/**
 * What a device or a client that waits for a person asks for at resources (RFC 8707, RFC 9396). It becomes part of `terms` by
 * the approval of somebody who was shown it, and says nothing of what is granted before.
 */
const ASKED = "ALTER TABLE device_request ADD COLUMN asked jsonb";

/** Resources for devices, and for clients that ask for people by name. */
export const askedOfResources = {
  name: "0037-asked-of-resources",
  async up(db: Knex): Promise<void> {
    await db.raw(ASKED);
  },
};
