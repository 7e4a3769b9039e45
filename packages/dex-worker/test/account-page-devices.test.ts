// Devices on "your account": each has access of its own, and loses it alone.
import { openBrowser, type RealBrowser, submitPassword } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDeviceWorld } from "./device-world.ts";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

/** Where pictures of the pages go; none are made when it is not set. */
const PICTURES = process.env.DEX_TEST_PICTURES;

let worker: TestWorker;
let world: ReturnType<typeof makeDeviceWorld>;
let chromium: RealBrowser;
let television: TestClient;
beforeAll(async () => {
  [worker, chromium] = await Promise.all([openTestWorker(), openBrowser()]);
  world = makeDeviceWorld(worker);
  television = await world.addDevice();
});
afterAll(() => Promise.all([worker.close(), chromium.close()]));

/** Signs a television in and gives its refresh token. */
async function addTelevision(): Promise<string> {
  const { device_code, user_code } = await world.askWell(television, { scope: "openid offline_access" });
  const browser = worker.browser();
  await world.answer(browser, await world.enterAndSignIn(browser, user_code), "approve");
  const { body } = await world.poll(television, device_code);
  return body.refresh_token ?? "";
}

async function refreshes(refreshToken: string): Promise<boolean> {
  const body = { client_id: television.id, grant_type: "refresh_token", refresh_token: refreshToken };
  const response = await fetch(`${worker.issuer}/token`, { method: "POST", body: new URLSearchParams(body) });
  return response.status === 200;
}

test("a device among several loses its access alone, and one that is alone goes with the application (REF-12)", async () => {
  const first = await addTelevision();
  const browser = worker.browser();
  const login = await browser.open(`${worker.issuer}/account`);
  const alone = await browser.submit(login, world.credentials, { formId: "login-form" });
  expect(alone.text).toContain(`id="revoke-application-${television.id}"`);
  expect(alone.text).not.toContain('id="revoke-grant-');
  const second = await addTelevision();
  const page = await browser.open(`${worker.issuer}/account`);
  const forms = [...page.text.matchAll(/<form id="(revoke-grant-[^"]+)"/g)].map(([, id]) => id ?? "");
  expect(forms).toHaveLength(2);
  // The last used comes first.
  const after = await browser.submit(page, {}, { formId: forms[0] ?? "" });
  expect(after.url.search).toBe("?notice=grant-removed");
  expect(after.text).not.toContain('id="revoke-grant-');
  expect([await refreshes(second), await refreshes(first)]).toEqual([false, true]);
  // Once more, as a double click has it.
  expect((await browser.submit(page, {}, { formId: forms[0] ?? "" })).status).toBe(404);
  const forged = await browser.submit(page, { form_token: "x" }, { formId: forms[1] ?? "" });
  expect(forged.status).toBe(403);
  expect(await addTelevision()).not.toBe("");
});

test("the page tells them apart, on every screen", async () => {
  await addTelevision();
  await addTelevision();
  const tab = await chromium.newVisitor();
  await tab.goto(`${worker.issuer}/account`);
  await submitPassword(tab, PERSON);
  await tab.waitForSelector(".grants");
  for (const width of [1280, 320]) {
    await tab.setViewportSize({ width, height: 800 });
    expect(await tab.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    if (PICTURES !== undefined) {
      await tab.screenshot({ path: `${PICTURES}/account-devices-${width}.png`, fullPage: true });
    }
  }
  const before = await tab.locator(".grants > li").count();
  const button = tab.getByRole("button", { name: /^Remove Signed in / }).first();
  await button.click();
  await tab.waitForSelector("#notice");
  expect(await tab.locator(".grants > li").count()).toBe(before - 1);
});
