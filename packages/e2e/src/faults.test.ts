// Parts of a fleet die, and people notice as little as possible. A fleet of its own: these tests break it.
import {
  type Fleet,
  openBrowser,
  openFormBrowser,
  type Page,
  type RealBrowser,
  startFleet,
  submitPassword,
  waitPastConsent,
} from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRelyingParty, obtainTokens, postToken, type RelyingParty } from "./relying-party.ts";

let fleet: Fleet;
let party: RelyingParty;
let browser: RealBrowser;
beforeAll(async () => {
  const workerEnv = {
    DEX_WORKER_SHUTDOWN_DELAY: "3s",
    DEX_WORKER_ENABLE_AUTOMATIC_REGISTRATION: "false",
    DEX_WORKER_ENABLE_REGISTRATION: "true",
  };
  [fleet, browser] = await Promise.all([startFleet({ workerEnv }), openBrowser()]);
  party = await makeRelyingParty(fleet.facts);
});
afterAll(async () => {
  await Promise.all([browser?.close(), fleet?.stop()]);
});

test.each([0, 1, 2])("worker %i is killed between two steps of a sign-in, and the person goes on", async (index) => {
  const page = await browser.newVisitor();
  await page.goto(fleet.facts.exampleApp);
  await page.locator("#sign-in").click();
  await page.locator("#login-form").waitFor();
  await fleet.workers[index]?.kill();
  await submitPassword(page, fleet.facts.user);
  await waitPastConsent(page, "#claims-json");
  fleet.workers[index]?.restart();
  await fleet.workerIsBack(index);
});

test("a worker that is asked to stop finishes what it does: a rolling restart fails no request", async () => {
  const tokens = await obtainTokens(party);
  let refreshToken = tokens.refresh_token ?? "";
  let restarting = true;
  let refreshes = 0;
  const client = (async () => {
    while (restarting) {
      const next = await openid.refreshTokenGrant(party.configuration, refreshToken);
      refreshToken = next.refresh_token ?? refreshToken;
      refreshes += 1;
    }
  })();
  for (const [index, worker] of fleet.workers.entries()) {
    await worker.stop();
    worker.restart();
    await fleet.workerIsBack(index);
  }
  restarting = false;
  await client;
  expect(refreshes).toBeGreaterThan(10);
});

test("a replaced refresh token is noticed after every worker was restarted (REF-2, REF-5, REF-6)", async () => {
  const strict = await startFleet({ workers: 1, workerEnv: { DEX_WORKER_REFRESH_TOKEN_GRACE: "0s" } });
  try {
    const strictParty = await makeRelyingParty(strict.facts);
    const first = await obtainTokens(strictParty);
    const second = await openid.refreshTokenGrant(strictParty.configuration, first.refresh_token ?? "");
    await strict.workers[0]?.kill();
    strict.workers[0]?.restart();
    await strict.workerIsBack(0);
    const refused = { error: "invalid_grant" };
    for (const token of [first.refresh_token, second.refresh_token]) {
      await expect(openid.refreshTokenGrant(strictParty.configuration, token ?? "")).rejects.toMatchObject(refused);
    }
  } finally {
    await strict.stop();
  }
});

test("Redis is taken away and sign-in goes on", async () => {
  await fleet.redis.kill();
  expect((await obtainTokens(party)).claims()?.email).toBe(fleet.facts.user.email);
  fleet.redis.restart();
});

test("without an overlord people sign in as before", async () => {
  await fleet.overlords[0]?.kill();
  expect((await obtainTokens(party)).claims()?.email).toBe(fleet.facts.user.email);
  fleet.overlords[0]?.restart();
});

/** The owner's page, signed in, and forms that are filled in but not sent yet. Each `visit` asks again. */
async function openAccountPages(signInUrl: URL) {
  const owner = openFormBrowser();
  const { email, password } = fleet.facts.user;
  const account = await owner.submit(await owner.open(`${fleet.facts.issuer}/account`), { login: email, password });
  expect([account.status, account.text.includes(email)]).toEqual([200, true]);
  const openForm = async (link: string, fields: Record<string, string>) => {
    const browser = openFormBrowser();
    const signIn = await browser.open(signInUrl);
    const form = await browser.open(hrefOf(signIn, link));
    expect(form.status).toBe(200);
    return () => browser.submit(form, fields);
  };
  const newcomer = { email: "newcomer@example.com", password: "several words that nobody guesses" };
  return [
    { name: "account", visit: () => owner.open(account.url) },
    { name: "a password reset", visit: await openForm("forgot-password", { email }) },
    { name: "a registration", visit: await openForm("register", newcomer) },
  ];
}

/** Where the link with this id leads. */
function hrefOf({ text, url }: Page, id: string): URL {
  const [, href] = new RegExp(`<a id="${id}"[^>]*href="([^"]*)"`).exec(text) ?? [];
  if (href === undefined) throw new Error(`no link ${id} at ${url.pathname}`);
  return new URL(href.replaceAll("&amp;", "&"), url);
}

test("while the database is away JWKS and discovery go on, the rest is an honest 503 within about a second, and it recovers by itself", async () => {
  const { jwks_uri = "", token_endpoint = "" } = party.configuration.serverMetadata();
  const tokens = await obtainTokens(party);
  const refresh = () =>
    postToken(fleet.facts, token_endpoint, { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" });
  const { url } = await party.begin();
  const form = await openFormBrowser().open(url);
  expect(form.status).toBe(200);
  const accountPages = await openAccountPages(url);

  await fleet.postgres.stop();
  for (let round = 0; round < 3; round++) {
    expect((await fetch(jwks_uri)).status).toBe(200);
    expect((await fetch(`${fleet.facts.issuer}/.well-known/openid-configuration`)).status).toBe(200);
    const began = performance.now();
    const answer = await refresh();
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(performance.now() - began).toBeLessThan(2_000);
    for (const { name, visit } of accountPages) {
      const visited = performance.now();
      const { status, headers } = await visit();
      expect({ name, status }).toEqual({ name, status: 503 });
      expect(headers.get("retry-after"), name).toMatch(/^\d+$/);
      expect(performance.now() - visited, name).toBeLessThan(2_000);
    }
  }

  await fleet.postgres.restart();
  await expect.poll(async () => (await refresh()).status, { timeout: 10_000 }).toBe(200);
  for (const { name, visit } of accountPages)
    expect({ name, status: (await visit()).status }).toEqual({ name, status: 200 });
  expect((await obtainTokens(party)).claims()?.email).toBe(fleet.facts.user.email);
});
