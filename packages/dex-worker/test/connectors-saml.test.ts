import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import {
  openBrowser,
  openFormBrowser,
  openSamlSigner,
  type Page,
  type RunningSimpleSaml,
  readForm,
  samlResponse,
  startSimpleSaml,
} from "@dex/testing";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let idp: RunningSimpleSaml;
const ours = openSamlSigner();
const handmade = openSamlSigner();
const HANDMADE = "https://handmade.example/";
const PASSWORD = "foo of grace";
const PROXY_SECRET = "a-secret-of-a-proxy-and-of-nobody-else";
const encode = (pem: string) => Buffer.from(pem).toString("base64");

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  const at = (id: string) => `${worker.issuer}/auth/${id}/callback`;
  idp = await startSimpleSaml({
    people: [
      {
        login: "grace",
        password: PASSWORD,
        attributes: { uid: ["g-1"], name: ["Grace Hopper"], mail: ["grace@example.com"], groups: ["Admins", "Navy"] },
      },
      {
        login: "ida",
        password: PASSWORD,
        attributes: { uid: ["i-1"], name: ["Ida Rhodes"], mail: ["ida@example.com"] },
      },
      {
        login: "mary",
        password: PASSWORD,
        attributes: { uid: ["m-1"], name: ["Mary Hawes"], mail: ["mary@example.com"], groups: ["Admins"] },
      },
      { login: "joan", password: PASSWORD, attributes: { uid: ["j-1"], name: ["Joan"], mail: ["joan@example.com"] } },
    ],
    clients: [
      { entityId: at("corp"), callbackUrl: at("corp") },
      { entityId: "urn:dex:sealed", callbackUrl: at("sealed"), encryptTo: ours.certificate },
      { entityId: "urn:dex:shared", callbackUrl: `${worker.issuer}/callback`, signs: "assertion" },
    ],
  });
  const names = { usernameAttr: "name", emailAttr: "mail", groupsAttr: "groups" };
  const atIdp = { ...names, ssoURL: idp.ssoUrl, ssoIssuer: idp.entityId, caData: encode(idp.certificate) };
  const keys = { privateKey: ours.privateKey, certificate: ours.certificate };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "corp", type: "saml", config: { ...atIdp, name: "Corporate", allowedGroups: ["Navy"] } },
    { id: "sealed", type: "saml", config: { ...atIdp, ...keys, entityIssuer: "urn:dex:sealed" } },
    {
      id: "shared",
      type: "saml",
      config: { ...atIdp, entityIssuer: "urn:dex:shared", redirectURI: `${worker.issuer}/callback` },
    },
    { id: "lost", type: "saml", config: { ...atIdp, redirectURI: "https://old.example/callback" } },
    { id: "github", type: "github", config: { clientID: "dex", clientSecret: "canary" } },
    { id: "proxied", type: "authproxy", config: { trustedProxies: ["127.0.0.1"], proxySecret: PROXY_SECRET } },
    {
      id: "handmade",
      type: "saml",
      config: { ...names, ssoURL: `${HANDMADE}sso`, caData: encode(handmade.certificate) },
    },
  ]);
});
afterAll(async () => {
  for (const one of [ours, handmade]) one.close();
  await idp?.close();
  await worker?.close();
});

type Browser = ReturnType<TestWorker["browser"]>;
const via = (connectorId: string, more: Record<string, string> = {}) =>
  worker.authorizationUrl({ connector_id: connectorId, scope: "openid email profile groups", ...more });

/** Goes to the identity provider, signs in there, and returns the page that would post the answer to us. */
async function untilAnswer(browser: Browser, connectorId: string, login: string): Promise<Page> {
  const departure = await browser.open(via(connectorId));
  const form = await browser.submit(departure, {}, { formId: "continue-form" });
  return browser.submit(form, { username: login, password: PASSWORD });
}

/** Posts the page's form as another site's page would: without our cookies. */
async function postFromAfar(page: Page, fields: Record<string, string> = {}): Promise<Page> {
  const form = readForm(page);
  const body = new URLSearchParams([...form.fields]);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return post(form.action, body);
}

async function post(url: URL, body: URLSearchParams): Promise<Page> {
  const headers = { Origin: "https://idp.example", "Sec-Fetch-Site": "cross-site" };
  const response = await fetch(url, { method: "POST", body, headers, redirect: "manual" });
  return { status: response.status, url, headers: response.headers, text: await response.text() };
}

async function claimsOf(end: Page) {
  const code = end.url.searchParams.get("code") ?? "";
  if (code === "") throw new Error(`no code at ${end.url} (${end.status}): ${worker.log.slice(-3).join("\n")}`);
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
  const published = (await (await fetch(`${worker.issuer}/keys`)).json()) as JSONWebKeySet;
  const checks = { issuer: worker.issuer, audience: worker.client.id };
  return (await jwtVerify(body.id_token ?? "", createLocalJWKSet(published), checks)).payload;
}

describe("signing in at a real SimpleSAMLphp", () => {
  test.each([
    { id: "corp", how: "a signed response", who: "grace", name: "Grace Hopper", groups: ["Admins", "Navy"] },
    { id: "sealed", how: "an encrypted assertion", who: "ida", name: "Ida Rhodes", groups: [] },
    {
      id: "shared",
      how: "a signed assertion, at the address of dex v2",
      who: "mary",
      name: "Mary Hawes",
      groups: ["Admins"],
    },
  ])("ends with a code, from $how (C 105, C 106)", async ({ id, who, name, groups }) => {
    const browser = worker.browser();
    const bounced = await postFromAfar(await untilAnswer(browser, id, who));
    expect(bounced.status).toBe(200);
    const end = await browser.submit(bounced, {}, { formId: "continue-form" });
    const claims = await claimsOf(end);
    expect(claims).toMatchObject({ name });
    expect(claims.groups).toEqual(groups);
  });

  test("who is in none of the allowed groups reads so on a page with status 403 (C 21, C 108)", async () => {
    const browser = worker.browser();
    const bounced = await postFromAfar(await untilAnswer(browser, "corp", "joan"));
    const page = await browser.submit(bounced);
    expect(page.status).toBe(403);
    expect(page.text).toContain("none of the groups");
  });
});

/** What the hand-made provider would answer to the request on this page. */
function answerTo(departure: Page, more: Partial<Parameters<typeof samlResponse>[0]> = {}): URLSearchParams {
  const { fields } = readForm(departure, "continue-form");
  const request = Buffer.from(fields.get("SAMLRequest") ?? "", "base64").toString();
  const callbackUrl = /AssertionConsumerServiceURL="([^"]*)"/.exec(request)?.[1] ?? "";
  const values = {
    requestId: / ID="([^"]*)"/.exec(request)?.[1] ?? "",
    callbackUrl,
    audience: callbackUrl,
    issuer: HANDMADE,
    now: new Date(),
    nameId: "h-1",
    assertionId: `_${randomUUID()}`,
    attributes: { name: ["Hedy Lamarr"], mail: ["hedy@example.com"] },
    ...more,
  };
  const answer = handmade.sign(samlResponse(values), values.assertionId);
  const RelayState = fields.get("RelayState") ?? "";
  return new URLSearchParams({ SAMLResponse: Buffer.from(answer).toString("base64"), RelayState });
}

const callbackOf = (id: string) => new URL(`${worker.issuer}/auth/${id}/callback`);

/** Of a GET whose header lines are sent as they are given. */
async function statusOf(url: URL, headers: OutgoingHttpHeaders): Promise<number | undefined> {
  const [answer] = (await once(get(url, { headers }), "response")) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}

describe("the trip by form", () => {
  test("departs on a page whose policy lets only its own script run and names where its form may go (BRO-10)", async () => {
    const departure = await worker.browser().open(via("corp"));
    const policy = departure.headers.get("content-security-policy") ?? "";
    expect(policy).toContain(`form-action 'self' ${new URL(idp.ssoUrl).origin}`);
    expect(policy).toMatch(/default-src 'none'; script-src 'sha256-[^ ;]+';/);
    expect(readForm(departure, "continue-form").action.href).toBe(idp.ssoUrl);
    expect(departure.headers.get("cache-control")).toBe("no-store");
  });

  test("an answer without cookies is posted again from our own origin, and nothing is stored for it (C 12)", async () => {
    const browser = worker.browser();
    const answer = answerTo(await browser.open(via("handmade")));
    worker.takeStatements();
    const bounced = await post(callbackOf("handmade"), answer);
    expect(bounced.status).toBe(200);
    expect(bounced.headers.getSetCookie()).toEqual([]);
    const form = readForm(bounced, "continue-form");
    expect(form.action.href).toBe(callbackOf("handmade").href);
    expect(form.fields.get("SAMLResponse")).toBe(answer.get("SAMLResponse"));
    expect(worker.takeStatements()).toEqual([]);
    const end = await browser.submit(bounced);
    expect(end.url.searchParams.has("code")).toBe(true);
  });

  test("it is not posted a third time: who has no cookie then has begun nothing (C 12, C 16, BRO-4)", async () => {
    const answer = answerTo(await worker.browser().open(via("handmade")));
    const bounced = await post(callbackOf("handmade"), answer);
    const page = await worker.browser().submit(bounced);
    expect(page.status).toBe(403);
    expect(page.text).toContain("begun in another browser");
  });

  test.each(["https://evil.example/", "//evil.example", "javascript:alert(1)", '"><script>alert(1)</script>', ""])(
    "RelayState %j is a name of nothing, and leads nowhere (SAM-9, BRO-13)",
    async (RelayState) => {
      const browser = worker.browser();
      const bounced = await post(callbackOf("handmade"), new URLSearchParams({ SAMLResponse: "x", RelayState }));
      expect(bounced.text.match(/<script/g)).toHaveLength(1);
      expect(readForm(bounced).action.href).toBe(callbackOf("handmade").href);
      expect(bounced.headers.get("content-security-policy")).not.toContain("javascript");
      const page = await browser.submit(bounced);
      expect(page.status).toBe(403);
      expect(page.text).not.toContain("evil.example");
    },
  );

  test("an application with a scheme of its own is let in by the policy of the page in between", async () => {
    const redirect = "com.example.app:/back";
    const native = await worker.addClient({ redirectURIs: [redirect], public: true });
    const browser = openFormBrowser({ stopAt: [redirect] });
    const url = via("handmade", {
      client_id: native.id,
      redirect_uri: redirect,
      code_challenge: "A".repeat(43),
      code_challenge_method: "S256",
    });
    const bounced = await post(callbackOf("handmade"), answerTo(await browser.open(url)));
    expect(bounced.headers.get("content-security-policy")).toMatch(/form-action [^;]* com\.example\.app:/);
  });

  test("a form larger than any answer is refused, one of the size of an answer is not (NET-6)", async () => {
    const RelayState = "x";
    const large = new URLSearchParams({ SAMLResponse: "A".repeat(512 * 1024), RelayState });
    expect((await post(callbackOf("handmade"), large)).status).toBe(413);
    const usual = new URLSearchParams({ SAMLResponse: "A".repeat(350 * 1024), RelayState });
    expect((await post(callbackOf("handmade"), usual)).status).toBe(200);
  });

  test("the way back is the one that was asked for: by form or by query, at its own address (C 13, C 15, MIX-1)", async () => {
    const browser = worker.browser();
    const answer = answerTo(await browser.open(via("handmade")));
    const state = answer.get("RelayState") ?? "";
    const get = async (url: string) => (await browser.request(url)).status;
    const posted = async (url: string | URL, body = answer) =>
      (await browser.request(url, { method: "POST", body })).status;
    expect(await get(`${callbackOf("handmade").href}?${answer}`)).toBe(400);
    expect(await posted(callbackOf("github"))).toBe(400);
    expect(await posted(callbackOf("github"), new URLSearchParams({ state, code: "x" }))).toBe(400);
    expect(await posted(callbackOf("corp"))).toBe(400);
    expect(await posted(`${worker.issuer}/callback`)).toBe(400);
    expect(await get(`${worker.issuer}/callback?state=${state}&code=x`)).toBe(400);
    const guessed = new URLSearchParams({ ...Object.fromEntries(answer), RelayState: `${state.split(".")[0]}.x` });
    expect(await posted(callbackOf("handmade"), guessed)).toBe(400);
    expect(await posted(callbackOf("local"))).toBe(400);
    expect(await posted(callbackOf("nobody"))).toBe(404);
    const twice = new URLSearchParams([...answer, ["RelayState", state]]);
    expect(await posted(callbackOf("handmade"), twice)).toBe(400);
    expect(await posted(callbackOf("handmade"))).toBe(303); // nothing of that has used it up
  });

  test("a connector whose redirectURI is none of ours is unavailable, before anybody is asked (C 10)", async () => {
    const page = await worker.browser().open(via("lost"));
    expect(page.status).toBe(503);
    expect(worker.log.join("\n")).toContain(`redirectURI: expected ${callbackOf("lost").href}`);
  });

  test("a header is not looked at on the shared address, nor one that comes twice (C 14)", async () => {
    const browser = worker.browser();
    const departure = await browser.request(via("proxied"));
    const login = await browser.request(new URL(departure.headers.get("location") ?? "", worker.issuer));
    const own = new URL(login.headers.get("location") ?? "", worker.issuer);
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const come = (url: URL, more: OutgoingHttpHeaders = {}) => {
      const proxied = { "X-Remote-User": "root", "X-Remote-User-Email": "root@example.com" };
      return statusOf(url, { cookie, ...proxied, "X-Auth-Proxy-Secret": PROXY_SECRET, ...more });
    };
    expect(await come(new URL(`${worker.issuer}/callback${own.search}`))).toBe(400);
    expect(await come(own, { "X-Remote-User": ["root", "admin"] })).toBe(403);
    expect(await come(own)).toBe(303);
  });
});

describe("an answer is taken once", () => {
  test("of a browser that puts its cookies back, by whichever worker sees it again (SAM-7, C 126)", async () => {
    const other = new URL(await worker.openAnother()).origin;
    let toOther = false;
    const browser = openFormBrowser({
      stopAt: [REDIRECT_URI],
      route: (url) => (toOther ? new URL(`${other}${url.pathname}${url.search}`) : url),
    });
    const answer = answerTo(await browser.open(via("handmade")));
    const before = new Map(browser.cookies);
    const first = await browser.request(callbackOf("handmade"), { method: "POST", body: answer });
    expect(first.status).toBe(303);
    for (const where of [true, false]) {
      toOther = where;
      for (const [name, value] of before) browser.cookies.set(name, value);
      const again = await browser.request(callbackOf("handmade"), { method: "POST", body: answer });
      expect(again.status).toBe(403);
    }
    expect(worker.log.join("\n")).toContain("the assertion was used before");
  });

  test("of two that come at once, one is taken (SAM-7)", async () => {
    const browser = worker.browser();
    const answer = answerTo(await browser.open(via("handmade")));
    const both = await Promise.all(
      [1, 2].map(() => browser.request(callbackOf("handmade"), { method: "POST", body: answer })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([303, 403]);
  });

  test("and not at all when its connector is gone meanwhile (SAM-8)", async () => {
    const browser = worker.browser();
    const answer = answerTo(await browser.open(via("handmade")));
    const connectors = await worker.storage.connectors.list();
    await worker.setConnectors(connectors.filter(({ id }) => id !== "handmade"));
    const page = await browser.request(callbackOf("handmade"), { method: "POST", body: answer });
    await worker.setConnectors(connectors);
    expect(page.status).toBe(404);
  });

  test("and not for a sign-in of another browser, whatever it says it answers (SAM-6, MIX-2)", async () => {
    const [mine, theirs] = [worker.browser(), worker.browser()];
    const stolen = answerTo(await theirs.open(via("handmade")));
    const own = answerTo(await mine.open(via("handmade")));
    const mixed = new URLSearchParams({
      SAMLResponse: stolen.get("SAMLResponse") ?? "",
      RelayState: own.get("RelayState") ?? "",
    });
    expect((await mine.request(callbackOf("handmade"), { method: "POST", body: mixed })).status).toBe(403);
    expect(worker.log.join("\n")).toContain("the answer is to another request");
  });
});

describe("metadata", () => {
  test("is there for who configures the identity provider, and is not stored on the way", async () => {
    const response = await fetch(`${worker.issuer}/auth/sealed/metadata`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain("application/samlmetadata+xml");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const body = await response.text();
    expect(body).toContain(callbackOf("sealed").href);
    expect(body).not.toContain("PRIVATE");
    expect(await (await fetch(`${worker.issuer}/auth/shared/metadata`)).text()).toContain(`${worker.issuer}/callback"`);
  });

  test.each(["local", "nobody", "github"])("is not there for %s", async (id) => {
    expect((await fetch(`${worker.issuer}/auth/${id}/metadata`)).status).toBe(404);
  });
});

describe("in a real browser, at an identity provider of another site", () => {
  test.each([
    { scripts: true, id: "corp" },
    { scripts: false, id: "corp" },
  ])("with scripts $scripts the cookies stay Lax and the sign-in ends (BRO-8)", async ({ scripts, id }) => {
    const chromium = await openBrowser();
    try {
      const visitor = await chromium.newVisitor();
      const context = await visitor.context().browser()?.newContext({ javaScriptEnabled: scripts });
      const page = await context?.newPage();
      if (page === undefined) throw new Error("the browser is gone");
      page.setDefaultTimeout(10_000);
      const problems: string[] = [];
      page.on("console", (message) => void (message.type() === "error" && problems.push(message.text())));
      const back = page.waitForRequest((request) => request.url().startsWith(REDIRECT_URI));
      await page.goto(via(id));
      if (!scripts) await page.locator("#continue").click();
      await page.locator("#username").fill("grace");
      await page.locator("#password").fill(PASSWORD);
      await page.locator("#password").press("Enter");
      if (!scripts) {
        await page.locator("button[type=submit].btn").click();
        await page.locator("#continue").click();
      }
      expect(new URL((await back).url()).searchParams.has("code")).toBe(true);
      expect(problems.filter((text) => text.includes("Content Security Policy") && text.includes("form"))).toEqual([]);
    } finally {
      await chromium.close();
    }
  });
});
