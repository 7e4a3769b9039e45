// Running processes notice nothing: columns with a default, and a rule that only becomes wider. Sessions that a worker of
// before opens know of no client, so those are not told of their end; what that worker takes of the new kind of outbox rows it
// cannot send, and leaves for the next try.
import type { Knex } from "knex";

/**
 * `clients` maps the id of each client that the session signed in to, to the hash of the session as that client knows it, in
 * hex. Signing in again in the same browser opens a new session in the place of the old one: `earlier` are the hashes of those
 * whose place it took, so that signing out ends what was begun in any of them.
 */
const SESSIONS = `
ALTER TABLE session
  ADD COLUMN clients jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN earlier bytea[] NOT NULL DEFAULT '{}';
`;

/** What goes to a client goes to no mailbox, and goes out also when its user has been deleted. */
const OUTBOX = `
ALTER TABLE outbox
  ADD COLUMN payload jsonb,
  DROP CONSTRAINT outbox_has_recipient,
  ADD CONSTRAINT outbox_has_recipient
    CHECK (user_id IS NOT NULL OR email IS NOT NULL OR (client_id IS NOT NULL AND payload IS NOT NULL));
`;

/** Clients that are told when people sign out. */
export const logout = {
  name: "0012-logout",
  async up(db: Knex): Promise<void> {
    for (const part of [SESSIONS, OUTBOX]) await db.raw(part);
  },
};
