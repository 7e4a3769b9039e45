import {
  type Fleet,
  findFreeOrigin,
  newClientWithDexctl,
  openAdminApi,
  openBrowser,
  type RealBrowser,
  runDexctl,
  startFleet,
  submitPassword,
  waitPastConsent,
} from "@dex/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { offeredByWorkers } from "./offered-connectors.ts";

const fleet = inject("sharedFleet");
const { facts } = fleet;
let upstream: Fleet;
let browser: RealBrowser;

beforeAll(async () => {
  [upstream, browser] = await Promise.all([startFleet({ workers: 1 }), openBrowser()]);
  const client = await newClientWithDexctl([`${facts.issuer}/auth/upstream/callback`], upstream.facts.databaseUrl);
  const connectors = [
    { type: "local", id: "local" },
    {
      type: "oidc",
      id: "upstream",
      issuerURL: upstream.facts.issuer,
      clientID: client.id,
      clientSecret: client.secret,
      trustedEmailProvider: true,
    },
  ];
  const run = await runDexctl(["set-connector-configs", "-"], {
    env: { DEXCTL_DB_URL: facts.databaseUrl },
    stdin: JSON.stringify(connectors),
  });
  expect(run).toMatchObject({ status: 0 });
});
afterAll(async () => {
  const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
  await admin.setConnectors([{ type: "local", id: "local" }]);
  await Promise.all([browser?.close(), upstream?.stop()]);
});

const everyWorkerOffers = (connectorId: string) =>
  expect.poll(() => offeredByWorkers(fleet, connectorId)).toEqual(fleet.workerOrigins.map(() => true));

/** Begins a sign-in at the example app. */
async function beginSignIn(page: Page): Promise<void> {
  await page.goto(facts.exampleApp);
  await page.locator("#sign-in").click();
}

test("a person signs in at one dex with the account of another, through the oidc connector in Chromium", async () => {
  const stranger = { email: "stranger@example.org", password: "a rather long password" };
  await openAdminApi(upstream.facts.adminApi, upstream.facts.adminApiSecret).createAdmin(
    stranger.email,
    stranger.password,
  );
  const page = await browser.newVisitor();
  await everyWorkerOffers("upstream");
  await beginSignIn(page);
  await page.locator("#connector-upstream").click();
  await page.locator("#login-form").waitFor();
  expect(new URL(page.url()).origin).toBe(new URL(upstream.facts.issuer).origin);
  await submitPassword(page, stranger);
  await page.locator("#approve").waitFor();
  while ((await page.locator("#claims-json").count()) === 0) {
    await page.locator("#approve").click();
    await page.locator("#claims-json, #approve").first().waitFor();
  }
  const claims = JSON.parse((await page.locator("#claims-json").textContent()) ?? "");
  expect(claims).toMatchObject({ iss: facts.issuer, email: stranger.email });
});

test("an upstream that cannot be reached leaves the other ways to sign in untouched", async () => {
  const nobody = await findFreeOrigin();
  const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
  const gone = { type: "oidc", id: "gone", issuerURL: nobody, clientID: "x", clientSecret: "not a real secret" };
  await admin.setConnectors([{ type: "local", id: "local" }, gone]);
  const page = await browser.newVisitor();
  await everyWorkerOffers("gone");
  await beginSignIn(page);
  expect(await page.locator("#connector-gone").count()).toBe(1);
  await page.locator("#connector-local").click();
  await submitPassword(page, facts.user);
  await waitPastConsent(page, "#claims-json");
});
