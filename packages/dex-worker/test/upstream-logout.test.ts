// Whoever signed in through an upstream goes through its place of signing out, after ours is done.
import { type FakeOpenIdProvider, openFormBrowser, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LogoutWorld, openLogoutWorld, POST_LOGOUT } from "./logout-world.ts";
import { REDIRECT_URI, type TestClient } from "./worker-server.ts";

const CLIENT = { clientID: "dex", clientSecret: "upstream-secret-canary" };
const UPSTREAM_LOGOUT = "http://127.0.0.1:2/upstream/logout";

let world: LogoutWorld;
let client: TestClient;
let upstream: FakeOpenIdProvider;
beforeAll(async () => {
  world = await openLogoutWorld(["--enable-automatic-registration"]);
  client = await world.addLogoutClient();
  upstream = await startFakeOpenIdProvider({
    clientId: CLIENT.clientID,
    clientSecret: CLIENT.clientSecret,
    redirectUris: [`${world.issuer}/auth/up/callback`],
    users: [{ sub: "u-1", claims: { email: "grace@example.com", email_verified: true, name: "Grace Hopper" } }],
  });
  upstream.behaviours.discovery = { end_session_endpoint: UPSTREAM_LOGOUT };
  const config = { ...CLIENT, issuerURL: upstream.issuer };
  await world.setConnectors([{ id: "up", type: "oidc", config }]);
});
afterAll(async () => {
  await world.close();
  await upstream.close();
});

async function signInThrough(connectorId: string) {
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI, UPSTREAM_LOGOUT] });
  const request = { client_id: client.id, connector_id: connectorId, scope: "openid" };
  const { url } = await browser.open(world.authorizationUrl(request));
  const code = url.searchParams.get("code") ?? expect.fail(`no code: ${url}`);
  const { body } = await world.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, client);
  return { browser, idToken: body.id_token ?? expect.fail("no ID token") };
}

const PLACE = "/dex/auth/up/signed-out";
const wayBack = (state = "") => `${world.issuer}/auth/up/signed-out${state === "" ? "" : `?state=${state}`}`;
const parametersOf = (idToken: string) => ({
  id_token_hint: idToken,
  post_logout_redirect_uri: POST_LOGOUT,
  state: "kept",
});

test("goes to the upstream's place with our own address alone, and from there back to where the client asked for", async () => {
  const { browser, idToken } = await signInThrough("up");
  const away = await browser.open(world.logoutUrl(parametersOf(idToken)));
  expect(away.url.origin + away.url.pathname).toBe(UPSTREAM_LOGOUT);
  const { state = "", ...sent } = Object.fromEntries(away.url.searchParams);
  expect(sent).toEqual({ post_logout_redirect_uri: wayBack(), client_id: CLIENT.clientID });
  // Whoever never comes back is signed out all the same.
  expect(await world.silent(browser, client)).toBe("login_required");
  expect((await browser.open(wayBack(state))).url.href).toBe(`${POST_LOGOUT}?state=kept`);
  const again = await browser.open(wayBack(state));
  expect([again.status, again.url.href]).toEqual([200, wayBack(state)]);
  expect(again.text).toContain("You are signed out");
});

test("the way back leads nowhere for who was not sent on it, whatever the address says", async () => {
  const stranger = openFormBrowser();
  const page = await stranger.open(`${wayBack("x")}&request=y&post_logout_redirect_uri=https://evil.example/`);
  expect([page.status, page.url.pathname, page.headers.get("refresh")]).toEqual([200, PLACE, null]);
  const [name = ""] = [...(await signInThrough("up")).browser.cookies.keys()];
  stranger.cookies.set(name.replace("dex-session", "dex-logout"), "forged");
  expect((await stranger.open(wayBack())).status).toBe(200);
  // What a page carries is no way back.
  const { browser, idToken } = await signInThrough("up");
  const body = new URLSearchParams(parametersOf(idToken));
  const posted = await browser.request(`${world.issuer}/logout`, { method: "POST", body });
  const handle = new URL(posted.headers.get("location") ?? "", world.issuer).searchParams.get("request") ?? "";
  stranger.cookies.set(name.replace("dex-session", "dex-logout"), handle);
  expect((await stranger.open(wayBack())).url.pathname).toBe(PLACE);
});

test("after a form the page leads on: a redirect would be held against its form-action", async () => {
  const { browser } = await signInThrough("up");
  const account = await browser.open(`${world.issuer}/account`);
  const page = await browser.submit(account, {}, { formId: "sign-out-form" });
  expect(page.status).toBe(200);
  expect(page.text).toContain(`action="${UPSTREAM_LOGOUT}"`);
  expect(await world.silent(browser, client)).toBe("login_required");
});

test("an upstream that is removed or out of reach holds nobody up", async () => {
  const [first, second] = [await signInThrough("up"), await signInThrough("up")];
  await world.setConnectors([{ id: "up", type: "oidc", config: { ...CLIENT, issuerURL: "http://127.0.0.1:3" } }]);
  const began = performance.now();
  const end = async ({ browser, idToken }: typeof first) =>
    (await browser.open(world.logoutUrl(parametersOf(idToken)))).url.href;
  expect(await end(first)).toBe(`${POST_LOGOUT}?state=kept`);
  expect(performance.now() - began).toBeLessThan(4000);
  await world.setConnectors([]);
  expect(await end(second)).toBe(`${POST_LOGOUT}?state=kept`);
});
