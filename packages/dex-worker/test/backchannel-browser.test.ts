import { openBrowser, type RealBrowser, submitPassword } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeBackchannelWorld } from "./backchannel-world.ts";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

/** Where pictures of the pages go; none are made when it is not set. */
const PICTURES = process.env.DEX_TEST_PICTURES;

let worker: TestWorker;
let chromium: RealBrowser;
let world: ReturnType<typeof makeBackchannelWorld>;
beforeAll(async () => {
  [worker, chromium] = await Promise.all([openTestWorker(), openBrowser()]);
  world = makeBackchannelWorld(worker);
});
afterAll(() => Promise.all([worker.close(), chromium.close()]));

test("a person opens the link of a mail, signs in, allows it; and answers the next from their account", async () => {
  const caller = await world.addCaller();
  const tab = await chromium.newVisitor();
  const picture = async (name: string) => {
    if (PICTURES !== undefined) await tab.screenshot({ path: `${PICTURES}/backchannel-${name}.png`, fullPage: true });
  };
  const first = await world.askWell(caller, {
    scope: "openid email offline_access",
    binding_message: "Order 1234-5678 at the counter",
  });
  await tab.goto(await world.lastLink());
  await submitPassword(tab, PERSON);
  expect(await tab.textContent("#binding-message")).toBe("Order 1234-5678 at the counter");
  expect(await tab.textContent("h1")).toContain("Call centre");
  await picture("approval");
  await tab.setViewportSize({ width: 360, height: 740 });
  await picture("approval-narrow");
  await tab.setViewportSize({ width: 1280, height: 800 });
  await tab.click("#approve");
  await tab.waitForSelector("#backchannel-approved");
  await picture("approved");
  expect((await world.poll(caller, first)).status).toBe(200);

  const second = await world.askWell(caller, { binding_message: "x".repeat(100) });
  await tab.goto(`${worker.issuer}/account`);
  await picture("account");
  await tab.click("#waiting a");
  await tab.waitForSelector("#approve");
  await picture("approval-long");
  expect(await tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
  expect((await world.poll(caller, second)).body.error).toBe("authorization_pending");
  await tab.click("#deny");
  await tab.waitForSelector("#backchannel-denied");
  await picture("denied");
  await tab.goBack();
  await tab.reload();
  expect(await tab.locator("#approve").count()).toBe(0);
  expect((await world.poll(caller, second)).body.error).toBe("access_denied");
});
