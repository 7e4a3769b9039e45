// One pool of connections and the only way to a statement: counts it, bounds it in time, tells failures of the database
// from failures of the statement.
import { describeError, type Logger, type Secret } from "@dex/runtime";
import makeKnex, { type Knex } from "knex";
import pg from "pg";
import { isUnavailable, StorageUnavailable, sqlStateOf } from "./storage-unavailable.ts";

/** For a connection to come about, and for one of the pool to become free. */
const CONNECT_MILLISECONDS = 900;
const STATEMENT_MILLISECONDS = 5_000;
const IDLE_IN_TRANSACTION_MILLISECONDS = 10_000;
/** How long we wait for an answer: a server that is frozen keeps no timeout of its own. */
const HOT_ANSWER_MILLISECONDS = 2_500;
const COLD_ANSWER_MILLISECONDS = STATEMENT_MILLISECONDS + 1_000;
const MAX_TRIES = 3;

/** A statement with a name. A hot one is prepared once per connection under that name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly temperature: "hot" | "cold";
}

/** A statement of the hot paths. */
export function hot(name: string, text: string): Statement {
  return { name, text, temperature: "hot" };
}

/** Any other statement. */
export function cold(name: string, text: string): Statement {
  return { name, text, temperature: "cold" };
}

/** Runs statements: each in a transaction of its own, or all in the one that this was handed out for. */
export interface Runner {
  run<Row extends pg.QueryResultRow>(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Runs what knex has built. */
  query<Row extends pg.QueryResultRow>(name: string, builder: Knex.QueryBuilder): Promise<readonly Row[]>;
}

export interface Database extends Runner {
  /** Builds statements for `query`; has no connection of its own. */
  readonly sql: Knex;
  /** Commits when `work` resolves, rolls back when it throws. Inside, use only what it is handed. */
  transaction<T>(work: (tx: Runner) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseParts {
  readonly url: Secret<string>;
  readonly maxConnections: number;
  readonly applicationName: string;
  /** False behind a pooler in transaction mode: no prepared names, and no start-up settings a pooler would refuse. */
  readonly namedStatements: boolean;
  readonly logger: Logger;
  readonly onStatement: ((name: string) => void) | undefined;
}

/** Opens the pool. Nothing connects before the first statement. */
export function openDatabase(parts: DatabaseParts): Database {
  const { logger, namedStatements } = parts;
  const pool = new pg.Pool({
    connectionString: parts.url.reveal(),
    application_name: parts.applicationName,
    max: parts.maxConnections,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: 1_800,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    ...(namedStatements && {
      statement_timeout: STATEMENT_MILLISECONDS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLISECONDS,
    }),
  });
  pool.on("error", (error) => logger.warn("idle database connection lost", describeError(error)));
  // A connection that breaks while it is in use says so twice: to its query, and here, where nobody else listens.
  pool.on("connect", (client) => void client.on("error", () => undefined));
  // Who was let in once and no longer is has all settings right: the database is being moved, restored or given new passwords.
  let wasLetIn = false;
  pool.once("connect", () => {
    wasLetIn = true;
  });
  const sql = makeKnex({ client: "pg" });

  async function onClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient | undefined;
    try {
      client = await pool.connect();
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      const unavailable = isUnavailable(error) || (client === undefined && wasLetIn);
      // A connection whose answer did not come must not serve the next one, which would read it.
      client?.release(unavailable);
      throw unavailable && !(error instanceof StorageUnavailable) ? new StorageUnavailable(error) : error;
    }
  }

  async function send<Row extends pg.QueryResultRow>(
    client: pg.PoolClient,
    { name, text, temperature }: Statement,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    parts.onStatement?.(name);
    const isHot = temperature === "hot";
    // pg takes a time limit for one query; its published types know only the one for a connection.
    const query: pg.QueryConfig & { query_timeout: number } = {
      ...(isHot && namedStatements && { name }),
      text,
      values: [...values],
      query_timeout: isHot ? HOT_ANSWER_MILLISECONDS : COLD_ANSWER_MILLISECONDS,
    };
    const result = await client.query<Row>(query);
    return result.rows;
  }

  function runnerOn(client: pg.PoolClient): Runner {
    const run: Runner["run"] = (statement, values = []) => send(client, statement, values);
    return { run, query: (name, builder) => run(...toStatement(name, builder)) };
  }

  const run: Runner["run"] = (statement, values = []) =>
    retryConflicts(() => onClient((client) => send(client, statement, values)));
  return {
    sql,
    run,
    query: (name, builder) => run(...toStatement(name, builder)),
    transaction: (work) =>
      retryConflicts(() =>
        onClient(async (client) => {
          const tx = runnerOn(client);
          await tx.run(cold("begin", "BEGIN"));
          try {
            const result = await work(tx);
            await tx.run(cold("commit", "COMMIT"));
            return result;
          } catch (error) {
            if (!isUnavailable(error) || isConflict(error)) await tx.run(cold("rollback", "ROLLBACK"));
            throw error;
          }
        }),
      ),
    close: () => pool.end(),
  };
}

function toStatement(name: string, builder: Knex.QueryBuilder): [Statement, readonly unknown[]] {
  const { sql, bindings } = builder.toSQL().toNative();
  return [cold(name, sql), bindings];
}

/** A deadlock or a serialization failure undid everything, so the work is simply done again. */
async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const cause = error instanceof StorageUnavailable ? error.cause : error;
      if (!isConflict(cause) || tries === MAX_TRIES) throw error;
    }
  }
}

function isConflict(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === "40001" || state === "40P01";
}
