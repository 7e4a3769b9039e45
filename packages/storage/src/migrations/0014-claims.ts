// Running processes notice nothing: columns with a default, and columns that may be null. A worker of before asks for no claims
// by name and tells none of a profile.
import type { Knex } from "knex";

/** What is known of a person beyond name and address, by the names of the claims of OIDC Core §5.1. */
const USERS = `
ALTER TABLE app_user ADD COLUMN profile jsonb NOT NULL DEFAULT '{}';
`;

/** The claims that the authorization request asked for by name; null where it asked for none. */
const GRANTS = `
ALTER TABLE authorization_code ADD COLUMN claims jsonb;
ALTER TABLE token_family ADD COLUMN claims jsonb;
`;

/** Profiles, and claims that are asked for one by one. */
export const claims = {
  name: "0014-claims",
  async up(db: Knex): Promise<void> {
    for (const part of [USERS, GRANTS]) await db.raw(part);
  },
};
