// Running processes notice nothing: there were none before. Everything is made in one transaction, all or nothing.
//
// Columns bear the words of the RFCs. Hashes are bytea; what is only looked up by hash is never stored itself.
import { systemRandom } from "@dex/runtime";
import type { Knex } from "knex";

const SALT_BYTES = 32;

/** Rows of such tables live for minutes: vacuum early, and leave room on each page for the next version of a row. */
const TURNS_OVER =
  "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, " +
  "autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05";

const INSTALLATION = `
CREATE TABLE installation (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  salt bytea NOT NULL CHECK (octet_length(salt) = ${SALT_BYTES}),
  jwks_max_age_seconds integer NOT NULL DEFAULT 300,
  rotation_requested_at timestamptz
);
CREATE TABLE leadership (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  fence bigint NOT NULL DEFAULT 0,
  acquired_at timestamptz
);
INSERT INTO leadership DEFAULT VALUES;
CREATE TABLE audit_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  event text NOT NULL,
  subject_id text,
  actor_kind text NOT NULL,
  actor_id text,
  actor_address text,
  detail jsonb
);
CREATE INDEX audit_event_at ON audit_event (at);
`;

/** Statement-level: a change of a thousand rows moves a version once. */
const CHANGE_VERSIONS = `
CREATE TABLE change_version (
  name text PRIMARY KEY,
  version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 50);
INSERT INTO change_version (name) VALUES ('clients'), ('connectors'), ('keys');
CREATE FUNCTION bump_change_version() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE change_version SET version = version + 1 WHERE name = TG_ARGV[0];
  RETURN NULL;
END $body$;
`;

const bumpOnChange = (table: string, name: string) => `
CREATE TRIGGER ${table}_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
  FOR EACH STATEMENT EXECUTE FUNCTION bump_change_version('${name}');
`;

const CLIENTS_AND_CONNECTORS = `
CREATE TABLE client (
  id text PRIMARY KEY,
  name text,
  logo_uri text,
  client_uri text,
  redirect_uris text[] NOT NULL,
  redirect_origins text[] NOT NULL,
  public boolean NOT NULL,
  admin boolean NOT NULL,
  trusted boolean NOT NULL,
  require_pkce boolean NOT NULL,
  grant_types text[] NOT NULL,
  scopes text[],
  trusted_peers text[] NOT NULL,
  id_token_signing_algorithm text NOT NULL,
  secret_sha256 bytea CHECK (octet_length(secret_sha256) = 32),
  secret_argon2id text,
  created_at timestamptz NOT NULL,
  CONSTRAINT client_has_one_secret_at_most CHECK (secret_sha256 IS NULL OR secret_argon2id IS NULL),
  CONSTRAINT public_client_has_no_secret CHECK (NOT public OR (secret_sha256 IS NULL AND secret_argon2id IS NULL))
);
CREATE INDEX client_redirect_origins ON client USING gin (redirect_origins);
CREATE TABLE connector (
  id text PRIMARY KEY,
  type text NOT NULL,
  config jsonb NOT NULL
);
`;

/**
 * A remote identity has no foreign key to its connector: taking a connector out and putting it back must not unlink
 * everybody who signs in through it.
 */
const USERS = `
CREATE TABLE app_user (
  id text PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email)),
  email_verified boolean NOT NULL,
  display_name text,
  admin boolean NOT NULL DEFAULT false,
  disabled boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL
);
CREATE INDEX app_user_admin ON app_user (id) WHERE admin;
CREATE TABLE password (
  user_id text PRIMARY KEY REFERENCES app_user (id) ON DELETE CASCADE,
  hash text NOT NULL,
  changed_at timestamptz NOT NULL
);
CREATE TABLE remote_identity (
  connector_id text NOT NULL,
  remote_id text NOT NULL,
  user_id text NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (connector_id, remote_id)
);
CREATE INDEX remote_identity_user_id ON remote_identity (user_id);
CREATE TABLE consent (
  user_id text NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
  client_id text NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  scope text[] NOT NULL,
  granted_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consent_client_id ON consent (client_id);
`;

/** OIDC Core §2: a sub is never given to somebody else, whichever way its first owner was deleted. */
const USER_TOMBSTONES = `
CREATE TABLE user_tombstone (
  id text PRIMARY KEY,
  deleted_at timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION bury_user() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO user_tombstone (id) VALUES (OLD.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $body$;
CREATE FUNCTION refuse_buried_user() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT FROM user_tombstone WHERE id = NEW.id) THEN
    RAISE unique_violation USING MESSAGE = 'the user id belonged to a deleted user', CONSTRAINT = 'user_tombstone_pkey';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER app_user_buried AFTER DELETE ON app_user FOR EACH ROW EXECUTE FUNCTION bury_user();
CREATE TRIGGER app_user_refused BEFORE INSERT OR UPDATE OF id ON app_user
  FOR EACH ROW EXECUTE FUNCTION refuse_buried_user();
`;

const SIGNING_KEYS = `
CREATE TABLE signing_key (
  id text PRIMARY KEY,
  algorithm text NOT NULL,
  state text NOT NULL CHECK (state IN ('next', 'active', 'retired')),
  public_jwk jsonb NOT NULL,
  sealed_private_key bytea NOT NULL,
  created_at timestamptz NOT NULL,
  activated_at timestamptz,
  retired_at timestamptz
);
CREATE UNIQUE INDEX signing_key_one_active ON signing_key (algorithm) WHERE state = 'active';
`;

/**
 * What the connector said (groups, preferred_username) is copied from the session to the code and from the code to the
 * family: tokens go on telling it after the session has ended, and each step reads one row.
 *
 * Sessions and families are collected at their absolute expiry alone. Their idle limits move at each use; an index on
 * them would make every use rewrite all indexes of the row.
 */
const SESSIONS_AND_TOKENS = `
CREATE TABLE session (
  hash bytea PRIMARY KEY,
  user_id text NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
  connector_id text NOT NULL,
  auth_time timestamptz NOT NULL,
  amr text[] NOT NULL,
  groups text[],
  preferred_username text,
  idle_expires_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (${TURNS_OVER});
CREATE INDEX session_user_id ON session (user_id);
CREATE INDEX session_expires_at ON session (expires_at);
CREATE TABLE authorization_code (
  hash bytea PRIMARY KEY,
  login_state_id text NOT NULL UNIQUE,
  client_id text NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  user_id text NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
  connector_id text NOT NULL,
  session_hash bytea NOT NULL,
  redirect_uri text NOT NULL,
  scope text[] NOT NULL,
  nonce text,
  code_challenge text,
  auth_time timestamptz NOT NULL,
  amr text[] NOT NULL,
  groups text[],
  preferred_username text,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  spent_at timestamptz,
  wrong_verifiers integer NOT NULL DEFAULT 0,
  family_id uuid,
  delete_after timestamptz NOT NULL
) WITH (${TURNS_OVER});
CREATE INDEX authorization_code_user_id ON authorization_code (user_id);
CREATE INDEX authorization_code_client_id ON authorization_code (client_id);
CREATE INDEX authorization_code_delete_after ON authorization_code (delete_after);
CREATE TABLE token_family (
  id uuid PRIMARY KEY,
  client_id text NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  user_id text NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
  connector_id text NOT NULL,
  session_hash bytea NOT NULL,
  scope text[] NOT NULL,
  nonce text,
  auth_time timestamptz NOT NULL,
  amr text[] NOT NULL,
  groups text[],
  preferred_username text,
  created_at timestamptz NOT NULL,
  generation integer NOT NULL DEFAULT 1,
  current_hash bytea,
  previous_hash bytea,
  sealed_current bytea,
  rotated_at timestamptz,
  idle_expires_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revocation_reason text
) WITH (${TURNS_OVER});
CREATE INDEX token_family_user_id ON token_family (user_id);
CREATE INDEX token_family_client_id ON token_family (client_id);
CREATE INDEX token_family_expires_at ON token_family (expires_at);
`;

/** Unlogged: losing the counts in a crash costs a guesser's window, writing them to the log costs every sign-in. */
const ATTEMPTS = `
CREATE UNLOGGED TABLE attempt_count (
  key bytea PRIMARY KEY,
  attempts integer NOT NULL,
  window_ends_at timestamptz NOT NULL
) WITH (${TURNS_OVER});
CREATE INDEX attempt_count_window_ends_at ON attempt_count (window_ends_at);
`;

/** All tables of a first dex. */
export const initial = {
  name: "0001-initial",
  async up(db: Knex): Promise<void> {
    await db.raw(INSTALLATION);
    await db.raw("INSERT INTO installation (salt) VALUES (?)", [systemRandom(SALT_BYTES)]);
    await db.raw(CHANGE_VERSIONS);
    await db.raw(CLIENTS_AND_CONNECTORS);
    await db.raw(USERS);
    await db.raw(USER_TOMBSTONES);
    await db.raw(SIGNING_KEYS);
    await db.raw(SESSIONS_AND_TOKENS);
    await db.raw(ATTEMPTS);
    for (const [table, name] of [
      ["client", "clients"],
      ["connector", "connectors"],
      ["signing_key", "keys"],
      ["installation", "keys"],
    ] as const) {
      await db.raw(bumpOnChange(table, name));
    }
  },
};
