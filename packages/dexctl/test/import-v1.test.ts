import { makeClientAuthentication } from "@dex/oidc";
import { Secret, silentLogger } from "@dex/runtime";
import { openStorage, type Storage } from "@dex/storage";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { makePasswordHasher, makePasswordSignIn, THROTTLE_POLICY } from "@dex/users";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DexV1Rows, fillDexV1, makeDexV1, query } from "./dex-v1-database.ts";
import { runDexctl } from "./run-dexctl.ts";

// Made with golang.org/x/crypto/bcrypt, which dex v1 used.
const PASSWORD = "correct horse battery";
const PASSWORD_HASH = "$2a$10$pN9LSb5ods0BrZcQhzu4OemIl2SKHl6DnATSyj/DSaQmWQsBD0QEq";
const LONG_PASSWORD = "abcdefghijklmnopqrstuvwxyz".repeat(3).slice(0, 72);
const LONG_HASH = "$2a$10$i2Aj2yPcVzU5PILMlTmRhOOUTEUR2PjMYmblypIndjXwXtxEm1fm6";
const CLIENT_HASH = "$2a$10$TNVlyWiqiVtIc7CK7GtT2Oen4HGjQQTpR7Bzb9ln/4EzvrPDTD6Qq";

let v1: TestDatabase;
let ours: TestDatabase;
beforeEach(async () => {
  [v1, ours] = await Promise.all([openTestDatabase(makeDexV1), openTestDatabase(migrateByDexctl)]);
});
afterEach(() => Promise.all([v1.close(), ours.close()]));

async function migrateByDexctl(url: string): Promise<void> {
  await runDexctl(["migrate", "--db-url", url]);
}

const runImport = (...args: string[]) =>
  runDexctl(["import", "v1", "--from-file", "-", ...args], { env: { DEXCTL_DB_URL: ours.url }, stdin: `${v1.url}\n` });

async function importAsJson(...args: string[]) {
  const { code, stdout, stderr } = await runImport("-o", "json", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

const counts = (taken: number, alreadyThere = 0, differs = 0, notTaken = 0) =>
  expect.objectContaining({ taken, alreadyThere, differs, notTaken });

async function withStorage<T>(work: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = openStorage({
    url: new Secret(ours.url),
    applicationName: "test",
    namedStatements: true,
    logger: silentLogger,
  });
  try {
    return await work(storage);
  } finally {
    await storage.close();
  }
}

const ROWS: DexV1Rows = {
  users: [
    { id: "u-1", email: "Jane@Example.com", emailVerified: true, displayName: "Jane", createdAt: 1_400_000_000 },
    { id: "u-2", email: "root@example.com", admin: true },
    { id: "u-3", email: "gone@example.com", disabled: true },
    { id: "u-4", email: "invited@example.com" },
    { id: "u-5", email: "expired@example.com" },
  ],
  passwords: [
    { userId: "u-1", hash: PASSWORD_HASH },
    { userId: "u-2", hash: LONG_HASH, expires: 4_000_000_000 },
    { userId: "u-4", hash: "Zm9yIGEgdXNlciBtYWRlIGJ5IHRoZSBBUEksIG5vIGhhc2g=" },
    { userId: "u-5", hash: PASSWORD_HASH, expires: 1_400_000_000 },
    { userId: "nobody", hash: PASSWORD_HASH },
  ],
  identities: [
    ["local", "u-1", "u-1"],
    ["google", "1234", "u-1"],
    ["local", "u-2", "u-2"],
  ],
  clients: [
    {
      id: "new-form@app.example",
      secret: CLIENT_HASH,
      metadata: {
        redirect_uris: ["https://app.example/cb"],
        client_name: "An App",
        logo_uri: "https://app.example/l.png",
      },
      admin: true,
    },
    { id: "old-form", secret: CLIENT_HASH, metadata: { redirectURLs: ["http://127.0.0.1:5555/callback"] } },
    {
      id: "cli",
      secret: CLIENT_HASH,
      metadata: { redirect_uris: ["http://localhost:0"], client_name: "CLI" },
      public: true,
    },
  ],
  peers: [
    ["new-form@app.example", "cli"],
    ["new-form@app.example", "old-form"],
  ],
  connectors: [
    { id: "local", type: "local", config: {} },
    {
      id: "google",
      type: "oidc",
      config: { issuerURL: "https://accounts.google.com", clientID: "dex", clientSecret: "canary-connector-secret" },
    },
    { id: "odd", type: "of-another-world", config: {} },
    { id: "broken", type: "oidc", config: "canary not JSON" },
  ],
};

test("everything of a dex v1 is taken over once, and a second run changes nothing (v1 B03, v1 U18, v1 C15)", async () => {
  await fillDexV1(v1.url, ROWS);
  await query(
    v1.url,
    "INSERT INTO session (id) VALUES ('s'); INSERT INTO refresh_token (user_id) VALUES ('u-1'), ('u-1')",
  );
  const dry = await importAsJson("--dry-run");
  expect(await query(ours.url, "SELECT FROM app_user UNION ALL SELECT FROM client")).toEqual([]);
  const first = await importAsJson();
  expect({ ...first, dryRun: true }).toEqual(dry);
  expect(first).toMatchObject({
    users: counts(5),
    passwords: counts(2, 0, 0, 3),
    identities: counts(3),
    clients: counts(3),
    connectors: counts(2, 0, 0, 2),
    neverTaken: { sessions: 1, "refresh tokens": 2, "signing key sets": 0 },
  });
  expect(first.passwords.reasons).toEqual([
    { id: "u-4", reason: expect.stringContaining("no usable password hash") },
    { id: "u-5", reason: expect.stringContaining("has expired") },
    { id: "1 rows", reason: "they belong to no user" },
  ]);
  expect(JSON.stringify(first)).not.toMatch(/canary|\$2a/);

  const users = await query(ours.url, "SELECT * FROM app_user ORDER BY id");
  expect(users).toMatchObject([
    {
      id: "u-1",
      email: "jane@example.com",
      email_verified: true,
      display_name: "Jane",
      admin: false,
      disabled: false,
      created_at: new Date(1_400_000_000_000),
    },
    { id: "u-2", admin: true, email_verified: false, display_name: null, created_at: new Date(0) },
    { id: "u-3", disabled: true },
    { id: "u-4" },
    { id: "u-5" },
  ]);
  await withStorage(async ({ clients, connectors }) => {
    expect(await clients.list()).toMatchObject([
      { id: "cli", public: true, secret: undefined, requirePkce: true },
      {
        id: "new-form@app.example",
        name: "An App",
        logoUri: "https://app.example/l.png",
        redirectUris: ["https://app.example/cb"],
        admin: true,
        trustedPeers: ["cli", "old-form"],
        secret: { kind: "bcrypt", hash: CLIENT_HASH },
      },
      { id: "old-form", redirectUris: ["http://127.0.0.1:5555/callback"], admin: false },
    ]);
    expect((await connectors.list()).map(({ id }) => id)).toEqual(["google", "local"]);
  });
  const events = "SELECT event, count(*)::int, min(actor_kind) AS by FROM audit_event GROUP BY event ORDER BY event";
  const audit = await query(ours.url, events);
  expect(audit).toEqual([
    { event: "client imported", count: 3, by: "dexctl" },
    { event: "connector imported", count: 2, by: "dexctl" },
    { event: "user imported", count: 5, by: "dexctl" },
  ]);

  const second = await importAsJson();
  expect(second).toMatchObject({
    users: counts(0, 5),
    passwords: counts(0, 2, 0, 3),
    identities: counts(0, 3),
    clients: counts(0, 3),
    connectors: counts(0, 2, 0, 2),
  });
  expect(await query(ours.url, "SELECT * FROM app_user ORDER BY id")).toEqual(users);
  expect(await query(ours.url, events)).toEqual(audit);
});

test("an imported user signs in with the password of before, and it is argon2id afterwards (ACC-6, ACC-7, v1 U19)", async () => {
  await fillDexV1(v1.url, ROWS);
  await importAsJson();
  const hasher = makePasswordHasher({ threads: 1 });
  try {
    await withStorage(async ({ passwords, users }) => {
      const signIn = makePasswordSignIn({ passwords, hasher, logger: silentLogger, policy: THROTTLE_POLICY });
      const attempt = (login: string, password: string) =>
        signIn({ connectorId: "local", login, password, source: "192.0.2.1", now: new Date("2030-01-01T00:00:00Z") });
      const hashOf = async (id: string) =>
        (await query<{ hash: string }>(ours.url, "SELECT hash FROM password WHERE user_id = $1", [id]))[0]?.hash;

      expect(await attempt("JANE@example.com", `${PASSWORD}!`)).toMatchObject({ kind: "refused" });
      expect(await hashOf("u-1")).toBe(PASSWORD_HASH);
      const outcome = await attempt("JANE@example.com", PASSWORD);
      expect(outcome).toMatchObject({ kind: "identity", identity: { remoteId: "u-1", email: "jane@example.com" } });
      if (outcome.kind !== "identity") return;
      expect(await users.findByIdentity(outcome.identity, "any")).toMatchObject({ user: { id: "u-1" } });
      await expect.poll(() => hashOf("u-1")).toMatch(/^\$argon2id\$/);
      expect(await attempt("jane@example.com", PASSWORD)).toMatchObject({ kind: "identity" });

      expect(await attempt("root@example.com", `${LONG_PASSWORD}x`)).toMatchObject({ kind: "refused" });
      expect(await attempt("root@example.com", LONG_PASSWORD)).toMatchObject({ kind: "identity" });
      await expect.poll(() => hashOf("u-2")).toMatch(/^\$argon2id\$/);
      expect(await attempt("root@example.com", `${LONG_PASSWORD}x`)).toMatchObject({ kind: "refused" });
    });
  } finally {
    await hasher.close();
  }
  // What was upgraded here is no difference to tell.
  expect(await importAsJson()).toMatchObject({ users: counts(0, 5), passwords: counts(0, 2, 0, 3) });
});

test("an imported client authenticates with the secret of before, bytes and all, and it is SHA-256 afterwards (v1 C14)", async () => {
  await fillDexV1(v1.url, ROWS);
  await importAsJson();
  // 72 bytes, the first of them NUL, many above 0x7f.
  const secret = "AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK-2vcTL0tng5-71_AMKERgfJi00O0JJUFdeZWxzeoGIj5adpKuyucDHztXc4-rx";
  const hasher = makePasswordHasher({ threads: 1 });
  try {
    await withStorage(async ({ clients, failures }) => {
      const authentication = makeClientAuthentication({
        clients,
        failures,
        chosenSecrets: hasher,
        secretUpgrades: clients,
      });
      const authenticate = (client_secret: string) => {
        const body = new URLSearchParams({ client_id: "old-form", client_secret });
        const now = new Date("2030-01-01T00:00:00Z");
        return authentication.authenticate({ authorization: undefined, body, source: "192.0.2.1" }, now);
      };
      await expect(authenticate(`${secret.slice(0, -1)}A`)).rejects.toThrow("client authentication failed");
      expect(await authenticate(secret)).toMatchObject({ id: "old-form" });
      await expect.poll(async () => (await clients.find("old-form"))?.secret?.kind).toBe("sha256");
      expect(await authenticate(secret)).toMatchObject({ id: "old-form" });
      await expect(authenticate(`${secret}x`)).rejects.toThrow("client authentication failed");
    });
  } finally {
    await hasher.close();
  }
  expect(await importAsJson()).toMatchObject({ clients: counts(0, 3) });
});

test("what was changed here is told and never overwritten", async () => {
  await fillDexV1(v1.url, ROWS);
  await importAsJson();
  await query(
    ours.url,
    `UPDATE app_user SET display_name = 'Janet', email = 'janet@example.com' WHERE id = 'u-1';
     DELETE FROM app_user WHERE id = 'u-3'; DELETE FROM remote_identity WHERE connector_id = 'google';
     DELETE FROM password WHERE user_id = 'u-2'; UPDATE client SET admin = false, secret_bcrypt = '$2a$10$other' WHERE id = 'new-form@app.example';
     UPDATE connector SET config = config || '{"clientID":"another"}' WHERE id = 'google'`,
  );
  const before = await query(ours.url, "SELECT * FROM app_user ORDER BY id");
  const report = await importAsJson();
  expect(report).toMatchObject({
    users: counts(0, 3, 1, 1),
    passwords: counts(0, 1, 0, 4),
    identities: counts(0, 2, 0, 1),
    clients: counts(0, 2, 1, 0),
    connectors: counts(0, 1, 1, 2),
  });
  expect(report.users.reasons).toEqual([
    { id: "u-1", reason: "kept as it is here, other there: address, display name" },
    { id: "u-3", reason: expect.stringContaining("deleted here") },
  ]);
  expect(report.identities.reasons).toEqual([
    { id: "u-1", reason: expect.stringContaining("without its identity at google") },
  ]);
  expect(report.clients.reasons).toEqual([
    { id: "new-form@app.example", reason: "kept as it is here, other there: admin, secret" },
  ]);
  expect(await query(ours.url, "SELECT * FROM app_user ORDER BY id")).toEqual(before);
});

test("of addresses that differ in case only neither is taken, and one that is somebody else's here stays out (v1 B04)", async () => {
  await query(
    ours.url,
    "INSERT INTO app_user (id, email, email_verified, created_at) VALUES ('here', 'me@example.com', true, now())",
  );
  await query(ours.url, "INSERT INTO remote_identity VALUES ('google', '77', 'here', now())");
  await fillDexV1(v1.url, {
    users: [
      { id: "a", email: "Twice@example.com" },
      { id: "b", email: "twice@Example.com" },
      { id: "c", email: "ME@example.com" },
      { id: "d", email: "linked@example.com" },
      { id: "e", email: "Some Body <x@example.com>" },
      { id: "f", email: "f@example.com" },
      { id: "two words", email: "g@example.com" },
    ],
    identities: [["google", "77", "d"]],
  });
  const { users, identities } = await importAsJson();
  expect(users).toMatchObject({ taken: 2, notTaken: 5 });
  expect(users.reasons.map(({ id, reason }: { id: string; reason: string }) => `${id}: ${reason}`)).toEqual([
    "a: twice@example.com belongs to several users there: leave one of them with it",
    "b: twice@example.com belongs to several users there: leave one of them with it",
    "c: me@example.com belongs to user here here",
    expect.stringMatching(/^e: its address is not one/),
    expect.stringMatching(/^two words: its id/),
  ]);
  expect(identities).toMatchObject({
    notTaken: 1,
    reasons: [{ id: "d", reason: "its identity at google belongs to user here here" }],
  });
  expect(await query(ours.url, "SELECT id FROM app_user ORDER BY id")).toEqual([
    { id: "d" },
    { id: "f" },
    { id: "here" },
  ]);
});

test("a client or connector is taken by the rules of one that is created here (ADM-2, CVE-2026-120984)", async () => {
  const good = { redirect_uris: ["https://a.example/cb"] };
  const refused: readonly [string, unknown, string?][] = [
    ["javascript", { redirect_uris: ["javascript:alert(1)"] }],
    ["wildcard", { redirect_uris: ["https://*.example/cb"] }],
    ["plain-http", { redirect_uris: ["http://a.example/cb"] }],
    ["none", {}],
    ["not-json", "{"],
    ["a list", []],
    ["logo", { ...good, logo_uri: "javascript:alert(1)" }],
    ["name", { ...good, client_name: "a\u001b[2Jb" }],
    ["..", good],
    ["no-hash", good, "plain"],
    ["expensive", good, `$2a$31$${"C".repeat(53)}`],
  ];
  await fillDexV1(v1.url, {
    clients: refused.map(([id, metadata, secret = CLIENT_HASH]) => ({ id, metadata, secret })),
    connectors: [
      { id: "Upper Case", type: "local", config: {} },
      { id: "no-issuer", type: "oidc", config: { clientID: "x" } },
      { id: "list", type: "oidc", config: [] },
    ],
  });
  const { clients, connectors } = await importAsJson();
  expect(clients).toMatchObject({ taken: 0, notTaken: refused.length });
  expect(clients.reasons.map(({ id }: { id: string }) => id).sort()).toEqual(refused.map(([id]) => id).sort());
  expect(connectors).toMatchObject({ taken: 0, notTaken: 3 });
});

test("hostile names stay on their line of the table (LOG-3)", async () => {
  await fillDexV1(v1.url, {
    users: [
      { id: "evil\u001b[2J\u202e", email: "a@example.com" },
      { id: "x", email: "b\nusers: y: taken@example.com" },
      { id: "z", email: "z@example.com", displayName: "\u001b]0;owned\u0007" },
    ],
  });
  const { stdout } = await runImport();
  expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(stdout.trimEnd().split("\n")).toHaveLength(6 + 3 + 1);
  expect(await query(ours.url, "SELECT display_name FROM app_user")).toEqual([{ display_name: null }]);
});

test("the older database need not be at its last migration, and keeps what it has (v1 B03)", async () => {
  await query(
    v1.url,
    "ALTER TABLE client_identity DROP COLUMN public; ALTER TABLE authd_user DROP COLUMN disabled; DROP TABLE trusted_peers, key",
  );
  await query(v1.url, "ALTER TABLE authd_user DROP CONSTRAINT authd_user_email_key");
  await fillDexV1Old();
  expect(await importAsJson()).toMatchObject({
    users: counts(1),
    clients: counts(1),
    neverTaken: { "signing key sets": 0 },
  });
  expect(await query(v1.url, "SELECT id, email FROM authd_user")).toEqual([{ id: "old", email: "Old@example.com" }]);
});

async function fillDexV1Old(): Promise<void> {
  await query(v1.url, "INSERT INTO authd_user (id, email) VALUES ('old', 'Old@example.com')");
  await query(v1.url, "INSERT INTO client_identity (id, secret, metadata) VALUES ('old', $1, $2)", [
    Buffer.from(CLIENT_HASH),
    JSON.stringify({ redirectURLs: ["https://old.example/cb"] }),
  ]);
}
