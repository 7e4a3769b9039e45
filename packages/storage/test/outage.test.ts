import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret, silentLogger } from "@dex/runtime";
import { type RunningPostgres, startPostgres } from "@dex/testing";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate, openLeadership, openStorage, type Storage, StorageUnavailable } from "../src/index.ts";
import { ACTOR, makeClientRow } from "./rows.ts";

let directory: string;
let server: RunningPostgres;
let url: Secret<string>;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dex-outage-"));
  server = await startPostgres({ dataDirectory: directory });
  url = new Secret(server.adminUrl);
  await migrate({ url, logger: silentLogger });
}, 30_000);
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

async function withStorage(maxConnections: number, work: (storage: Storage) => Promise<void>): Promise<void> {
  const options = { url, maxConnections, applicationName: "outage", namedStatements: true, logger: silentLogger };
  const storage = openStorage(options);
  try {
    await work(storage);
  } finally {
    await storage.close();
  }
}

/** How long until the refusal, in milliseconds. */
async function refusalOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  const error: unknown = await work().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StorageUnavailable);
  return performance.now() - start;
}

async function asAdmin(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url.reveal() });
  await client.connect();
  try {
    for (const sql of statements) await client.query(sql);
  } finally {
    await client.end();
  }
}

test("while the server is down all work is refused within a second, and goes on by itself when it is back", async () => {
  await withStorage(4, async (storage) => {
    await Promise.all([storage.ping(), storage.ping(), storage.ping()]);
    await server.stop();
    const works = [
      () => storage.ping(),
      () => storage.clients.find("any"),
      () => storage.connectors.replaceAll([], ACTOR),
      () => openLeadership({ url, logger: silentLogger }).tryAcquire(),
    ];
    for (const work of works) expect(await refusalOf(work)).toBeLessThan(1_000);
    server = await startPostgres({ dataDirectory: directory, port: Number(new URL(url.reveal()).port) });
    await storage.ping();
    expect(await storage.clients.find("any")).toBeUndefined();
  });
}, 30_000);

test("a server that accepts and does not answer is given up within a second", async () => {
  const [pid = ""] = (await readFile(join(directory, "postmaster.pid"), "utf8")).split("\n");
  await withStorage(4, async (storage) => {
    process.kill(Number(pid), "SIGSTOP");
    try {
      expect(await refusalOf(() => storage.ping())).toBeLessThan(1_100);
    } finally {
      process.kill(Number(pid), "SIGCONT");
    }
    await storage.ping();
  });
}, 30_000);

test("connections that were killed are dropped, and every request after that succeeds", async () => {
  await withStorage(5, async (storage) => {
    await Promise.all(Array.from({ length: 20 }, () => storage.ping()));
    await asAdmin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'outage'");
    await expect.poll(() => storage.ping().then(() => "up"), { timeout: 1_000 }).toBe("up");
    await Promise.all(Array.from({ length: 20 }, () => storage.ping()));
  });
});

test("a server that no longer lets us in is away; one that never did says why", async () => {
  await asAdmin("CREATE DATABASE closing");
  const open = new URL(url.reveal());
  open.pathname = "/closing";
  const options = { maxConnections: 2, applicationName: "closing", namedStatements: true, logger: silentLogger };
  const [storage, late] = [0, 1].map(() => openStorage({ ...options, url: new Secret(open.href) }));
  if (storage === undefined || late === undefined) throw new Error("two were opened");
  try {
    await storage.ping();
    await asAdmin(
      "ALTER DATABASE closing ALLOW_CONNECTIONS false",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'closing'",
    );
    await refusalOf(() => storage.ping());
    await expect(late.ping()).rejects.toMatchObject({ code: "55000" });
    await asAdmin("ALTER DATABASE closing ALLOW_CONNECTIONS true");
    await storage.ping();
  } finally {
    await Promise.all([storage.close(), late.close()]);
  }
});

test("a statement that hangs is given up, and who waits for its connection even sooner", async () => {
  const holder = new pg.Client({ connectionString: url.reveal() });
  await holder.connect();
  await holder.query("BEGIN; LOCK TABLE client IN ACCESS EXCLUSIVE MODE");
  await withStorage(1, async (storage) => {
    const hanging = refusalOf(() => storage.clients.find("any"));
    expect(await refusalOf(() => storage.ping())).toBeLessThan(1_000);
    expect(await hanging).toBeLessThan(3_000);
    await holder.query("COMMIT");
    await holder.end();
    await storage.ping();
  });
}, 20_000);

test("on a server that became read-only, writes are unavailable and reads go on", async () => {
  await asAdmin("ALTER DATABASE postgres SET default_transaction_read_only = on");
  await withStorage(2, async (storage) => {
    await refusalOf(() => storage.clients.create(makeClientRow(), ACTOR));
    expect(await storage.clients.find("any")).toBeUndefined();
  });
  await asAdmin(
    "SET default_transaction_read_only = off",
    "ALTER DATABASE postgres RESET default_transaction_read_only",
  );
});

test("an error of a statement is not taken for an outage, and does not cost its connection", async () => {
  await withStorage(1, async (storage) => {
    const wrong = makeClientRow({ public: true }); // public, yet with a secret: a constraint refuses it
    await expect(storage.clients.create(wrong, ACTOR)).rejects.toMatchObject({ code: "23514" });
    await storage.ping();
  });
});
