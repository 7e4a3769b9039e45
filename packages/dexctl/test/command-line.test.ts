import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, runDexctl, scriptFile } from "./run-dexctl.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dexctl-test-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const PASSWORD = "canary-password";
const DATABASE = `postgres://dex:${PASSWORD}@127.0.0.1:1/dex`;

// The command line for a test's name, the environment in front.
function named<T extends { args: readonly string[]; env?: Record<string, string> }>(row: T): T & { typed: string } {
  const variables = Object.entries(row.env ?? {}).map(([name, value]) => `${name}=${value}`);
  return { ...row, typed: [...variables, ...row.args].join(" ") };
}

const wrongUsage: readonly { args: readonly string[]; says: RegExp; env?: Record<string, string> }[] = [
  { args: ["nonsense"], says: /^dexctl: unknown command 'nonsense'\n/ },
  { args: ["new-cleint"], says: /\(Did you mean new-client\?\)/ },
  { args: [DATABASE, "migrate"], says: /^dexctl: unknown command\n/ },
  { args: ["--nonsense", "version"], says: /^dexctl: unknown flag --nonsense\n/ },
  { args: [`--db-ulr=${DATABASE}`, "version"], says: /^dexctl: unknown flag --db-ulr\n/ },
  { args: ["--db-ulr", DATABASE, "version"], says: /^dexctl: unknown flag --db-ulr \(Did you mean --db-url\?\)\n/ },
  { args: [`-db-url=${DATABASE}`, "version"], says: /^dexctl: unknown flag / },
  { args: ["version", "extra"], says: /Expected 0 arguments but got 1\n/ },
  { args: ["set-connector-configs"], says: /missing required argument 'file'/ },
  { args: ["set-connector-configs", "one", DATABASE], says: /Expected 1 argument but got 2\n/ },
  { args: ["get-connector-configs", "extra"], says: /Expected 0 arguments/ },
  { args: ["new-client"], says: /expected at least one redirect URL, found none/ },
  { args: ["new-client", "--grant-type", PASSWORD], says: /Allowed choices are authorization_code/ },
  { args: ["new-client", "https://a.example/", "--alg", "none"], says: /Allowed choices are RS256, ES256, EdDSA/ },
  { args: ["clients", "delete"], says: /missing required argument 'id'/ },
  { args: ["clients", "nonsense"], says: /unknown command 'nonsense'/ },
  {
    args: ["clients", "list", "-o", `it's ${PASSWORD}`],
    says: /argument is invalid\. Allowed choices are table, json/,
  },
  { args: ["clients", "list", "--db-url"], says: /'--db-url <url>' argument missing/ },
  { args: ["clients", "list", "--db-url", PASSWORD], says: /--db-url: expected a postgres:\/\/ URL/ },
  {
    args: ["clients", "list", "--db-url", `mysql://u:${PASSWORD}@h/d`],
    says: /--db-url: expected a postgres:\/\/ URL/,
  },
  { args: ["clients", "list"], env: { DEXCTL_DB_URL: PASSWORD }, says: /DEXCTL_DB_URL: expected a postgres:\/\/ URL/ },
  {
    args: ["clients", "list"],
    env: { DEXCTL_ISSUER: "ftp://h" },
    says: /DEXCTL_ISSUER: expected an http or https URL/,
  },
  {
    args: ["clients", "list"],
    env: { DEXCTL_DB_URL: DATABASE, DEXCTL_LOG_DEBUG: "maybe" },
    says: /DEXCTL_LOG_DEBUG: expected true or false/,
  },
];
test.each(wrongUsage.map(named))(
  "`dexctl $typed` exits 2 and repeats no secret (SEC-1)",
  async ({ args, env, says }) => {
    const { code, stdout, stderr } = await runDexctl(args, { env: env ?? {} });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/canary| {4}at /);
  },
);

const BOTH = { DEXCTL_DB_URL: DATABASE, DEXCTL_ISSUER: "https://dex.example" };
const notDone: readonly { args: readonly string[]; says: RegExp; env?: Record<string, string> }[] = [
  { args: ["clients", "list"], says: /found neither a database nor an issuer, expected one/ },
  { args: ["clients", "list"], env: BOTH, says: /found both a database .* and an issuer/ },
  {
    args: ["clients", "list", "--db-url", DATABASE, "--issuer", "https://dex.example"],
    says: /found both a database .* and an issuer/,
  },
  { args: ["clients", "list", "--issuer", "https://dex.example"], says: /--issuer needs the credentials/ },
  {
    args: ["clients", "list", "--issuer", "http://dex.example", "--client-id", "a", "--client-secret", PASSWORD],
    says: /http:\/\/dex\.example\/ is not https/,
  },
  { args: ["migrate", "--db-url", DATABASE], says: /cannot reach the database at 127\.0\.0\.1:1: / },
  { args: ["clients", "list", "--db-url", DATABASE], env: BOTH, says: /cannot reach the database/ },
  {
    args: ["set-connector-configs", "/nowhere/at.all", "--db-url", DATABASE],
    says: /cannot read \/nowhere\/at\.all: there is no such file/,
  },
  { args: ["set-connector-configs", "/", "--db-url", DATABASE], says: /cannot read \/: it is a directory/ },
];
test.each(notDone.map(named))(
  "`dexctl $typed` exits 1 with one sentence that holds no secret (SEC-1)",
  async ({ args, env, says }) => {
    const { code, stdout, stderr } = await runDexctl(args, { env: env ?? {} });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).not.toMatch(/canary| {4}at /);
  },
);

test.each([
  ["[{", /standard input does not hold JSON/],
  [`{"clientSecret": canary}`, /standard input does not hold JSON/],
  [Buffer.from([0xff, 0xfe]), /cannot read standard input: it is not UTF-8 text/],
  [Buffer.alloc(5 * 1024 * 1024, 0x20), /standard input is larger than 4 MiB/],
])("hostile connector configs are refused without being repeated (LOG-1)", async (stdin, says) => {
  const { code, stderr } = await runDexctl(["set-connector-configs", "-"], {
    env: { DEXCTL_DB_URL: DATABASE },
    stdin,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(says);
  expect(stderr).not.toContain("canary");
});

test.each([
  ["a port where nothing listens", "postgres://u:canary@127.0.0.1:1/d"],
  ["an address that swallows packets", "postgres://u:canary@192.0.2.1:5432/d"],
  ["a host that does not exist", "postgres://u:canary@dex.invalid/d"],
])(
  "a database at %s is reported within five seconds",
  async (_, url) => {
    const startedAt = performance.now();
    const { code, stderr } = await runDexctl(["get-connector-configs"], { env: { DEXCTL_DB_URL: url } });
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^dexctl: cannot reach the database at [\w.:]+: .+\n$/);
    expect(stderr).not.toContain("canary");
  },
  10_000,
);

test("a secret may come from a file", async () => {
  const file = join(directory, "db-url");
  writeFileSync(file, `${DATABASE}\n`);
  for (const surroundings of [{ env: { DEXCTL_DB_URL_FILE: file } }, {}]) {
    const flags = "env" in surroundings ? [] : ["--db-url-file", file];
    const { stderr } = await runDexctl(["clients", "list", ...flags], surroundings);
    expect(stderr).toMatch(/cannot reach the database at 127\.0\.0\.1:1/);
  }
});

test.each([{ args: ["version"] }, { args: ["--version"] }])(
  "$args prints the version without any setting",
  async ({ args }) => {
    const { code, stdout, stderr } = await runDexctl(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/\d+\.\d+\.\d+/);
  },
);

test("version names dex and what it runs on", async () => {
  const { stdout } = await runDexctl(["version"]);
  expect(stdout).toMatch(/^dex version \S+\nnode version \S+\n$/);
});

test("no command prints the help and exits 2", async () => {
  const { code, stdout, stderr } = await runDexctl([]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
  expect(stdout).toMatch(/Usage: dexctl/);
});

const helpful = [
  ["--help"],
  ["help"],
  ["new-client", "--help"],
  ["help", "new-client"],
  ["set-connector-configs", "--help"],
  ["get-connector-configs", "-h"],
  ["migrate", "--help"],
  ["version", "--help"],
  ["keys", "--help"],
  ["keys", "list", "--help"],
  ["keys", "rotate", "--help"],
  ["clients", "--help"],
  ["clients", "list", "--help"],
  ["clients", "delete", "--help"],
].map((args) => named({ args }));
test.each(helpful)("`dexctl $typed` explains itself with an example and without secrets (SEC-1)", async ({ args }) => {
  const { code, stdout, stderr } = await runDexctl(args, { env: { DEXCTL_DB_URL: DATABASE } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/Usage: dexctl/);
  expect(stdout).toMatch(/Examples?:\n {2}/);
  expect(stdout).not.toContain("canary");
});

test("scripts/dexctl runs from any directory and through symbolic links", async () => {
  symlinkSync(scriptFile, join(directory, "first"));
  symlinkSync("first", join(directory, "second"));
  const { code, stdout, stderr } = await run("./second", ["version"], { cwd: directory });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^dex version /);
});
