// Keys change every few seconds instead of every day, and the overlord that changes them dies.
import { type Fleet, type RunningJwksVerifier, startFleet, startJwksVerifier } from "@dex/testing";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRelyingParty, obtainTokens, type RelyingParty } from "./relying-party.ts";

const JWKS_MAX_AGE_SECONDS = 1;
const ROTATIONS_SEEN = 3;
const GIVE_UP_MILLISECONDS = 50_000;

let fleet: Fleet;
let party: RelyingParty;
let verifier: RunningJwksVerifier;
beforeAll(async () => {
  fleet = await startFleet({
    workers: 2,
    overlords: 2,
    overlordEnv: {
      DEX_OVERLORD_KEY_PERIOD: "6s",
      DEX_OVERLORD_JWKS_MAX_AGE: `${JWKS_MAX_AGE_SECONDS}s`,
      DEX_OVERLORD_RETIRED_KEY_RETENTION: "15s",
      DEX_OVERLORD_INSECURE_FAST_KEY_ROTATION: "true",
    },
    workerEnv: { DEX_WORKER_ID_TOKEN_LIFETIME: "10s", DEX_WORKER_ACCESS_TOKEN_LIFETIME: "10s" },
  });
  party = await makeRelyingParty(fleet.facts);
  // Patient as well: it keeps keys for five minutes, and asks again only for a kid that it does not know.
  verifier = await startJwksVerifier(fleet.facts.issuer, fleet.facts.client.id);
});
afterAll(async () => {
  await verifier?.close();
  await fleet?.stop();
});

/** Refreshes and verifies until `until` keys have signed; every token must verify with what clients have cached. */
async function verifyWhileKeysChange(until: number): Promise<{ kids: ReadonlySet<string>; first: string }> {
  const metadata = party.configuration.serverMetadata();
  // As patient as a client may be: it asks again only when max-age is over, or for a kid it does not know.
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri ?? ""), {
    cacheMaxAge: JWKS_MAX_AGE_SECONDS * 1000,
    cooldownDuration: GIVE_UP_MILLISECONDS,
  });
  const { id_token: first = "", ...tokens } = await obtainTokens(party);
  let { refresh_token = "" } = tokens;
  const kids = new Set<string>();
  for (const deadline = performance.now() + GIVE_UP_MILLISECONDS; kids.size < until; ) {
    if (performance.now() > deadline) throw new Error(`only ${kids.size} keys were used in time`);
    const tokens = await openid.refreshTokenGrant(party.configuration, refresh_token);
    refresh_token = tokens.refresh_token ?? refresh_token;
    const idToken = tokens.id_token ?? "";
    await jwtVerify(idToken, keys, { issuer: fleet.facts.issuer, audience: fleet.facts.client.id });
    expect(await verifier.verify(idToken)).toMatchObject({ claims: { email: fleet.facts.user.email } });
    kids.add(decodeProtectedHeader(idToken).kid ?? "");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { kids, first };
}

async function publishedKeys(): Promise<number> {
  const response = await fetch(party.configuration.serverMetadata().jwks_uri ?? "");
  expect(response.headers.get("cache-control")).toContain(`max-age=${JWKS_MAX_AGE_SECONDS}`);
  const { keys } = (await response.json()) as { keys: readonly { d?: string }[] };
  expect(keys.every(({ d }) => d === undefined)).toBe(true);
  return keys.length;
}

test("a client that caches the JWKS verifies every token while keys rotate", async () => {
  const { kids, first } = await verifyWhileKeysChange(ROTATIONS_SEEN);
  expect(kids.size).toBe(ROTATIONS_SEEN);
  expect(await publishedKeys()).toBeGreaterThan(1);
  await expect.poll(() => verifier.verify(first)).toEqual({ refused: "ExpiredSignatureError" });
}, 90_000);

test("when the leading overlord is killed, the standby takes over and keys go on rotating", async () => {
  const leading = /^INFO: leading\b/m;
  const leader = fleet.overlords.find((overlord) => leading.test(overlord.logs()));
  const standby = fleet.overlords.find((overlord) => overlord !== leader);
  expect(standby?.logs()).not.toMatch(leading);
  await leader?.kill();
  await expect.poll(() => standby?.logs(), { timeout: 20_000 }).toMatch(leading);
  const { kids } = await verifyWhileKeysChange(ROTATIONS_SEEN);
  expect(kids.size).toBe(ROTATIONS_SEEN);
}, 90_000);
