import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { type RunningPostgres, startPostgres } from "../postgres.ts";

/** A Postgres whose data outlives a stop, so that a test can take it away and bring it back. */
export interface PrivatePostgres {
  /** The DSN of the database `dex`. */
  readonly databaseUrl: string;
  pid(): Promise<number>;
  stop(): Promise<void>;
  /** Brings it back at the same address with the same data. */
  restart(): Promise<void>;
}

/** Starts it with its data in `dataDirectory`, which the caller removes, and an empty database. */
export async function startPrivatePostgres(dataDirectory: string, port: number): Promise<PrivatePostgres> {
  let server: RunningPostgres = await startPostgres({ dataDirectory, port });
  const client = new pg.Client({ connectionString: server.adminUrl });
  await client.connect();
  await client.query("CREATE DATABASE dex");
  await client.end();
  const url = new URL(server.adminUrl);
  url.pathname = "/dex";
  return {
    databaseUrl: url.href,
    async pid() {
      const [firstLine] = (await readFile(join(dataDirectory, "postmaster.pid"), "utf8")).split("\n");
      return Number(firstLine);
    },
    stop: () => server.stop(),
    async restart() {
      server = await startPostgres({ dataDirectory, port });
    },
  };
}
