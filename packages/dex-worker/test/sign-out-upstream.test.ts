// Signing out here, and then where the session came from: real providers, providers that do not answer, and whatever else
// comes to the address that they send browsers to.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import {
  openBrowser,
  openSamlSigner,
  type Page,
  type RunningOidcProvider,
  type RunningSimpleSaml,
  readForm,
  startOidcProvider,
  startSimpleSaml,
} from "@dex/testing";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type AccountWorld, LOCAL_AND_WORK, makeAccountWorld, tokenOf } from "./account-world.ts";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let world: AccountWorld;
let provider: RunningOidcProvider;
let idp: RunningSimpleSaml;
const keys = openSamlSigner();
const PASSWORD = "foo of grace";
const CLIENT = { clientId: "dex", clientSecret: "a secret of upstream" };
const jane = { sub: "jane-1", claims: { email: "jane@example.com", email_verified: true, name: "Jane" } };
const joan = { sub: "joan-1", claims: { email: "joan@example.com", email_verified: true, name: "Joan" } };

const at = (id: string, what: "callback" | "signed-out") => `${worker.issuer}/auth/${id}/${what}`;
const via = (connectorId: string) =>
  worker.authorizationUrl({ connector_id: connectorId, scope: "openid email profile" });

/** Whatever there is, and one more at an address. */
const configure = (...more: { id: string; type: string; config: Record<string, string> }[]) =>
  worker.setConnectors([
    ...LOCAL_AND_WORK,
    {
      id: "up",
      type: "oidc",
      config: {
        issuer: provider.issuer,
        clientID: CLIENT.clientId,
        clientSecret: CLIENT.clientSecret,
        name: "Upstream",
      },
    },
    {
      id: "corp",
      type: "saml",
      config: {
        ...{ name: "Corporate", ssoURL: idp.ssoUrl, sloURL: idp.sloUrl, ssoIssuer: idp.entityId },
        ...{ caData: Buffer.from(idp.certificate).toString("base64"), usernameAttr: "name", emailAttr: "mail" },
        ...{ privateKey: keys.privateKey, certificate: keys.certificate },
      },
    },
    ...more,
  ]);

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  world = makeAccountWorld(worker);
  provider = await startOidcProvider({
    clients: [{ ...CLIENT, redirectUris: [at("up", "callback")], postLogoutRedirectUris: [at("up", "signed-out")] }],
    users: [jane],
  });
  const attributes = { uid: ["g-1"], name: ["Grace Hopper"], mail: ["grace@example.com"] };
  idp = await startSimpleSaml({
    people: [{ login: "grace", password: PASSWORD, attributes }],
    clients: [
      {
        ...{ entityId: at("corp", "callback"), callbackUrl: at("corp", "callback") },
        ...{ signedOutUrl: at("corp", "signed-out"), logoutSignedBy: keys.certificate },
      },
    ],
  });
  await configure();
});
afterAll(async () => {
  keys.close();
  await idp?.close();
  await provider?.close();
  await worker?.close();
});

type Browser = ReturnType<TestWorker["browser"]>;
const forget = (browser: Browser) => browser.cookies.delete(world.cookieName);

async function openAccount(browser: Browser): Promise<Page> {
  const account = await browser.open(world.account);
  if (!account.text.includes("sign-out-form")) throw new Error(`no account at ${account.url}: ${account.text}`);
  return account;
}

/** The page that leads on to the upstream. */
async function signOutHere(browser: Browser): Promise<Page> {
  return browser.submit(await openAccount(browser), {}, { formId: "sign-out-form" });
}

async function whoSignsIn(browser: Browser): Promise<string> {
  const end = await browser.open(via("up"));
  const code = end.url.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
  return JSON.parse(Buffer.from(body.id_token?.split(".")[1] ?? "", "base64url").toString()).name;
}

describe("signing out at an OpenID provider", () => {
  test("ends our session first, and then the one there: it asks again who it is (C 161, BRO-9)", async () => {
    const browser = worker.browser();
    provider.users.splice(0, 2, jane);
    expect(await whoSignsIn(browser)).toBe("Jane");
    provider.users.splice(0, 2, joan, jane); // whoever signs in there from now on is Joan
    forget(browser);
    expect(await whoSignsIn(browser)).toBe("Jane"); // it still knows her

    const session = browser.cookies.get(world.cookieName) ?? "";
    const onward = await signOutHere(browser);
    expect(onward.text).toContain("<h1>You are signed out here</h1>");
    expect(browser.cookies.has(world.cookieName)).toBe(false);
    const thief = worker.browser();
    thief.cookies.set(world.cookieName, session);
    expect((await thief.open(world.account)).text).not.toContain("sign-out-form");

    const { fields } = readForm(onward, "continue-form");
    expect(fields.get("post_logout_redirect_uri")).toBe(at("up", "signed-out"));
    const question = await browser.submit(onward, {}, { formId: "continue-form" });
    const back = await browser.submit(question, { logout: "yes" });
    expect([back.status, back.url.pathname]).toEqual([200, "/dex/auth/up/signed-out"]);
    expect(back.text).toContain('id="upstream-signed-out"');
    expect(back.text).toContain("Upstream");
    expect(await whoSignsIn(browser)).toBe("Joan");
    expect(provider.refusals).toEqual([]);
  });

  test("reads one thing more than signing out here alone, and only where there is somewhere to go", async () => {
    const ada = await world.newSomebody();
    const [local, work] = [await world.signIn(ada), await world.signIn(ada, { connectorId: "up" })];
    const statements = async (browser: Browser) => {
      const page = await openAccount(browser);
      worker.takeStatements();
      await world.post(browser, "/sign-out", { form_token: tokenOf(page) });
      return worker.takeStatements();
    };
    const plain = await statements(local);
    expect(plain).not.toContain("ownAccount.remoteIds");
    expect(await statements(work)).toEqual([...plain, "ownAccount.remoteIds"]);
  });

  test("nobody but us says where it leads and where it comes back to (RED-1, BRO-9)", async () => {
    const browser = worker.browser();
    await browser.open(via("up"));
    const page = await openAccount(browser);
    expect((await browser.request(`${world.account}/sign-out`)).status).toBe(405);
    const evil = "https://evil.example/";
    const fields = { form_token: tokenOf(page), post_logout_redirect_uri: evil, returnTo: evil, state: evil };
    const foreign = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect((await world.post(browser, "/sign-out", fields, foreign)).status).toBe(403);
    await openAccount(browser);
    const onward = await world.post(browser, `/sign-out?post_logout_redirect_uri=${evil}`, fields);
    const policy = onward.headers.get("content-security-policy") ?? "";
    expect(policy).toContain(`form-action 'self' ${new URL(provider.issuer).origin}`);
    const text = await onward.text();
    expect(text).not.toContain("evil.example");
    expect(text).toContain(at("up", "signed-out"));
  });
});

describe("signing out at a real SimpleSAMLphp", () => {
  const goThere = async (browser: Browser) =>
    browser.submit(await browser.open(via("corp")), {}, { formId: "continue-form" });
  const asksForPassword = (page: Page) => page.text.includes('type="password"');

  async function signIn(browser: Browser): Promise<void> {
    const form = await goThere(browser);
    expect(asksForPassword(form)).toBe(true);
    const answer = await browser.submit(form, { username: "grace", password: PASSWORD });
    const end = await browser.submit(answer);
    expect(end.url.searchParams.has("code")).toBe(true);
  }

  test("ends the session there by a signed LogoutRequest: a new sign-in asks for the password (SAM-9)", async () => {
    const browser = worker.browser();
    await signIn(browser);
    const session = browser.cookies.get(world.cookieName) ?? "";
    forget(browser);
    expect(asksForPassword(await goThere(browser))).toBe(false); // it still knows her
    browser.cookies.set(world.cookieName, session);

    const onward = await signOutHere(browser);
    const form = readForm(onward, "continue-form");
    expect([form.method, form.action.href]).toEqual(["GET", idp.sloUrl]);
    const back = await browser.submit(onward, {}, { formId: "continue-form" });
    expect(back.url.pathname, await idp.log()).toBe("/dex/auth/corp/signed-out");
    expect(back.url.searchParams.has("SAMLResponse")).toBe(true);
    expect(back.text).toContain('id="upstream-signed-out"');
    expect(asksForPassword(await goThere(browser))).toBe(true);
  });

  test("is not done by a request that somebody changed on its way", async () => {
    const browser = worker.browser();
    await signIn(browser);
    const onward = await signOutHere(browser);
    const page = await browser.submit(onward, { RelayState: "another" }, { formId: "continue-form" });
    expect(page.url.origin).toBe(new URL(idp.sloUrl).origin);
    expect(asksForPassword(await goThere(browser))).toBe(false);
  });

  test.each([true, false])("works in a real browser, with scripts: %s (BRO-8, BRO-10)", async (scripts) => {
    const chromium = await openBrowser();
    onTestFinished(() => chromium.close());
    const visitor = await chromium.newVisitor();
    const context = await visitor.context().browser()?.newContext({ javaScriptEnabled: scripts });
    const page = await context?.newPage();
    if (page === undefined) throw new Error("the browser is gone");
    page.setDefaultTimeout(10_000);
    const problems: string[] = [];
    page.on("console", (message) => void (message.type() === "error" && problems.push(message.text())));
    await page.goto(world.account);
    await page.locator("#connector-corp").click();
    if (!scripts) await page.locator("#continue").click();
    await page.locator("#username").fill("grace");
    await page.locator("#password").fill(PASSWORD);
    await page.locator("#password").press("Enter");
    if (!scripts) {
      await page.locator("button[type=submit].btn").click();
      await page.locator("#continue").click();
    }
    await page.locator("#sign-out").click();
    if (!scripts) await page.locator("#continue").click();
    await page.locator("#upstream-signed-out").waitFor();
    expect(problems.filter((text) => text.includes("Content Security Policy"))).toEqual([]);
    await page.locator("#sign-in-again").click();
    await page.locator("#connector-corp").click();
    if (!scripts) await page.locator("#continue").click();
    await page.locator("#password").waitFor();
  });

  test("metadata names the address for it", async () => {
    const body = await (await fetch(`${worker.issuer}/auth/corp/metadata`)).text();
    expect(body).toContain(`Location="${at("corp", "signed-out")}"`);
  });
});

describe("an upstream that cannot be asked keeps nobody signed in (OAU-2)", () => {
  async function signOutAt(connectorId: string, remoteId: string | undefined): Promise<Page> {
    const ada = await world.newSomebody();
    if (remoteId !== undefined) {
      const { sessionHash } = await world.signIn(ada);
      const owner = { userId: ada.userId, sessionHash, address: undefined };
      await worker.storage.ownAccounts.link(owner, { connectorId, remoteId }, new Date());
    }
    const browser = await world.signIn(ada, { connectorId });
    const page = await signOutHere(browser);
    expect((await world.read(ada))?.sessions.filter((one) => one.connectorId === connectorId)).toEqual([]);
    expect(browser.cookies.has(world.cookieName)).toBe(false);
    return page;
  }

  test.each([
    { what: "is not there", id: "work", remoteId: "ada of work" },
    { what: "knows nobody of this name", id: "up", remoteId: undefined },
  ])("one that $what", async ({ id, remoteId }) => {
    const page = await signOutAt(id, remoteId);
    expect([page.status, page.url.href]).toEqual([200, at(id, "signed-out")]);
    expect(page.text).toContain("<h1>You are signed out</h1>");
    expect(page.text).toContain('id="upstream-may-know"');
  });

  test("one that does not answer, within six seconds", async () => {
    const silent = createServer((socket) => void socket.on("error", () => {})).listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => void silent.close());
    const issuer = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const config = { issuer, clientID: "dex", clientSecret: "s", name: "Silent" };
    await configure({ id: "silent", type: "oidc", config });
    const begun = performance.now();
    const page = await signOutAt("silent", "ada of silent");
    expect(performance.now() - begun).toBeLessThan(6500);
    expect(page.text).toContain('id="upstream-may-know"');
    expect(worker.log.join("\n")).toContain('not signed out upstream {"connectorId":"silent"');
  });
});

describe("the address that upstreams send browsers to", () => {
  const LOGOUT_REQUEST = encodeURIComponent(Buffer.from("<samlp:LogoutRequest/>").toString("base64"));
  const queries = [
    { what: "nothing", query: "" },
    { what: "a state that nobody made", query: "?state=AAAAAAAAAAAAAAAAAAAAAA" },
    { what: "a LogoutRequest", query: `?SAMLRequest=${LOGOUT_REQUEST}&RelayState=x` },
    { what: "a LogoutResponse", query: `?SAMLResponse=${LOGOUT_REQUEST}&Signature=x` },
    { what: "what is no query", query: "?state=%ff%&state=1&state[]=2&%00=\\" },
    { what: "an address to go on to", query: "?state=https://evil.example/&RelayState=//evil.example" },
    { what: "a page", query: "?state=<script>alert(1)</script>" },
  ];
  test.each(queries)("shows a page for $what, reads nothing and ends nothing (SAM-9, BRO-11)", async ({ query }) => {
    const browser = await world.signIn(await world.newSomebody(), { connectorId: "up" });
    for (const visitor of [browser, worker.browser()]) {
      worker.takeStatements();
      const page = await visitor.request(`${at("corp", "signed-out")}${query}`);
      expect(page.status).toBe(200);
      const text = await page.text();
      expect(text).not.toMatch(/<script|evil\.example|upstream-signed-out/);
      expect(text).toContain(visitor === browser ? "Nothing was changed here" : 'id="upstream-may-know"');
      expect(page.headers.getSetCookie()).toEqual([]);
      expect(worker.takeStatements()).toEqual([]);
    }
    await openAccount(browser);
  });

  test.each([
    { what: "a LogoutRequest", type: "application/x-www-form-urlencoded", body: `SAMLRequest=${LOGOUT_REQUEST}` },
    { what: "too much", type: "application/x-www-form-urlencoded", body: "a".repeat(3_000_000) },
    { what: "what is no form", type: "application/json", body: "{" },
  ])("leads a POST of $what to the page, without a look at it (NET-6)", async ({ type, body }) => {
    const headers = { "Content-Type": type, Origin: "https://idp.example", "Sec-Fetch-Site": "cross-site" };
    const posted = await fetch(at("corp", "signed-out"), { method: "POST", headers, body, redirect: "manual" });
    expect([posted.status, posted.headers.get("location")]).toEqual([303, "/dex/auth/corp/signed-out"]);
  });

  test.each(["nobody", "local", "a%0D%0Ab", "%2Fevil.example"])(
    "shows the plain page for %s, which signs nobody out",
    async (id) => {
      const response = await fetch(`${worker.issuer}/auth/${id}/signed-out?state=x`);
      expect(response.status).toBe(200);
      expect(await response.text()).not.toContain("upstream-");
      const posted = await fetch(`${worker.issuer}/auth/${id}/signed-out`, { method: "POST", redirect: "manual" });
      expect(posted.headers.get("location")).toBe(`/dex/auth/${id}/signed-out`);
    },
  );

  test("believes a state once, of the browser that left with it, and from where it was sent to (MIX-1)", async () => {
    const browser = worker.browser();
    await browser.open(via("up"));
    const onward = await signOutHere(browser);
    const state = readForm(onward, "continue-form").fields.get("state") ?? "";
    expect(state).toMatch(/^[\w-]{22}$/);
    const come = async (who: Browser, id: string) => (await who.open(`${at(id, "signed-out")}?state=${state}`)).text;
    expect(await come(worker.browser(), "up")).toContain("upstream-may-know");
    expect(await come(browser, "corp")).toContain("upstream-may-know");
    expect(await come(browser, "up")).toContain("upstream-signed-out");
    expect(await come(browser, "up")).toContain("upstream-may-know");
  });
});
