import type { JsonObject } from "@dex/runtime";
import type { Actor, IdentityOwner, NewUser, User, Users } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database, hot } from "./database.ts";
import { sqlStateOf } from "./storage-unavailable.ts";
import { isStorable, orUndefined, toStoredText } from "./stored-text.ts";

/** What the bootstrap admin API asks about users who sign in with a password. */
export interface Administrators {
  /** The user with this id who has a password, or undefined. */
  find(userId: string): Promise<{ readonly user: User } | undefined>;
  /** Whether any user is an administrator. */
  exists(): Promise<boolean>;
}

/** A user's columns, as every statement about users selects them. */
export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly display_name: string | null;
  readonly admin: boolean;
  readonly disabled: boolean;
  readonly created_at: Date;
  readonly profile: JsonObject;
}

/** For a SELECT that calls the user `u`. */
export const USER_COLUMNS =
  "u.id, u.email, u.email_verified, u.display_name, u.admin, u.disabled, u.created_at, u.profile";

/** The row as a user. */
export function toUser(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email_verified,
    displayName: orUndefined(row.display_name),
    admin: row.admin,
    disabled: row.disabled,
    createdAt: row.created_at,
    ...withProfile(row.profile),
  };
}

/** Most users have none, and what is not there is not told. */
export function withProfile(profile: JsonObject): { readonly profile?: JsonObject } {
  return Object.keys(profile).length === 0 ? {} : { profile };
}

const FIND_BY_IDENTITY = hot(
  "user.findByIdentity",
  `WITH owner AS (SELECT user_id FROM remote_identity WHERE connector_id = $1 AND remote_id = $2)
  SELECT ${USER_COLUMNS}, (o.user_id IS NOT NULL) AS is_owner, c.scope AS consented_scope
  FROM app_user u
  LEFT JOIN owner o ON o.user_id = u.id
  LEFT JOIN consent c ON c.user_id = o.user_id AND c.client_id = $4
  WHERE u.id = (SELECT user_id FROM owner) OR u.email = $3`,
);

const INSERT_USER = `INSERT INTO app_user (id, email, email_verified, display_name, admin, created_at)
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`;
const INSERT_IDENTITY = `INSERT INTO remote_identity (connector_id, remote_id, user_id, created_at)
    SELECT $7, $8, id, $6 FROM created`;

const REGISTER = cold(
  "user.register",
  `WITH created AS (${INSERT_USER}), linked AS (${INSERT_IDENTITY})
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'user registered', id, $9, $10, $11 FROM created`,
);

const CREATE_LOCAL = cold(
  "user.createLocal",
  `WITH created AS (${INSERT_USER}), linked AS (${INSERT_IDENTITY}),
  secured AS (INSERT INTO password (user_id, hash, changed_at) SELECT id, $12, $6 FROM created)
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'user created', id, $9, $10, $11 FROM created`,
);

/** Users and the identities they sign in with. */
export function makeUserStore(db: Database): Users {
  return {
    async findByIdentity({ connectorId, remoteId, email }, clientId): Promise<IdentityOwner> {
      const none: IdentityOwner = { user: undefined, userWithSameEmail: undefined, consentedScope: undefined };
      if (!isStorable(connectorId, remoteId, clientId)) return none;
      const sought = email !== undefined && isStorable(email) ? email.toLowerCase() : null;
      type Row = UserRow & { readonly is_owner: boolean; readonly consented_scope: readonly string[] | null };
      const rows = await db.run<Row>(FIND_BY_IDENTITY, [connectorId, remoteId, sought, clientId]);
      const owner = rows.find((row) => row.is_owner);
      const other = rows.find((row) => !row.is_owner);
      return {
        user: owner && toUser(owner),
        userWithSameEmail: other && toUser(other),
        consentedScope: orUndefined(owner?.consented_scope ?? null),
      };
    },
    async register(user, identity, actor) {
      const values = toValues(user, identity, actor);
      return (await inserted(() => db.run(REGISTER, values))) ? "registered" : "taken";
    },
    async createLocal(user, passwordHash, connectorId, actor) {
      const values = [...toValues(user, { connectorId, remoteId: user.id }, actor), passwordHash];
      return (await inserted(() => db.run(CREATE_LOCAL, values))) ? "created" : "email taken";
    },
  };
}

function toValues(
  user: NewUser,
  { connectorId, remoteId }: { connectorId: string; remoteId: string },
  actor: Actor,
): readonly unknown[] {
  const { id, email, emailVerified, admin, createdAt } = user;
  const name = toStoredText(user.displayName);
  return [id, email, emailVerified, name, admin, createdAt, connectorId, remoteId, ...toAuditValues(actor)];
}

/** False when a key was taken; the statement then has changed nothing. */
async function inserted(insert: () => Promise<unknown>): Promise<boolean> {
  try {
    await insert();
    return true;
  } catch (error) {
    if (sqlStateOf(error) === "23505") return false;
    throw error;
  }
}

/** The view of users that the bootstrap admin API has. */
export function makeAdministrators(db: Database): Administrators {
  return {
    async find(userId) {
      if (!isStorable(userId)) return undefined;
      const sought = db
        .sql("app_user as u")
        .join("password as p", "p.user_id", "u.id")
        .where("u.id", userId)
        .select(db.sql.raw(USER_COLUMNS));
      const [row] = await db.query<UserRow>("administrator.find", sought);
      return row === undefined ? undefined : { user: toUser(row) };
    },
    async exists() {
      const rows = await db.query(
        "administrator.exists",
        db.sql("app_user").where({ admin: true }).select("id").limit(1),
      );
      return rows.length > 0;
    },
  };
}
