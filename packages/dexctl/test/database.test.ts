import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, runDexctl, scriptFile } from "./run-dexctl.ts";

let directory = "";
let empty: TestDatabase;
let database: TestDatabase;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dexctl-test-"));
  [empty, database] = await Promise.all([openTestDatabase(async () => {}), openTestDatabase(async () => {})]);
  expect(await runDexctl(["migrate", "--db-url", database.url])).toMatchObject({ code: 0 });
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await Promise.all([empty.close(), database.close()]);
});

const onDatabase = (...args: string[]) => runDexctl(args, { env: { DEXCTL_DB_URL: database.url } });

/** Runs `script` in a real shell in which `dexctl` is on the PATH of commands. */
function inShell(script: string) {
  return run("sh", ["-euc", script], { env: { DEXCTL_DB_URL: database.url, DEXCTL: scriptFile } });
}

test("migrate creates the schema, says what it applied, and has nothing to do the second time (v1 B02)", async () => {
  const before = await runDexctl(["clients", "list", "--db-url", empty.url]);
  expect(before).toMatchObject({ code: 1, stdout: "" });
  expect(before.stderr).toMatch(/^dexctl: .*dexctl migrate.*\n$/);

  const first = await runDexctl(["migrate", "--db-url", empty.url]);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout).toMatch(/^(applied \S+\n)+$/);
  const second = await runDexctl(["migrate", "--db-url", empty.url]);
  expect(second).toEqual({ code: 0, stderr: "", stdout: "the schema is up to date, nothing to apply\n" });
});

test("new-client prints what a shell can evaluate (v1 B06)", async () => {
  const { code, stdout, stderr } = await inShell(`
    eval "$("$DEXCTL" new-client --name "It's \\$(id) an app" http://127.0.0.1:5555/callback 'https://app.example/cb?a=1&b=$HOME')"
    printf '%s\\n' "$DEX_APP_CLIENT_ID" "$DEX_APP_CLIENT_SECRET" "$DEX_APP_REDIRECTURL_0" "$DEX_APP_REDIRECTURL_1"`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [id, secret, ...redirectUrls] = stdout.trimEnd().split("\n");
  expect(id).toMatch(/^[\w-]{43}@127\.0\.0\.1$/);
  expect(secret).toMatch(/^[\w-]{43}$/);
  expect(redirectUrls).toEqual(["http://127.0.0.1:5555/callback", "https://app.example/cb?a=1&b=$HOME"]);

  const listed = await onDatabase("clients", "list", "-o", "json");
  expect(JSON.parse(listed.stdout)).toContainEqual(
    expect.objectContaining({ id, clientName: "It's $(id) an app", redirectURIs: redirectUrls }),
  );
  expect(listed.stdout).not.toContain(secret);
});

test("a public client has no secret, and forgets the one of an earlier client in the same shell", async () => {
  const { stdout } = await inShell(`
    DEX_APP_CLIENT_SECRET=stale
    eval "$("$DEXCTL" new-client --public --name CLI http://127.0.0.1/callback)"
    printf '[%s]' "$DEX_APP_CLIENT_SECRET"`);
  expect(stdout).toBe("[]");
});

test("new-client makes a public client without redirect URLs, when it has a name (v1 C13)", async () => {
  const made = await onDatabase("new-client", "--public", "--name", "My CLI");
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^DEX_APP_CLIENT_ID=\S+@My-CLI$/m) });
  const nameless = await onDatabase("new-client", "--public");
  expect(nameless).toMatchObject({ code: 1, stderr: expect.stringMatching(/clientName: .* needs a name/) });
});

test("every flag of new-client reaches the client", async () => {
  const flags = ["--id", "all", "--name", "All", "--trusted", "--admin", "--require-pkce", "--alg", "EdDSA"];
  const lists = [
    "--grant-type",
    "authorization_code",
    "--grant-type",
    "client_credentials",
    "--scope",
    "openid",
    "--trusted-peer",
    "a",
    "--trusted-peer",
    "b",
    "--allowed-connector",
    "corp",
  ];
  expect(await onDatabase("new-client", ...lists, "https://a.example/cb", ...flags)).toMatchObject({ code: 0 });
  const { stdout } = await onDatabase("clients", "list", "-o", "json");
  expect(JSON.parse(stdout)).toContainEqual(
    expect.objectContaining({
      id: "all",
      clientName: "All",
      isAdmin: true,
      trusted: true,
      requirePKCE: true,
      grantTypes: ["authorization_code", "client_credentials"],
      scopes: ["openid"],
      trustedPeers: ["a", "b"],
      allowedConnectors: ["corp"],
      idTokenSignedResponseAlg: "EdDSA",
    }),
  );
});

const METADATA = {
  token_endpoint_auth_method: "client_secret_post",
  post_logout_redirect_uris: ["https://a.example/bye"],
  frontchannel_logout_uri: "https://a.example/front",
  backchannel_logout_uri: "https://a.example/back",
};
const yaml = Object.entries(METADATA).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
test.each([
  { form: "json", stdin: JSON.stringify(METADATA) },
  { form: "yaml", stdin: yaml.join("\n") },
])("new-client takes more metadata by its registered names, in $form (RFC 7591 §2)", async ({ form, stdin }) => {
  const args = ["new-client", "--id", form, "--metadata", "-", "https://a.example/cb"];
  expect(await runDexctl(args, { env: { DEXCTL_DB_URL: database.url }, stdin })).toMatchObject({ code: 0 });
  const { stdout } = await onDatabase("clients", "list", "-o", "json");
  expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining({ id: form, details: METADATA }));
});

test.each([
  { stdin: '{"token_endpoint_auth_method": "by guess"}', says: /^dexctl: .*token_endpoint_auth_method/ },
  { stdin: '{"invented": true}', says: /^dexctl: .*invented/ },
  { stdin: "[]", says: /^dexctl: details/ },
  { stdin: "{", says: /^dexctl: standard input holds neither JSON nor YAML/ },
])("new-client refuses the metadata $stdin", async ({ stdin, says }) => {
  const args = ["new-client", "--metadata", "-", "https://a.example/cb"];
  const { code, stdout, stderr } = await runDexctl(args, { env: { DEXCTL_DB_URL: database.url }, stdin });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(says);
});

test("a client that acts for itself alone needs no redirect URL", async () => {
  const { code, stdout } = await onDatabase("new-client", "--admin", "--grant-type", "client_credentials");
  expect(code).toBe(0);
  expect(stdout).not.toContain("REDIRECTURL");
});

const refused = [
  { args: ["not a url"], says: /redirectURIs: redirect URI/ },
  { args: ["javascript:alert(1)"], says: /redirectURIs: redirect URI/ },
  { args: ["http://app.example/cb"], says: /redirectURIs: redirect URI must be https/ },
  { args: ["https://*.example/cb"], says: /wildcard/ },
  { args: ["https://a.example/#x"], says: /fragment/ },
  { args: ["https://a.example/cb", "--id", "a b"], says: /^dexctl: id: / },
  { args: ["https://a.example/cb", "--id", "taken"], says: /client taken exists already/ },
  { args: ["https://a.example/cb", "--public", "--trusted"], says: /^dexctl: trusted: / },
];
test.each(refused)("new-client refuses $args in one sentence, exit 1 (RED-8)", async ({ args, says }) => {
  await onDatabase("new-client", "--id", "taken", "https://a.example/cb");
  const { code, stdout, stderr } = await onDatabase("new-client", ...args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(says);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test("clients are listed as a table and deleted by id", async () => {
  await onDatabase("new-client", "--id", "doomed", "--name", "Doomed", "https://a.example/cb");
  const listed = await onDatabase("clients", "list");
  expect(listed.stdout).toMatch(/^ID +NAME +KIND +PROVES BY +GRANTS +REDIRECT URLS\n/);
  expect(listed.stdout).toMatch(
    /^doomed +Doomed +confidential +secret +authorization_code,\S+ +https:\/\/a\.example\/cb$/m,
  );
  expect(await onDatabase("clients", "delete", "doomed")).toMatchObject({ code: 0, stdout: "deleted client doomed\n" });
  const again = await onDatabase("clients", "delete", "doomed");
  expect(again).toMatchObject({ code: 1, stderr: "dexctl: there is no client doomed: see dexctl clients list\n" });
});

test("a client's connectors are set, and every one of them allowed again (SAM-8)", async () => {
  await onDatabase("new-client", "--id", "picky", "--allowed-connector", "a", "https://a.example/cb");
  const set = await onDatabase("clients", "set", "picky", "--allowed-connector", "corp", "--allowed-connector", "uni");
  expect(set).toMatchObject({ code: 0, stdout: "people may sign in to client picky through corp, uni\n" });
  expect((await onDatabase("clients", "list", "-o", "json")).stdout).toMatch(/"corp",\s+"uni"/);
  expect(await onDatabase("clients", "set", "picky", "--any-connector")).toMatchObject({ code: 0 });
  expect((await onDatabase("clients", "list", "-o", "json")).stdout).not.toContain('"uni"');
});

test("a client's grants are set, as far as such a client can be (AUT-13)", async () => {
  const device = "urn:ietf:params:oauth:grant-type:device_code";
  await onDatabase("new-client", "--id", "tv", "--public", "--name", "TV", "--grant-type", device);
  const refused = await onDatabase("clients", "set", "tv", "--grant-type", "refresh_token");
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("grantTypes: refresh_token needs") });
  const set = await onDatabase("clients", "set", "tv", "--grant-type", device, "--grant-type", "refresh_token");
  expect(set).toMatchObject({ code: 0, stdout: `client tv may use ${device}, refresh_token\nbefore: ${device}\n` });
});

test.each([
  { args: ["picky", "--allowed-connector", "A B"], code: 1, says: "must be the id of a connector" },
  { args: ["nobody", "--grant-type", "client_credentials"], code: 1, says: "there is no client nobody" },
  { args: ["picky", "--grant-type", "magic"], code: 2, says: "Allowed choices are" },
  { args: ["picky", "--any-connector", "--grant-type", "refresh_token"], code: 2, says: "either --allowed-connector" },
  { args: ["nobody", "--any-connector"], code: 1, says: "there is no client nobody: see dexctl clients list" },
  { args: ["picky"], code: 2, says: "either --allowed-connector or --any-connector" },
  { args: ["picky", "--any-connector", "--allowed-connector", "a"], code: 2, says: "either --allowed-connector" },
])("clients set $args is refused", async ({ args, code, says }) => {
  const refused = await onDatabase("clients", "set", ...args);
  expect(refused).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(says) });
});

test.each(["\u0001", "' OR 1=1 --", "a".repeat(5000), "../../x"])("clients delete %j finds nothing", async (id) => {
  const { code, stderr } = await onDatabase("clients", "delete", id);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^dexctl: there is no client /);
});

test("a client is made an admin and is one no longer, with the secret it had (v1 C18)", async () => {
  const made = await onDatabase("new-client", "--id", "helper", "https://a.example/cb");
  expect(made.code).toBe(0);
  const isAdmin = async () => {
    const clients: { id: string; isAdmin: boolean }[] = JSON.parse(
      (await onDatabase("clients", "list", "-o", "json")).stdout,
    );
    return clients.find(({ id }) => id === "helper")?.isAdmin;
  };
  expect(await onDatabase("clients", "make-admin", "helper")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/may now use/),
  });
  expect(await isAdmin()).toBe(true);
  expect(await onDatabase("clients", "revoke-admin", "helper")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/may no longer/),
  });
  expect(await isAdmin()).toBe(false);
  expect(await onDatabase("clients", "make-admin", "nobody")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/there is no client nobody/),
  });
});

const OIDC = {
  id: "google",
  type: "oidc",
  issuerURL: "https://accounts.google.com",
  clientID: "dex",
  clientSecret: "canary-connector-secret",
};

test("connector configs are set from a file and from standard input, and listed (v1 B06)", async () => {
  const file = join(directory, "connectors.json");
  writeFileSync(file, JSON.stringify([{ id: "local", type: "local", aMemberOfLater: 1 }, OIDC]));
  const saved = await onDatabase("set-connector-configs", file);
  expect(saved).toEqual({ code: 0, stderr: "", stdout: "saved 2 connector configs\n" });
  expect(await onDatabase("get-connector-configs")).toEqual({
    code: 0,
    stderr: "",
    stdout: "found 2 connector configs\n\nID:   google\nType: oidc\n\nID:   local\nType: local\n",
  });
  const fromStdin = await runDexctl(["set-connector-configs", "-", "--db-url", database.url], { stdin: "[]" });
  expect(fromStdin).toEqual({ code: 0, stderr: "", stdout: "saved 0 connector configs\n" });
  expect(await onDatabase("get-connector-configs")).toMatchObject({ stdout: "found 0 connector configs\n" });
});

test("listed configs show no secret and can be fed back without losing one (ADM-5)", async () => {
  const stdin = JSON.stringify([OIDC]);
  await runDexctl(["set-connector-configs", "-", "--db-url", database.url], { stdin });
  const { stdout: listed } = await onDatabase("get-connector-configs", "-o", "json");
  expect(listed).not.toContain("canary");
  const fedBack = await runDexctl(["set-connector-configs", "-", "--db-url", database.url], { stdin: listed });
  expect(fedBack).toMatchObject({ code: 0, stdout: "saved 1 connector config\n" });
});

test("a list with one mistake changes nothing, and the reason repeats no value (LOG-1)", async () => {
  const stdin = JSON.stringify([
    { ...OIDC, id: "good" },
    { ...OIDC, id: "bad", type: "canary-type", clientSecret: 5 },
    { id: "x" },
  ]);
  const before = await onDatabase("get-connector-configs");
  const { code, stdout, stderr } = await runDexctl(["set-connector-configs", "-", "--db-url", database.url], { stdin });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^dexctl: connector "bad": /);
  expect(stderr).not.toContain("canary-connector-secret");
  expect(await onDatabase("get-connector-configs")).toEqual(before);
});

test("keys are listed, and a rotation is recorded for the overlord", async () => {
  expect(await onDatabase("keys", "list")).toMatchObject({
    code: 0,
    stdout: "KID  ALG  STATE  CREATED  ACTIVATED  RETIRED\n",
  });
  expect(await onDatabase("keys", "list", "-o", "json")).toMatchObject({ code: 0, stdout: "[]\n" });
  expect(await onDatabase("keys", "rotate")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^rotation requested/),
  });
  expect((await onDatabase("keys", "list")).stdout).toMatch(/a rotation was requested at \d{4}-/);
});

test("a wrong password for the database is told without repeating it (SEC-1)", async () => {
  const url = new URL(database.url);
  url.username = "nobody-of-that-name";
  url.password = "canary-password";
  const { code, stderr } = await runDexctl(["clients", "list", "--log-debug"], { env: { DEXCTL_DB_URL: url.href } });
  expect(code).toBe(1);
  expect(stderr).toMatch(/dexctl: /);
  expect(stderr).not.toMatch(/canary| {4}at /);
});
