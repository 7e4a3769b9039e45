import { Secret, silentLogger } from "@dex/runtime";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Migration, migrate, openStorage, pendingMigrations, schemaStatus } from "../src/index.ts";
import { MIGRATIONS } from "../src/migrations/migrations.ts";

let database: TestDatabase;
let url: Secret<string>;
beforeEach(async () => {
  database = await openTestDatabase(async () => undefined);
  url = new Secret(database.url);
});
afterEach(() => database.close());

const names = MIGRATIONS.map(({ name }) => name);
const run = (migrations?: readonly Migration[]) =>
  migrate({ url, logger: silentLogger, ...(migrations && { migrations }) });

test("of four processes that migrate at once one works, and the others find nothing to do", async () => {
  expect(await pendingMigrations({ url })).toEqual(names);
  const applied = await Promise.all([run(), run(), run(), run()]);
  expect(applied.toSorted((left, right) => left.length - right.length)).toEqual([[], [], [], names]);
  expect(await pendingMigrations({ url })).toEqual([]);
  expect(await run()).toEqual([]);
});

test("each installation has 32 random bytes of its own, which migrating again leaves alone", async () => {
  const other = await openTestDatabase(async () => undefined);
  await Promise.all([run(), migrate({ url: new Secret(other.url), logger: silentLogger })]);
  const salt = await readSalt(url);
  expect(salt).toHaveLength(32);
  expect(await readSalt(new Secret(other.url))).not.toEqual(salt);
  await run();
  expect(await readSalt(url)).toEqual(salt);
  await other.close();
});

test("a migration that fails leaves nothing of itself, and the next start tries it again", async () => {
  let broken = true;
  const second: Migration = {
    name: "0002-test",
    async up(db) {
      await db.raw("CREATE TABLE half_done (id int)");
      if (broken) await db.raw("SELECT 1 / 0");
    },
  };
  await expect(run([...MIGRATIONS, second])).rejects.toThrow("migrating the database");
  expect(await schemaStatus({ url, migrations: [...MIGRATIONS, second] })).toEqual({
    pending: ["0002-test"],
    newer: [],
  });
  broken = false;
  expect(await run([...MIGRATIONS, second])).toEqual(["0002-test"]);
  // An older program starts beside the newer one during a rolling deployment.
  expect(await run()).toEqual([]);
  expect(await schemaStatus({ url })).toEqual({ pending: [], newer: ["0002-test"] });
});

test("a migration waits for locks only briefly at a time, and gets through when they are gone", async () => {
  await run();
  const holder = new pg.Client({ connectionString: url.reveal() });
  await holder.connect();
  await holder.query("BEGIN; LOCK TABLE client IN ACCESS SHARE MODE");
  const second: Migration = { name: "0002-test", up: (db) => db.raw("ALTER TABLE client ADD COLUMN more text") };
  const warned = Promise.withResolvers<void>();
  const logger = { ...silentLogger, warn: () => warned.resolve() };
  const migrating = migrate({ url, logger, migrations: [...MIGRATIONS, second] });
  await warned.promise;
  await holder.query("COMMIT");
  expect(await migrating).toEqual(["0002-test"]);
  await holder.end();
}, 20_000);

test("what a killed process marked as locked does not stop the next one", async () => {
  await run();
  const client = new pg.Client({ connectionString: url.reveal() });
  await client.connect();
  await client.query("UPDATE schema_migration_lock SET is_locked = 1");
  await client.end();
  const second: Migration = { name: "0002-test", up: (db) => db.raw("SELECT 1") };
  expect(await run([...MIGRATIONS, second])).toEqual(["0002-test"]);
});

async function readSalt(of: Secret<string>): Promise<Buffer> {
  const storage = openStorage({ url: of, applicationName: "test", namedStatements: true, logger: silentLogger });
  const { salt } = await storage.installation.read();
  await storage.close();
  return salt;
}
