// Running processes notice nothing: a new table. A worker of before makes tokens for no resource.
import type { Knex } from "knex";

/** Protected resources that tokens are made for (RFC 8707). Few, so workers hold them all in memory. */
const RESOURCES = `
CREATE TABLE resource (
  identifier text PRIMARY KEY,
  name text NOT NULL,
  scopes text[] NOT NULL,
  access_token_seconds integer,
  token_format text NOT NULL CHECK (token_format IN ('jwt', 'opaque')),
  signing_algorithm text NOT NULL,
  allowed_clients text[],
  introspected_by text[] NOT NULL,
  authorization_details_types jsonb NOT NULL
);
INSERT INTO change_version (name) VALUES ('resources') ON CONFLICT DO NOTHING;
CREATE TRIGGER resource_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON resource
  FOR EACH STATEMENT EXECUTE FUNCTION bump_change_version('resources');
`;

/** Registered resources. */
export const resources = {
  name: "0031-resources",
  async up(db: Knex): Promise<void> {
    await db.raw(RESOURCES);
  },
};
