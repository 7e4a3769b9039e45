// Running processes notice nothing: a new table, and columns with a default. A worker of before keeps no grants and asks no
// upstream at a refresh; what it signs in knows of nothing that was asked, so people go through their connector once more.
import type { Knex } from "knex";

/**
 * What an upstream gave us to ask it again, sealed (C 20), one of each user and connector; and what it said last. It goes
 * with the identity that it is about, and so with the user. Of a removed connector the row stays without the grant: else
 * tokens that hang on its answer would go on without one when the connector comes back.
 *
 * Whoever holds the lease asks; all others wait for the answer. Leases end by themselves.
 */
const UPSTREAM_GRANTS = `
CREATE TABLE upstream_grant (
  user_id text NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
  connector_id text NOT NULL,
  remote_id text NOT NULL,
  sealed bytea,
  asked text[] NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('good', 'refused')),
  checked_at timestamptz NOT NULL,
  unavailable_at timestamptz,
  lease uuid,
  lease_until timestamptz,
  PRIMARY KEY (user_id, connector_id),
  CONSTRAINT upstream_grant_identity FOREIGN KEY (connector_id, remote_id)
    REFERENCES remote_identity (connector_id, remote_id) ON DELETE CASCADE,
  CONSTRAINT upstream_grant_good_is_kept CHECK (outcome = 'refused' OR sealed IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX upstream_grant_identity ON upstream_grant (connector_id, remote_id);
CREATE FUNCTION forget_upstream_grants() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE upstream_grant SET sealed = NULL, outcome = 'refused', lease = NULL, lease_until = NULL
  WHERE connector_id = OLD.id;
  RETURN NULL;
END $body$;
CREATE TRIGGER connector_grants_forgotten AFTER DELETE ON connector
  FOR EACH ROW EXECUTE FUNCTION forget_upstream_grants();
`;

/** What the upstream was asked for beside who this is: whatever comes later and asks for more goes there again. */
const SESSIONS = `
ALTER TABLE session ADD COLUMN asked text[] NOT NULL DEFAULT '{}';
`;

/** Connectors that people may sign in to the client through; null allows all. */
const CLIENTS = `
ALTER TABLE client ADD COLUMN allowed_connectors text[];
`;

/** Upstreams that are asked again, and clients that choose their upstreams. */
export const upstreamGrants = {
  name: "0006-upstream-grants",
  async up(db: Knex): Promise<void> {
    for (const part of [UPSTREAM_GRANTS, SESSIONS, CLIENTS]) await db.raw(part);
  },
};
