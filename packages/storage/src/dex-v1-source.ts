// Reads the database of a dex v1, and writes nothing into it: all of it in one snapshot, a page at a time.
import type { Secret } from "@dex/runtime";
import pg from "pg";

const CONNECT_MILLISECONDS = 5_000;
const PAGE_ROWS = 500;
/** What a bigint of seconds may say: from 1970, where v1 put rows of unknown age, to the year 3000. */
const MAX_EPOCH_SECONDS = 32_503_680_000;

/** A user with password and identities, as dex v1 stored them, unchecked. */
export interface DexV1User {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly displayName: string;
  readonly admin: boolean;
  readonly disabled: boolean;
  readonly createdAt: Date;
  /** `hash` is a bcrypt hash, or random text where the user never chose a password. */
  readonly password: { readonly hash: string; readonly expiresAt: Date | undefined } | undefined;
  readonly identities: readonly { readonly connectorId: string; readonly remoteId: string }[];
}

export interface DexV1Client {
  readonly id: string;
  /** The bcrypt hash. */
  readonly secret: string;
  /** JSON of OpenID client metadata. */
  readonly metadata: string;
  readonly admin: boolean;
  readonly public: boolean;
  readonly trustedPeers: readonly string[];
}

export interface DexV1Connector {
  readonly id: string;
  readonly type: string;
  /** JSON of the members beside id and type. */
  readonly config: string;
}

/** How many rows there are that an import leaves behind. */
export interface DexV1Leftovers {
  readonly sessions: number;
  readonly refreshTokens: number;
  readonly signingKeys: number;
  /** Rows whose user does not exist. */
  readonly ownerlessPasswords: number;
  readonly ownerlessIdentities: number;
}

/** One snapshot of a dex v1 database. Ids come in the order of its index. Only one of its readings may run at a time. */
export interface DexV1Source extends AsyncDisposable {
  /** Addresses that more than one user has when case is not looked at; lower case. */
  emailsTwice(): Promise<ReadonlySet<string>>;
  users(): AsyncIterable<readonly DexV1User[]>;
  clients(): AsyncIterable<readonly DexV1Client[]>;
  connectors(): AsyncIterable<readonly DexV1Connector[]>;
  leftovers(): Promise<DexV1Leftovers>;
}

/** The database has no users table of a dex v1. */
export class NotDexV1 extends Error {
  override readonly name = "NotDexV1";
}

/** Opens the snapshot: repeatable read, read only. Throws NotDexV1, or what pg throws. */
export async function openDexV1({ url }: { readonly url: Secret<string> }): Promise<DexV1Source> {
  const client = new pg.Client({
    connectionString: url.reveal(),
    application_name: "dexctl import",
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    keepAlive: true,
  });
  // A connection that breaks says so twice: to its query, and here.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    // Between two pages we wait for our own database, as long as that takes.
    await client.query("SET LOCAL statement_timeout = 0");
    if (await knowsIdleTimeout(client)) await client.query("SET LOCAL idle_in_transaction_session_timeout = 0");
    const columns = await readColumns(client);
    if (!columns.has("authd_user.email")) throw new NotDexV1("there is no table authd_user");
    return makeSource(client, columns);
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** The setting is younger than the oldest Postgres that a dex v1 ran on. */
async function knowsIdleTimeout(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query("SELECT FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'");
  return rows.length > 0;
}

/** `table.column` of all that is there: a dex v1 that was never brought to its last version lacks some. */
async function readColumns(client: pg.Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
     WHERE table_schema = ANY (current_schemas(false))`,
  );
  return new Set(rows.map(({ name }) => name));
}

function makeSource(client: pg.Client, columns: ReadonlySet<string>): DexV1Source {
  const flag = (table: string, alias: string, column: string) =>
    columns.has(`${table}.${column}`) ? `coalesce(${alias}.${column}, false)` : "false";
  const number = (table: string, alias: string, column: string) =>
    columns.has(`${table}.${column}`) ? `coalesce(${alias}.${column}, 0)` : "0";
  const count = async (table: string, where = "true") => {
    if (![...columns].some((name) => name.startsWith(`${table}.`))) return 0;
    const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${table} t WHERE ${where}`);
    return Number(rows[0]?.count ?? 0);
  };
  const ownerless = "NOT EXISTS (SELECT FROM authd_user u WHERE u.id = t.user_id)";
  return {
    async emailsTwice() {
      const { rows } = await client.query<{ email: string }>(
        "SELECT lower(btrim(email)) AS email FROM authd_user GROUP BY 1 HAVING count(*) > 1",
      );
      return new Set(rows.map(({ email }) => email));
    },
    users: () =>
      readPages<UserRow, DexV1User>(
        client,
        // The identities are grouped once for all: v1 has no index to look them up by user.
        `SELECT u.id, coalesce(u.email, '') AS email, coalesce(u.display_name, '') AS display_name,
          ${flag("authd_user", "u", "email_verified")} AS email_verified, ${flag("authd_user", "u", "admin")} AS admin,
          ${flag("authd_user", "u", "disabled")} AS disabled, ${number("authd_user", "u", "created_at")} AS created_at,
          p.password, ${number("password_info", "p", "password_expires")} AS password_expires, r.identities
        FROM authd_user u
        LEFT JOIN password_info p ON p.user_id = u.id
        LEFT JOIN (
          SELECT user_id, json_agg(json_build_array(connector_id, remote_id) ORDER BY connector_id, remote_id) AS identities
          FROM remote_identity_mapping GROUP BY user_id
        ) r ON r.user_id = u.id
        ORDER BY u.id`,
        toUser,
      ),
    clients: () =>
      readPages<ClientRow, DexV1Client>(
        client,
        `SELECT c.id, c.secret, coalesce(c.metadata, '') AS metadata,
          ${flag("client_identity", "c", "dex_admin")} AS admin, ${flag("client_identity", "c", "public")} AS public,
          ${columns.has("trusted_peers.client_id") ? PEERS : "NULL"} AS trusted_peers
        FROM client_identity c ORDER BY c.id`,
        toClient,
      ),
    connectors: () =>
      readPages<DexV1Connector, DexV1Connector>(
        client,
        "SELECT id, type, coalesce(config, '') AS config FROM connector_config ORDER BY id",
        (row) => row,
      ),
    leftovers: async () => ({
      sessions: await count("session"),
      refreshTokens: await count("refresh_token"),
      signingKeys: await count("key"),
      ownerlessPasswords: await count("password_info", ownerless),
      ownerlessIdentities: await count("remote_identity_mapping", ownerless),
    }),
    // The transaction ends with its connection.
    [Symbol.asyncDispose]: () => client.end(),
  };
}

const PEERS =
  "(SELECT json_agg(t.trusted_client_id ORDER BY t.trusted_client_id) FROM trusted_peers t WHERE t.client_id = c.id)";

/** By a cursor: the memory it takes does not grow with the table, and each row is read once. */
async function* readPages<Row extends pg.QueryResultRow, Item>(
  client: pg.Client,
  select: string,
  toItem: (row: Row) => Item,
): AsyncGenerator<readonly Item[]> {
  await client.query(`DECLARE dex_v1_page NO SCROLL CURSOR FOR ${select}`);
  for (;;) {
    const { rows } = await client.query<Row>(`FETCH ${PAGE_ROWS} FROM dex_v1_page`);
    if (rows.length === 0) break;
    yield rows.map(toItem);
  }
  await client.query("CLOSE dex_v1_page");
}

interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly display_name: string;
  readonly email_verified: boolean;
  readonly admin: boolean;
  readonly disabled: boolean;
  readonly created_at: string;
  readonly password: string | null;
  readonly password_expires: string;
  readonly identities: readonly (readonly [string, string])[] | null;
}

function toUser(row: UserRow): DexV1User {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email_verified,
    displayName: row.display_name,
    admin: row.admin,
    disabled: row.disabled,
    createdAt: toInstant(row.created_at) ?? new Date(0),
    password: row.password === null ? undefined : { hash: row.password, expiresAt: toInstant(row.password_expires) },
    identities: (row.identities ?? []).map(([connectorId, remoteId]) => ({ connectorId, remoteId })),
  };
}

/** Of seconds; 0 is "never", and what no clock ever showed is not believed. */
function toInstant(seconds: string): Date | undefined {
  const value = Number(seconds);
  return value > 0 && value < MAX_EPOCH_SECONDS ? new Date(value * 1000) : undefined;
}

interface ClientRow {
  readonly id: string;
  readonly secret: Buffer | null;
  readonly metadata: string;
  readonly admin: boolean;
  readonly public: boolean;
  readonly trusted_peers: readonly string[] | null;
}

function toClient({ id, secret, metadata, admin, public: isPublic, trusted_peers }: ClientRow): DexV1Client {
  return {
    id,
    secret: secret?.toString("latin1") ?? "",
    metadata,
    admin,
    public: isPublic,
    trustedPeers: trusted_peers ?? [],
  };
}
