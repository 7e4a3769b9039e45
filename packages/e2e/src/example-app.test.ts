import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  findFreeOrigin,
  newClientWithDexctl,
  openBrowser,
  type RealBrowser,
  type RunningProgram,
  startExampleApp,
  submitPassword,
  waitPastConsent,
} from "@dex/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

const { facts, logDirectory } = inject("sharedFleet");
const directory = mkdtempSync(join(tmpdir(), "dex-e2e-"));
let browser: RealBrowser;
let app: RunningProgram;
let appUrl = "";

beforeAll(async () => {
  appUrl = await findFreeOrigin();
  const client = await newClientWithDexctl([`${appUrl}/callback`], facts.databaseUrl);
  const start = { url: appUrl, issuer: facts.issuer, client, logFile: join(directory, "app.log") };
  [browser, app] = await Promise.all([openBrowser(), startExampleApp(start)]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), app?.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

async function signIn(page: Page): Promise<void> {
  await page.goto(appUrl);
  await page.locator("#sign-in").click();
  await page.locator("#login-form").waitFor();
  await submitPassword(page, facts.user);
  await waitPastConsent(page, "#claims-json");
}

async function claimsOn(page: Page): Promise<Record<string, unknown>> {
  return JSON.parse((await page.locator("#claims-json").textContent()) ?? "");
}

test("a person signs in through the example app in Chromium, refreshes, and signs out of the app", async () => {
  const page = await browser.newVisitor();
  await signIn(page);
  expect(await claimsOn(page)).toMatchObject({ iss: facts.issuer, email: facts.user.email });
  await page.locator("#verified").waitFor();

  await page.locator("#refresh").click();
  await page.locator("#refreshes", { hasText: "once" }).waitFor();
  expect(await claimsOn(page)).toMatchObject({ email: facts.user.email });

  await page.locator("#sign-out").click();
  await page.locator("#sign-in").waitFor();
  expect(await page.locator("#claims-json").count()).toBe(0);
});

test("a person who is signed in at dex already is not asked for the password again", async () => {
  const page = await browser.newVisitor();
  await signIn(page);
  await page.locator("#sign-out").click();
  await page.locator("#sign-in").click();
  await waitPastConsent(page, "#claims-json");
  expect(await claimsOn(page)).toMatchObject({ email: facts.user.email });
});

test("no two requests of a sign-in in Chromium need the same worker", async () => {
  const logFile = join(logDirectory, "loadbalancer.log");
  const before = readFileSync(logFile, "utf8").length;
  const page = await browser.newVisitor();
  await signIn(page);
  const lines = readFileSync(logFile, "utf8").slice(before).split("\n");
  const served = lines.flatMap((line) => /workers\/(worker\d)/.exec(line)?.[1] ?? []);
  expect(new Set(served).size).toBe(3);
});

test("a wrong password is refused in plain words and the form stays usable", async () => {
  const page = await browser.newVisitor();
  await page.goto(appUrl);
  await page.locator("#sign-in").click();
  await submitPassword(page, { email: facts.user.email, password: "not the password" });
  await page.locator("#message").waitFor();
  await submitPassword(page, facts.user);
  await waitPastConsent(page, "#claims-json");
});

test("two tabs of one browser sign in at once", async () => {
  const first = await browser.newVisitor();
  const second = await browser.newTab(first);
  for (const page of [first, second]) {
    await page.goto(appUrl);
    await page.locator("#sign-in").click();
    await page.locator("#login-form").waitFor();
  }
  await submitPassword(first, facts.user);
  await waitPastConsent(first, "#claims-json");
  await submitPassword(second, facts.user);
  await waitPastConsent(second, "#claims-json, #problem");
  expect(await second.locator("#claims-json").count()).toBe(1);
});

test("whoever denies the app its access comes back to it without tokens", async () => {
  const url = await findFreeOrigin();
  const client = await newClientWithDexctl([`${url}/callback`], facts.databaseUrl);
  const other = await startExampleApp({ url, issuer: facts.issuer, client, logFile: join(directory, "other.log") });
  try {
    const page = await browser.newVisitor();
    await page.goto(url);
    await page.locator("#sign-in").click();
    await submitPassword(page, facts.user);
    await page.locator("#deny").click();
    await page.waitForURL(`${url}/**`);
    expect(await page.locator("#claims-json").count()).toBe(0);
  } finally {
    await other.stop();
  }
});
