// Running processes notice nothing: new tables, new columns that may stay empty, and rules that only become wider. A worker
// of before passes over mail whose row names no user; what it takes of the new kinds it gives up, and it can be retried.
import type { Knex } from "knex";

/**
 * A person who asked for an account and has not yet confirmed the address. Nothing of it is a user before that: the
 * address stays free, and whoever enters a stranger's address has prepared nothing there (ACC-2, ACC-13).
 */
const REGISTRATIONS = `
CREATE TABLE registration (
  id uuid PRIMARY KEY,
  email text NOT NULL CHECK (email = lower(email)),
  display_name text,
  connector_id text NOT NULL,
  remote_id text,
  password_hash text,
  browser_hash bytea NOT NULL CHECK (octet_length(browser_hash) = 32),
  client_id text,
  redirect_uri text,
  flow_id text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT registration_has_one_proof CHECK ((remote_id IS NULL) <> (password_hash IS NULL))
);
CREATE INDEX registration_email ON registration (email);
CREATE INDEX registration_expires_at ON registration (expires_at);
`;

/**
 * What a mailed link may do, once. The link itself is not stored: it is this id and a MAC over it, so that neither the
 * table nor a key secret alone gives a link away. A newer one of the same purpose takes the place of the older (ACC-8).
 */
const ACCOUNT_LINKS = `
CREATE TABLE account_link (
  id uuid PRIMARY KEY,
  purpose text NOT NULL CHECK (purpose IN ('verify email', 'reset password', 'invitation', 'change email')),
  user_id text NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
  email text NOT NULL CHECK (email = lower(email)),
  client_id text,
  redirect_uri text,
  flow_id text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT account_link_one_per_purpose UNIQUE (user_id, purpose)
);
CREATE INDEX account_link_expires_at ON account_link (expires_at);
`;

/**
 * A mail to somebody who may be no user names an address instead; whether there is one is looked up when it is sent, so
 * that the request took the same time for every address (ACC-2). The rest is what its link is to remember. A mail that
 * ended unsent because nobody was to get it any more is dead to every worker, but nothing that a person must look at.
 * People read the outbox state by state, newest first: one small index each.
 */
const OUTBOX = `
ALTER TABLE outbox ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE outbox
  ADD COLUMN email text,
  ADD COLUMN link_id uuid,
  ADD COLUMN redirect_uri text,
  ADD COLUMN flow_id text,
  ADD COLUMN connector_id text,
  ADD COLUMN locale text,
  ADD COLUMN discarded boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT outbox_discarded_has_ended CHECK (NOT discarded OR dead_at IS NOT NULL),
  ADD CONSTRAINT outbox_has_recipient CHECK (user_id IS NOT NULL OR email IS NOT NULL);
CREATE INDEX outbox_waiting ON outbox (occurred_at, id) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_sent ON outbox (occurred_at, id) WHERE sent_at IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (occurred_at, id) WHERE dead_at IS NOT NULL AND NOT discarded;
CREATE INDEX outbox_discarded ON outbox (occurred_at, id) WHERE dead_at IS NOT NULL AND discarded;
`;

/** Pages of users are read along these, whatever is filtered: each page costs the same (email in byte order). */
const USER_LISTS = `
CREATE INDEX app_user_email_order ON app_user (email COLLATE "C");
CREATE INDEX app_user_admins_order ON app_user (email COLLATE "C") WHERE admin;
CREATE INDEX app_user_disabled_order ON app_user (email COLLATE "C") WHERE disabled;
CREATE INDEX app_user_unverified_order ON app_user (email COLLATE "C") WHERE NOT email_verified;
`;

/** A sign-in or code whose request began before this is not granted: it might have begun with what was just taken away. */
const USERS = `
ALTER TABLE app_user ADD COLUMN access_ended_at timestamptz;
`;

/** `user_agent` is what the browser called itself, cut short: how people tell their sessions apart. */
const SESSIONS = `
ALTER TABLE session ADD COLUMN user_agent text;
`;

/** Secrets of imported clients are bcrypt until their first use. `dynamic` clients registered themselves (DCR-3). */
const CLIENTS = `
ALTER TABLE client
  ADD COLUMN secret_bcrypt text,
  ADD COLUMN dynamic boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT client_has_one_secret_at_most,
  DROP CONSTRAINT public_client_has_no_secret,
  ADD CONSTRAINT client_has_one_secret_at_most CHECK (num_nonnulls(secret_sha256, secret_argon2id, secret_bcrypt) <= 1),
  ADD CONSTRAINT public_client_has_no_secret
    CHECK (NOT public OR num_nonnulls(secret_sha256, secret_argon2id, secret_bcrypt) = 0);
`;

/** Accounts that people make and keep themselves. */
export const accounts = {
  name: "0003-accounts",
  async up(db: Knex): Promise<void> {
    for (const part of [REGISTRATIONS, ACCOUNT_LINKS, OUTBOX, USERS, USER_LISTS, SESSIONS, CLIENTS]) await db.raw(part);
  },
};
