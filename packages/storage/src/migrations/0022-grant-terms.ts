// Running processes notice nothing: columns that may be null. A worker of before binds nothing to a key, and leaves what it
// does not know where it is.
import type { Knex } from "knex";

/** What a grant is tied to beside its scope (GrantTerms), copied from the code to the family that it opens. */
const GRANTS = `
ALTER TABLE authorization_code ADD COLUMN terms jsonb;
ALTER TABLE token_family ADD COLUMN terms jsonb;
`;

/** Grants that are tied to keys and the like. */
export const grantTerms = {
  name: "0022-grant-terms",
  async up(db: Knex): Promise<void> {
    await db.raw(GRANTS);
  },
};
