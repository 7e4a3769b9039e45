// Signing out in a real browser: frames are let through, load before it goes on, and nothing needs a script.
import { openHttpServer } from "@dex/runtime";
import { openBrowser, type RealBrowser, submitPassword } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type LogoutWorld, openLogoutWorld } from "./logout-world.ts";
import { PERSON, type TestClient } from "./worker-server.ts";

let world: LogoutWorld;
let chromium: RealBrowser;
let application: { readonly origin: string; close(): Promise<void> };
let client: TestClient;
const visits: string[] = [];
beforeAll(async () => {
  [world, chromium] = await Promise.all([openLogoutWorld(), openBrowser()]);
  const server = await openHttpServer({
    listen: new URL("http://127.0.0.1:0"),
    handler: (request, response) => {
      const url = new URL(request.url ?? "/", "http://application.invalid");
      visits.push(`${url.pathname}${url.search}`);
      // A page that tries to lead the person away from where they are.
      const trick = url.pathname === "/frontchannel" ? "<script>top.location='/stolen'</script>" : "";
      response.setHeader("Content-Type", "text/html");
      response.end(`<h1 id="arrived">${url.pathname}</h1>${trick}`);
    },
  });
  application = { origin: server.url.origin, close: () => server.close(0) };
  client = await world.addClient({
    trusted: true,
    redirectURIs: [`${application.origin}/callback`],
    details: {
      post_logout_redirect_uris: [`${application.origin}/bye`],
      frontchannel_logout_uri: `${application.origin}/frontchannel`,
      frontchannel_logout_session_required: true,
    },
  });
});
beforeEach(() => void visits.splice(0));
afterAll(async () => {
  await application.close();
  await Promise.all([world.close(), chromium.close()]);
});

async function signedInTab() {
  const tab = await chromium.newVisitor();
  await tab.goto(world.authorizationUrl({ client_id: client.id, redirect_uri: `${application.origin}/callback` }));
  await submitPassword(tab, PERSON);
  await tab.waitForSelector("#arrived");
  visits.splice(0);
  return tab;
}
const request = () =>
  world.logoutUrl({ client_id: client.id, post_logout_redirect_uri: `${application.origin}/bye`, state: "s" });

test("who agrees to sign out comes by every frame and then to the application (cert 10 oidcc-frontchannel-rp-initiated-logout)", async () => {
  const tab = await signedInTab();
  await tab.goto(request());
  await tab.locator("#logout-form #submit-logout").click();
  await tab.waitForURL(`${application.origin}/bye?state=s`);
  const [frame = "", bye] = visits.filter((visit) => !visit.startsWith("/favicon"));
  const parameters = new URL(frame, application.origin).searchParams;
  expect(frame).toMatch(/^\/frontchannel\?/);
  expect([...parameters.keys()]).toEqual(["iss", "sid"]);
  expect(parameters.get("iss")).toBe(world.issuer);
  expect(bye).toBe("/bye?state=s");
  await tab.goto(world.authorizationUrl({ client_id: client.id, redirect_uri: `${application.origin}/callback` }));
  expect(await tab.locator("#login-form").count()).toBe(1);
});

test("a page that has no form of ours signs nobody out (BRO-9)", async () => {
  const tab = await signedInTab();
  await tab.goto(`${application.origin}/elsewhere`);
  // As an image and a form that another site sends by itself.
  await tab.evaluate(`{
    const image = new Image();
    image.src = ${JSON.stringify(request())};
    const form = document.createElement("form");
    form.method = "post";
    form.action = ${JSON.stringify(`${world.issuer}/logout/confirm`)};
    document.body.append(image, form);
    form.submit();
  }`);
  await tab.waitForSelector("h1:not(#arrived)");
  expect(visits.some((visit) => visit.startsWith("/frontchannel"))).toBe(false);
  await tab.goto(world.authorizationUrl({ client_id: client.id, redirect_uri: `${application.origin}/callback` }));
  await tab.waitForSelector("#arrived");
  expect(tab.url()).toContain("/callback?code=");
});
