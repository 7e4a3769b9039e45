import { Secret, silentLogger } from "@dex/runtime";
import { openStorage, type Storage } from "@dex/storage";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { makePasswordHasher, makePasswordSignIn, THROTTLE_POLICY } from "@dex/users";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { query } from "./dex-v1-database.ts";
import { runDexctl } from "./run-dexctl.ts";

const PASSWORD = "canary seven owls and a lantern";

let database: TestDatabase;
let storage: Storage;
beforeEach(async () => {
  database = await openTestDatabase(makeWithLocalConnector);
  const url = new Secret(database.url);
  storage = openStorage({ url, applicationName: "test", namedStatements: true, logger: silentLogger });
});
afterEach(async () => {
  await storage.close();
  await database.close();
});

async function makeWithLocalConnector(url: string): Promise<void> {
  await runDexctl(["migrate", "--db-url", url]);
  await runDexctl(["set-connector-configs", "-", "--db-url", url], { stdin: '[{"id":"local","type":"local"}]' });
}

const dexctl = (...args: string[]) => runDexctl(args, { env: { DEXCTL_DB_URL: database.url } });
const withInput = (stdin: string, ...args: string[]) =>
  runDexctl(args, { env: { DEXCTL_DB_URL: database.url }, stdin });

async function made(email: string, ...flags: string[]): Promise<string> {
  const { stdout, stderr } = await dexctl("users", "create", email, ...flags);
  expect(stderr).toBe("");
  return /^created user (\S+?)[,\n]/.exec(stdout)?.[1] ?? expect.fail(stdout);
}

const eventsOf = (id: string) =>
  query<{ event: string }>(
    database.url,
    "SELECT event FROM audit_event WHERE subject_id = $1 AND actor_kind = 'dexctl'",
    [id],
  );

test("a user who is made with a password can sign in with it", async () => {
  const { code, stdout } = await withInput(
    `${PASSWORD}\n`,
    ...["users", "create", "Jane@Example.com", "--name", "Jane Doe", "--verified", "--password-file", "-"],
  );
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^created user [0-9a-f-]{36}\n$/) });
  const hasher = makePasswordHasher({ threads: 1 });
  const signIn = makePasswordSignIn({
    passwords: storage.passwords,
    hasher,
    logger: silentLogger,
    policy: THROTTLE_POLICY,
  });
  const attempt = (password: string) =>
    signIn({
      connectorId: "local",
      login: "jane@example.com",
      password,
      source: "::1",
      now: new Date("2030-01-01T00:00:00Z"),
    });
  expect(await attempt(PASSWORD)).toMatchObject({ kind: "identity", identity: { emailVerified: true } });
  expect(await attempt(`${PASSWORD}\n`)).toMatchObject({ kind: "refused" });
  await hasher.close();
});

const refused = [
  { args: ["create", "not an address"], stdin: "", says: /email: expected one email address/ },
  { args: ["create", "taken@example.com"], stdin: "", says: /a user with this email address exists/ },
  {
    args: ["create", "a@example.com", "--name", "a\u001b[2Jb"],
    stdin: "",
    says: /displayName: must hold no control characters/,
  },
  {
    args: ["create", "a@example.com", "--password-file", "-"],
    stdin: "canary short",
    says: /the password is too short: expected at least 15/,
  },
  { args: ["create", "a@example.com", "--password-file", "-"], stdin: "", says: /too short/ },
  {
    args: ["create", "canary-address@example.com", "--password-file", "-"],
    stdin: "canary-address@example.com",
    says: /little more than the email address/,
  },
  { args: ["create", "a@example.com", "--password-file", "/nonexistent"], stdin: "", says: /there is no such file/ },
  { args: ["invite", "taken@example.com"], stdin: "", says: /a user with this email address exists/ },
  {
    args: ["invite", "a@example.com", "--redirect-url", "https://a.example/cb", "--for-client", "nobody"],
    stdin: "",
    says: /there is no client nobody/,
  },
  {
    args: ["invite", "a@example.com", "--redirect-url", "https://evil.example/cb", "--for-client", "app"],
    stdin: "",
    says: /has not registered this URL/,
  },
];
test.each(refused)(
  "users $args is refused in one sentence, exit 1, and makes nobody",
  async ({ args, stdin, says }) => {
    await made("taken@example.com");
    await dexctl("new-client", "--id", "app", "https://a.example/cb");
    const { code, stdout, stderr } = await withInput(stdin, "users", ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).not.toMatch(/canary (short|seven)/);
    expect(await query(database.url, "SELECT email FROM app_user")).toEqual([{ email: "taken@example.com" }]);
  },
);

test("an invitation is promised with where it leads, and shown among the mail", async () => {
  await dexctl("new-client", "--id", "app", "https://a.example/cb");
  const flags = ["--redirect-url", "https://a.example/cb", "--for-client", "app", "--admin"];
  const { code, stdout } = await dexctl("users", "invite", "jane@example.com", ...flags);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^created user .*; the invitation is promised/),
  });
  expect(await query(database.url, "SELECT kind, client_id, redirect_uri FROM outbox")).toEqual([
    { kind: "invitation", client_id: "app", redirect_uri: "https://a.example/cb" },
  ]);
  const listed = await dexctl("mail", "queue", "-o", "yaml");
  expect(parse(listed.stdout)).toEqual([
    expect.objectContaining({ kind: "invitation", state: "waiting", recipient: "jane@example.com", attempts: 0 }),
  ]);
  expect((await dexctl("mail", "queue")).stdout).toMatch(
    /^ID +KIND +STATE +PROMISED +TRIES +LAST ERROR\n\S+ +invitation +waiting /,
  );
  expect(await dexctl("mail", "queue", "--state", "sent", "-o", "json")).toMatchObject({ stdout: "[]\n" });
});

test("dead mail is tried again, one or all, and nothing else is", async () => {
  for (const name of ["a", "b", "c"]) await dexctl("users", "invite", `${name}@example.com`);
  await query(
    database.url,
    "UPDATE outbox SET dead_at = now(), attempts = 9, last_error = E'smtp\\u001b[2J 550' WHERE kind = 'invitation'",
  );
  const dead = JSON.parse((await dexctl("mail", "queue", "--state", "dead", "-o", "json")).stdout);
  expect(dead).toHaveLength(3);
  expect((await dexctl("mail", "queue", "--state", "dead")).stdout).toContain("smtp\\u001b[2J 550");
  expect(await dexctl("mail", "retry", dead[0].id)).toEqual({
    code: 0,
    stderr: "",
    stdout: `mail ${dead[0].id} is due now\n`,
  });
  expect(await dexctl("mail", "retry", dead[0].id)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/there is no dead mail/),
  });
  for (const id of ["x", "00000000-0000-4000-8000-000000000000", "' OR 1=1 --"]) {
    expect(await dexctl("mail", "retry", id)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/there is no dead mail/),
    });
  }
  expect(await dexctl("mail", "retry", "--all-dead")).toMatchObject({ code: 0, stdout: "2 mails are due now\n" });
  expect(await query(database.url, "SELECT FROM outbox WHERE dead_at IS NOT NULL")).toEqual([]);
});

test("a long list comes in pages, as short or as long as was asked for (ADM-4)", async () => {
  await query(
    database.url,
    `INSERT INTO app_user (id, email, email_verified, admin, disabled, created_at)
     SELECT 'u' || n, 'user' || lpad(n::text, 4, '0') || '@example.com', n % 2 = 0, n = 7, n = 8, now() FROM generate_series(1, 1234) n`,
  );
  const { stdout } = await dexctl("users", "list");
  expect(stdout.trimEnd().split("\n")).toHaveLength(1 + 100 + 1);
  expect(stdout).toMatch(/and more: raise --limit above 100, or give --all\n$/);
  const list = async (...flags: string[]) => JSON.parse((await dexctl("users", "list", "-o", "json", ...flags)).stdout);
  expect(await list("--limit", "3")).toMatchObject([{ id: "u1" }, { id: "u2" }, { id: "u3" }]);
  expect((await list("--limit", "250")).map(({ id }: { id: string }) => id).at(-1)).toBe("u250");
  const all = await list("--all");
  expect(new Set(all.map(({ id }: { id: string }) => id)).size).toBe(1_234);
  expect(await list("--admin")).toMatchObject([{ id: "u7", admin: true }]);
  expect(await list("--disabled")).toMatchObject([{ id: "u8", disabled: true }]);
  expect(await list("--unverified", "--all")).toHaveLength(617);
  expect(await list("--email", "USER0012")).toMatchObject([{ id: "u12", email: "user0012@example.com" }]);
  expect(await list("--email", "nobody")).toEqual([]);
}, 20_000);

test("a user is shown by id or by address, with hostile text on its line (LOG-3)", async () => {
  await query(
    database.url,
    "INSERT INTO app_user (id, email, email_verified, display_name, created_at) VALUES ('odd@id', 'odd@example.com', true, $1, '2020-01-01T00:00:00Z')",
    ["evil\u001b[2J\nID\u202e"],
  );
  const expected = {
    id: "odd@id",
    email: "odd@example.com",
    displayName: "evil\u001b[2J\nID\u202e",
    emailVerified: true,
    createdAt: "2020-01-01T00:00:00.000Z",
  };
  for (const name of ["odd@id", "odd@example.com", " ODD@EXAMPLE.COM "]) {
    expect(JSON.parse((await dexctl("users", "show", name, "-o", "json")).stdout)).toEqual(expected);
    expect(parse((await dexctl("users", "show", name, "-o", "yaml")).stdout)).toEqual(expected);
  }
  for (const form of ["table", "json", "yaml"]) {
    for (const args of [
      ["users", "show", "odd@id"],
      ["users", "list"],
    ]) {
      const { stdout } = await dexctl(...args, "-o", form);
      expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  }
});

test.each([
  "nobody",
  "nobody@example.com",
  "",
  "\u0001",
  "' OR 1=1 --",
  "a".repeat(5_000),
  "../../x",
  "odd%@example.com",
])("no command finds user %j", async (user) => {
  await made("odd-one@example.com");
  const commands = [
    ["users", "show", user],
    ["users", "delete", user, "--yes"],
    ["refresh-tokens", "revoke", user, "--all"],
  ];
  for (const command of commands) {
    const { code, stdout, stderr } = await dexctl(...command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^dexctl: there is no user /);
  }
});

test("a user is disabled, enabled and deleted, each with its audit event (ADM-6)", async () => {
  const id = await made("jane@example.com");
  const show = async () => JSON.parse((await dexctl("users", "show", id, "-o", "json")).stdout);
  expect(await dexctl("users", "disable", "jane@example.com")).toEqual({
    code: 0,
    stderr: "",
    stdout: `disabled user ${id}\n`,
  });
  expect(await show()).toMatchObject({ disabled: true });
  expect(await dexctl("users", "enable", id)).toMatchObject({ code: 0, stdout: `enabled user ${id}\n` });
  expect(await show()).not.toHaveProperty("disabled");
  const unsure = await dexctl("users", "delete", id);
  expect(unsure).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/give --yes/) });
  expect(await show()).toMatchObject({ id });
  expect(await dexctl("users", "delete", id, "--yes")).toMatchObject({ code: 0, stdout: `deleted user ${id}\n` });
  expect(await dexctl("users", "show", id)).toMatchObject({ code: 1 });
  expect((await eventsOf(id)).length).toBeGreaterThanOrEqual(4);
});

test("a reset of the password is promised and said to be", async () => {
  await withInput(PASSWORD, "users", "create", "jane@example.com", "--password-file", "-");
  const { code, stdout } = await dexctl("users", "reset-password", "jane@example.com");
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^the mail to user \S+ is promised: a worker sends it/),
  });
  expect(await query(database.url, "SELECT kind FROM outbox")).toEqual([{ kind: "password-reset" }]);
  await made("without@example.com");
  await query(
    database.url,
    "UPDATE remote_identity SET connector_id = 'up', remote_id = 'x' FROM app_user u WHERE u.id = user_id AND email LIKE 'without%'",
  );
  const without = await dexctl("users", "reset-password", "without@example.com");
  expect(without).toMatchObject({ code: 1, stderr: expect.stringMatching(/has no password to reset/) });
});

test("identities are listed and taken away", async () => {
  const id = await made("jane@example.com");
  await query(database.url, "INSERT INTO remote_identity VALUES ('google', $2, $1, '2020-01-01T00:00:00Z')", [
    id,
    "12\u202e34",
  ]);
  const { stdout } = await dexctl("users", "identities", "jane@example.com", "-o", "json");
  expect(JSON.parse(stdout)).toContainEqual({
    connectorID: "google",
    remoteID: "12\u202e34",
    createdAt: "2020-01-01T00:00:00.000Z",
  });
  expect((await dexctl("users", "identities", id)).stdout).toContain("google     12\\u202e34");
  const unlink = (remoteId: string) => dexctl("users", "unlink", id, "google", remoteId);
  expect(await unlink("1234")).toMatchObject({ code: 1, stderr: expect.stringMatching(/has no such identity/) });
  expect(await unlink("12\u202e34")).toMatchObject({ code: 0, stdout: `unlinked google from user ${id}\n` });
  expect(await query(database.url, "SELECT FROM remote_identity WHERE connector_id = 'google'")).toEqual([]);
});

test("refresh tokens are listed by client, and revoked for one or for all", async () => {
  const id = await made("jane@example.com");
  for (const client of ["one", "two", "three"]) {
    await dexctl("new-client", "--id", client, "--name", `App ${client}`, "https://a.example/cb");
    await query(
      database.url,
      `INSERT INTO token_family (id, client_id, user_id, connector_id, session_hash, scope, auth_time, amr, created_at, current_hash,
         idle_expires_at, expires_at)
       VALUES (gen_random_uuid(), $2, $1, 'local', '', '{openid,offline_access}', now(), '{}', now(), $3, now() + '1 day', now() + '1 day')`,
      [id, client, Buffer.from(client)],
    );
  }
  const list = async () => (await dexctl("refresh-tokens", "list", "jane@example.com")).stdout;
  expect(await list()).toBe("CLIENT  NAME\none     App one\nthree   App three\ntwo     App two\n");
  expect(await dexctl("refresh-tokens", "revoke", id, "two")).toMatchObject({ code: 0 });
  expect(await list()).toBe("CLIENT  NAME\none     App one\nthree   App three\n");
  const all = await dexctl("refresh-tokens", "revoke", id, "--all");
  expect(all.stdout).toBe(
    ["one", "three"].map((client) => `client ${client} holds no tokens of user ${id} any more\n`).join(""),
  );
  expect(await dexctl("refresh-tokens", "list", id, "-o", "json")).toMatchObject({ stdout: "[]\n" });
  expect((await dexctl("refresh-tokens", "revoke", id, "--all")).stdout).toMatch(/^no client holds/);
});

test("the first administrator may be invited instead of given a password", async () => {
  const { code, stdout } = await dexctl("admin", "create", "root@example.com", "--invite");
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/the invitation is promised/) });
  expect(await query(database.url, "SELECT kind FROM outbox")).toEqual([{ kind: "invitation" }]);
});

test("the first administrator is made once, with a password from a file", async () => {
  const { code, stdout } = await withInput(`${PASSWORD}\n`, "admin", "create", "root@example.com");
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^created administrator \S+\n$/) });
  expect(
    await query(database.url, "SELECT email, admin, email_verified FROM app_user JOIN password ON user_id = id"),
  ).toEqual([{ email: "root@example.com", admin: true, email_verified: true }]);
  const again = await withInput(PASSWORD, "admin", "create", "other@example.com");
  expect(again).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/there is an administrator already/),
  });
});

test("an administrator needs a connector for passwords first", async () => {
  await withInput("[]", "set-connector-configs", "-");
  const { code, stderr } = await withInput(PASSWORD, "admin", "create", "root@example.com");
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/no connector of type "local"/) });
});

let directory: TestDatabase;
beforeAll(async () => {
  directory = await openTestDatabase(makeWithLocalConnector);
});
afterAll(() => directory.close());

const usage = [
  ["users", "list", "--limit", "0"],
  ["users", "list", "--limit", "canary"],
  ["users", "list", "-o", "xml"],
  ["users", "show"],
  ["users", "unlink", "a", "b"],
  ["refresh-tokens", "revoke", "a"],
  ["refresh-tokens", "revoke", "a", "b", "--all"],
  ["refresh-tokens", "revoke", "a", "b", "--token", "c"],
  ["mail", "queue", "--state", "lost"],
  ["mail", "retry"],
  ["mail", "retry", "a", "--all-dead"],
  ["admin", "create"],
  ["users", "create", "a@example.com", PASSWORD],
  ["users", "create", "a@example.com", "--password", PASSWORD],
];
test.each(usage.map((args) => ({ args, typed: args.join(" ") })))(
  "$typed is wrong usage, exit 2, and not repeated",
  async ({ args }) => {
    const { code, stdout, stderr } = await runDexctl(args, { env: { DEXCTL_DB_URL: directory.url } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^dexctl: .*\nsee dexctl --help\n$/);
    expect(stderr).not.toContain("canary");
  },
);

const helped = [
  ...["list", "show", "create", "invite", "disable", "enable", "delete", "reset-password", "unlink", "identities"].map(
    (name) => ["users", name],
  ),
  ...[
    ["refresh-tokens", "list"],
    ["refresh-tokens", "revoke"],
    ["admin", "create"],
    ["mail", "queue"],
    ["mail", "retry"],
  ],
  ...[
    ["import", "v1"],
    ["import", "files"],
  ],
];
test.each(helped)("%s %s --help has an example and needs no database", async (...command) => {
  const { code, stdout, stderr } = await runDexctl([...command, "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/Examples?:\n {2}.*dexctl /);
});

test("what clients ask of people is answered by a worker that allows it, not in the database", async () => {
  const id = await made("jane@example.com");
  for (const args of [
    ["list", id],
    ["approve", id, "r1"],
  ]) {
    const { code, stdout, stderr } = await dexctl("backchannel-requests", ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("give --issuer instead of --db-url");
  }
});
