// Imports that are interrupted, meet each other, or are asked for in a wrong way.
import { spawn } from "node:child_process";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeDexV1, query } from "./dex-v1-database.ts";
import { mainFile, runDexctl } from "./run-dexctl.ts";

const PASSWORD_HASH = "$2a$10$pN9LSb5ods0BrZcQhzu4OemIl2SKHl6DnATSyj/DSaQmWQsBD0QEq";

let v1: TestDatabase;
let ours: TestDatabase;
beforeEach(async () => {
  [v1, ours] = await Promise.all([openTestDatabase(makeDexV1), openTestDatabase(migrateByDexctl)]);
});
afterEach(() => Promise.all([v1.close(), ours.close()]));

async function migrateByDexctl(url: string): Promise<void> {
  await runDexctl(["migrate", "--db-url", url]);
}

async function importAsJson() {
  const { code, stdout, stderr } = await runDexctl(["import", "v1", "--from-file", "-", "-o", "json"], {
    env: { DEXCTL_DB_URL: ours.url },
    stdin: v1.url,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

const counts = (taken: number, alreadyThere = 0) =>
  expect.objectContaining({ taken, alreadyThere, differs: 0, notTaken: 0 });

test("an import that is killed in the middle leaves whole users, and the next one completes it", async () => {
  await query(
    v1.url,
    `INSERT INTO authd_user SELECT 'u' || n, 'u' || n || '@example.com', true, 'User ' || n, false, 1400000000, false
       FROM generate_series(1, 20000) n;
     INSERT INTO password_info SELECT id, '${PASSWORD_HASH}', 0 FROM authd_user;
     INSERT INTO remote_identity_mapping SELECT 'local', id, id FROM authd_user`,
  );
  const child = spawn(process.execPath, [mainFile, "import", "v1", "--from", v1.url], {
    env: { PATH: process.env.PATH, DEXCTL_DB_URL: ours.url },
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.on("close", (_, signal) => resolve(signal)));
  const count = "SELECT count(*)::int AS users FROM app_user";
  await expect
    .poll(async () => (await query(ours.url, count))[0]?.users, { timeout: 20_000, interval: 5 })
    .toBeGreaterThan(0);
  child.kill("SIGKILL");
  expect(await ended).toBe("SIGKILL");
  const [{ users = 0 } = {}] = await query<{ users: number }>(ours.url, count);
  expect(users).toBeLessThan(20_000);
  const whole = `SELECT (SELECT count(*) FROM password)::int AS passwords, (SELECT count(*) FROM remote_identity)::int AS identities,
    (SELECT count(*) FROM audit_event)::int AS events`;
  expect(await query(ours.url, whole)).toEqual([{ passwords: users, identities: users, events: users }]);

  const report = await importAsJson();
  expect(report).toMatchObject({ users: counts(20_000 - users, users), passwords: counts(20_000 - users, users) });
  expect(await query(ours.url, whole)).toEqual([{ passwords: 20_000, identities: 20_000, events: 20_000 }]);
}, 60_000);

test("of two imports at once each user is taken by one", async () => {
  await query(
    v1.url,
    `INSERT INTO authd_user SELECT 'u' || n, 'u' || n || '@example.com', true, '', false, 0, false FROM generate_series(1, 3000) n`,
  );
  const reports = await Promise.all([importAsJson(), importAsJson()]);
  const taken = reports.map((report) => report.users.taken);
  expect(taken.reduce((sum, one) => sum + one, 0)).toBe(3_000);
  for (const { users } of reports) expect(users.taken + users.alreadyThere + users.notTaken).toBe(3_000);
  expect(await query(ours.url, "SELECT count(*)::int AS events FROM audit_event")).toEqual([{ events: 3_000 }]);
}, 30_000);

let empty: TestDatabase;
beforeAll(async () => {
  empty = await openTestDatabase(async () => {});
});
afterAll(() => empty.close());

const mistakes = [
  { when: "no source is given", args: [], stdin: "", code: 2, says: /expected one of --from and --from-file/ },
  {
    when: "two are given",
    args: ["--from", "postgres://x/y", "--from-file", "-"],
    stdin: "",
    code: 2,
    says: /expected one of/,
  },
  { when: "it is no URL", args: ["--from", "canary host=x"], stdin: "", code: 2, says: /--from: expected a postgres:/ },
  {
    when: "it is another database",
    args: ["--from-file", "-"],
    stdin: "mysql://u:canary@h/d",
    code: 2,
    says: /expected a postgres:/,
  },
  {
    when: "nothing listens",
    args: ["--from", "postgres://u:canary@127.0.0.1:1/x"],
    stdin: "",
    code: 1,
    says: /127\.0\.0\.1:1: the connection was refused/,
  },
  {
    when: "the file is missing",
    args: ["--from-file", "/nonexistent"],
    stdin: "",
    code: 1,
    says: /there is no such file/,
  },
];
test.each(mistakes)(
  "import v1 says what is wrong when $when, and repeats no secret (SEC-1)",
  async ({ args, stdin, code, says }) => {
    const outcome = await runDexctl(["import", "v1", ...args], { env: { DEXCTL_DB_URL: ours.url }, stdin });
    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr).toMatch(says);
    expect(outcome.stderr).not.toMatch(/canary| {4}at /);
  },
);

test("import v1 refuses a database that is no dex v1, and one of ours without its schema", async () => {
  const wrongSource = await runDexctl(["import", "v1", "--from", ours.url, "--db-url", ours.url]);
  expect(wrongSource).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not that of a dex v1/) });
  await query(v1.url, "INSERT INTO authd_user (id, email) VALUES ('u', 'u@example.com')");
  const wrongTarget = await runDexctl(["import", "v1", "--from", v1.url, "--db-url", empty.url]);
  expect(wrongTarget).toMatchObject({ code: 1, stderr: expect.stringMatching(/run dexctl migrate first/) });
});

test("import v1 needs the database", async () => {
  const outcome = await runDexctl(["import", "v1", "--from", v1.url], {
    env: { DEXCTL_ISSUER: "http://127.0.0.1:1/dex", DEXCTL_CLIENT_ID: "x", DEXCTL_CLIENT_SECRET: "y" },
  });
  expect(outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(/the HTTP API does not offer this/) });
});
