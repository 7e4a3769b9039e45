import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts, openTestDatabase, queryDatabase, startFakeGithub, type TestDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mainFile, runDexctl } from "./run-dexctl.ts";

let directory = "";
let database: TestDatabase;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dexctl-connectors-"));
  database = await openTestDatabase(async () => {});
  expect(await runDexctl(["migrate", "--db-url", database.url])).toMatchObject({ code: 0 });
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await database.close();
});

const onDatabase = (args: readonly string[], more: { env?: Record<string, string>; stdin?: string } = {}) =>
  runDexctl(["connectors", ...args], { ...more, env: { DEXCTL_DB_URL: database.url, ...more.env } });

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const V2 = `
issuer: http://127.0.0.1:5556/dex
enablePasswordDB: true
connectors:
- type: github
  id: github
  name: GitHub
  config:
    clientID: $GITHUB_ID
    clientSecret: \${GITHUB_SECRET}
    orgs: [{ name: my-org, teams: [red] }]
- type: ldap
  id: ldap
  name: Directory
  config:
    host: localhost:389
    insecureNoSSL: true
    bindPW: pa$$word
    userSearch: { baseDN: "ou=People,dc=example,dc=org", username: mail, idAttr: DN, emailAttr: mail, nameAttr: cn }
`;
const ENV = { GITHUB_ID: "our id", GITHUB_SECRET: "canary-secret" };

test("the connectors of a dex v2 file are taken over as they are, twice as well as once (C 7)", async () => {
  const file = write("dex.yaml", V2);
  const tried = await onDatabase(["import", file, "--dry-run"], { env: ENV });
  expect(tried).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^github +github +would be added$/m),
  });
  expect(await onDatabase(["list"])).toMatchObject({ stdout: "ID  TYPE  NAME\n" });

  expect(await onDatabase(["import", file], { env: ENV })).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^github +github +added\nldap +ldap +added\nlocal +local +added$/m),
  });
  expect(await onDatabase(["import", file], { env: ENV })).toMatchObject({
    stdout: expect.stringMatching(/^github +github +changed$/m),
  });
  const stored = await queryDatabase<{ config: Record<string, unknown> }>(
    database.url,
    "SELECT config FROM connector ORDER BY id",
  );
  expect(stored[0]?.config).toMatchObject({ clientID: "our id", clientSecret: "canary-secret", name: "GitHub" });
  expect(stored[1]?.config).toMatchObject({ bindPW: "pa$word" });
});

test("a name that the environment does not know is told, and one mistake keeps the whole file out (C 2)", async () => {
  const file = write("bad.yaml", V2.replace("type: ldap", "type: nonsense"));
  const before = await onDatabase(["list"]);
  const { code, stdout, stderr } = await onDatabase(["import", file], { env: { GITHUB_ID: "our id" } });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/GITHUB_SECRET is not in the environment/);
  expect(stderr).toMatch(/connector "ldap": type: "nonsense" is unknown/);
  expect(await onDatabase(["list"])).toEqual(before);
});

test("people who stand in the file itself are told and not taken, with and without a password database (C 216, C 217)", async () => {
  for (const head of ["enablePasswordDB: true", "connectors: []"]) {
    const text = `${head}\nstaticPasswords:\n- { email: jane@example.com, hash: canary-hash, userID: u1 }\n`;
    const { code, stderr } = await onDatabase(["import", write("people.yaml", text), "--dry-run"]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "dexctl: staticPasswords: 1 not taken over; make their users with dexctl users create\n",
    });
  }
});

test("one connector is added, shown, changed without its secret, and removed", async () => {
  const file = write("one.yaml", "id: hub\ntype: github\nclientID: $GITHUB_ID\n");
  const secret = write("secret", "canary-from-file\n");
  const added = await onDatabase(["add", file, "--secret-file", `clientSecret=${secret}`], { env: ENV });
  expect(added).toEqual({ code: 0, stderr: "", stdout: "added connector hub\n" });

  const shown = await onDatabase(["show", "hub"]);
  expect(shown.stdout).toMatch(/^clientSecret: "?\[secret\]"?$/m);
  const changed = shown.stdout.replace("our id", "our id");
  expect(await onDatabase(["add", "-"], { stdin: `${changed}loadAllGroups: true\n` })).toEqual({
    code: 0,
    stderr: "",
    stdout: "changed connector hub\n",
  });
  const [row] = await queryDatabase<{ config: unknown }>(database.url, "SELECT config FROM connector WHERE id = 'hub'");
  expect(row?.config).toMatchObject({ clientSecret: "canary-from-file", loadAllGroups: true });

  expect(await onDatabase(["remove", "hub"])).toMatchObject({ code: 0, stdout: "removed connector hub\n" });
  expect(await onDatabase(["remove", "hub"])).toMatchObject({
    code: 1,
    stderr: "dexctl: there is no connector hub: see dexctl connectors list\n",
  });
  expect(await onDatabase(["show", "hub"])).toMatchObject({ code: 1 });
});

test.each([
  { args: ["test"], says: /expected either the id of a stored connector or --file/, code: 2 },
  { args: ["test", "hub", "--login"], says: /--login needs --file/, code: 2 },
  { args: ["test", "hub"], says: /give --issuer to have a worker try it, or --file/, code: 1 },
  { args: ["add", "-", "--secret-env", "clientSecret=NOT_SET"], says: /NOT_SET is not set/, code: 1 },
  { args: ["add", "-", "--secret-file", "canary"], says: /Expected member=source/, code: 2 },
])("$args is refused with what to do instead", async ({ args, says, code }) => {
  const outcome = await onDatabase(args, { stdin: "id: a\ntype: local\n" });
  expect(outcome).toMatchObject({ code, stdout: "" });
  expect(outcome.stderr).toMatch(says);
  expect(outcome.stderr).not.toContain("canary");
});

test("ten at once each add their own, and none is lost", async () => {
  const ids = Array.from({ length: 10 }, (_, number) => `many-${number}`);
  const outcomes = await Promise.all(
    ids.map((id) =>
      onDatabase(["add", "-"], {
        stdin: JSON.stringify({ id, type: "oidc", issuer: "https://op.example", clientID: id }),
      }),
    ),
  );
  expect(outcomes.map(({ code }) => code)).toEqual(ids.map(() => 0));
  const listed = await onDatabase(["list", "-o", "json"]);
  expect(JSON.parse(listed.stdout)).toEqual(expect.arrayContaining(ids.map((id) => expect.objectContaining({ id }))));
}, 60_000);

test("a dry run signs in through the upstream and shows claims and identity, but no token", async () => {
  const [port] = await findFreePorts(1);
  const callback = `http://127.0.0.1:${port}/callback`;
  const github = await startFakeGithub({
    clientId: "dry",
    clientSecret: "canary-secret",
    redirectUris: [callback],
    people: [
      {
        id: 17,
        login: "jane",
        name: "Jane",
        emails: [{ email: "jane@example.com", verified: true, primary: true }],
        orgs: ["my-org"],
        teams: [{ org: "my-org", name: "Red", slug: "red" }],
      },
    ],
  });
  const file = write(
    "dry.yaml",
    JSON.stringify({
      ...{ id: "gh", type: "github", clientID: "dry", clientSecret: "canary-secret" },
      ...{ baseURL: github.url, apiURL: `${github.url}/api`, loadAllGroups: true },
    }),
  );
  const args = ["connectors", "test", "--file", file, "--login", "--no-browser", "--callback", callback];
  const dexctl = spawn(process.execPath, [mainFile, ...args], { stdio: "pipe" });
  let printed = "";
  dexctl.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  dexctl.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const ended = new Promise((resolve) => dexctl.on("close", resolve));
  await expect.poll(() => /waiting for the answer/.test(printed), { timeout: 20_000 }).toBe(true);
  const address = /^ {2}(http\S+)$/m.exec(printed)?.[1] ?? expect.fail(printed);
  const finished = await fetch(address);
  expect(await finished.text()).toContain("You can close this window");
  expect(await ended).toBe(0);
  expect(printed).toMatch(/remoteId: "17"/);
  expect(printed).toMatch(/- my-org:Red/);
  expect(printed).not.toMatch(/canary|access_token/);
  await github.close();
}, 60_000);
