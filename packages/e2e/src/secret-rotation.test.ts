// Secrets are replaced while people work: nobody notices (SEC-2). The steps are those of the README.
import { randomBytes } from "node:crypto";
import { answersOk, type Fleet, openFormBrowser, startFleet, waitUntilReady } from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRelyingParty, obtainTokens, type RelyingParty } from "./relying-party.ts";

let fleet: Fleet;
let party: RelyingParty;
beforeAll(async () => {
  fleet = await startFleet({ workers: 2, workerEnv: { DEX_WORKER_SHUTDOWN_DELAY: "3s" } });
  party = await makeRelyingParty(fleet.facts);
});
afterAll(() => fleet?.stop());

async function restartWorkers(keySecrets: string): Promise<void> {
  for (const [index, worker] of fleet.workers.entries()) {
    await worker.stop();
    worker.restart({ DEX_WORKER_KEY_SECRETS: keySecrets });
    await fleet.workerIsBack(index);
  }
}

async function restartOverlord(env: Readonly<Record<string, string>>): Promise<void> {
  const [overlord] = fleet.overlords;
  if (overlord === undefined) throw new Error("the fleet has no overlord");
  await overlord.stop();
  overlord.restart(env);
  await waitUntilReady(overlord, () => answersOk(`${fleet.facts.adminApi}/health`));
}

/** One client that refreshes and asks who its user is, one browser that signs in again and again; until stopped. */
function work() {
  let working = true;
  const done = { refreshes: 0, signIns: 0 };
  const refreshing = (async () => {
    let tokens = await obtainTokens(party);
    const { sub } = tokens.claims() ?? { sub: "" };
    while (working) {
      tokens = await openid.refreshTokenGrant(party.configuration, tokens.refresh_token ?? "");
      await openid.fetchUserInfo(party.configuration, tokens.access_token, sub);
      done.refreshes += 1;
    }
  })();
  const signingIn = (async () => {
    const browser = openFormBrowser({ stopAt: [party.redirectUri] });
    while (working) {
      const { url, checks } = await party.begin();
      url.searchParams.set("prompt", "login");
      await party.redeem(await party.signIn(url, browser), checks);
      done.signIns += 1;
    }
  })();
  return async () => {
    working = false;
    await Promise.all([refreshing, signingIn]);
    return done;
  };
}

test("the key secret is replaced in three rounds of restarts without a failed request (SEC-2)", async () => {
  const old = fleet.facts.keySecrets;
  const next = randomBytes(32).toString("base64");
  const stop = work();
  await restartWorkers(`${old},${next}`); // every worker can open what others will seal
  await restartWorkers(`${next},${old}`);
  await restartOverlord({ DEX_OVERLORD_KEY_SECRETS: `${next},${old}` });
  await expect.poll(() => fleet.overlords[0]?.logs(), { timeout: 10_000 }).toMatch(/"resealed":[1-9]/);
  await restartWorkers(next);
  await restartOverlord({ DEX_OVERLORD_KEY_SECRETS: next });
  const done = await stop();
  expect(done.refreshes).toBeGreaterThan(20);
  expect(done.signIns).toBeGreaterThan(5);
}, 180_000);

test("the admin API secret is replaced: for a while both are taken (SEC-2)", async () => {
  const { adminApi, adminApiSecret: old } = fleet.facts;
  const next = randomBytes(128).toString("base64");
  const works = async (secret: string) => {
    const response = await fetch(`${adminApi}/api/v1/state`, { headers: { authorization: secret } });
    return response.status === 200;
  };
  await restartOverlord({ DEX_OVERLORD_ADMIN_API_SECRET: `${next},${old}` });
  expect([await works(old), await works(next)]).toEqual([true, true]);
  await restartOverlord({ DEX_OVERLORD_ADMIN_API_SECRET: next });
  expect([await works(old), await works(next)]).toEqual([false, true]);
}, 60_000);
