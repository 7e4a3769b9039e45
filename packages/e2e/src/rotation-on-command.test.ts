// The operator has the signing keys rotated by a command: what clients and verifiers see of it.
import { type Fleet, runDexctl, startFleet } from "@dex/testing";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRelyingParty, obtainTokens, type RelyingParty } from "./relying-party.ts";

let fleet: Fleet;
let party: RelyingParty;
beforeAll(async () => {
  fleet = await startFleet({
    workers: 2,
    // A key period of a day, so that nothing rotates by itself, and keys that need not be published for an hour first.
    overlordEnv: { DEX_OVERLORD_JWKS_MAX_AGE: "1s", DEX_OVERLORD_INSECURE_FAST_KEY_ROTATION: "true" },
  });
  party = await makeRelyingParty(fleet.facts);
});
afterAll(() => fleet?.stop());

async function publishedBy(origin: string): Promise<readonly string[]> {
  const response = await fetch(`${origin}/dex/keys`);
  const { keys } = (await response.json()) as { keys: readonly { kid: string }[] };
  return keys.map(({ kid }) => kid);
}
const dexctl = (...args: readonly string[]) => runDexctl(args, { env: { DEXCTL_DB_URL: fleet.facts.databaseUrl } });
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
