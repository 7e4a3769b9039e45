// "Your account" in a real browser that runs no scripts, which holds every redirect against the page's own policy.
import { openBrowser, type RealBrowser, submitPassword } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let browser: RealBrowser;
beforeAll(async () => {
  [worker, browser] = await Promise.all([openTestWorker(), openBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await worker.close();
});

/** A tab of a fresh profile without JavaScript, signed in. */
async function signedIn() {
  const visitor = await browser.newVisitor();
  const context = await visitor.context().browser()?.newContext({ javaScriptEnabled: false });
  if (context === undefined) throw new Error("the browser is gone");
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(`${worker.issuer}/account`);
  await submitPassword(page, PERSON);
  await page.locator("#account-form").waitFor();
  return page;
}

test("name, password and sessions are changed without a script, and the browser signs out", async () => {
  const [page, other] = [await signedIn(), await signedIn()];
  await page.locator("#display-name").fill("Ada King");
  await page.locator("#submit-name").click();
  expect(await page.locator("#notice").textContent()).toContain("saved");
  expect(await page.locator("#display-name").inputValue()).toBe("Ada King");

  await page.locator("#change-password").click();
  await page.locator("#current-password").fill(PERSON.password);
  await page.locator("#new-password").fill("another horse on the roof");
  await page.locator("#repeated-password").fill("another horse on the roof");
  await page.locator("#submit-password").click();
  expect(await page.locator("#notice").textContent()).toContain("password was changed");
  expect(await page.locator("#sessions > li").count()).toBe(1);
  await other.reload();
  await other.locator("#login-form").waitFor();

  await page.locator("#end-other-sessions").click();
  await page.locator("#confirm").click();
  expect(await page.locator("#notice").textContent()).toContain("Everywhere else");
  await page.locator("#sign-out").click();
  await page.locator("#sign-in-again").click();
  await page.locator("#login-form").waitFor();
});
