import { setTimeout } from "node:timers/promises";
import type { Logger, Secret } from "@dex/runtime";
import makeKnex, { type Knex } from "knex";
import pg from "pg";
import { MIGRATIONS, type Migration } from "./migrations/migrations.ts";
import { isUnavailable, StorageUnavailable, sqlStateOf } from "./storage-unavailable.ts";

// "dexm" in ASCII: who holds this advisory lock may migrate the database.
const MIGRATION_LOCK = 0x64_65_78_6d;
/** A migration that waits for a lock makes everybody queue behind it, so it gives up early and comes back. */
const LOCK_MILLISECONDS = 2_000;
const MAX_TRIES = 15;
const PAUSE_MILLISECONDS = 500;

const TABLE = "schema_migration";

export interface MigrateParts {
  /** A direct connection: locks of a session do not survive a pooler in transaction mode. */
  readonly url: Secret<string>;
  readonly logger: Logger;
  /** Another list than dex's own, for tests. */
  readonly migrations?: readonly Migration[];
}

/**
 * Brings the schema up to date and returns the names of the migrations that it applied, none when there was nothing to do.
 * Of two processes that start this at once, one works and the other waits, then finds nothing to do.
 */
export async function migrate(parts: MigrateParts): Promise<readonly string[]> {
  return withClient(parts.url, async (client) => {
    await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    const knex = openKnex(parts.url, parts.logger);
    try {
      return await applyPending(knex, parts);
    } finally {
      await knex.destroy();
    }
  });
}

/** The names of the migrations that the database still lacks, in order. Changes nothing. */
export async function pendingMigrations(parts: Omit<MigrateParts, "logger">): Promise<readonly string[]> {
  return withClient(parts.url, async (client) => {
    const applied = await appliedNames(client);
    return (parts.migrations ?? MIGRATIONS).map(({ name }) => name).filter((name) => !applied.has(name));
  });
}

/** `newer` names migrations that this program does not know: the database belongs to a later version of dex. */
export interface SchemaStatus {
  readonly pending: readonly string[];
  readonly newer: readonly string[];
}

/** How the database's schema stands to this program's. Changes nothing. */
export async function schemaStatus(parts: Omit<MigrateParts, "logger">): Promise<SchemaStatus> {
  return withClient(parts.url, async (client) => {
    const applied = await appliedNames(client);
    const known = (parts.migrations ?? MIGRATIONS).map(({ name }) => name);
    return {
      pending: known.filter((name) => !applied.has(name)),
      newer: [...applied].filter((name) => !known.includes(name)),
    };
  });
}

async function applyPending(knex: Knex, parts: MigrateParts): Promise<readonly string[]> {
  const { logger, migrations = MIGRATIONS } = parts;
  const config: Knex.MigratorConfig = {
    tableName: TABLE,
    migrationSource: toMigrationSource(migrations),
    // A later version of dex may have migrated further while this one is still being replaced.
    disableMigrationsListValidation: true,
  };
  const applied: string[] = [];
  for (let tries = 1; ; ) {
    try {
      // knex marks its own lock in a table, where a killed process leaves it for ever. The advisory lock, which dies with
      // its holder, is ours: whatever is marked there is stale.
      await knex.migrate.forceFreeMigrationsLock(config);
      // One at a time: knex would put all that are pending into one transaction and hold the locks of all to the end.
      const [, names]: [number, string[]] = await knex.migrate.up(config);
      const [name] = names;
      if (name === undefined) return applied;
      logger.info("database migrated", { migration: name });
      applied.push(name);
      tries = 1;
    } catch (error) {
      if (isUnavailable(error) && sqlStateOf(error) !== "55P03") throw new StorageUnavailable(error);
      if (sqlStateOf(error) !== "55P03" || tries === MAX_TRIES)
        throw new Error("migrating the database", { cause: error });
      logger.warn("migration waits for a lock", { tries });
      tries += 1;
      await setTimeout(PAUSE_MILLISECONDS);
    }
  }
}

function toMigrationSource(migrations: readonly Migration[]): Knex.MigrationSource<Migration> {
  return {
    getMigrations: async () => [...migrations],
    getMigrationName: ({ name }) => name,
    getMigration: async ({ up }) => ({
      up,
      down: async () => {
        throw new Error("migrations go forward only");
      },
    }),
  };
}

function openKnex(url: Secret<string>, logger: Logger): Knex {
  // knex would write to standard output; what matters of it comes as an error too.
  const log = (message: unknown) => logger.debug("knex", { message: String(message) });
  return makeKnex({
    client: "pg",
    log: { warn: log, error: log, deprecate: log, debug: log },
    connection: { connectionString: url.reveal(), application_name: "dex migrate", keepAlive: true },
    pool: {
      min: 0,
      max: 1,
      afterCreate: (connection: pg.Client, done: (error?: Error) => void) => {
        const settings = `SET lock_timeout = ${LOCK_MILLISECONDS}; SET statement_timeout = 0; SET client_min_messages = warning`;
        connection.query(settings, (error) => done(error ?? undefined));
      },
    },
    acquireConnectionTimeout: 5_000,
  });
}

async function appliedNames(client: pg.Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ exists: boolean }>("SELECT to_regclass($1) IS NOT NULL AS exists", [TABLE]);
  if (rows[0]?.exists !== true) return new Set();
  const applied = await client.query<{ name: string }>(`SELECT name FROM ${TABLE} ORDER BY id`);
  return new Set(applied.rows.map(({ name }) => name));
}

async function withClient<T>(url: Secret<string>, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url.reveal(),
    application_name: "dex migrate",
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  client.on("error", () => undefined); // the statement under way fails with the same error
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw isUnavailable(error) && !(error instanceof StorageUnavailable) ? new StorageUnavailable(error) : error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
