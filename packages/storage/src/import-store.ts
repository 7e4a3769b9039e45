// Rows that come from another dex, many at a time. What is here already is never touched.
import type { StoredConnector } from "@dex/connectors";
import type { Client } from "@dex/oidc";
import type { Actor, NewUser, User } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { findClients, insertClient } from "./clients.ts";
import { LOCK_CONNECTORS } from "./connectors.ts";
import { cold, type Database } from "./database.ts";
import { toStoredJson, toStoredText } from "./stored-text.ts";
import { toUser, USER_COLUMNS, type UserRow } from "./users.ts";

/** The key of an identity: connector and remote id. */
export interface IdentityKey {
  readonly connectorId: string;
  readonly remoteId: string;
}

/** A user with everything that comes along. */
export interface ImportedUser {
  readonly user: NewUser & { readonly disabled: boolean };
  readonly passwordHash: string | undefined;
  readonly identities: readonly IdentityKey[];
}

/** What is here already of that which is about to come. */
export interface PresentUsers {
  /** Users with one of the ids or one of the addresses. */
  readonly users: readonly User[];
  /** Those of the ids whose users were deleted here. */
  readonly deletedIds: ReadonlySet<string>;
  /** Those of the ids whose users have a password. */
  readonly idsWithPassword: ReadonlySet<string>;
  readonly owners: readonly (IdentityKey & { readonly userId: string })[];
}

/** The receiving side of an import. Every write is one transaction with its audit events (ADM-6). */
export interface ImportStore {
  presentUsers(
    ids: readonly string[],
    emails: readonly string[],
    identities: readonly IdentityKey[],
  ): Promise<PresentUsers>;
  /**
   * Takes these users with password and identities. Whoever's id or address was taken meanwhile stays out as a whole, an
   * identity that was taken stays out alone. Returns what was taken.
   */
  addUsers(
    users: readonly ImportedUser[],
    actor: Actor,
    now: Date,
  ): Promise<{ readonly ids: ReadonlySet<string>; readonly identities: readonly IdentityKey[] }>;
  /** Those of the clients that are here. */
  presentClients(ids: readonly string[]): Promise<readonly Client[]>;
  /** Returns the ids that were free. */
  addClients(clients: readonly Client[], actor: Actor): Promise<ReadonlySet<string>>;
  /** Returns the ids that were free. */
  addConnectors(connectors: readonly StoredConnector[], actor: Actor): Promise<ReadonlySet<string>>;
}

const FIND_USERS = cold(
  "import.findUsers",
  `SELECT ${USER_COLUMNS} FROM app_user u WHERE u.id = ANY ($1::text[]) OR u.email = ANY ($2::text[])`,
);
const FIND_DELETED = cold("import.findDeleted", "SELECT id FROM user_tombstone WHERE id = ANY ($1::text[])");
const FIND_PASSWORDS = cold("import.findPasswords", "SELECT user_id FROM password WHERE user_id = ANY ($1::text[])");

const IDENTITIES = "AS i (connector_id text, remote_id text, user_id text)";
const FIND_OWNERS = cold(
  "import.findOwners",
  `SELECT r.connector_id, r.remote_id, r.user_id FROM remote_identity r
  JOIN jsonb_to_recordset($1::jsonb) ${IDENTITIES} USING (connector_id, remote_id)`,
);

const ADD_USERS = cold(
  "import.addUsers",
  `WITH wanted AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS w (
      id text, email text, email_verified boolean, display_name text, admin boolean, disabled boolean,
      created_at timestamptz, hash text
    )
  ), created AS (
    INSERT INTO app_user (id, email, email_verified, display_name, admin, disabled, created_at)
    SELECT id, email, email_verified, display_name, admin, disabled, created_at FROM wanted
    WHERE id NOT IN (SELECT t.id FROM user_tombstone t JOIN wanted USING (id))
    ON CONFLICT DO NOTHING RETURNING id
  ), secured AS (
    INSERT INTO password (user_id, hash, changed_at)
    SELECT id, hash, $3 FROM wanted JOIN created USING (id) WHERE hash IS NOT NULL
  ), linked AS (
    INSERT INTO remote_identity (connector_id, remote_id, user_id, created_at)
    SELECT i.connector_id, i.remote_id, i.user_id, $3
    FROM jsonb_to_recordset($2::jsonb) ${IDENTITIES} JOIN created ON created.id = i.user_id
    ON CONFLICT DO NOTHING RETURNING connector_id, remote_id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'user imported', id, $4, $5, $6 FROM created
  )
  SELECT
    (SELECT coalesce(json_agg(id), '[]') FROM created) AS ids,
    (SELECT coalesce(json_agg(json_build_array(connector_id, remote_id)), '[]') FROM linked) AS identities`,
);

const ADD_CONNECTORS = cold(
  "import.addConnectors",
  `WITH added AS (
    INSERT INTO connector (id, type, config)
    SELECT id, type, config FROM jsonb_to_recordset($1::jsonb) AS w (id text, type text, config jsonb)
    ON CONFLICT DO NOTHING RETURNING id
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'connector imported', id, $2, $3, $4 FROM added
  RETURNING subject_id AS id`,
);

/** Imported rows. Ids and addresses have been checked: they can stand in a column as they are. */
export function makeImportStore(db: Database): ImportStore {
  return {
    async presentUsers(ids, emails, identities) {
      const [users, deleted, passwords, owners] = await Promise.all([
        db.run<UserRow>(FIND_USERS, [ids, emails]),
        db.run<{ id: string }>(FIND_DELETED, [ids]),
        db.run<{ user_id: string }>(FIND_PASSWORDS, [ids]),
        db.run<{ connector_id: string; remote_id: string; user_id: string }>(FIND_OWNERS, [
          toStoredJson(identities.map(({ connectorId, remoteId }) => toIdentityRow(connectorId, remoteId, null))),
        ]),
      ]);
      return {
        users: users.map(toUser),
        deletedIds: new Set(deleted.map(({ id }) => id)),
        idsWithPassword: new Set(passwords.map(({ user_id }) => user_id)),
        owners: owners.map(({ connector_id, remote_id, user_id }) => ({
          connectorId: connector_id,
          remoteId: remote_id,
          userId: user_id,
        })),
      };
    },
    async addUsers(users, actor, now) {
      const identities = users.flatMap(({ user, identities: keys }) =>
        keys.map(({ connectorId, remoteId }) => toIdentityRow(connectorId, remoteId, user.id)),
      );
      type Row = { readonly ids: readonly string[]; readonly identities: readonly (readonly [string, string])[] };
      const [row] = await db.run<Row>(ADD_USERS, [
        toStoredJson(users.map(toUserRow)),
        toStoredJson(identities),
        now,
        ...toAuditValues(actor),
      ]);
      return {
        ids: new Set(row?.ids),
        identities: (row?.identities ?? []).map(([connectorId, remoteId]) => ({ connectorId, remoteId })),
      };
    },
    presentClients: (ids) => findClients(db, ids),
    addClients: (clients, actor) =>
      db.transaction(async (tx) => {
        const added = new Set<string>();
        for (const client of clients) {
          if (await insertClient(tx, client, "client imported", actor)) added.add(client.id);
        }
        return added;
      }),
    addConnectors: (connectors, actor) =>
      db.transaction(async (tx) => {
        await tx.run(LOCK_CONNECTORS);
        const rows = connectors.map(({ id, type, config }) => ({ id, type, config }));
        const added = await tx.run<{ id: string }>(ADD_CONNECTORS, [toStoredJson(rows), ...toAuditValues(actor)]);
        return new Set(added.map(({ id }) => id));
      }),
  };
}

function toIdentityRow(connectorId: string, remoteId: string, userId: string | null) {
  return { connector_id: connectorId, remote_id: remoteId, user_id: userId };
}

function toUserRow({ user, passwordHash }: ImportedUser) {
  return {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    display_name: toStoredText(user.displayName),
    admin: user.admin,
    disabled: user.disabled,
    created_at: user.createdAt.toISOString(),
    hash: passwordHash ?? null,
  };
}
