// Keys that clients sign with, and what clients prove themselves with, in the database.
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { openTestDatabase, queryDatabase, type TestDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runDexctl } from "./run-dexctl.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase(async () => {});
  expect(await runDexctl(["migrate", "--db-url", database.url])).toMatchObject({ code: 0 });
}, 120_000);
afterAll(() => database.close());

const onDatabase = (args: string[], stdin = "") => runDexctl(args, { env: { DEXCTL_DB_URL: database.url }, stdin });
const machine = (id: string, ...more: string[]) =>
  onDatabase(["new-client", "--id", id, "--grant-type", "client_credentials", ...more]);
const move = (id: string, method: string, ...more: string[]) => [
  ...["clients", "set", id, "--token-endpoint-auth-method", method],
  ...more,
];
const pem = (key: KeyObject) => key.export({ format: "pem", type: "spki" }).toString();
const ec = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
const jwk = (key: KeyObject, more: object = {}) => JSON.stringify({ ...key.export({ format: "jwk" }), ...more });
const shown = async (id: string) =>
  JSON.parse((await onDatabase(["clients", "show", id, "-o", "json"])).stdout) as Record<string, unknown>;
const secretsOf = async (id: string) =>
  JSON.parse((await onDatabase(["clients", "secrets", "list", id, "-o", "json"])).stdout);

test("a client moves from its secrets to a key, takes up the next one beside it, and goes back to a secret", async () => {
  expect(await machine("service")).toMatchObject({ code: 0 });
  expect(await onDatabase(["clients", "secrets", "add", "service"])).toMatchObject({ code: 0 });
  const [first, second] = [ec(), ec()];
  const moved = await onDatabase(move("service", "private_key_jwt", "--jwks-file", "-"), jwk(first, { kid: "one" }));
  const line = "client service proves itself with private_key_jwt; its 2 secrets have ended\n";
  expect(moved).toEqual({ code: 0, stdout: line, stderr: "" });
  expect(await secretsOf("service")).toEqual([]);
  expect(await onDatabase(["clients", "secrets", "add", "service"])).toMatchObject({ code: 1 });

  const added = await onDatabase(["clients", "keys", "add", "service", "-", "--kid", "two"], pem(second));
  expect(added).toEqual({ code: 0, stdout: "added key two of client service\n", stderr: "" });
  // RFC 7638 §3.1, by hand: the members in order.
  const { crv, kty, x, y } = first.export({ format: "jwk" });
  const id = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
  await queryDatabase(database.url, "INSERT INTO client_key_use VALUES ('service', $1, '2030-06-01')", [id]);
  const listed = await onDatabase(["clients", "keys", "list", "service", "-o", "json"]);
  expect(JSON.parse(listed.stdout)).toEqual({
    tokenEndpointAuthMethod: "private_key_jwt",
    keys: [
      { id, kind: "key", kid: "one", kty: "EC", crv: "P-256", lastUsedOn: "2030-06-01" },
      { id: expect.stringMatching(/^[\w-]{43}$/), kind: "key", kid: "two", kty: "EC", crv: "P-256" },
    ],
  });
  expect(await onDatabase(["clients", "keys", "remove", "service", "one"])).toMatchObject({ code: 0 });
  expect(await onDatabase(["clients", "keys", "remove", "service", "two"])).toMatchObject({
    code: 1,
    stderr: "dexctl: it is the last one that proves the client: add another first\n",
  });

  const back = await onDatabase(move("service", "client_secret_basic"));
  expect(back.stdout).toMatch(/^# client service proves itself with client_secret_basic; this one is shown only now\n/);
  expect(back.stdout).toMatch(/^DEX_APP_CLIENT_SECRET=[\w-]{43}$/m);
  expect(await secretsOf("service")).toMatchObject([{ id: "first" }]);
  const events = await queryDatabase<{ detail: { endedSecrets: number } }>(
    database.url,
    "SELECT detail FROM audit_event WHERE event = 'client authentication changed' ORDER BY id",
    [],
  );
  expect(events.map(({ detail }) => detail.endedSecrets)).toEqual([2, 0]);
  expect(await onDatabase(move("service", "client_secret_post"))).toMatchObject({
    stdout: "client service proves itself with client_secret_post\n",
  });
  expect(await secretsOf("service")).toMatchObject([{ id: "first" }]);
}, 120_000);

test("keys that would prove nothing, or tell a secret, are refused, and say why", async () => {
  const good = ec();
  expect(await machine("strict")).toMatchObject({ code: 0 });
  const begun = await onDatabase(move("strict", "private_key_jwt", "--jwks-file", "-"), jwk(good, { kid: "one" }));
  expect(begun).toMatchObject({ code: 0 });
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const add = ["clients", "keys", "add", "strict", "-"];
  const cases: readonly (readonly [string[], string, string])[] = [
    [add, JSON.stringify(pair.privateKey.export({ format: "jwk" })), "the key is private: only its owner may have it"],
    [add, pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString(), "standard input holds a private key"],
    [add, JSON.stringify({ kty: "oct", k: "AAAA" }), "the key is private"],
    [add, pem(weak), "the key is weak: 1024 bits, expected at least 2048"],
    [add, jwk(ec(), { kid: "one" }), "the key has the kid of another one"],
    [add, jwk(good, { kid: "two" }), "the key is there already"],
    [add, JSON.stringify({ kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA" }), "the key is no public key"],
    [add, jwk(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey), "the key fits nothing that clients sign"],
    [add, "text", "standard input is neither JSON nor PEM of a public key"],
    [add, '{"keys":[]}', "found no key in standard input"],
    [[...add, "--kid", "x"], `${pem(ec())}${pem(ec())}`, "found 2 keys, expected one for --kid"],
    [["clients", "keys", "add", "nobody", "-"], pem(ec()), "there is no client nobody"],
    [["clients", "keys", "remove", "strict", "gone"], "", "or no key gone of it: see dexctl clients keys list"],
    [["clients", "keys", "remove", "strict", "-hOfAThumbprint"], "", "or no key -hOfAThumbprint of it"],
    [["clients", "certificates", "remove", "strict", "-V_-x"], "", "or no certificate -V_-x of it"],
    [["clients", "keys", "list", "nobody"], "", "there is no client nobody"],
    [move("strict", "tls_client_auth"), "", "tls_client_auth needs exactly one of tls_client_auth_subject_dn"],
    [move("nobody", "client_secret_basic"), "", "there is no client nobody"],
    [move("strict", "client_secret_jwt"), "", "client_secret_jwt needs a key secret"],
    [
      ["clients", "keys", "set", "strict", "--jwks-uri", "http://a.example/jwks"],
      "",
      "jwks_uri: must be an https URL, for workers fetch no other unless they run with --insecure-private-client-addresses",
    ],
  ];
  for (const [args, stdin, message] of cases) {
    expect(await onDatabase(args, stdin)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  }
  const wrong: readonly string[][] = [
    move("strict", "magic"),
    move("strict", "client_secret_basic", "--jwks-uri", "https://a.example/jwks"),
    [...move("strict", "private_key_jwt"), "--jwks-file", "-", "--jwks-uri", "https://a.example/jwks"],
    ["clients", "set", "strict", "--certificate", "-"],
    ["clients", "keys", "remove", "strict", "one", "--force"],
  ];
  for (const args of wrong) expect(await onDatabase(args)).toMatchObject({ code: 2 });
  expect(await shown("strict")).toMatchObject({ details: { jwks: { keys: [{ kid: "one" }] } } });
}, 240_000);

test("of two who add a key at the same moment neither loses it", async () => {
  expect(await machine("busy")).toMatchObject({ code: 0 });
  const names = ["a", "b", "c"];
  await Promise.all(names.map((kid) => onDatabase(["clients", "keys", "add", "busy", "-", "--kid", kid], pem(ec()))));
  const { keys } = JSON.parse((await onDatabase(["clients", "keys", "list", "busy", "-o", "json"])).stdout) as {
    keys: readonly { kid: string }[];
  };
  expect(keys.map(({ kid }) => kid).toSorted()).toEqual(names);
}, 120_000);

test("what an administrator would otherwise find out late is said at once", async () => {
  const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  const made = await onDatabase(["new-client", "--id", "ci", "--grant-type", JWT_BEARER]);
  expect(made.stderr).toMatch(
    /^dexctl: client ci may use jwt-bearer and trusts no issuer: name those with trusted_issuers/,
  );
  const issuers = JSON.stringify({ trusted_issuers: [{ issuer: "https://ci.example", subject_prefix: "repo:acme:" }] });
  expect(await onDatabase(["clients", "metadata", "ci", "-"], issuers)).toMatchObject({ code: 0 });
  const set = await onDatabase(["clients", "set", "ci", "--grant-type", "client_credentials"]);
  const lines = `client ci may use client_credentials\nbefore: ${JWT_BEARER}\n`;
  expect(set).toEqual({ code: 0, stdout: lines, stderr: "" });
  const past = await onDatabase(["clients", "secrets", "expire", "ci", "first", "--at", "2020-01-31T00:00:00Z"]);
  expect(past.stdout).toBe("secret first of client ci has ended: 2020-01-31T00:00:00.000Z is over\n");
  expect((await onDatabase(["clients", "list"])).stdout).toMatch(
    /^ci +- +confidential +secret +client_credentials +-$/m,
  );
  const table = (await onDatabase(["clients", "show", "ci"])).stdout;
  expect(table).toMatch(/^grantTypes +client_credentials$/m);
  expect(table).toMatch(/^trusted_issuers +\[\{"issuer":"https:\/\/ci\.example"/m);
  expect(await onDatabase(["clients", "show", "nobody"])).toMatchObject({ code: 1 });
}, 120_000);
