// Secrets are replaced while people work: nobody notices (SEC-2). The steps are those of the README.
import { randomBytes } from "node:crypto";
import {
  answersOk,
  type Fleet,
  findInDatabase,
  openAdminApi,
  openFormBrowser,
  runDexctl,
  startFleet,
  waitUntilReady,
} from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRelyingParty, obtainTokens, type RelyingParty } from "./relying-party.ts";

const UPSTREAM_SECRET = "canary-of-the-connector";

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

/** An upstream whose secret dexctl stores without a key secret at hand. */
async function setConnectors(): Promise<void> {
  const acme = { type: "oidc", id: "acme", issuerURL: "https://login.example.com", clientID: "dex" };
  const run = await runDexctl(["set-connector-configs", "-"], {
    env: { DEXCTL_DB_URL: fleet.facts.databaseUrl },
    stdin: JSON.stringify([
      { type: "local", id: "local" },
      { ...acme, clientSecret: UPSTREAM_SECRET },
    ]),
  });
  if (run.status !== 0) throw new Error(run.stderr);
}

/** A machine that makes MACs with its secret, which lies sealed; gives what gets it a token. */
async function makeMacClient(): Promise<() => Promise<string>> {
  const { adminApi, adminApiSecret, issuer } = fleet.facts;
  const { id, secret } = await openAdminApi(adminApi, adminApiSecret).createClient({
    grantTypes: ["client_credentials"],
    details: { token_endpoint_auth_method: "client_secret_jwt" },
  });
  const execute = issuer.startsWith("http:") ? [openid.allowInsecureRequests] : [];
  return async () => {
    const authentication = openid.ClientSecretJwt(secret);
    const configuration = await openid.discovery(new URL(issuer), id, undefined, authentication, { execute });
    return (await openid.clientCredentialsGrant(configuration)).token_type;
  };
}

/** Whether each worker offers that connector, past the load balancer; one it cannot open is shown without a link. */
async function offered(): Promise<readonly boolean[]> {
  const { url } = await party.begin();
  const pages = fleet.workerOrigins.map((origin) => {
    const browser = openFormBrowser({ route: (one) => new URL(one.pathname + one.search, origin) });
    return browser.open(url);
  });
  return (await Promise.all(pages)).map(({ text }) => /<a\b[^>]*\bid="connector-acme"/.test(text));
}

test("the key secret is replaced in three rounds of restarts without a failed request (SEC-2)", async () => {
  const old = fleet.facts.keySecrets;
  const next = randomBytes(32).toString("base64");
  const tablesWith = (text: string) => findInDatabase(fleet.facts.databaseUrl, text);
  await setConnectors();
  await expect.poll(() => tablesWith(UPSTREAM_SECRET), { timeout: 4_000 }).toEqual([]);
  // As a row in text shows it: its quotes are doubled.
  expect(await tablesWith('clientSecret"": {""sealed')).toEqual(["public.connector"]);
  await expect.poll(offered, { timeout: 4_000 }).toEqual([true, true]);
  const tokenByMac = await makeMacClient();
  expect(await tokenByMac()).toBe("bearer");
  const stop = work();
  await restartWorkers(`${old},${next}`); // every worker can open what others will seal
  await restartWorkers(`${next},${old}`);
  await restartOverlord({ DEX_OVERLORD_KEY_SECRETS: `${next},${old}` });
  const overlordLog = () => fleet.overlords[0]?.logs();
  await expect.poll(overlordLog, { timeout: 10_000 }).toMatch(/signing keys changed .*"resealed":[1-9]/);
  await expect.poll(overlordLog, { timeout: 10_000 }).toMatch(/connector secrets sealed .*"resealed":1/);
  await expect.poll(overlordLog, { timeout: 10_000 }).toContain("client secrets sealed again");
  await expect.poll(overlordLog, { timeout: 10_000 }).toContain("client secrets need no older key secret");
  expect(await tokenByMac()).toBe("bearer");
  await restartWorkers(next);
  await restartOverlord({ DEX_OVERLORD_KEY_SECRETS: next });
  const done = await stop();
  expect(await tokenByMac()).toBe("bearer");
  expect(await offered()).toEqual([true, true]);
  expect(await tablesWith(UPSTREAM_SECRET)).toEqual([]);
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
