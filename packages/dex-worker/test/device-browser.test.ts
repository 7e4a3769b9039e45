import { openBrowser, type RealBrowser, startFakeGithub, submitPassword } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDeviceWorld } from "./device-world.ts";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

/** Where pictures of the pages go; none are made when it is not set. */
const PICTURES = process.env.DEX_TEST_PICTURES;

let worker: TestWorker;
let chromium: RealBrowser;
let world: ReturnType<typeof makeDeviceWorld>;
beforeAll(async () => {
  [worker, chromium] = await Promise.all([openTestWorker(["--enable-automatic-registration"]), openBrowser()]);
  world = makeDeviceWorld(worker);
});
afterAll(() => Promise.all([worker.close(), chromium.close()]));

test("a person types the code of a device, signs in, allows it, and next time sees the question again (DEV-1)", async () => {
  const television = await world.addDevice();
  const tab = await chromium.newVisitor();
  const picture = async (name: string) => {
    if (PICTURES !== undefined) await tab.screenshot({ path: `${PICTURES}/device-${name}.png`, fullPage: true });
  };
  const first = await world.askWell(television, { scope: "openid email offline_access" });
  await tab.goto(first.verification_uri);
  expect(await tab.evaluate("document.activeElement.id")).toBe("user_code");
  await picture("code");
  await tab.keyboard.type("bcdf ghjk");
  await tab.keyboard.press("Enter");
  expect(await tab.textContent("#message")).toContain("No device is waiting with this code");
  await picture("wrong-code");
  await tab.fill("#user_code", first.user_code.toLowerCase());
  await tab.click("#submit-code");
  await submitPassword(tab, PERSON);
  expect(await tab.textContent("#user-code")).toBe(first.user_code);
  expect(await tab.textContent("h1")).toContain("Television");
  await picture("approval");
  await tab.click("#approve");
  await tab.waitForSelector("#device-approved");
  await picture("done");
  expect((await world.poll(television, first.device_code)).status).toBe(200);

  // The address with the code, as a picture for cameras has it: signed in already, and asked all the same.
  const second = await world.askWell(television);
  await tab.goto(second.verification_uri_complete);
  expect(await tab.inputValue("#user_code")).toBe(second.user_code);
  await tab.click("#submit-code");
  await tab.waitForSelector("#approve");
  expect((await world.poll(television, second.device_code)).body.error).toBe("authorization_pending");
  await tab.click("#deny");
  await tab.waitForSelector("#device-denied");
  await picture("denied");
  await tab.goBack();
  await tab.reload();
  expect(await tab.locator("#approve").count()).toBe(0);
  expect((await world.poll(television, second.device_code)).body.error).toBe("access_denied");
});

test("the policy of the page lets the form lead on to an upstream provider (BRO-10)", async () => {
  const github = await startFakeGithub({
    clientId: "dex",
    clientSecret: "a secret",
    redirectUris: [`${worker.issuer}/auth/corp/callback`],
    people: [{ id: 1, login: "grace", emails: [{ email: "g@corp.example", verified: true, primary: true }] }],
  });
  const config = { clientID: "dex", clientSecret: "a secret", baseURL: github.url, apiURL: `${github.url}/api` };
  await worker.setConnectors([{ id: "corp", type: "github", config }]);
  const television = await world.addDevice();
  const { device_code, user_code } = await world.askWell(television);
  const tab = await chromium.newVisitor();
  await tab.goto(`${worker.issuer}/device`);
  await tab.fill("#user_code", user_code);
  await tab.click("#submit-code");
  await tab.waitForSelector("#approve");
  await tab.click("#approve");
  await tab.waitForSelector("#device-approved");
  expect((await world.poll(television, device_code)).status).toBe(200);
  await github.close();
});
