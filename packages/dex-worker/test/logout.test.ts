// OIDC RP-Initiated Logout 1.0, through the whole worker.
import { openFormBrowser, type Page } from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimsOf, type LogoutWorld, openLogoutWorld, POST_LOGOUT, type SignedIn } from "./logout-world.ts";
import { PERSON, REDIRECT_URI, type TestClient } from "./worker-server.ts";

let world: LogoutWorld;
let client: TestClient;
let other: TestClient;
beforeAll(async () => {
  world = await openLogoutWorld();
  client = await world.addLogoutClient();
  other = await world.addLogoutClient({ post_logout_redirect_uris: [`${POST_LOGOUT}/other`] });
});
afterAll(() => world.close());

const STATE = "s".repeat(128);
const isConfirmation = ({ status, text }: Page) => status === 200 && text.includes('id="logout-form"');
const isSignedOut = ({ status, text }: Page) => status === 200 && text.includes("<h1>You are signed out</h1>");
const confirm = (browser: SignedIn["browser"], page: Page) => browser.submit(page, {}, { formId: "logout-form" });

test("the metadata names the endpoint and what is supported of signing out", async () => {
  const metadata = await (await fetch(`${world.issuer}/.well-known/openid-configuration`)).json();
  expect(metadata).toMatchObject({
    end_session_endpoint: `${world.issuer}/logout`,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
  });
});

const returning = [
  { name: "(cert 10 oidcc-rp-initiated-logout)", state: STATE },
  { name: "(cert 10 oidcc-rp-initiated-logout-no-state)", state: undefined },
];
test.each(returning)("signs out and goes back with the state and nothing else $name", async ({ state }) => {
  const { browser, idToken } = await world.signInTo(client);
  const metadata = new URL(`${world.issuer}/.well-known/openid-configuration`);
  const execute = [openid.allowInsecureRequests];
  const rp = await openid.discovery(metadata, client.id, client.secret, undefined, { algorithm: "oidc", execute });
  const url = openid.buildEndSessionUrl(rp, {
    id_token_hint: idToken,
    post_logout_redirect_uri: POST_LOGOUT,
    ...(state === undefined ? {} : { state }),
  });
  const page = await browser.open(url);
  expect(page.url.href).toBe(state === undefined ? POST_LOGOUT : `${POST_LOGOUT}?state=${state}`);
  expect([...browser.cookies.keys()].filter((name) => name.includes("session"))).toEqual([]);
  expect(await world.silent(browser, client)).toBe("login_required");
});

test("the session ends in the database, not only its cookie, and its access tokens with it (BRO-9)", async () => {
  const { browser, idToken, accessToken } = await world.signInTo(client);
  const cookies = new Map(browser.cookies);
  await browser.open(world.logoutUrl({ id_token_hint: idToken }));
  for (const [name, value] of cookies) browser.cookies.set(name, value);
  expect(await world.silent(browser, client)).toBe("login_required");
  const userinfo = await fetch(`${world.issuer}/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } });
  expect(userinfo.status).toBe(401);
});

test("a form that the client's site posts is taken as well, though it brings no cookie, and its hint stays out of addresses", async () => {
  const { browser, idToken } = await world.signInTo(client);
  const body = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: POST_LOGOUT, state: STATE });
  const headers = { Origin: "https://rp.example", "Sec-Fetch-Site": "cross-site" };
  const posted = await openFormBrowser().request(`${world.issuer}/logout`, { method: "POST", body, headers });
  expect(posted.status).toBe(303);
  const way = new URL(posted.headers.get("location") ?? "", world.issuer);
  expect(way.href).not.toContain(idToken.slice(0, 40));
  expect((await browser.open(way)).url.href).toBe(`${POST_LOGOUT}?state=${STATE}`);
  expect(await world.silent(browser, client)).toBe("login_required");
});

const otherKey = () => {
  const forged = Buffer.from(JSON.stringify({ alg: "RS256", typ: "JWT", kid: "nobody" })).toString("base64url");
  return (idToken: string) => [forged, idToken.split(".")[1], "c2lnbmF0dXJl"].join(".");
};
const withoutSignature = (idToken: string) =>
  `${Buffer.from('{"alg":"none"}').toString("base64url")}.${idToken.split(".")[1]}.`;
const refused = [
  {
    name: "(cert 10 oidcc-rp-initiated-logout-bad-post-logout-redirect-uri)",
    more: { post_logout_redirect_uri: `${REDIRECT_URI}/else` },
  },
  {
    name: "(cert 10 oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri)",
    more: { post_logout_redirect_uri: `${POST_LOGOUT}?foo=bar` },
  },
  { name: "(cert 10 oidcc-rp-initiated-logout-modified-id-token-hint)", hint: withoutSignature },
  { name: "(cert 10 oidcc-rp-initiated-logout-bad-id-token-hint)", hint: otherKey() },
  { name: "(cert 10 oidcc-rp-initiated-logout-no-id-token-hint)", hint: () => undefined },
  { name: "an address of another client", more: { post_logout_redirect_uri: `${POST_LOGOUT}/other` } },
  { name: "a hint of another client than client_id", more: { client_id: "other" } },
  { name: "an unknown client_id", hint: () => undefined, more: { client_id: "nobody" } },
  { name: "a state without end", more: { state: "s".repeat(2000) } },
];
test.each(refused)("is refused on our own page, and the session lives $name (BRO-9)", async ({ hint, more }) => {
  const { browser, idToken } = await world.signInTo(client);
  const parameters = { post_logout_redirect_uri: POST_LOGOUT, state: STATE, ...more };
  const clientId = "client_id" in parameters && parameters.client_id === "other" ? other.id : more?.client_id;
  const id_token_hint = hint === undefined ? idToken : hint(idToken);
  const page = await browser.open(world.logoutUrl({ ...parameters, client_id: clientId, id_token_hint }));
  expect([page.status, page.url.origin, page.headers.get("refresh")]).toEqual([
    400,
    new URL(world.issuer).origin,
    null,
  ]);
  expect(await world.silent(browser, client)).toBeNull();
});

test("a parameter that comes twice is refused, others are taken and change nothing (RED-6)", async () => {
  const { browser, idToken } = await world.signInTo(client);
  const twice = `${world.logoutUrl({ id_token_hint: idToken })}&state=a&state=b`;
  expect((await browser.open(twice)).status).toBe(400);
  const more = { logout_hint: "somebody@else.example", ui_locales: "de fr", unknown: "1" };
  expect(isSignedOut(await browser.open(world.logoutUrl({ id_token_hint: idToken, ...more })))).toBe(true);
});

const unasked = [
  { name: "(cert 10 oidcc-rp-initiated-logout-no-params)", parameters: {} },
  { name: "(cert 10 oidcc-rp-initiated-logout-only-state)", parameters: { state: STATE } },
];
test.each(unasked)("asks the person, who then sees that they are signed out $name (BRO-9)", async ({ parameters }) => {
  const { browser } = await world.signInTo(client);
  const question = await browser.open(world.logoutUrl(parameters));
  expect(isConfirmation(question)).toBe(true);
  expect(question.text).toContain(PERSON.email);
  expect(await world.silent(browser, client)).toBeNull();
  const done = await confirm(browser, question);
  expect([isSignedOut(done), done.url.origin, done.headers.get("refresh")]).toEqual([
    true,
    new URL(world.issuer).origin,
    null,
  ]);
  expect(await world.silent(browser, client)).toBe("login_required");
});

test("with a hint alone the person is signed out and told so (cert 10 oidcc-rp-initiated-logout-no-post-logout-redirect-uri)", async () => {
  const { browser, idToken } = await world.signInTo(client);
  const page = await browser.open(world.logoutUrl({ id_token_hint: idToken, state: STATE }));
  expect([isSignedOut(page), page.url.pathname]).toEqual([true, "/dex/logout"]);
  expect(await world.silent(browser, client)).toBe("login_required");
});

test("without a hint a client that says who it is gets the person back only after they agreed", async () => {
  const { browser } = await world.signInTo(client);
  const parameters = { client_id: client.id, post_logout_redirect_uri: POST_LOGOUT, state: STATE };
  const question = await browser.open(world.logoutUrl(parameters));
  expect(isConfirmation(question)).toBe(true);
  const done = await confirm(browser, question);
  expect(done.headers.get("refresh")).toBe(`1;url=${POST_LOGOUT}?state=${STATE}`);
  expect(done.text).toContain(`id="continue" href="${POST_LOGOUT}?state=${STATE}"`);
  expect(await world.silent(browser, client)).toBe("login_required");
  // Nobody is signed in now: there is nothing to agree to, and no page that sends people elsewhere by itself.
  const nobody = await browser.open(world.logoutUrl(parameters));
  expect([nobody.status, nobody.headers.get("refresh"), nobody.url.pathname]).toEqual([200, null, "/dex/logout"]);
  expect(nobody.text).toContain('id="continue"');
});

test("a hint of somebody else's session signs nobody out unasked (BRO-9)", async () => {
  const user = { email: "eve@example.com", password: "another horse battery staple" };
  const eve = await addPerson(user);
  const ada = await world.signInTo(client);
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const page = await browser.open(world.authorizationUrl());
  await browser.submit(page, { login: user.email, password: user.password }, { formId: "login-form" });
  const asked = await browser.open(world.logoutUrl({ id_token_hint: ada.idToken }));
  expect(isConfirmation(asked)).toBe(true);
  expect(claimsOf(ada.idToken).sub).not.toBe(eve);
  expect(await world.silent(browser, client)).toBeNull();
  expect(await world.silent(ada.browser, client)).toBeNull();
});

test("who is signed out already goes back as well, and the hint may have expired or its session ended", async () => {
  const { browser, idToken } = await world.signInTo(client);
  const url = world.logoutUrl({ id_token_hint: idToken, post_logout_redirect_uri: POST_LOGOUT, state: "x" });
  for (let again = 0; again < 3; again += 1) expect((await browser.open(url)).url.href).toBe(`${POST_LOGOUT}?state=x`);
  const stranger = openFormBrowser({ stopAt: [REDIRECT_URI] });
  expect((await stranger.open(url)).url.href).toBe(`${POST_LOGOUT}?state=x`);
});

test("the answer counts only from our own page, for this session and this request (BRO-2, BRO-9)", async () => {
  const { browser } = await world.signInTo(client);
  const question = await browser.open(world.logoutUrl());
  const fields = (page: Page) => ({
    form_token: /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? "",
    request: /name="request" value="([^"]+)"/.exec(page.text)?.[1] ?? "",
  });
  const send = (body: Record<string, string>, headers: Record<string, string> = { "Sec-Fetch-Site": "same-origin" }) =>
    browser.request(`${world.issuer}/logout/confirm`, { method: "POST", body: new URLSearchParams(body), headers });
  const right = fields(question);
  const elsewhere = fields(
    await browser.open(world.logoutUrl({ client_id: client.id, post_logout_redirect_uri: POST_LOGOUT })),
  );
  const foreign = fields(
    await (async () => {
      const stranger = await world.signInTo(client);
      return stranger.browser.open(world.logoutUrl());
    })(),
  );
  expect((await send(right, { "Sec-Fetch-Site": "cross-site" })).status).toBe(403);
  expect((await send(right, { Origin: "https://evil.example" })).status).toBe(403);
  expect((await send({ ...right, form_token: "" })).status).toBe(403);
  expect((await send({ ...right, form_token: foreign.form_token })).status).toBe(403);
  expect((await send({ ...right, request: elsewhere.request })).status).toBe(403);
  expect((await send({ ...right, request: "forged" })).status).toBe(400);
  expect(await world.silent(browser, client)).toBeNull();
  expect((await send(right)).status).toBe(200);
  expect(await world.silent(browser, client)).toBe("login_required");
});

test("two tabs that sign out at once both arrive", async () => {
  const { browser, idToken } = await world.signInTo(client);
  const url = world.logoutUrl({ id_token_hint: idToken, post_logout_redirect_uri: POST_LOGOUT });
  const answers = await Promise.all(Array.from({ length: 6 }, () => browser.request(url)));
  expect(answers.map(({ status, headers }) => [status, headers.get("location")])).toEqual(
    Array.from({ length: 6 }, () => [303, POST_LOGOUT]),
  );
});

async function addPerson({ email, password }: { email: string; password: string }): Promise<string> {
  const { makePasswordHasher, newUserId } = await import("@dex/users");
  const { systemRandom } = await import("@dex/runtime");
  const hasher = makePasswordHasher({ threads: 1 });
  const id = newUserId(systemRandom);
  const user = { id, email, emailVerified: true, displayName: "Eve", admin: false, createdAt: new Date() };
  const actor = { kind: "dexctl", id: undefined, address: undefined } as const;
  await world.storage.users.createLocal(user, await hasher.hash(password), "local", actor);
  await hasher.close();
  return id;
}
