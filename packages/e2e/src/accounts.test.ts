// The life of an account in Chromium, on a fleet of its own with real mail: made, confirmed, linked to a second identity,
// its password lost and replaced. Any worker takes any step.
import {
  type FakeOpenIdProvider,
  type Fleet,
  findFreePorts,
  findInDatabase,
  type MailSink,
  openAdminApi,
  openBrowser,
  type RealBrowser,
  startFakeOpenIdProvider,
  startFleet,
  startMailSink,
  submitPassword,
  waitPastConsent,
} from "@dex/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findLeaks } from "./log-leaks.ts";
import { offeredByWorkers } from "./offered-connectors.ts";

const ADA = { email: "ada@example.org", password: "the quick brown horse" };
const NEW_PASSWORD = "a horse of another colour";
const MAIL_MILLISECONDS = 20_000;

let fleet: Fleet;
let browser: RealBrowser;
let mailServer: MailSink;
let upstream: FakeOpenIdProvider;
beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  mailServer = await startMailSink(port);
  const workerEnv = {
    DEX_WORKER_ENABLE_AUTOMATIC_REGISTRATION: "false",
    DEX_WORKER_ENABLE_REGISTRATION: "true",
    DEX_WORKER_SMTP_URL: mailServer.url,
    DEX_WORKER_EMAIL_FROM: "dex@example.com",
    DEX_WORKER_LOG_DEBUG: "true",
  };
  [fleet, browser] = await Promise.all([startFleet({ workerEnv }), openBrowser()]);
  const { facts } = fleet;
  upstream = await startFakeOpenIdProvider({
    clientId: "dex",
    clientSecret: "for this test",
    redirectUris: [`${facts.issuer}/auth/upstream/callback`],
    users: [{ sub: "ada-upstream", claims: { email: "ada@upstream.example", email_verified: true, name: "Ada" } }],
  });
  await openAdminApi(facts.adminApi, facts.adminApiSecret).setConnectors([
    { type: "local", id: "local" },
    { type: "oidc", id: "upstream", issuerURL: upstream.issuer, clientID: "dex", clientSecret: "for this test" },
  ]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), fleet?.stop(), upstream?.close()]);
  await mailServer?.close();
});

/** Begins a sign-in at the example app and stops at dex. */
async function beginSignIn(page: Page): Promise<void> {
  await page.goto(fleet.facts.exampleApp);
  await page.locator("#sign-in").click();
  await page.locator("#connector-local").waitFor();
}

async function signInWithPassword(page: Page, user: { email: string; password: string }): Promise<void> {
  await beginSignIn(page);
  await page.locator("#connector-local").click();
  await submitPassword(page, user);
}

/** The subject that the example app was told. */
async function subjectOf(page: Page): Promise<string> {
  await waitPastConsent(page, "#claims-json");
  return JSON.parse((await page.locator("#claims-json").textContent()) ?? "{}").sub;
}

test("an account is registered, confirmed by mail, used, linked, and its lost password replaced, which ends other sessions; no log tells a secret (ACC-16, LOG-1, LOG-2)", async () => {
  await expect.poll(() => offeredByWorkers(fleet, "upstream")).toEqual(fleet.workerOrigins.map(() => true));
  const page = await browser.newVisitor();
  await beginSignIn(page);
  await page.locator("#register").click();
  await page.locator("#connector-local").click();
  await page.locator("#email").fill(ADA.email);
  await page.locator("#password").fill(ADA.password);
  await page.locator("#submit-registration").click();
  expect(await page.locator("#mail-address").textContent()).toBe(ADA.email);

  // Verified from the mail in the same browser, which then goes on to where it was going.
  const confirmation = await mailServer.waitFor(ADA.email, /\/verify-email\?token=/, MAIL_MILLISECONDS);
  await page.goto(confirmation.link ?? "");
  expect(page.url()).not.toContain("token");
  await page.locator("#submit-confirmation").click();
  await page.locator("#login-form").waitFor();
  await page.locator("#password").fill(ADA.password);
  await page.locator("#submit-login").click();
  const subject = await subjectOf(page);

  // A second identity, of the same person, signs in to the same subject.
  await page.goto(`${fleet.facts.issuer}/account`);
  await page.locator("#connect-upstream").click();
  await page.locator("#link").click();
  await page.locator("#account-form").waitFor();
  expect(await page.locator("[id^=remove-identity-]").count()).toBe(2);
  await mailServer.waitFor(ADA.email, /Upstream|upstream/, MAIL_MILLISECONDS);
  const elsewhere = await browser.newVisitor();
  await beginSignIn(elsewhere);
  await elsewhere.locator("#connector-upstream").click();
  expect(await subjectOf(elsewhere)).toBe(subject);
  await elsewhere.goto(`${fleet.facts.issuer}/account`);
  await elsewhere.locator("#account-form").waitFor();

  // The password is lost and replaced, from a third browser.
  const third = await browser.newVisitor();
  await beginSignIn(third);
  await third.locator("#connector-local").click();
  await third.locator("#forgot-password").click();
  await third.locator("#email").fill(ADA.email);
  await third.locator("#submit-address").click();
  expect(await third.locator("#mail-address").textContent()).toBe(ADA.email);
  const reset = await mailServer.waitFor(ADA.email, /\/reset-password\?token=/, MAIL_MILLISECONDS);
  await third.goto(reset.link ?? "");
  await third.locator("#password").fill(NEW_PASSWORD);
  await third.locator("#password-confirm").fill(NEW_PASSWORD);
  await third.locator("#submit-new-password").click();
  await third.locator("#login-form").waitFor();
  await third.locator("#password").fill(NEW_PASSWORD);
  await third.locator("#submit-login").click();
  expect(await subjectOf(third)).toBe(subject);
  await mailServer.waitFor(ADA.email, /password/i, MAIL_MILLISECONDS);

  // Both other browsers are signed out, at every worker.
  for (const old of [page, elsewhere]) {
    await old.goto(`${fleet.facts.issuer}/account`);
    await old.locator("#connector-local").waitFor();
  }
  // The link works once, and the old password no more.
  await third.goto(reset.link ?? "");
  expect(await third.locator("#reset-password-form").count()).toBe(0);
  const fourth = await browser.newVisitor();
  await signInWithPassword(fourth, ADA);
  expect(await fourth.locator("#message").textContent()).toContain("not right");

  const tokenOf = (link: string | undefined) => new URL(link ?? "").searchParams.get("token") ?? "";
  const secrets = {
    "first password": ADA.password,
    "new password": NEW_PASSWORD,
    "confirmation link": tokenOf(confirmation.link),
    "reset link": tokenOf(reset.link),
  };
  // The address is masked, where it is named at all (LOG-2).
  expect(findLeaks(fleet.logDirectory, { ...secrets, "email address": ADA.email })).toEqual([]);
  // Nor is any of it stored: a password only as its hash, a link not at all (P4).
  for (const secret of Object.values(secrets))
    expect(await findInDatabase(fleet.facts.databaseUrl, secret)).toEqual([]);
});
