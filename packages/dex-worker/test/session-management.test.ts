// OpenID Connect Session Management 1.0, as far as it can be seen without running the frame's script.
import { createHash } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type FormBrowser, makePrivateAuthority, openFormBrowser, readForm } from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openAnswerReceiver } from "./answer-receiver.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let receiver: Awaited<ReturnType<typeof openAnswerReceiver>>;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-front-channel-tokens"]);
  receiver = await openAnswerReceiver(worker);
});
afterAll(async () => {
  await receiver.close();
  await worker.close();
});

const STATE = /^[\w-]{43}\.[\w-]{22}$/;
const cookieOf = (browser: FormBrowser) =>
  [...browser.cookies].find(([name]) => name.includes("browser-state"))?.[1] ?? expect.fail("no browser state");

/** What the frame's script would say to the client at its own address. */
function check(browser: FormBrowser, sessionState: string | undefined, origin: string, clientId: string): string {
  const [hash, salt] = sessionState?.split(".") ?? [];
  const text = `${clientId} ${origin} ${cookieOf(browser)} ${salt}`;
  return createHash("sha256").update(text).digest("base64url") === hash ? "unchanged" : "changed";
}

const modes = [
  { responseType: "code", mode: "query" },
  { responseType: "code", mode: "fragment" },
  { responseType: "code", mode: "form_post" },
  { responseType: "code id_token token", mode: "fragment" },
  { responseType: "id_token", mode: "form_post" },
];
describe.each(modes)("an answer with $responseType by $mode", ({ responseType, mode }) => {
  const ask = (browser: FormBrowser, more: Readonly<Record<string, string>> = {}) =>
    receiver.answer(browser, { response_type: responseType, response_mode: mode, nonce: "n", ...more });

  test("says what the frame will compare, and so does the error when nobody is signed in", async () => {
    const browser = receiver.browser();
    const origin = new URL(receiver.redirectUri).origin;
    const before = await ask(browser, { prompt: "none" });
    expect(before.members.error).toBe("login_required");
    expect(before.members.session_state).toMatch(STATE);
    expect(check(browser, before.members.session_state, origin, receiver.client.id)).toBe("unchanged");
    const again = await ask(browser, { prompt: "none" });
    expect(check(browser, before.members.session_state, origin, receiver.client.id)).toBe("unchanged");
    expect(again.members.session_state).not.toBe(before.members.session_state);

    const signedIn = await ask(browser);
    const state = signedIn.members.session_state;
    expect(state).toMatch(STATE);
    expect(check(browser, before.members.session_state, origin, receiver.client.id)).toBe("changed");
    expect(check(browser, state, origin, receiver.client.id)).toBe("unchanged");
    expect(check(browser, state, "https://elsewhere.example", receiver.client.id)).toBe("changed");
    await ask(browser, { prompt: "none" });
    expect(check(browser, state, origin, receiver.client.id)).toBe("unchanged");
  });
});

/** Follows no redirect to where nobody listens. */
const silent = async (browser: FormBrowser, more: Readonly<Record<string, string>> = {}) =>
  (await browser.open(worker.authorizationUrl({ prompt: "none", ...more }))).url.searchParams;
const { origin: CLIENT_ORIGIN } = new URL(REDIRECT_URI);

describe("the state of a browser", () => {
  test("is that of the session for every client, however often they ask, and no other browser's", async () => {
    const ada = openFormBrowser({ stopAt: [REDIRECT_URI, receiver.redirectUri] });
    const elsewhere = worker.browser();
    const first = (await worker.signIn(ada)).searchParams.get("session_state") ?? undefined;
    await worker.signIn(elsewhere);
    expect(cookieOf(ada)).not.toBe(cookieOf(elsewhere));
    await receiver.answer(ada, { prompt: "none" });
    expect(check(ada, first, CLIENT_ORIGIN, worker.client.id)).toBe("unchanged");
    expect(check(elsewhere, first, CLIENT_ORIGIN, worker.client.id)).toBe("changed");
  });

  test("changes with every sign-in and when the person signs out, and then stays", async () => {
    const browser = worker.browser();
    await worker.signIn(browser);
    const states = [cookieOf(browser)];
    await worker.signIn(browser, { prompt: "login" });
    states.push(cookieOf(browser));
    const page = await browser.open(`${worker.issuer}/logout`);
    await browser.submit(page, {}, { formId: "logout-form" });
    states.push(cookieOf(browser));
    expect(new Set(states).size).toBe(3);
    const after = await silent(browser);
    expect(after.get("error")).toBe("login_required");
    expect(cookieOf(browser)).toBe(states[2]);
    expect(check(browser, after.get("session_state") ?? "", CLIENT_ORIGIN, worker.client.id)).toBe("unchanged");
  });

  test("changes once when the session was ended elsewhere, whatever the browser still holds", async () => {
    const browser = worker.browser();
    const state = (await worker.signIn(browser)).searchParams.get("session_state") ?? undefined;
    const held = [...browser.cookies].find(([name]) => name.includes("-session-")) ?? expect.fail("no session");
    const page = await browser.open(`${worker.issuer}/logout`);
    await browser.submit(page, {}, { formId: "logout-form" });
    const signedOut = cookieOf(browser);
    browser.cookies.set(...held);
    for (let asked = 0; asked < 2; asked++) {
      expect((await silent(browser)).get("error")).toBe("login_required");
      expect(check(browser, state, CLIENT_ORIGIN, worker.client.id)).toBe("changed");
      expect(cookieOf(browser)).toBe(signedOut);
    }
  });

  test("stays when a frame of another site asks, which brings no session", async () => {
    const browser = worker.browser();
    await worker.signIn(browser);
    const state = cookieOf(browser);
    const [name] = [...browser.cookies].find(([one]) => one.includes("-session-")) ?? expect.fail("no session");
    browser.cookies.delete(name);
    const answer = await silent(browser);
    expect(answer.get("error")).toBe("login_required");
    expect(cookieOf(browser)).toBe(state);
    expect(check(browser, answer.get("session_state") ?? "", CLIENT_ORIGIN, worker.client.id)).toBe("unchanged");
  });

  test("is not taken from garbage (BRO-15)", async () => {
    const browser = worker.browser();
    await silent(browser);
    const [name] = [...browser.cookies].find(([one]) => one.includes("browser-state")) ?? expect.fail("no state");
    for (const garbage of ["", "x", "a b", "a".repeat(44), "__proto__"]) {
      browser.cookies.set(name, garbage);
      const answer = await silent(browser);
      expect(check(browser, answer.get("session_state") ?? "", CLIENT_ORIGIN, worker.client.id)).toBe("unchanged");
      expect(cookieOf(browser)).not.toBe(garbage);
    }
  });

  test("is readable in frames, and worth nothing at any endpoint (BRO-8, BRO-14)", async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl());
    const form = readForm(page, "login-form");
    const fields = { ...Object.fromEntries(form.fields), login: PERSON.email, password: PERSON.password };
    const body = new URLSearchParams(fields);
    const response = await browser.request(form.action, {
      method: "POST",
      body,
      headers: { Origin: form.action.origin, "Sec-Fetch-Site": "same-origin" },
    });
    expect(response.status).toBe(303);
    const lines = response.headers.getSetCookie().filter((line) => line.includes("browser-state"));
    expect(lines).toEqual([
      expect.stringMatching(/^dex-browser-state-\w{8}=[\w-]{43}; Path=\/; SameSite=None; Secure$/),
    ]);
    const state = cookieOf(browser);
    const thief = worker.browser();
    for (const name of browser.cookies.keys()) thief.cookies.set(name, state);
    expect((await silent(thief)).get("error")).toBe("login_required");
  });
});

test("a request of no web page gets no session_state: it has no origin to compare", async () => {
  const { id } = await worker.addClient({ public: true, redirectURIs: ["com.example.app:/cb"] });
  const request = { client_id: id, redirect_uri: "com.example.app:/cb", code_challenge: "a".repeat(43) };
  const url = worker.authorizationUrl({ ...request, code_challenge_method: "S256", prompt: "none" });
  const response = await fetch(url, { redirect: "manual" });
  expect(response.headers.get("location")).toMatch(/^com\.example\.app:\/cb\?error=login_required/);
  expect(response.headers.get("location")).not.toContain("session_state");
});

test("the frame may be framed and runs its own script alone (BRO-10, BRO-14)", async () => {
  const response = await fetch(`${worker.issuer}/check-session`);
  expect(response.status).toBe(200);
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(response.headers.get("x-frame-options")).toBeNull();
  expect(response.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; script-src 'sha256-[\w+/=]{44}'; form-action 'none'; base-uri 'none'; frame-ancestors \*$/,
  );
  expect((await fetch(`${worker.issuer}/check-session`, { method: "POST" })).status).toBe(405);
});

test("an https issuer names both addresses, and both are there (cert 10 oidcc-session-management-discovery-endpoint-verification)", async () => {
  const trusted = getCACertificates("default");
  const authority = makePrivateAuthority();
  setDefaultCACertificates([...trusted, authority.ca]);
  const secure = await openTestWorker([], "/dex", authority.server);
  try {
    const answer = await fetch(`${secure.issuer}/.well-known/openid-configuration`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    const found = await openid.discovery(new URL(secure.issuer), secure.client.id);
    const { check_session_iframe: frame, end_session_endpoint: end } = found.serverMetadata();
    for (const address of [frame, end]) {
      expect(new URL(String(address)).protocol).toBe("https:");
      expect((await fetch(String(address))).status).toBe(200);
    }
    expect(await (await fetch(String(frame))).text()).toContain('data-cookie="__Host-dex-browser-state-');
  } finally {
    await secure.close();
    setDefaultCACertificates(trusted);
  }
});
