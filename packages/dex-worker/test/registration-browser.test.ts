import { openBrowser, queryDatabase, type RealBrowser } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHOSEN, mailedLink } from "./registering.ts";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let chromium: RealBrowser;
beforeAll(async () => {
  [worker, chromium] = await Promise.all([openTestWorker(["--enable-registration"]), openBrowser()]);
});
afterAll(() => Promise.all([worker.close(), chromium.close()]));

test("a person registers in two tabs, confirms one, goes back, and signs in: in a real browser (BRO-6, v1 P07)", async () => {
  const tab = await chromium.newVisitor();
  const other = await chromium.newTab(tab);
  const arrived = tab.waitForRequest((request) => request.url().startsWith(REDIRECT_URI), { timeout: 60_000 });
  await tab.goto(worker.authorizationUrl({ state: "s-1" }));
  await tab.click("#register");
  await other.goto(worker.authorizationUrl({ register: "1", state: "s-2" }));
  for (const [page, email] of [
    [other, "second@example.com"],
    [tab, "first@example.com"],
  ] as const) {
    await page.fill("#email", email);
    await page.fill("#password", CHOSEN);
    await page.click("#submit-registration");
    expect(await page.textContent("#mail-address")).toBe(email);
  }
  // Back to the form: nothing of the password is in it, and the page still works.
  await tab.goBack();
  expect(await tab.inputValue("#password")).toBe("");
  await tab.goto(await mailedLink(worker, "first@example.com"));
  expect(tab.url()).toBe(`${worker.issuer}/verify-email`);
  await tab.click("#submit-confirmation");
  expect(await tab.textContent("#notice")).toContain("Your address is confirmed");
  expect(await tab.inputValue("#login")).toBe("first@example.com");
  await tab.goBack(); // the link is used up
  await tab.reload();
  expect(await tab.textContent("h1")).toBe("This link cannot be used");
  await tab.goForward();
  await tab.fill("#password", CHOSEN);
  await tab.click("#submit-login", { noWaitAfter: true });
  expect(new URL((await arrived).url()).searchParams.get("state")).toBe("s-1");
  const users = await queryDatabase(worker.databaseUrl, "SELECT email FROM app_user ORDER BY email");
  expect(users).toEqual([{ email: "ada@example.com" }, { email: "first@example.com" }]);
});
