import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { startPostgres } from "../src/postgres.ts";
import { openTestDatabase } from "../src/test-database.ts";

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const migrate = async (url: string) => void (await query(url, "CREATE TABLE fruit (name text)"));

test("two test databases opened at once are separate copies of one migrated template", async () => {
  const [left, right] = await Promise.all([openTestDatabase(migrate), openTestDatabase(migrate)]);
  await query(left.url, "INSERT INTO fruit VALUES ('quince')");
  expect(await query(left.url, "SELECT name FROM fruit")).toEqual([{ name: "quince" }]);
  expect(await query(right.url, "SELECT name FROM fruit")).toEqual([]);
  await Promise.all([left.close(), right.close()]);
  await expect(query(left.url, "SELECT 1")).rejects.toMatchObject({ code: "3D000" });
});

test("a server with a named data directory comes back with its data, and only a superuser with the password gets in", async () => {
  const directory = await mkdtemp(join(tmpdir(), "dex-kept-"));
  try {
    const first = await startPostgres({ dataDirectory: directory });
    await query(first.adminUrl, "CREATE TABLE kept (id int)");
    const wrong = first.adminUrl.replace(/:[0-9a-f]{32}@/, ":wrong@");
    await expect(query(wrong, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
    await first.stop();
    const second = await startPostgres({ dataDirectory: directory, port: Number(new URL(first.adminUrl).port) });
    expect(second.adminUrl).toBe(first.adminUrl);
    expect(await query(second.adminUrl, "SELECT id FROM kept")).toEqual([]);
    await second.stop();
    await second.stop();
    expect(existsSync(join(directory, "postmaster.pid"))).toBe(false);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 30_000);

test("a server ends with the process that started it, also when that is killed", async () => {
  const module = new URL("../src/postgres.ts", import.meta.url).href;
  const program = `const { startPostgres } = await import(${JSON.stringify(module)});
    console.log((await startPostgres()).adminUrl); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [output] = await once(child.stdout, "data");
  const url = String(output).trim();
  const [row] = await query(url, "SHOW data_directory");
  const { data_directory: directory } = row as { data_directory: string };
  child.kill("SIGKILL");
  await expect.poll(() => existsSync(directory), { timeout: 10_000 }).toBe(false);
  await expect(query(url, "SELECT 1")).rejects.toThrow();
}, 30_000);
