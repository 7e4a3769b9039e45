// What an operator changes is seen by every worker within two seconds, without a restart.
import { newClientWithDexctl, runDexctl } from "@dex/testing";
import { afterAll, expect, inject, test } from "vitest";
import { offeredByWorkers } from "./offered-connectors.ts";

const fleet = inject("sharedFleet");
const { facts, workerOrigins } = fleet;
const env = { DEXCTL_DB_URL: facts.databaseUrl };
const IN_TIME = { timeout: 2_000, interval: 100 };

async function setConnectors(connectors: readonly object[]): Promise<void> {
  const run = await runDexctl(["set-connector-configs", "-"], { env, stdin: JSON.stringify(connectors) });
  if (run.status !== 0) throw new Error(run.stderr);
}
afterAll(() => setConnectors([{ type: "local", id: "local" }]));

/** The same address at each worker, past the load balancer. */
const atEveryWorker = (url: URL) => workerOrigins.map((origin) => new URL(url.pathname + url.search, origin));

test("a client made by dexctl is known to every worker within two seconds, and gone as soon after its deletion (TOK-16)", async () => {
  const redirectUri = "http://127.0.0.1:9/callback";
  const authorize = (id: string) => {
    const url = new URL(`${facts.issuer}/auth`);
    url.search = new URLSearchParams({
      client_id: id,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: "openid",
    }).toString();
    return atEveryWorker(url);
  };
  const statuses = (urls: readonly URL[]) =>
    Promise.all(urls.map(async (url) => (await fetch(url, { redirect: "manual" })).status));

  const client = await newClientWithDexctl([redirectUri], facts.databaseUrl);
  await expect.poll(() => statuses(authorize(client.id)), IN_TIME).toEqual([303, 303, 303]);
  const run = await runDexctl(["clients", "delete", client.id], { env });
  expect(run).toMatchObject({ status: 0 });
  await expect.poll(() => statuses(authorize(client.id)), IN_TIME).toEqual([400, 400, 400]);
});

test("connectors set by dexctl are offered by every worker within two seconds", async () => {
  const offered = (id: string) => offeredByWorkers(fleet, id);
  await setConnectors([
    { type: "local", id: "local" },
    {
      type: "oidc",
      id: "acme",
      issuerURL: "https://login.example.com",
      clientID: "dex",
      clientSecret: "for this test",
    },
  ]);
  await expect.poll(() => offered("acme"), IN_TIME).toEqual([true, true, true]);
  const listed = await runDexctl(["get-connector-configs"], { env });
  expect(listed.stdout).toContain("acme");
  expect(listed.stdout).not.toContain("for this test");
  await setConnectors([{ type: "local", id: "local" }]);
  await expect.poll(() => offered("acme"), IN_TIME).toEqual([false, false, false]);
});

test("dexctl makes a client over HTTP with the credentials of an admin client", async () => {
  const response = await fetch(`${facts.adminApi}/api/v1/client`, {
    method: "POST",
    headers: { authorization: facts.adminApiSecret, "content-type": "application/json" },
    body: JSON.stringify({ client: { isAdmin: true, grantTypes: ["client_credentials"] } }),
  });
  const { client } = (await response.json()) as { client: { id: string; secret: string } };
  const run = await runDexctl(["new-client", "http://127.0.0.1:9/other"], {
    env: { DEXCTL_ISSUER: facts.issuer, DEXCTL_CLIENT_ID: client.id, DEXCTL_CLIENT_SECRET: client.secret },
  });
  expect(run).toMatchObject({ status: 0 });
  expect(run.stdout).toMatch(/^DEX_APP_CLIENT_ID=/m);
});
