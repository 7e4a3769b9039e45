import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startPostgres } from "@dex/testing";
import pg from "pg";
import { timeOfFamily } from "./processor-time.ts";

export interface DatabaseCounters {
  /** Microseconds, of all its processes. */
  readonly processorTime: number;
  /** undefined where pg_stat_statements cannot be loaded. */
  readonly statements: number | undefined;
  /** Transactions that wrote: each took a transaction id, which those that only read do not. */
  readonly commits: number;
}

export interface MeasuredPostgres {
  /** The DSN of the database `dex`. */
  readonly databaseUrl: string;
  /** Such as 18.1. */
  readonly version: string;
  /** Settings that decide what a commit costs, as the server says them. */
  readonly durability: string;
  readCounters(): Promise<DatabaseCounters>;
  stop(): Promise<void>;
}

/** Starts a server whose statements are counted, with its data in `dataDirectory`, which the caller removes. */
export async function startMeasuredPostgres(dataDirectory: string, port: number): Promise<MeasuredPostgres> {
  const first = await startPostgres({ dataDirectory, port });
  const counted = await withClient(first.adminUrl, async (client) => {
    await client.query("CREATE DATABASE dex");
    return askForStatementCounts(client);
  });
  let server = first;
  if (counted) {
    // A library is preloaded at the start only.
    await first.stop();
    server = await startPostgres({ dataDirectory, port });
  }
  // In the maintenance database, so that our own questions are not among what is counted.
  const client = new pg.Client({ connectionString: server.adminUrl });
  await client.connect();
  if (counted) await client.query("CREATE EXTENSION pg_stat_statements");
  const [firstLine] = (await readFile(join(dataDirectory, "postmaster.pid"), "utf8")).split("\n");
  const pid = Number(firstLine);
  const url = new URL(server.adminUrl);
  url.pathname = "/dex";
  return {
    databaseUrl: url.href,
    version: (await setting(client, "server_version")).split(" ")[0] ?? "",
    durability: `fsync ${await setting(client, "fsync")}, synchronous_commit ${await setting(client, "synchronous_commit")}`,
    async readCounters() {
      const statements = counted ? await countStatements(client) : undefined;
      const { rows } = await client.query("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next");
      return { processorTime: timeOfFamily(pid), statements, commits: Number(rows[0]?.next) };
    },
    async stop() {
      await client.end();
      await server.stop();
    },
  };
}

async function askForStatementCounts(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query("SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements'");
  if (rows.length === 0) return false;
  await client.query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
  return true;
}

async function countStatements(client: pg.Client): Promise<number> {
  const { rows } = await client.query(
    `SELECT COALESCE(sum(calls), 0)::text AS calls FROM pg_stat_statements s
     JOIN pg_database d ON d.oid = s.dbid AND d.datname = 'dex'`,
  );
  return Number(rows[0]?.calls);
}

async function setting(client: pg.Client, name: string): Promise<string> {
  const { rows } = await client.query("SELECT current_setting($1) AS value", [name]);
  return String(rows[0]?.value);
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
