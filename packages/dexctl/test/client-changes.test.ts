// Keys, metadata and secrets of clients in the database.
import { openTestDatabase, queryDatabase, type TestDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runDexctl } from "./run-dexctl.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase(async () => {});
  expect(await runDexctl(["migrate", "--db-url", database.url])).toMatchObject({ code: 0 });
  expect(await onDatabase(["new-client", "--id", "mine", "https://app.example/cb"])).toMatchObject({ code: 0 });
}, 120_000);
afterAll(() => database.close());

const onDatabase = (args: string[], stdin = "") => runDexctl(args, { env: { DEXCTL_DB_URL: database.url }, stdin });
const detailsOf = async (id: string) => {
  const listed = await onDatabase(["clients", "list", "-o", "json"]);
  const clients = JSON.parse(listed.stdout) as { id: string; details?: unknown }[];
  return clients.find((one) => one.id === id)?.details;
};

test("keys and metadata are changed by name, under the rules that hold for all clients", async () => {
  const keys = await onDatabase(["clients", "keys", "set", "mine", "--jwks-uri", "https://app.example/jwks"]);
  expect(keys).toEqual({ code: 0, stdout: "changed the keys of client mine\n", stderr: "" });
  const initiate = { initiate_login_uri: "https://app.example/login" };
  const metadata = await onDatabase(["clients", "metadata", "mine", "-"], JSON.stringify(initiate));
  expect(metadata).toEqual({ code: 0, stdout: "changed the metadata of client mine\n", stderr: "" });
  expect(await detailsOf("mine")).toEqual({ jwks_uri: "https://app.example/jwks", ...initiate });
  const secretKey = JSON.stringify({ keys: [{ kty: "oct", k: "AAAA" }] });
  expect(await onDatabase(["clients", "keys", "set", "mine", "--jwks-file", "-"], secretKey)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^dexctl: jwks: key number 1 is private: only its owner may have it/),
  });
  expect(await onDatabase(["clients", "metadata", "nobody", "-"], "{}")).toMatchObject({ code: 1 });
  expect(await onDatabase(["clients", "metadata", "mine", "-"], "not json")).toMatchObject({ code: 1 });
  expect(await onDatabase(["clients", "keys", "set", "mine"])).toMatchObject({ code: 2 });
}, 120_000);

test("a client is made under a profile, and one that fits is held to it; what does not fit is named", async () => {
  const metadata = JSON.stringify({ jwks_uri: "https://bank.example/jwks" });
  const made = ["new-client", "--id", "bank", "--profile", "fapi2", "--metadata", "-", "https://bank.example/cb"];
  expect(await onDatabase(made, metadata)).toMatchObject({ code: 0 });
  const details = { jwks_uri: "https://bank.example/jwks", token_endpoint_auth_method: "private_key_jwt" };
  expect(await detailsOf("bank")).toEqual({ ...details, profile: "fapi2" });
  const stricter = await onDatabase(["clients", "profile", "bank", "fapi2-message-signing"]);
  expect(stricter).toEqual({ code: 0, stdout: "client bank is held to fapi2-message-signing\n", stderr: "" });
  expect(await detailsOf("bank")).toEqual({ ...details, profile: "fapi2-message-signing" });
  const unsigned = JSON.stringify({ request_object_signing_alg: "none" });
  expect(await onDatabase(["clients", "metadata", "bank", "-"], unsigned)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^dexctl: request_object_signing_alg: must be one of PS256, ES256, EdDSA/),
  });
  const none = await onDatabase(["clients", "profile", "bank", "none"]);
  expect(none.stdout).toBe("client bank has no profile any more\n");
  expect(await detailsOf("bank")).toEqual(details);
  // Its tokens would be of no use from one moment to the next: that is said in so many words.
  expect(await onDatabase(["clients", "profile", "bank", "fapi1-advanced"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^dexctl: tls_client_certificate_bound_access_tokens: must be true .*\(FAPI 1\.0 Part 2 section 5\.2\.2\)\n$/,
    ),
  });
  const bound = JSON.stringify({ tls_client_certificate_bound_access_tokens: true });
  expect(await onDatabase(["clients", "metadata", "bank", "-"], bound)).toMatchObject({ code: 0 });
  expect(await onDatabase(["clients", "profile", "bank", "fapi1-advanced"])).toMatchObject({ code: 0 });
  expect(await onDatabase(["clients", "profile", "mine", "fapi2"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^dexctl: token_endpoint_auth_method: must be one of private_key_jwt/),
  });
  expect(await onDatabase(["clients", "profile", "bank", "fapi3"])).toMatchObject({ code: 2 });
}, 120_000);

test("a secret is added, ends and is removed in the database, and its value is nowhere in it", async () => {
  const added = await onDatabase(["clients", "secrets", "add", "mine"]);
  expect(added).toMatchObject({ code: 0, stderr: "" });
  const [, id = ""] = /^# secret (\w+) added/.exec(added.stdout) ?? [];
  expect(await onDatabase(["clients", "secrets", "expire", "mine", id, "--at", "2999-01-31"])).toMatchObject({
    code: 2,
  });
  const at = ["--at", "2999-01-31T00:00:00Z"];
  expect(await onDatabase(["clients", "secrets", "expire", "mine", id, ...at])).toMatchObject({ code: 0 });
  const listed = await onDatabase(["clients", "secrets", "list", "mine", "-o", "json"]);
  expect(JSON.parse(listed.stdout)).toMatchObject([{ id: "first" }, { id, expiresAt: "2999-01-31T00:00:00.000Z" }]);
  expect(await onDatabase(["clients", "secrets", "remove", "mine", "first"])).toMatchObject({ code: 0 });
  const events = await queryDatabase<{ event: string; actor_kind: string }>(
    database.url,
    "SELECT DISTINCT event, actor_kind FROM audit_event WHERE event LIKE 'client secret%' ORDER BY event",
    [],
  );
  expect(events).toEqual(
    ["client secret added", "client secret given an end", "client secret removed"].map((event) => ({
      event,
      actor_kind: "dexctl",
    })),
  );
}, 120_000);
