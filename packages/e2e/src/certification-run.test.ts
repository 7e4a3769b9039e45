// What an operator sets and presses while certification runs: keys that rotate by a command, clients with all their metadata,
// and an authority that signed the tester's certificates.
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Fleet, makeTestCertificates, runDexctl, startFleet, type TestCertificates } from "@dex/testing";
import { createRemoteJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRelyingParty, obtainTokens, type RelyingParty } from "./relying-party.ts";

let fleet: Fleet;
let party: RelyingParty;
let certificates: TestCertificates;
beforeAll(async () => {
  certificates = makeTestCertificates();
  fleet = await startFleet({
    workers: 2,
    workerEnv: {
      NODE_EXTRA_CA_CERTS: certificates.caFile,
      DEX_WORKER_INSECURE_PRIVATE_CLIENT_ADDRESSES: "true",
    },
    // A key period of a day, so that nothing rotates by itself, and keys that need not be published for an hour first.
    overlordEnv: { DEX_OVERLORD_JWKS_MAX_AGE: "1s", DEX_OVERLORD_INSECURE_FAST_KEY_ROTATION: "true" },
  });
  party = await makeRelyingParty(fleet.facts);
});
afterAll(async () => {
  await fleet?.stop();
  certificates?.remove();
});

async function publishedBy(origin: string): Promise<readonly string[]> {
  const response = await fetch(`${origin}/dex/keys`);
  const { keys } = (await response.json()) as { keys: readonly { kid: string }[] };
  return keys.map(({ kid }) => kid);
}
const dexctl = (...args: readonly string[]) => runDexctl(args, { env: { DEXCTL_DB_URL: fleet.facts.databaseUrl } });
/** A static client with this metadata, and its id. */
async function newClient(metadata: object): Promise<string> {
  const args = ["new-client", "--grant-type", "client_credentials", "--metadata", "-"];
  const options = { env: { DEXCTL_DB_URL: fleet.facts.databaseUrl }, stdin: JSON.stringify(metadata) };
  const { stdout, stderr } = await runDexctl(args, options);
  return /DEX_APP_CLIENT_ID='?([^'\n]+)/.exec(stdout)?.[1] ?? expect.fail(stderr);
}
const idTokenOf = async () => (await obtainTokens(party)).id_token ?? expect.fail("no ID token");
const kidOf = (idToken: string) => decodeProtectedHeader(idToken).kid ?? "";

test("dexctl keys rotate: a new key is published beside the old one, and signs (cert 8 oidcc-server-rotate-keys)", async () => {
  const [origin = ""] = fleet.workerOrigins;
  const before = await publishedBy(origin);
  const first = await idTokenOf();
  expect(before).toContain(kidOf(first));

  // What could not be asked for is asked for again, as an operator's script would.
  const pressed = async () => (await dexctl("keys", "rotate")).stdout;
  await expect.poll(pressed, { timeout: 60_000 }).toMatch(/^rotation requested/);
  for (const worker of fleet.workerOrigins) {
    const isNew = async () => (await publishedBy(worker)).filter((kid) => !before.includes(kid)).length;
    // One for each algorithm.
    await expect.poll(isNew, { timeout: 30_000 }).toBe(3);
    expect(await publishedBy(worker)).toEqual(expect.arrayContaining([...before]));
  }

  const second = await idTokenOf();
  // Nobody meets a kid that was not published before it signed.
  expect(before).toContain(kidOf(second));
  expect(kidOf(second)).not.toBe(kidOf(first));
  const keys = createRemoteJWKSet(new URL(party.configuration.serverMetadata().jwks_uri ?? ""));
  for (const idToken of [first, second]) {
    await jwtVerify(idToken, keys, { issuer: fleet.facts.issuer, audience: fleet.facts.client.id });
  }

  const list = async () => (await dexctl("keys", "list", "-o", "json")).stdout;
  await expect.poll(list, { timeout: 60_000 }).toMatch(/^\[/);
  const states = (JSON.parse(await list()) as readonly { alg: string; state: string; kid: string }[])
    .filter(({ alg }) => alg === "RS256")
    .map(({ state, kid }) => [state, kid]);
  expect(states).toEqual(
    expect.arrayContaining([
      ["retired", kidOf(first)],
      ["active", kidOf(second)],
      ["next", expect.any(String)],
    ]),
  );
}, 180_000);

test("keys of a client are fetched by https from an authority that the operator trusts", async () => {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "one" }] });
  const tester = createServer(certificates.server, (_request, response) => {
    response.setHeader("Content-Type", "application/json").end(jwks);
  });
  await new Promise<void>((resolve) => tester.listen(0, "127.0.0.1", resolve));
  try {
    const jwks_uri = `https://127.0.0.1:${(tester.address() as AddressInfo).port}/jwks`;
    const id = await newClient({ token_endpoint_auth_method: "private_key_jwt", jwks_uri });
    const authentication = openid.PrivateKeyJwt({ key: privateKey, kid: "one" });
    const execute = [openid.allowInsecureRequests];
    const client = await openid.discovery(new URL(fleet.facts.issuer), id, undefined, authentication, { execute });
    const tokens = async () => (await openid.clientCredentialsGrant(client).catch(() => undefined))?.access_token;
    // Workers know of a new client within two seconds.
    await expect.poll(tokens).toBeTypeOf("string");
  } finally {
    tester.close();
  }
}, 90_000);
