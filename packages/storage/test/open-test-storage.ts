import { type Logger, Secret, silentLogger } from "@dex/runtime";
import { openTestDatabase } from "@dex/testing";
import type { Redis } from "ioredis";
import pg from "pg";
import { migrate, openStorage, type Storage } from "../src/index.ts";

export interface TestStorage {
  readonly storage: Storage;
  readonly url: Secret<string>;
  /** The names of the statements run since the last call. */
  takeStatements(): string[];
  /** Any SQL, as a superuser who is not the storage. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** Storage on a migrated database of its own. */
export async function openTestStorage(
  options: { maxConnections?: number; namedStatements?: boolean; redis?: Redis; logger?: Logger } = {},
): Promise<TestStorage> {
  const database = await openTestDatabase(migrateForTests);
  const url = new Secret(database.url);
  const { namedStatements = true, logger = silentLogger, ...rest } = options;
  let statements: string[] = [];
  const onStatement = (name: string) => void statements.push(name);
  const storage = openStorage({ ...rest, url, namedStatements, logger, applicationName: "dex test", onStatement });
  const superuser = new pg.Pool({ connectionString: database.url, max: 2 });
  superuser.on("error", () => undefined);
  return {
    storage,
    url,
    takeStatements() {
      const taken = statements;
      statements = [];
      return taken;
    },
    async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      return (await superuser.query<Row>(sql, [...values])).rows;
    },
    async close() {
      await storage.close();
      await superuser.end();
      await database.close();
    },
  };
}

async function migrateForTests(url: string): Promise<void> {
  await migrate({ url: new Secret(url), logger: silentLogger });
}
