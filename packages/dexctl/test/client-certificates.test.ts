// Clients that prove themselves by certificates, from the command line.
import { X509Certificate } from "node:crypto";
import { type ClientAuthority, makeClientAuthority, openTestDatabase, type TestDatabase } from "@dex/testing";
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
  const both = await onDatabase(["clients", "certificates", "self", "-"], first.cert + second.cert);
  const lines = ["client self is proved by", "  CN=one, valid until 2099-01-01", "  CN=two, valid until 2099-01-01"];
  expect(both.stdout.split("\n").map((line) => line.replace(/T.*/, ""))).toEqual([...lines, ""]);
  const keys = (await detailsOf("self"))?.jwks?.keys ?? [];
  expect(keys.flatMap(({ x5c }) => x5c)).toEqual([derOf(first), derOf(second)]);
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
    [["clients", "certificates", "nobody", "-"], good.cert, "there is no client nobody"],
    // A client with a secret would keep it, and the certificate would prove nothing.
    [["clients", "certificates", "plain", "-"], good.cert, "token_endpoint_auth_method: the kind of proof"],
  ];
  for (const [args, stdin, message] of cases) {
    expect(await onDatabase(args, stdin)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  }
}, 120_000);
