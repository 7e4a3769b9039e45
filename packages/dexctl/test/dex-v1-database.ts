import pg from "pg";

/** The tables of dex v1 after its last migration. They have no foreign keys. */
const TABLES = `
CREATE TABLE authd_user (
  id text PRIMARY KEY, email text CONSTRAINT authd_user_email_key UNIQUE, email_verified boolean, display_name text,
  admin boolean, created_at bigint, disabled boolean
);
CREATE TABLE password_info (user_id text PRIMARY KEY, password text, password_expires bigint);
CREATE TABLE remote_identity_mapping (
  connector_id text, remote_id text, user_id text, PRIMARY KEY (connector_id, remote_id)
);
CREATE TABLE client_identity (
  id text PRIMARY KEY, secret bytea, metadata text, dex_admin boolean, public boolean
);
CREATE TABLE trusted_peers (client_id text, trusted_client_id text, PRIMARY KEY (client_id, trusted_client_id));
CREATE TABLE connector_config (id text PRIMARY KEY, type text, config text);
CREATE TABLE session (
  id text PRIMARY KEY, state text, client_id text, client_state text, redirect_url text, identity text,
  connector_id text, user_id text, nonce text, scope text, groups text, created_at bigint, expires_at bigint,
  register boolean
);
CREATE TABLE session_key (key text PRIMARY KEY, session_id text, expires_at bigint, stale boolean);
CREATE SEQUENCE refresh_token_id_seq;
CREATE TABLE refresh_token (
  id bigint PRIMARY KEY DEFAULT nextval('refresh_token_id_seq'), payload_hash bytea, user_id text, client_id text,
  connector_id text, scopes text
);
CREATE TABLE key (value bytea);
CREATE TABLE dex_migrations (id text PRIMARY KEY, applied_at timestamptz);
`;

export interface DexV1Rows {
  readonly users?: readonly {
    readonly id: string;
    readonly email: string;
    readonly emailVerified?: boolean | null;
    readonly displayName?: string | null;
    readonly admin?: boolean;
    readonly createdAt?: number;
    readonly disabled?: boolean;
  }[];
  readonly passwords?: readonly { readonly userId: string; readonly hash: string; readonly expires?: number }[];
  readonly identities?: readonly (readonly [connectorId: string, remoteId: string, userId: string])[];
  readonly clients?: readonly {
    readonly id: string;
    readonly secret: string;
    readonly metadata: unknown;
    readonly admin?: boolean;
    readonly public?: boolean;
  }[];
  readonly peers?: readonly (readonly [clientId: string, trustedClientId: string])[];
  readonly connectors?: readonly { readonly id: string; readonly type: string; readonly config: unknown }[];
}

/** Makes the empty database at `url` one of a dex v1. */
export async function makeDexV1(url: string): Promise<void> {
  await query(url, TABLES);
}

/** Any SQL in the database at `url`. */
export async function query<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values?: readonly unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values === undefined ? undefined : [...values])).rows;
  } finally {
    await client.end();
  }
}

/** Puts rows into a dex v1. */
export async function fillDexV1(url: string, rows: DexV1Rows): Promise<void> {
  const insert = (table: string, columns: string, values: readonly (readonly unknown[])[]) =>
    values.length === 0
      ? undefined
      : query(
          url,
          `INSERT INTO ${table} (${columns}) VALUES ${values
            .map((row, at) => `(${row.map((_, column) => `$${at * row.length + column + 1}`).join(", ")})`)
            .join(", ")}`,
          values.flat(),
        );
  await insert(
    "authd_user",
    "id, email, email_verified, display_name, admin, created_at, disabled",
    (rows.users ?? []).map((user) => [
      user.id,
      user.email,
      user.emailVerified ?? null,
      user.displayName ?? null,
      user.admin ?? false,
      user.createdAt ?? 0,
      user.disabled ?? false,
    ]),
  );
  await insert(
    "password_info",
    "user_id, password, password_expires",
    (rows.passwords ?? []).map(({ userId, hash, expires = 0 }) => [userId, hash, expires]),
  );
  await insert("remote_identity_mapping", "connector_id, remote_id, user_id", rows.identities ?? []);
  await insert(
    "client_identity",
    "id, secret, metadata, dex_admin, public",
    (rows.clients ?? []).map((client) => [
      client.id,
      Buffer.from(client.secret, "latin1"),
      typeof client.metadata === "string" ? client.metadata : JSON.stringify(client.metadata),
      client.admin ?? false,
      client.public ?? false,
    ]),
  );
  await insert("trusted_peers", "client_id, trusted_client_id", rows.peers ?? []);
  await insert(
    "connector_config",
    "id, type, config",
    (rows.connectors ?? []).map(({ id, type, config }) => [
      id,
      type,
      typeof config === "string" ? config : JSON.stringify(config),
    ]),
  );
}
