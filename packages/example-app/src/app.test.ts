import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type FakeOpenIdProvider, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeApp } from "./app.ts";
import { makeRelyingParty } from "./relying-party.ts";
import { makeSessions } from "./sessions.ts";
import type { Settings } from "./settings.ts";

const client = { clientId: "example-app", clientSecret: "a secret: with/odd+characters" };
let provider: FakeOpenIdProvider;
let server: Server;
let url: string;
let reports: string[];

beforeAll(async () => {
  const users = [{ sub: "kim", claims: { email: "kim@example.com", name: "<b>Kim</b>" } }];
  provider = await startFakeOpenIdProvider({ ...client, redirectUris: [], users });
});
afterAll(() => provider.close());

beforeEach(async () => {
  provider.reset();
  reports = [];
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  url = `http://127.0.0.1:${address.port}`;
  provider.redirectUris.splice(0, Number.POSITIVE_INFINITY, `${url}/callback`);
  serve({ issuer: new URL(provider.issuer) });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function serve(changes: Partial<Settings>): void {
  const listen = new URL(url);
  const issuer = new URL(provider.issuer);
  const settings: Settings = { ...client, listen, issuer, redirectUrl: new URL("/callback", url), ...changes };
  const parts = { settings, relyingParty: makeRelyingParty(settings), sessions: makeSessions(settings, randomBytes) };
  server.removeAllListeners("request");
  server.on("request", makeApp({ ...parts, report: (message) => reports.push(message) }));
}

/** A browser with one cookie jar that follows no redirect by itself. */
function makeBrowser() {
  const jar = new Map<string, string>();
  return {
    jar,
    async go(to: string, init: RequestInit = {}) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { cookie, ...init.headers };
      const response = await fetch(new URL(to, url), { ...init, headers, redirect: "manual" });
      for (const line of response.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === "") jar.delete(name);
        else jar.set(name, value);
      }
      return {
        status: response.status,
        to: response.headers.get("location") ?? "",
        body: await response.text(),
        headers: response.headers,
      };
    },
  };
}
type Browser = ReturnType<typeof makeBrowser>;

/** As far as the callback, which is returned and not yet visited. */
async function walkToCallback(browser: Browser, scopes = ""): Promise<URL> {
  const begun = await browser.go(`/sign-in?${scopes}`);
  expect(begun.status).toBe(303);
  return new URL((await makeBrowser().go(begun.to)).to);
}

async function signIn(browser: Browser): Promise<void> {
  const callback = await walkToCallback(browser, "scope=email&scope=offline_access&scope=admin");
  expect(await browser.go(callback.href)).toMatchObject({ status: 303, to: "/" });
}

test("a person signs in and sees the verified claims", async () => {
  const browser = makeBrowser();
  await signIn(browser);
  const { body } = await browser.go("/");
  expect(body).toContain("verified ID token");
  expect(body).toMatch(/<tr><th scope="row">sub<\/th><td>kim<\/td><\/tr>/);
  expect(body).toContain('<pre id="claims-json">');
  expect(body).toContain("&#60;b&#62;Kim");
  expect(body).not.toContain("<b>Kim");
  expect(provider.violations).toEqual([]);
});

test("it asks with PKCE S256, state and nonce, and for no scope that it does not offer", async () => {
  const begun = await makeBrowser().go("/sign-in?scope=email&scope=admin");
  const asked = Object.fromEntries(new URL(begun.to).searchParams);
  expect(asked).toMatchObject({ scope: "openid email", code_challenge_method: "S256", response_type: "code" });
  expect(asked.state?.length).toBeGreaterThan(20);
  expect(asked.nonce?.length).toBeGreaterThan(20);
});

test("the session's cookie is out of reach of scripts, its name is this app's own, and it changes at sign-in", async () => {
  const browser = makeBrowser();
  const begun = await browser.go("/sign-in");
  const [before] = [...browser.jar.entries()];
  expect(before?.[0]).toMatch(/^example_app_[0-9a-f]{8}$/);
  expect(begun.headers.getSetCookie()[0]).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
  const callback = new URL((await makeBrowser().go(begun.to)).to);
  await browser.go(callback.href);
  expect([...browser.jar.values()][0]).not.toBe(before?.[1]);
});

test("two tabs of one browser can sign in at once", async () => {
  const browser = makeBrowser();
  const first = await walkToCallback(browser);
  const second = await walkToCallback(browser);
  expect((await browser.go(first.href)).status).toBe(303);
  expect((await browser.go(second.href)).status).toBe(303);
});

const badCallbacks = [
  { when: "nothing at all", change: (query: URLSearchParams) => [...query.keys()].map((key) => query.delete(key)) },
  { when: "another state", change: (query: URLSearchParams) => query.set("state", "x") },
  { when: "two states", change: (query: URLSearchParams) => query.append("state", "x") },
  { when: "two codes", change: (query: URLSearchParams) => query.append("code", "x") },
  { when: "no code", change: (query: URLSearchParams) => query.delete("code") },
  { when: "a wrong code", change: (query: URLSearchParams) => query.set("code", "x") },
  { when: "a huge code", change: (query: URLSearchParams) => query.set("code", "x".repeat(8000)) },
  { when: "another issuer (RFC 9207)", change: (query: URLSearchParams) => query.set("iss", "https://evil.example") },
  { when: "an error", change: (query: URLSearchParams) => query.set("error", "access_denied") },
  { when: "markup as error", change: (query: URLSearchParams) => query.set("error", "<script>alert(1)</script>") },
];
test.each(badCallbacks)("a callback with $when gets a page in plain words and no session", async ({ change }) => {
  const browser = makeBrowser();
  const callback = await walkToCallback(browser);
  change(callback.searchParams);
  const answer = await browser.go(callback.href);
  expect(answer.status).toBe(400);
  expect(answer.body).toContain('<p role="alert" id="problem">');
  expect(answer.body).not.toContain("<script>");
  expect((await browser.go("/")).body).toContain('id="sign-in"');
});

test("a callback counts once and only in the browser that began", async () => {
  const browser = makeBrowser();
  const callback = await walkToCallback(browser);
  expect((await makeBrowser().go(callback.href)).status).toBe(400);
  expect((await browser.go(callback.href)).status).toBe(303);
  expect((await browser.go(callback.href)).status).toBe(400);
});

const badTokens = [
  { when: "signed by somebody else", spoil: () => (provider.behaviours.idTokenSignature = "foreign key") },
  { when: "not signed", spoil: () => (provider.behaviours.idTokenSignature = "alg none") },
  { when: "broken", spoil: () => (provider.behaviours.idTokenSignature = "broken") },
  { when: "for another client", spoil: () => (provider.behaviours.idTokenClaims = { aud: "other" }) },
  { when: "of another issuer", spoil: () => (provider.behaviours.idTokenClaims = { iss: "https://evil.example" }) },
  { when: "with another nonce", spoil: () => (provider.behaviours.idTokenClaims = { nonce: "other" }) },
  { when: "expired", spoil: () => (provider.behaviours.idTokenClaims = { exp: 1 }) },
  { when: "missing", spoil: () => (provider.behaviours.tokenResponse = { id_token: undefined }) },
];
test.each(badTokens)("an ID token that is $when signs nobody in", async ({ spoil }) => {
  const browser = makeBrowser();
  const callback = await walkToCallback(browser);
  spoil();
  expect((await browser.go(callback.href)).status).toBe(400);
  expect((await browser.go("/")).body).not.toContain("verified ID token");
});

test("userinfo about somebody else is refused (OIDC Core §5.3.2)", async () => {
  const browser = makeBrowser();
  const callback = await walkToCallback(browser);
  provider.behaviours.userInfoClaims = { sub: "other" };
  expect((await browser.go(callback.href)).status).toBe(400);
});

test("an issuer that fails in the middle of a sign-in is not this app's crash", async () => {
  const browser = makeBrowser();
  const callback = await walkToCallback(browser);
  provider.behaviours.endpoints = { token: "close" };
  const answer = await browser.go(callback.href);
  expect(answer.status).toBe(503);
  expect(answer.body).toContain("The issuer cannot be reached.");
});

test("while the issuer is down the page says so, and it works as soon as the issuer is up", async () => {
  provider.behaviours.endpoints = { discovery: "close" };
  const browser = makeBrowser();
  expect((await browser.go("/")).body).toContain('id="issuer-unreachable"');
  expect((await browser.go("/sign-in")).status).toBe(503);
  provider.behaviours.endpoints = {};
  await signIn(browser);
  expect((await browser.go("/")).body).not.toContain('id="issuer-unreachable"');
});

test("signing out ends the app's own session", async () => {
  const browser = makeBrowser();
  await signIn(browser);
  const cookies = new Map(browser.jar);
  expect((await browser.go("/sign-out", { method: "POST" })).status).toBe(303);
  for (const [name, value] of cookies) browser.jar.set(name, value);
  expect((await browser.go("/")).body).toContain('id="sign-in"');
});

test("a button pressed on another site does nothing", async () => {
  const browser = makeBrowser();
  await signIn(browser);
  const headers = { "sec-fetch-site": "same-site" };
  expect((await browser.go("/sign-out", { method: "POST", headers })).status).toBe(403);
  expect((await browser.go("/")).body).toContain("verified ID token");
});

test("unknown pages and odd requests are answered, never with a 5xx", async () => {
  const browser = makeBrowser();
  expect((await browser.go("/nothing")).status).toBe(404);
  expect((await browser.go("/%ff")).status).toBeLessThan(500);
  expect((await browser.go("/", { headers: { cookie: "%%%; =; __proto__=1" } })).status).toBe(200);
  expect((await browser.go("/refresh", { method: "POST" })).status).toBe(303);
});

test("reports carry no token, code or state", async () => {
  const browser = makeBrowser();
  const callback = await walkToCallback(browser);
  provider.behaviours.idTokenSignature = "broken";
  await browser.go(callback.href);
  expect(reports).toHaveLength(1);
  for (const secret of callback.searchParams.values()) {
    if (!secret.startsWith("http")) expect(reports.join("\n")).not.toContain(secret);
  }
  expect(reports.join("\n")).not.toContain("eyJ");
});
