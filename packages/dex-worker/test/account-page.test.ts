// "Your account" over a whole worker: what it shows, what can be changed, and what others cannot change.
import { randomBytes } from "node:crypto";
import { addSeconds, sha256, systemRandom } from "@dex/runtime";
import { type FormBrowser, type Page, readForm } from "@dex/testing";
import { newUserId } from "@dex/users";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeCookieNames } from "../src/middleware/cookies.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const NEW_PASSWORD = "another horse on the roof";

let worker: TestWorker;
let account: string;
beforeAll(async () => {
  worker = await openTestWorker();
  account = `${worker.issuer}/account`;
});
afterAll(() => worker.close());

interface Somebody {
  readonly userId: string;
  readonly email: string;
}
let ada: Somebody;
beforeEach(async () => {
  await worker.setConnectors([{ id: "local", type: "local", config: {} }]);
  ada = await newSomebody();
});

async function newSomebody(): Promise<Somebody> {
  const id = newUserId(systemRandom);
  const email = `ada-${id}@example.com`;
  const user = { id, email, emailVerified: false, displayName: "Ada", admin: false, createdAt: new Date() };
  // The password of PERSON: hashed once for all of them.
  await worker.storage.users.createLocal(user, await hashOfPerson(), "local", ACTOR);
  return { userId: id, email };
}

let personHash: Promise<string> | undefined;
function hashOfPerson(): Promise<string> {
  const read = async () => {
    const attempt = await worker.storage.passwords.beginAttempt(PERSON.email, "192.0.2.1", 60, new Date());
    return attempt.candidate?.passwordHash ?? "";
  };
  personHash ??= read();
  return personHash;
}

/** A browser that is signed in, since so many seconds. */
async function signedIn(
  somebody: Somebody = ada,
  { secondsAgo = 0, connectorId = "local" } = {},
): Promise<FormBrowser & { readonly sessionHash: Buffer }> {
  const id = randomBytes(32);
  const now = new Date();
  const authTime = addSeconds(now, -secondsAgo);
  const rest = { amr: ["pwd"], groups: undefined, preferredUsername: undefined, userAgent: FIREFOX };
  await worker.storage.signIns.signIn({
    session: {
      hash: sha256(id),
      userId: somebody.userId,
      connectorId,
      authTime,
      ...rest,
      idleExpiresAt: addSeconds(now, 3600),
      expiresAt: addSeconds(now, 3600),
    },
    code: undefined,
    replaces: undefined,
    rightPassword: undefined,
  });
  const browser = worker.browser();
  browser.cookies.set(cookieName(), id.toString("base64url"));
  return { ...browser, sessionHash: sha256(id) };
}
const cookieName = () => makeCookieNames(new URL(worker.issuer), worker.issuer).session;

/** Ada also signs in with Work, which is configured by an address where nobody listens. */
async function linkWork(): Promise<void> {
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    {
      id: "work",
      type: "oidc",
      config: { issuerURL: "http://127.0.0.1:9", clientID: "c", clientSecret: "s", name: "Work" },
    },
  ]);
  const { sessionHash } = await signedIn();
  const owner = { userId: ada.userId, sessionHash, address: undefined };
  const remoteId = `work of ${ada.userId}`;
  expect(await worker.storage.ownAccounts.link(owner, { connectorId: "work", remoteId }, new Date())).toBe("done");
  await worker.storage.ownAccounts.endSession(owner, sessionHash, new Date());
}

const overview = () => worker.storage.ownAccounts.read(ada.userId, new Date(), 3600);
const isSignInPage = (page: Page) => page.text.includes("<h1>Sign in</h1>");
const hrefOf = (page: Page, idStart: string) => {
  const found = new RegExp(`<a [^>]*id="${idStart}[^"]*"[^>]*href="([^"]*)"`).exec(page.text)?.[1];
  if (found === undefined) throw new Error(`no link ${idStart} at ${page.url.href}`);
  return new URL(found.replaceAll("&amp;", "&"), page.url);
};
const formIdOf = (page: Page, idStart: string) =>
  new RegExp(`<form id="(${idStart}[^"]*)"`).exec(page.text)?.[1] ?? `no ${idStart}`;
/** Posts the fields as the page's own form would, with what the test puts over them. */
async function post(browser: FormBrowser, path: string, fields: Record<string, string>, headers = {}) {
  const origin = new URL(worker.issuer).origin;
  return browser.request(`${account}${path}`, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { Origin: origin, "Sec-Fetch-Site": "same-origin", ...headers },
  });
}
const tokenOf = (page: Page) => readForm(page, "account-form").fields.get("form_token") ?? "";

test("whoever is not signed in signs in first and comes back, in a session that knows the browser (BRO-1)", async () => {
  const browser = worker.browser();
  const login = await browser.open(account);
  expect(isSignInPage(login)).toBe(true);
  const page = await browser.submit(login, { login: ada.email, password: PERSON.password }, { formId: "login-form" });
  expect([page.status, page.url.href]).toEqual([200, account]);
  expect(page.text).toContain(ada.email);
  expect((await overview())?.sessions).toMatchObject([{ connectorId: "local", userAgent: expect.stringMatching(/./) }]);
});

test("the page shows the account in two round trips, without a script, never stored nor framed (BRO-10)", async () => {
  await linkWork();
  const browser = await signedIn();
  worker.takeStatements();
  const page = await browser.open(account);
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

test("names of applications, browsers and people are text on the page, never markup (BRO-11)", async () => {
  const evil = '"><script>alert(1)</script>';
  const client = await worker.addClient({ clientName: evil, trusted: true });
  const browser = await signedIn();
  await browser.open(authorize(client.id));
  const page = await browser.open(account);
  const saved = await browser.submit(page, { display_name: evil }, { formId: "account-form" });
  expect(saved.url.search).toBe("?notice=saved");
  expect((await overview())?.user.displayName).toBe(evil);
  for (const one of [saved, await browser.open(`${account}?notice=${encodeURIComponent(evil)}`)]) {
    expect(one.text).not.toContain("<script");
  }
  expect((await browser.open(`${account}?notice=constructor`)).text).not.toContain('id="notice"');
});

function authorize(clientId: string, more: Record<string, string> = {}): string {
  return worker.authorizationUrl({ client_id: clientId, ...more });
}

test("a disabled user's account page is one of nobody", async () => {
  const browser = await signedIn();
  const page = await browser.open(account);
  await worker.storage.userDirectory.setDisabled(ada.userId, true, ACTOR, new Date());
  expect(isSignInPage(await browser.open(account))).toBe(true);
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
    const [browser, bystander] = [await signedIn(), await signedIn()];
    const token = tokenOf(await browser.open(account));
    const before = await overview();
    const whole = { ...fields, form_token: token };
    const otherToken = tokenOf(await bystander.open(account));
    const stranger = tokenOf(await (await signedIn(await newSomebody())).open(account));
    const answers = [
      await post(browser, path, whole, { Origin: "https://evil.example" }),
      await post(browser, path, whole, { "Sec-Fetch-Site": "cross-site" }),
      await post(browser, path, fields),
      await post(browser, path, { ...fields, form_token: otherToken }),
      await post(browser, path, { ...fields, form_token: stranger }),
      await post(worker.browser(), path, whole),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403]);
    const after = await overview();
    expect({ ...after, sessions: after?.sessions.length }).toEqual({ ...before, sessions: before?.sessions.length });
  },
);

const sensitive = forms.filter(({ path }) => ["/password", "/email", "/unlink", "/end-other-sessions"].includes(path));
test.each(sensitive)("the form at $path needs a sign-in of the last ten minutes", async ({ path, fields }) => {
  const browser = await signedIn(ada, { secondsAgo: 1200 });
  const token = tokenOf(await browser.open(account));
  const before = await overview();
  const answer = await post(browser, path, { ...fields, form_token: token });
  expect([answer.status, answer.headers.get("location")]).toEqual([403, null]);
  expect(await answer.text()).toContain("Please sign in again");
  expect(await overview()).toEqual(before);
});

test.each(["/password", "/email", "/end-other-sessions"])(
  "the page %s asks an old session to sign in again, and comes back",
  async (path) => {
    const browser = await signedIn(ada, { secondsAgo: 1200 });
    const login = await browser.open(`${account}${path}`);
    expect(isSignInPage(login)).toBe(true);
    const page = await browser.submit(login, { login: ada.email, password: PERSON.password }, { formId: "login-form" });
    expect([page.status, page.url.href]).toEqual([200, `${account}${path}`]);
  },
);

async function changePassword(browser: FormBrowser, fields: Record<string, string>): Promise<Page> {
  const page = await browser.open(`${account}/password`);
  return browser.submit(page, fields, { formId: "change-password-form" });
}

test("a changed password signs in, the old one does not, and every other session ends (ACC-16, REF-12)", async () => {
  const [browser, other] = [await signedIn(), await signedIn()];
  const page = await changePassword(browser, {
    current_password: PERSON.password,
    new_password: NEW_PASSWORD,
    repeated_password: NEW_PASSWORD,
  });
  expect([page.status, page.url.search]).toEqual([200, "?notice=password-changed"]);
  expect(isSignInPage(await other.open(account))).toBe(true);
  const tryIt = async (password: string) => {
    const fresh = worker.browser();
    const login = await fresh.open(account);
    return (await fresh.submit(login, { login: ada.email, password }, { formId: "login-form" })).status;
  };
  expect([await tryIt(PERSON.password), await tryIt(NEW_PASSWORD)]).toEqual([403, 200]);
});

const refusedPasswords = [
  { what: "a wrong present one", status: 403, fields: { current_password: "not this one, surely" } },
  { what: "no present one", status: 403, fields: { current_password: "" } },
  { what: "a short one", status: 400, fields: { new_password: "short", repeated_password: "short" } },
  { what: "two different ones", status: 400, fields: { repeated_password: `${NEW_PASSWORD}!` } },
  {
    what: "a common one",
    status: 400,
    fields: { new_password: "passwordpassword", repeated_password: "passwordpassword" },
  },
];
test.each(refusedPasswords)("$what changes nothing, and is said on the form (ACC-6)", async ({ status, fields }) => {
  const browser = await signedIn();
  const right = { current_password: PERSON.password, new_password: NEW_PASSWORD, repeated_password: NEW_PASSWORD };
  const before = await overview();
  const page = await changePassword(browser, { ...right, ...fields });
  expect(page.status).toBe(status);
  expect(page.text).toContain('role="alert"');
  expect(page.text).not.toContain(NEW_PASSWORD);
  expect((await overview())?.passwordChangedAt).toEqual(before?.passwordChangedAt);
});

test("guesses of the present password are throttled as at sign-in (ACC-5)", async () => {
  const browser = await signedIn();
  const guess = () =>
    changePassword(browser, {
      current_password: "not this one, surely",
      new_password: NEW_PASSWORD,
      repeated_password: NEW_PASSWORD,
    });
  const statuses: number[] = [];
  for (let tries = 0; tries < 8; tries++) statuses.push((await guess()).status);
  expect(statuses[0]).toBe(403);
  expect(statuses.at(-1)).toBe(429);
});

test("whoever has no password sets a first one, without a present one", async () => {
  await linkWork();
  const owner = { userId: ada.userId, sessionHash: (await signedIn()).sessionHash, address: undefined };
  await worker.storage.ownAccounts.unlink(owner, { connectorId: "local", remoteId: ada.userId }, new Date());
  const browser = await signedIn(ada, { connectorId: "work" });
  const form = await browser.open(`${account}/password`);
  expect(form.text).not.toContain("current_password");
  const page = await changePassword(browser, { new_password: NEW_PASSWORD, repeated_password: NEW_PASSWORD });
  expect(page.url.search).toBe("?notice=password-set");
  expect((await overview())?.identities.map(({ connectorId }) => connectorId)).toEqual(["local", "work"]);
});

test("an identity is removed after a question, and the last one cannot be (ACC-13)", async () => {
  await linkWork();
  const [browser, through] = [await signedIn(), await signedIn(ada, { connectorId: "work" })];
  const page = await browser.open(account);
  const work = (await overview())?.identities.find(({ connectorId }) => connectorId === "work");
  expect(page.text).not.toContain(work?.remoteId);
  const handles = [...page.text.matchAll(/id="remove-identity-([^"]*)"/g)].map(([, handle]) => handle ?? "");
  expect(handles).toHaveLength(2);
  const question = await browser.open(`${account}/unlink?identity=${handles[1]}`);
  expect(question.text).toContain("Remove Work?");
  const done = await browser.submit(question, {}, { formId: "unlink-form" });
  expect(done.url.search).toBe("?notice=unlinked");
  expect(isSignInPage(await through.open(account))).toBe(true);
  expect(done.text).toContain("your only way to sign in");
  expect(done.text).not.toContain("remove-identity-");
  const last = await browser.request(`${account}/unlink?identity=${handles[0]}`);
  expect(last.status).toBe(409);
  const token = tokenOf(await browser.open(account));
  expect((await post(browser, "/unlink", { form_token: token, identity: handles[0] ?? "" })).status).toBe(409);
  expect((await overview())?.identities).toHaveLength(1);
});

test("whoever removes the identity that this browser signed in with is signed out", async () => {
  await linkWork();
  const browser = await signedIn(ada, { connectorId: "work" });
  const page = await browser.open(account);
  const handles = [...page.text.matchAll(/id="remove-identity-([^"]*)"/g)].map(([, handle]) => handle ?? "");
  const question = await browser.open(`${account}/unlink?identity=${handles[1]}`);
  const out = await browser.submit(question, {}, { formId: "unlink-form" });
  expect([out.status, out.url.pathname]).toEqual([200, "/dex/account/signed-out"]);
  expect(browser.cookies.has(cookieName())).toBe(false);
});

test("two browsers that remove the last two identities at once leave one (ACC-13)", async () => {
  await linkWork();
  // Sessions of a connector that neither of the two ends.
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "third", type: "local", config: {} },
    { id: "work", type: "oidc", config: { issuerURL: "http://127.0.0.1:9", clientID: "c", clientSecret: "s" } },
  ]);
  const browsers = [await signedIn(ada, { connectorId: "third" }), await signedIn(ada, { connectorId: "third" })];
  const pages = await Promise.all(browsers.map((one) => one.open(account)));
  const handles = [...(pages[0]?.text ?? "").matchAll(/id="remove-identity-([^"]*)"/g)].map(([, one]) => one ?? "");
  const answers = await Promise.all(
    browsers.map((one, index) => {
      const page = pages[index] as Page;
      return post(one, "/unlink", { form_token: tokenOf(page), identity: handles[index] ?? "" });
    }),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 409]);
  expect((await overview())?.identities).toHaveLength(1);
});

test("connecting an identity needs a recent sign-in and a connector that can be connected", async () => {
  await linkWork();
  const old = await signedIn(ada, { secondsAgo: 1200 });
  const page = await old.request(`${account}/link?connector=work`);
  expect(page.headers.get("location")).toContain("/login?flow=");
  const browser = await signedIn();
  for (const connector of ["local", "nobody", "", "work%00"]) {
    expect((await browser.request(`${account}/link?connector=${connector}`)).status).toBe(404);
  }
});

test("an application that loses its access has no token left, on any worker (P5, REF-12)", async () => {
  const client = await worker.addClient({ clientName: "Mail reader", trusted: true });
  const browser = await signedIn();
  const redirected = await browser.open(authorize(client.id, { scope: "openid email offline_access" }));
  const code = redirected.url.searchParams.get("code") ?? "";
  const grant = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
  const { body } = await worker.token(grant, client);
  const userinfo = () =>
    fetch(`${worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${body.access_token}` } });
  expect((await userinfo()).status).toBe(200);
  const page = await browser.open(account);
  expect(page.text).toContain("Mail reader");
  expect(page.text).toContain("Keep access while you are away");
  const done = await browser.submit(page, {}, { formId: `revoke-application-${client.id}` });
  expect(done.url.search).toBe("?notice=access-removed");
  expect(done.text).not.toContain("Mail reader");
  expect((await userinfo()).status).toBe(401);
  const refresh = { grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" };
  expect((await worker.token(refresh, client)).body.error).toBe("invalid_grant");
  expect((await post(browser, "/revoke-application", { form_token: tokenOf(done), client_id: client.id })).status).toBe(
    404,
  );
});

test("a session is ended by its owner and by nobody else (ACC-18)", async () => {
  const [browser, other] = [await signedIn(), await signedIn()];
  const eve = await signedIn(await newSomebody());
  const session = other.sessionHash.toString("base64url");
  const stolen = await post(eve, "/end-session", { form_token: tokenOf(await eve.open(account)), session });
  expect(stolen.status).toBe(404);
  const page = await browser.open(account);
  for (const garbage of ["", "x", "A".repeat(43), `${session}=`]) {
    expect((await post(browser, "/end-session", { form_token: tokenOf(page), session: garbage })).status).toBe(404);
  }
  expect(formIdOf(page, "end-session-")).toBe(`end-session-${session}`);
  const done = await browser.submit(page, {}, { formId: `end-session-${session}` });
  expect(done.url.search).toBe("?notice=session-ended");
  expect(isSignInPage(await other.open(account))).toBe(true);
});

test("signing out everywhere else keeps this browser alone (REF-12)", async () => {
  const [browser, other] = [await signedIn(), await signedIn()];
  const question = await browser.open(hrefOf(await browser.open(account), "end-other-sessions"));
  const done = await browser.submit(question, {}, { formId: "end-other-sessions-form" });
  expect(done.url.search).toBe("?notice=others-signed-out");
  expect((await overview())?.sessions).toHaveLength(1);
  expect(isSignInPage(await other.open(account))).toBe(true);
});

test("signing out ends the session, not only its cookie (BRO-9)", async () => {
  const browser = await signedIn();
  const cookie = browser.cookies.get(cookieName()) ?? "";
  const page = await browser.open(account);
  const out = await browser.submit(page, {}, { formId: "sign-out-form" });
  expect([out.status, out.url.pathname]).toEqual([200, "/dex/account/signed-out"]);
  expect(browser.cookies.has(cookieName())).toBe(false);
  browser.cookies.set(cookieName(), cookie);
  expect(isSignInPage(await browser.open(account))).toBe(true);
});

test("a new address is asked for with the same answer, whether or not it is somebody's (ACC-2, ACC-15)", async () => {
  const browser = await signedIn();
  const ask = async (email: string) => {
    const form = await browser.open(`${account}/email`);
    return browser.submit(form, { email }, { formId: "change-email-form" });
  };
  const [taken, free] = [await ask(PERSON.email), await ask("nobody-has-this@example.com")];
  expect([taken.status, taken.url.search]).toEqual([200, "?notice=email-sent"]);
  expect([free.status, free.url.search]).toEqual([200, "?notice=email-sent"]);
  expect(free.text).toBe(taken.text);
  expect((await overview())?.user.email).toBe(ada.email);
});

const badAddresses = ["", "no address", "a@b, c@d", "x".repeat(5000), "Ada <a@b.example>"];
test.each(badAddresses)("%o is refused as a new address (ACC-10)", async (email) => {
  const browser = await signedIn();
  const form = await browser.open(`${account}/email`);
  const page = await browser.submit(form, { email }, { formId: "change-email-form" });
  expect(page.status).toBe(400);
  expect(page.text).toContain("Please enter one email address.");
});

test("nobody has mail after mail sent to addresses of their choice", async () => {
  const browser = await signedIn();
  const page = await browser.open(account);
  const statuses: number[] = [];
  for (let sent = 0; sent < 7; sent++) {
    statuses.push((await post(browser, "/verify-email", { form_token: tokenOf(page) })).status);
  }
  expect(statuses).toEqual([303, 303, 303, 303, 303, 429, 429]);
});
