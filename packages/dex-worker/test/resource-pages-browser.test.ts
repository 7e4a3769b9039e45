// The pages on which people are asked about resources, in a real browser: all that is asked for is there to be seen, on every
// screen.
import { openBrowser, type RealBrowser, submitPassword } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEVICE_CODE_GRANT } from "./device-world.ts";
import { openResourceWorld, type ResourceWorld } from "./resource-world.ts";
import { PERSON, REDIRECT_URI } from "./worker-server.ts";

/** Where pictures of the pages go; none are made when it is not set. */
const PICTURES = process.env.DEX_TEST_PICTURES;
const LONG = "x".repeat(120);

let world: ResourceWorld;
let chromium: RealBrowser;
beforeAll(async () => {
  [world, chromium] = await Promise.all([openResourceWorld(), openBrowser()]);
});
afterAll(() => Promise.all([world.close(), chromium.close()]));

type Tab = Awaited<ReturnType<RealBrowser["newVisitor"]>>;
const SCREENS = [
  { name: "light", colorScheme: "light", width: 1280 },
  { name: "dark", colorScheme: "dark", width: 1280 },
  { name: "narrow", colorScheme: "light", width: 320 },
] as const;

/** Nothing is beside the screen, and every service is a heading with a list of its own. */
async function lookAt(tab: Tab, page: string): Promise<void> {
  for (const { name, colorScheme, width } of SCREENS) {
    await tab.emulateMedia({ colorScheme });
    await tab.setViewportSize({ width, height: 800 });
    expect(await tab.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    if (PICTURES !== undefined) await tab.screenshot({ path: `${PICTURES}/${page}-${name}.png`, fullPage: true });
  }
  expect(await tab.locator("h3.resource").allTextContents()).toEqual(["At The API", "At Reports"]);
  expect(await tab.locator("h3.resource + ul.scopes").count()).toBe(2);
  // What was stored meanwhile has its members in another order.
  expect((await tab.locator(".detail").allTextContents()).sort()).toEqual([
    "actions: read, write",
    "amount.currency: EUR",
    "amount.value: 12.50",
    `creditor: ${LONG}`,
  ]);
}

const asked = (): [string, string][] => [
  ["scope", "openid email offline_access read write report"],
  ["resource", world.api],
  ["resource", world.reports],
  [
    "authorization_details",
    JSON.stringify([
      {
        type: "payment",
        amount: { currency: "EUR", value: "12.50" },
        creditor: LONG,
        actions: ["read", "write"],
      },
    ]),
  ],
];

test("the consent page tells of two services and of a payment (RFC 9396 §3)", async () => {
  const client = await world.addClient({ clientName: "Accounting" });
  const tab = await chromium.newVisitor();
  const query = new URLSearchParams([
    ["client_id", client.id],
    ["redirect_uri", REDIRECT_URI],
    ["response_type", "code"],
    ...asked(),
  ]);
  await tab.goto(`${world.issuer}/auth?${query}`);
  await submitPassword(tab, PERSON);
  await tab.waitForSelector("#consent-form");
  await lookAt(tab, "consent");
});

test("the page on which a device is allowed tells of them as well (RFC 8628 §3.3)", async () => {
  const television = await world.addClient({
    ...{ clientName: "Television", redirectURIs: [], grantTypes: [DEVICE_CODE_GRANT, "refresh_token"] },
  });
  const { body } = await world.post("/device/code", asked(), television);
  const tab = await chromium.newVisitor();
  await tab.goto(String(Reflect.get(body, "verification_uri_complete")));
  await tab.click("#submit-code");
  await submitPassword(tab, PERSON);
  await tab.waitForSelector("#device-approval-form");
  await lookAt(tab, "device-approval");
});
