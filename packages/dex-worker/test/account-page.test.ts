// "Your account" over a whole worker: what it shows, what can be taken back, and what others cannot change.
import type { Page } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type AccountWorld,
  isSignInPage,
  LOCAL_AND_WORK,
  LOCAL_ONLY,
  makeAccountWorld,
  NEW_PASSWORD,
  removable,
  type Somebody,
  tokenOf,
} from "./account-world.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let world: AccountWorld;
let ada: Somebody;
beforeAll(async () => {
  worker = await openTestWorker();
  world = makeAccountWorld(worker);
});
afterAll(() => worker.close());
beforeEach(async () => {
  await worker.setConnectors(LOCAL_ONLY);
  ada = await world.newSomebody();
});

test("whoever is not signed in signs in first and comes back, in a session that knows the browser (BRO-1)", async () => {
  const browser = worker.browser();
  const login = await browser.open(world.account);
  expect(isSignInPage(login)).toBe(true);
  const page = await browser.submit(login, { login: ada.email, password: PERSON.password }, { formId: "login-form" });
  expect([page.status, page.url.href]).toEqual([200, world.account]);
  expect(page.text).toContain(ada.email);
  expect((await world.read(ada))?.sessions).toMatchObject([
    { connectorId: "local", userAgent: expect.stringMatching(/./) },
  ]);
});

test("the page shows the account in two round trips, without a script, never stored nor framed (BRO-10)", async () => {
  await world.linkWork(ada);
  const browser = await world.signIn(ada);
  worker.takeStatements();
  const page = await browser.open(world.account);
  expect(worker.takeStatements()).toEqual(["session.find", "ownAccount.read"]);
  for (const text of [
    ada.userId,
    ada.email,
    "not confirmed",
    "Work",
    "Firefox on Linux",
    "this browser",
    "Last changed",
  ]) {
    expect(page.text).toContain(text);
  }
  expect(page.text).not.toMatch(/<script|\son[a-z]+=|style="/i);
  expect(page.headers.get("cache-control")).toBe("no-store");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  const ids = [...page.text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("from the list of applications people get to where those begin a sign-in with us (OIDC Core §4)", async () => {
  const details = { initiate_login_uri: "https://rp.example/login?tenant=a&b=%22c" };
  const client = await worker.addClient({ clientName: "Books", trusted: true, details });
  const other = await worker.addClient({ clientName: "Has none", trusted: true });
  const browser = await world.signIn(ada);
  for (const one of [client, other]) {
    const end = await browser.open(authorize(one.id, { scope: "openid offline_access" }));
    const code = end.url.searchParams.get("code") ?? "";
    const grant = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
    expect((await worker.token(grant, one)).status).toBe(200);
  }
  const { text } = await browser.open(world.account);
  const [, href = ""] = /id="open-application-[^"]+" href="([^"]+)"/.exec(text) ?? [];
  const url = new URL(href.replaceAll("&amp;", "&"));
  expect([url.origin, url.pathname]).toEqual(["https://rp.example", "/login"]);
  expect(Object.fromEntries(url.searchParams)).toEqual({ tenant: "a", b: '"c', iss: worker.issuer });
  expect(text).toContain("Has none");
  expect(text.match(/id="open-application-/g)).toHaveLength(1);
});

test("names of applications, browsers and people are text on the page, never markup (BRO-11)", async () => {
  const evil = '"><script>alert(1)</script>';
  const client = await worker.addClient({ clientName: evil, trusted: true });
  const browser = await world.signIn(ada);
  await browser.open(authorize(client.id));
  const page = await browser.open(world.account);
  const saved = await browser.submit(page, { display_name: evil }, { formId: "account-form" });
  expect(saved.url.search).toBe("?notice=saved");
  expect((await world.read(ada))?.user.displayName).toBe(evil);
  for (const one of [saved, await browser.open(`${world.account}?notice=${encodeURIComponent(evil)}`)]) {
    expect(one.text).not.toContain("<script");
  }
  expect((await browser.open(`${world.account}?notice=constructor`)).text).not.toContain('id="notice"');
});

function authorize(clientId: string, more: Record<string, string> = {}): string {
  return worker.authorizationUrl({ client_id: clientId, ...more });
}

test("a disabled user's account page is one of nobody", async () => {
  const browser = await world.signIn(ada);
  const page = await browser.open(world.account);
  await worker.storage.userDirectory.setDisabled(
    ada.userId,
    true,
    { kind: "dexctl", id: undefined, address: undefined },
    new Date(),
  );
  expect(isSignInPage(await browser.open(world.account))).toBe(true);
  expect((await browser.submit(page, {}, { formId: "account-form" })).status).toBe(403);
});

// Every form of the account, with the fields that would make it succeed.
const forms = [
  { path: "/profile", fields: { display_name: "Eve" } },
  {
    path: "/password",
    fields: { current_password: PERSON.password, new_password: NEW_PASSWORD, repeated_password: NEW_PASSWORD },
  },
  { path: "/email", fields: { email: "eve@example.com" } },
  { path: "/verify-email", fields: {} },
  { path: "/unlink", fields: { identity: "x" } },
  { path: "/revoke-application", fields: { client_id: "x" } },
  { path: "/end-session", fields: { session: "x" } },
  { path: "/end-other-sessions", fields: {} },
  { path: "/sign-out", fields: {} },
];
test.each(forms)(
  "the form at $path is refused from elsewhere, without its token and without its session (BRO-2)",
  async ({ path, fields }) => {
    const [browser, bystander] = [await world.signIn(ada), await world.signIn(ada)];
    const token = tokenOf(await browser.open(world.account));
    const before = await world.read(ada);
    const whole = { ...fields, form_token: token };
    const otherToken = tokenOf(await bystander.open(world.account));
    const stranger = tokenOf(await (await world.signIn(await world.newSomebody())).open(world.account));
    const answers = [
      await world.post(browser, path, whole, { Origin: "https://evil.example" }),
      await world.post(browser, path, whole, { "Sec-Fetch-Site": "cross-site" }),
      await world.post(browser, path, fields),
      await world.post(browser, path, { ...fields, form_token: otherToken }),
      await world.post(browser, path, { ...fields, form_token: stranger }),
      await world.post(worker.browser(), path, whole),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403]);
    const after = await world.read(ada);
    expect({ ...after, sessions: after?.sessions.length }).toEqual({ ...before, sessions: before?.sessions.length });
  },
);

const sensitive = forms.filter(({ path }) => ["/password", "/email", "/unlink", "/end-other-sessions"].includes(path));
test.each(sensitive)("the form at $path needs a sign-in of the last ten minutes", async ({ path, fields }) => {
  const browser = await world.signIn(ada, { secondsAgo: 1200 });
  const token = tokenOf(await browser.open(world.account));
  const before = await world.read(ada);
  const answer = await world.post(browser, path, { ...fields, form_token: token });
  expect([answer.status, answer.headers.get("location")]).toEqual([403, null]);
  expect(await answer.text()).toContain("Please sign in again");
  expect(await world.read(ada)).toEqual(before);
});

test.each(["/password", "/email", "/end-other-sessions"])(
  "the page %s asks an old session to sign in again, and comes back",
  async (path) => {
    const browser = await world.signIn(ada, { secondsAgo: 1200 });
    const login = await browser.open(`${world.account}${path}`);
    expect(isSignInPage(login)).toBe(true);
    const page = await browser.submit(login, { login: ada.email, password: PERSON.password }, { formId: "login-form" });
    expect([page.status, page.url.href]).toEqual([200, `${world.account}${path}`]);
  },
);

test("an identity is removed after a question, and the last one cannot be (ACC-13)", async () => {
  await world.linkWork(ada);
  const [browser, through] = [await world.signIn(ada), await world.signIn(ada, { connectorId: "work" })];
  const page = await browser.open(world.account);
  const work = (await world.read(ada))?.identities.find(({ connectorId }) => connectorId === "work");
  expect(page.text).not.toContain(work?.remoteId);
  const handles = removable(page);
  expect(handles).toHaveLength(2);
  const question = await browser.open(`${world.account}/unlink?identity=${handles[1]}`);
  expect(question.text).toContain("Remove Work?");
  const done = await browser.submit(question, {}, { formId: "unlink-form" });
  expect(done.url.search).toBe("?notice=unlinked");
  expect(isSignInPage(await through.open(world.account))).toBe(true);
  expect(done.text).toContain("your only way to sign in");
  expect(done.text).not.toContain("remove-identity-");
  const last = await browser.request(`${world.account}/unlink?identity=${handles[0]}`);
  expect(last.status).toBe(409);
  const token = tokenOf(await browser.open(world.account));
  expect((await world.post(browser, "/unlink", { form_token: token, identity: handles[0] ?? "" })).status).toBe(409);
  expect((await world.read(ada))?.identities).toHaveLength(1);
});

test("whoever removes the identity that this browser signed in with is signed out", async () => {
  await world.linkWork(ada);
  const browser = await world.signIn(ada, { connectorId: "work" });
  const page = await browser.open(world.account);
  const handles = removable(page);
  const question = await browser.open(`${world.account}/unlink?identity=${handles[1]}`);
  const out = await browser.submit(question, {}, { formId: "unlink-form" });
  expect([out.status, out.url.pathname]).toEqual([200, "/dex/account/signed-out"]);
  expect(browser.cookies.has(world.cookieName)).toBe(false);
});

test("two browsers that remove the last two identities at once leave one (ACC-13)", async () => {
  await world.linkWork(ada);
  // Sessions of a connector that neither of the two ends.
  await worker.setConnectors([...LOCAL_AND_WORK, { id: "third", type: "local", config: {} }]);
  const browsers = [
    await world.signIn(ada, { connectorId: "third" }),
    await world.signIn(ada, { connectorId: "third" }),
  ];
  const pages = await Promise.all(browsers.map((one) => one.open(world.account)));
  const handles = removable(pages[0] as Page);
  const answers = await Promise.all(
    browsers.map((one, index) => {
      const page = pages[index] as Page;
      return world.post(one, "/unlink", { form_token: tokenOf(page), identity: handles[index] ?? "" });
    }),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 409]);
  expect((await world.read(ada))?.identities).toHaveLength(1);
});

test("connecting an identity needs a recent sign-in and a connector that can be connected", async () => {
  await world.linkWork(ada);
  const old = await world.signIn(ada, { secondsAgo: 1200 });
  const page = await old.request(`${world.account}/link?connector=work`);
  expect(page.headers.get("location")).toContain("/login?flow=");
  const browser = await world.signIn(ada);
  for (const connector of ["local", "nobody", "", "work%00"]) {
    expect((await browser.request(`${world.account}/link?connector=${connector}`)).status).toBe(404);
  }
});

test("an application that loses its access has no token left, on any worker (P5, REF-12)", async () => {
  const client = await worker.addClient({ clientName: "Mail reader", trusted: true });
  const browser = await world.signIn(ada);
  const redirected = await browser.open(authorize(client.id, { scope: "openid email offline_access" }));
  const code = redirected.url.searchParams.get("code") ?? "";
  const grant = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
  const { body } = await worker.token(grant, client);
  const userinfo = () =>
    fetch(`${worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${body.access_token}` } });
  expect((await userinfo()).status).toBe(200);
  const page = await browser.open(world.account);
  expect(page.text).toContain("Mail reader");
  expect(page.text).toContain("Keep access while you are away");
  const done = await browser.submit(page, {}, { formId: `revoke-application-${client.id}` });
  expect(done.url.search).toBe("?notice=access-removed");
  expect(done.text).not.toContain("Mail reader");
  expect((await userinfo()).status).toBe(401);
  const refresh = { grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" };
  expect((await worker.token(refresh, client)).body.error).toBe("invalid_grant");
  expect(
    (await world.post(browser, "/revoke-application", { form_token: tokenOf(done), client_id: client.id })).status,
  ).toBe(404);
});

test("a session is ended by its owner and by nobody else (ACC-18)", async () => {
  const [browser, other] = [await world.signIn(ada), await world.signIn(ada)];
  const eve = await world.signIn(await world.newSomebody());
  const session = other.sessionHash.toString("base64url");
  const stolen = await world.post(eve, "/end-session", { form_token: tokenOf(await eve.open(world.account)), session });
  expect(stolen.status).toBe(404);
  const page = await browser.open(world.account);
  for (const garbage of ["", "x", "A".repeat(43), `${session}=`]) {
    expect((await world.post(browser, "/end-session", { form_token: tokenOf(page), session: garbage })).status).toBe(
      404,
    );
  }
  const done = await browser.submit(page, {}, { formId: `end-session-${session}` });
  expect(done.url.search).toBe("?notice=session-ended");
  expect(isSignInPage(await other.open(world.account))).toBe(true);
});

test("signing out everywhere else keeps this browser alone (REF-12)", async () => {
  const [browser, other] = [await world.signIn(ada), await world.signIn(ada)];
  const question = await browser.open(`${world.account}/end-other-sessions`);
  const done = await browser.submit(question, {}, { formId: "end-other-sessions-form" });
  expect(done.url.search).toBe("?notice=others-signed-out");
  expect((await world.read(ada))?.sessions).toHaveLength(1);
  expect(isSignInPage(await other.open(world.account))).toBe(true);
});

test("signing out ends the session, not only its cookie (BRO-9)", async () => {
  const browser = await world.signIn(ada);
  const cookie = browser.cookies.get(world.cookieName) ?? "";
  const page = await browser.open(world.account);
  const out = await browser.submit(page, {}, { formId: "sign-out-form" });
  expect([out.status, out.url.pathname]).toEqual([200, "/dex/account/signed-out"]);
  expect(browser.cookies.has(world.cookieName)).toBe(false);
  browser.cookies.set(world.cookieName, cookie);
  expect(isSignInPage(await browser.open(world.account))).toBe(true);
});
