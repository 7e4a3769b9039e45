import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeClientAuthentication } from "@dex/oidc";
import { Secret, silentLogger } from "@dex/runtime";
import { openStorage, type Storage } from "@dex/storage";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { makePasswordHasher, makePasswordSignIn, type PasswordHasher, THROTTLE_POLICY } from "@dex/users";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { query } from "./dex-v1-database.ts";
import { runDexctl } from "./run-dexctl.ts";

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.json`, import.meta.url));
const ALL = ["clients", "users", "connectors"].flatMap((name) => [`--${name}`, fixture(name)]);
const NOW = new Date("2030-01-01T00:00:00Z");

let database: TestDatabase;
let hasher: PasswordHasher;
beforeAll(() => {
  hasher = makePasswordHasher({ threads: 1 });
});
afterAll(() => hasher.close());
beforeEach(async () => {
  database = await openTestDatabase(migrateByDexctl);
});
afterEach(() => database.close());

async function migrateByDexctl(url: string): Promise<void> {
  await runDexctl(["migrate", "--db-url", url]);
}

const importFiles = (args: readonly string[], stdin = "") =>
  runDexctl(["import", "files", ...args], { env: { DEXCTL_DB_URL: database.url }, stdin });

async function withStorage<T>(work: (storage: Storage) => Promise<T>): Promise<T> {
  const url = new Secret(database.url);
  const storage = openStorage({ url, applicationName: "test", namedStatements: true, logger: silentLogger });
  try {
    return await work(storage);
  } finally {
    await storage.close();
  }
}

test("sample files become users, clients and connectors, once (v1 C02, v1 C03, v1 U01)", async () => {
  const dry = await importFiles([...ALL, "--dry-run", "-o", "json"]);
  expect(await query(database.url, "SELECT FROM app_user UNION ALL SELECT FROM client")).toEqual([]);
  const first = await importFiles([...ALL, "-o", "json"]);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect({ ...JSON.parse(first.stdout), dryRun: true }).toEqual(JSON.parse(dry.stdout));
  expect(JSON.parse(first.stdout)).toMatchObject({
    users: { taken: 3 },
    passwords: { taken: 2, notTaken: 1, reasons: [{ id: "pia-id", reason: "the password is refused: too short" }] },
    identities: { taken: 4 },
    clients: { taken: 3, reasons: [] },
    connectors: { taken: 2, notTaken: 1, reasons: [{ id: "odd" }] },
  });
  expect(await query(database.url, "SELECT id, email, admin, disabled FROM app_user ORDER BY id")).toEqual([
    { id: "mara-id", email: "mara.lind@example.org", admin: false, disabled: false },
    { id: "ode-id", email: "ode@example.org", admin: true, disabled: false },
    { id: "pia-id", email: "pia@example.org", admin: false, disabled: true },
  ]);
  await withStorage(async ({ clients }) => {
    expect(await clients.list()).toMatchObject([
      {
        id: "portal",
        admin: true,
        trustedPeers: ["wiki", "shell"],
        redirectUris: ["https://portal.example.com/callback"],
      },
      { id: "shell", public: true, secret: undefined, redirectUris: ["http://127.0.0.1/callback"] },
      { id: "wiki", public: false, secret: { kind: "argon2id" } },
    ]);
  });
  const second = await importFiles([...ALL, "-o", "yaml"]);
  expect(second.stdout).toContain("users:\n  taken: 0\n  alreadyThere: 3\n  differs: 0\n  notTaken: 0\n");
  expect(second.stdout).toContain("clients:\n  taken: 0\n  alreadyThere: 3\n  differs: 0\n  notTaken: 0\n");
});

test("clients of the sample files authenticate with the listed secrets, users sign in with theirs (v1 C05, v1 C14, v1 U01)", async () => {
  await importFiles(ALL);
  await withStorage(async ({ clients, failures, passwords }) => {
    const authentication = makeClientAuthentication({
      clients,
      failures,
      chosenSecrets: hasher,
      secretUpgrades: clients,
    });
    const authenticate = async (client_id: string, client_secret: string) => {
      const body = new URLSearchParams({ client_id, client_secret });
      return (await authentication.authenticate({ authorization: undefined, body, source: "::1" }, NOW)).id;
    };
    const listed = JSON.parse(readFileSync(fixture("clients"), "utf8")) as {
      id: string;
      secret: string;
      public?: true;
    }[];
    for (const { id, secret, public: isPublic } of listed) {
      if (isPublic) continue;
      expect(await authenticate(id, secret)).toBe(id);
      await expect(authenticate(id, `${secret}x`)).rejects.toThrow("client authentication failed");
    }
    const signIn = makePasswordSignIn({ passwords, hasher, logger: silentLogger, policy: THROTTLE_POLICY });
    const attempt = (login: string, password: string) =>
      signIn({ connectorId: "local", login, password, source: "192.0.2.1", now: NOW });
    expect(await attempt("mara.lind@example.org", "a harbour full of kites")).toMatchObject({ kind: "identity" });
    expect(await attempt("ode@example.org", "seven owls and a lantern")).toMatchObject({ kind: "identity" });
    expect(await attempt("ode@example.org", "seven owls and a lanterN")).toMatchObject({ kind: "refused" });
    expect(await attempt("pia@example.org", "short")).toMatchObject({ kind: "refused" });
  });
});

test("a secret that was changed in the file is told and not taken over", async () => {
  await importFiles(["--clients", fixture("clients")]);
  const changed = readFileSync(fixture("clients"), "utf8").replace(
    "d2lraS1zZWNyZXQtZm9yLXRlc3Rz",
    "YW5vdGhlci1zZWNyZXQtb2Ytd2lraQ==",
  );
  const { stdout } = await importFiles(["--clients", "-", "-o", "json"], changed);
  expect(JSON.parse(stdout).clients).toMatchObject({
    alreadyThere: 2,
    differs: 1,
    reasons: [{ id: "wiki", reason: "kept as it is here, other there: secret" }],
  });
});

test("a list without clients imports none (v1 C01)", async () => {
  expect(await importFiles(["--clients", "-"], "[]")).toMatchObject({ code: 0, stderr: "" });
  expect(await query(database.url, "SELECT FROM client")).toEqual([]);
});

const client = { id: "a", secret: "Y2FuYXJ5LXNlY3JldC1vZi1h", redirectURLs: ["https://a.example/cb"] };
const user = { id: "u", email: "u@example.com" };
const mistakes = [
  {
    kind: "clients",
    entry: { ...client, redirectURLs: ["canary url"] },
    says: "entry 1: redirectURLs.0: must be a URL",
  },
  { kind: "clients", entry: { ...client, secret: "" }, says: "entry 1: secret: must not be empty" },
  { kind: "clients", entry: { ...client, secret: "canary !!" }, says: "entry 1: secret: must be base64url" },
  { kind: "clients", entry: { ...client, secret: undefined }, says: "entry 1: secret: expected string" },
  { kind: "clients", entry: { ...client, id: undefined }, says: "entry 1: id: expected string" },
  { kind: "clients", entry: { ...client, id: "" }, says: "entry 1: id: must not be empty" },
  { kind: "clients", entry: "canary", says: "entry 1: expected object" },
  { kind: "clients", entry: client, twice: true, says: "clients: id a occurs twice" },
  { kind: "users", entry: { user: { id: "x", email: "canary" } }, says: "outdated format" },
  { kind: "users", entry: { ...user, id: "" }, says: "entry 1: id: must not be empty" },
  { kind: "users", entry: { ...user, email: undefined }, says: "entry 1: email: expected string" },
  { kind: "users", entry: { ...user, createdAt: "canary" }, says: "entry 1: createdAt: must be a time by RFC 3339" },
  { kind: "users", entry: { ...user, password: 5 }, says: "entry 1: password: expected string" },
  { kind: "users", entry: user, twice: true, says: "users: id u occurs twice" },
  { kind: "connectors", entry: [], says: "entry 1: expected record" },
];
test.each(mistakes)(
  "a file of $kind that dex v1 refused is refused whole: $says (v1 C04, v1 U01)",
  async ({ kind, entry, twice, says }) => {
    const good = {
      clients: { ...client, id: "good" },
      users: { ...user, id: "good", email: "good@example.com" },
      connectors: { id: "l", type: "local" },
    };
    const list = [entry, ...(twice ? [entry] : []), good[kind as keyof typeof good]];
    const { code, stdout, stderr } = await importFiles([`--${kind}`, "-"], JSON.stringify(list));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr).not.toContain("canary");
    expect(
      await query(database.url, "SELECT FROM app_user UNION ALL SELECT FROM client UNION ALL SELECT FROM connector"),
    ).toEqual([]);
  },
);

test("of two users in a file with one address neither is taken (v1 B04)", async () => {
  const list = [user, { id: "v", email: " U@EXAMPLE.com" }, { id: "w", email: "w@example.com" }];
  const { stdout } = await importFiles(["--users", "-", "-o", "json"], JSON.stringify(list));
  expect(JSON.parse(stdout).users).toMatchObject({ taken: 1, notTaken: 2 });
  expect(await query(database.url, "SELECT id FROM app_user")).toEqual([{ id: "w" }]);
});

test("import files needs a file, and says so when it holds no JSON without quoting it", async () => {
  expect(await importFiles([])).toMatchObject({ code: 2, stderr: expect.stringContaining("expected at least one of") });
  const { code, stderr } = await importFiles(["--users", "-"], '{"password":"canary"');
  expect({ code, stderr }).toEqual({ code: 1, stderr: "dexctl: users: the file does not hold a JSON array\n" });
});
