// Clients that prove themselves by certificates, from the command line.
import { X509Certificate } from "node:crypto";
import { sha256 } from "@dex/runtime";
import {
  type ClientAuthority,
  makeClientAuthority,
  openTestDatabase,
  queryDatabase,
  type TestDatabase,
} from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runDexctl } from "./run-dexctl.ts";

let database: TestDatabase;
let authority: ClientAuthority;
beforeAll(async () => {
  authority = makeClientAuthority();
  database = await openTestDatabase(async () => {});
  expect(await runDexctl(["migrate", "--db-url", database.url])).toMatchObject({ code: 0 });
}, 120_000);
afterAll(async () => {
  authority.remove();
  await database.close();
});

const onDatabase = (args: string[], stdin = "") => runDexctl(args, { env: { DEXCTL_DB_URL: database.url }, stdin });
const machine = (id: string) => ["new-client", "--id", id, "--grant-type", "client_credentials"];
const detailsOf = async (id: string) => {
  const clients = JSON.parse((await onDatabase(["clients", "list", "-o", "json"])).stdout) as {
    id: string;
    details?: { jwks?: { keys: readonly { x5c: readonly string[] }[] } };
  }[];
  return clients.find((one) => one.id === id)?.details;
};
const derOf = ({ cert }: { cert: string }) => new X509Certificate(cert).raw.toString("base64");

test("a machine is proved by certificates of its own making, and the next one is named beside the last (RFC 8705 §2.2)", async () => {
  const [first, second] = [authority.selfSigned({ subject: "/CN=one" }), authority.selfSigned({ subject: "/CN=two" })];
  const made = await onDatabase([...machine("self"), "--certificate", "-"], first.cert);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining("DEX_APP_CLIENT_SECRET=''") });
  expect(await detailsOf("self")).toMatchObject({
    token_endpoint_auth_method: "self_signed_tls_client_auth",
    jwks: { keys: [{ kty: "EC", use: "sig", x5c: [derOf(first)] }] },
  });
  const added = await onDatabase(["clients", "certificates", "add", "self", "-"], second.cert);
  const [oneId, twoId] = [first, second].map((made) =>
    sha256(Buffer.from(derOf(made), "base64")).toString("base64url"),
  );
  const line = `added certificate ${twoId} of client self, CN=two, valid until 2099-01-01`;
  expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`^${line}`)), stderr: "" });
  const again = await onDatabase(["clients", "certificates", "add", "self", "-"], second.cert);
  expect(again).toMatchObject({ code: 1, stderr: "dexctl: the key is there already\n" });
  await queryDatabase(database.url, "INSERT INTO client_key_use VALUES ('self', $1, '2030-06-01')", [oneId]);
  const listed = (await onDatabase(["clients", "certificates", "list", "self"])).stdout.split("\n");
  expect(listed.slice(1).map((row) => row.split(/ {2,}/))).toEqual([
    [oneId, "CN=one", expect.stringMatching(/^2099-/), "2030-06-01"],
    [twoId, "CN=two", expect.stringMatching(/^2099-/), "-"],
    [""],
  ]);
  const keys = (await detailsOf("self"))?.jwks?.keys ?? [];
  expect(keys.flatMap(({ x5c }) => x5c)).toEqual([derOf(first), derOf(second)]);
  expect(await onDatabase(["clients", "certificates", "remove", "self", oneId ?? ""])).toMatchObject({ code: 0 });
  expect(await onDatabase(["clients", "certificates", "remove", "self", twoId ?? ""])).toMatchObject({
    code: 1,
    stderr: "dexctl: it is the last one that proves the client: add another first\n",
  });
}, 120_000);

test("a machine is proved by the certificates that an authority issues for its name (RFC 8705 §2.1)", async () => {
  expect(await onDatabase([...machine("issued"), "--certificate-subject", "CN=billing,O=Example"])).toMatchObject({
    code: 0,
  });
  expect(await detailsOf("issued")).toEqual({
    token_endpoint_auth_method: "tls_client_auth",
    tls_client_auth_subject_dn: "CN=billing,O=Example",
  });
}, 120_000);

test("what proves nothing is refused, and says why", async () => {
  const good = authority.selfSigned();
  const old = authority.selfSigned({ to: "20210101000000Z" });
  expect(await onDatabase([...machine("plain")])).toMatchObject({ code: 0 });
  const cases: readonly (readonly [string[], string, string])[] = [
    [[...machine("x"), "--certificate", "-"], good.cert + good.key, "standard input holds a private key"],
    [[...machine("x"), "--certificate", "-"], "text", "found no certificate, PEM, in standard input"],
    [[...machine("x"), "--certificate", "-"], old.cert, "a certificate in standard input ended at 2021-01-01"],
    [[...machine("x"), "--certificate-subject", "billing"], "", "details.tls_client_auth_subject_dn: must be the name"],
    [["clients", "certificates", "add", "nobody", "-"], good.cert, "there is no client nobody"],
    [["clients", "certificates", "add", "issued", "-"], good.cert, "it is proved by the subject of certificates that"],
  ];
  for (const [args, stdin, message] of cases) {
    expect(await onDatabase(args, stdin)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  }
}, 120_000);
