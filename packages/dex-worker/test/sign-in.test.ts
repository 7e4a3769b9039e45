import { readForm } from "@dex/testing";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker();
});
afterAll(() => worker.close());

const codeOf = (url: URL) => url.searchParams.get("code") ?? "";
const credentials = { login: PERSON.email, password: PERSON.password };
const exchange = (code: string, more: Record<string, string> = {}) =>
  worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI, ...more });

describe("signing in with a password", () => {
  test("ends at the redirect_uri with code, state and iss, and the code becomes a verified ID token", async () => {
    const end = await worker.signIn(worker.browser(), {
      state: "s t+a&te",
      nonce: "n-1",
      scope: "openid email profile",
    });
    expect(`${end.origin}${end.pathname}`).toBe(REDIRECT_URI);
    expect(end.searchParams.get("state")).toBe("s t+a&te");
    expect(end.searchParams.get("iss")).toBe(worker.issuer);
    const { status, body } = await exchange(codeOf(end));
    expect(status).toBe(200);
    const keys = createRemoteJWKSet(new URL(`${worker.issuer}/keys`));
    const { payload } = await jwtVerify(body.id_token ?? "", keys, {
      issuer: worker.issuer,
      audience: worker.client.id,
      typ: "JWT",
      algorithms: ["RS256"],
    });
    expect(payload).toMatchObject({ email: PERSON.email, email_verified: true, name: "Ada Lovelace", nonce: "n-1" });
    expect(body).not.toHaveProperty("refresh_token"); // no offline_access (REF-11)
  });

  test("a refresh token gives a verified ID token of the same user again (v1 T13)", async () => {
    const end = await worker.signIn(worker.browser(), { scope: "openid offline_access" });
    const first = (await exchange(codeOf(end))).body;
    const second = await worker.token({ grant_type: "refresh_token", refresh_token: first.refresh_token ?? "" });
    const keys = createRemoteJWKSet(new URL(`${worker.issuer}/keys`));
    const expected = { issuer: worker.issuer, audience: worker.client.id, typ: "JWT" };
    const [before, after] = await Promise.all(
      [first, second.body].map(async ({ id_token = "" }) => (await jwtVerify(id_token, keys, expected)).payload),
    );
    expect(after?.sub).toBe(before?.sub);
    expect(second.body.refresh_token).not.toBe(first.refresh_token);
  });

  test("a wrong password shows the form again without the password, with one message for every reason", async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl());
    const wrong = await browser.submit(page, { login: PERSON.email, password: "wrong wrong wrong wrong" });
    const unknown = await browser.submit(page, { login: "nobody@example.com", password: "wrong wrong wrong wrong" });
    expect(wrong.status).toBe(403);
    expect(unknown.status).toBe(403);
    expect(wrong.text).not.toContain("wrong wrong");
    expect(readForm(wrong).fields.get("login")).toBe(PERSON.email);
    const withoutNames = (text: string) => text.replaceAll(/[\w-]{22,}|\w+@example\.com/g, "");
    expect(withoutNames(unknown.text)).toBe(withoutNames(wrong.text)); // ACC-1
    const end = await browser.submit(wrong, credentials);
    expect(codeOf(end.url)).not.toBe("");
  });

  test("login_hint fills the form and selects nobody", async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl({ login_hint: "someone@example.com" }));
    expect(readForm(page).fields.get("login")).toBe("someone@example.com");
  });

  test("several tabs sign in side by side, each to its own end", async () => {
    const browser = worker.browser();
    const tabs = [];
    for (const state of ["one", "two", "three"]) tabs.push(await browser.open(worker.authorizationUrl({ state })));
    const [first, second, third] = tabs;
    if (first === undefined || second === undefined || third === undefined) throw new Error("three tabs were opened");
    const ends = [await browser.submit(second, credentials), await browser.submit(first, credentials)];
    ends.push(await browser.submit(third, credentials));
    expect(ends.map((end) => end.url.searchParams.get("state"))).toEqual(["two", "one", "three"]);
    expect(new Set(ends.map((end) => codeOf(end.url))).size).toBe(3);
  });

  test("a state of 2 KiB comes back byte for byte, beside another tab (AUT-1)", async () => {
    const browser = worker.browser();
    await browser.open(worker.authorizationUrl());
    const state = "€/".repeat(512);
    expect(Buffer.byteLength(state)).toBe(2048);
    expect((await worker.signIn(browser, { state })).searchParams.get("state")).toBe(state);
  });

  test("twenty tabs begun and left do not lock a browser out", async () => {
    const browser = worker.browser();
    for (let tab = 0; tab < 20; tab++) await browser.open(worker.authorizationUrl({ state: "x".repeat(1500) }));
    expect(Buffer.byteLength([...browser.cookies.values()].join(""))).toBeLessThan(12 * 1024);
    expect(codeOf(await worker.signIn(browser))).not.toBe("");
  });
});

describe("a browser that is signed in", () => {
  test("gets a code at once, without a page", async () => {
    const browser = worker.browser();
    await worker.signIn(browser);
    const end = await browser.open(worker.authorizationUrl({ state: "again" }));
    expect(codeOf(end.url)).not.toBe("");
  });

  test.each([
    { prompt: "none", session: false, error: "login_required" },
    { prompt: "none login", session: true, error: "invalid_request" },
  ])(
    "prompt=$prompt with session $session is answered $error, without a page (AUT-4)",
    async ({ prompt, session, error }) => {
      const browser = worker.browser();
      if (session) await worker.signIn(browser);
      const end = await browser.open(worker.authorizationUrl({ prompt, state: "s" }));
      expect(end.url.searchParams.get("error")).toBe(error);
      expect(end.url.searchParams.get("state")).toBe("s");
      expect(end.url.searchParams.get("iss")).toBe(worker.issuer); // AUT-2
    },
  );

  test("prompt=none with a session gives a code", async () => {
    const browser = worker.browser();
    await worker.signIn(browser);
    expect(codeOf((await browser.open(worker.authorizationUrl({ prompt: "none" }))).url)).not.toBe("");
  });

  test.each([{ prompt: "login" }, { prompt: "select_account" }, { max_age: "0" }])(
    "%j asks for the password again, once (AUT-5)",
    async (parameters) => {
      const browser = worker.browser();
      await worker.signIn(browser);
      const page = await browser.open(worker.authorizationUrl(parameters));
      expect(page.text).toContain('id="login-form"');
      expect(codeOf((await browser.submit(page, credentials)).url)).not.toBe("");
    },
  );

  test("a new sign-in makes a new session and ends the one before (BRO-1)", async () => {
    const browser = worker.browser();
    await worker.signIn(browser);
    const [name = "", before = ""] = [...browser.cookies].find(([one]) => one.includes("session")) ?? [];
    await worker.signIn(browser, { prompt: "login" });
    expect(browser.cookies.get(name)).not.toBe(before);
    const thief = worker.browser();
    thief.cookies.set(name, before);
    const end = await thief.open(worker.authorizationUrl({ prompt: "none" }));
    expect(end.url.searchParams.get("error")).toBe("login_required");
  });
});

describe("consent", () => {
  test("is asked once, remembered, and asked again when more is wanted", async () => {
    const client = await worker.addClient({ clientName: "Foreign app" });
    const browser = worker.browser();
    const ask = { client_id: client.id, scope: "openid email" };
    const login = await browser.open(worker.authorizationUrl(ask));
    const page = await browser.submit(login, credentials);
    expect(page.text).toContain("Foreign app");
    expect(page.text).toContain('id="approve"');
    expect(codeOf((await browser.submit(page, { decision: "approve" })).url)).not.toBe("");
    expect(codeOf((await browser.open(worker.authorizationUrl(ask))).url)).not.toBe("");
    const more = await browser.open(worker.authorizationUrl({ ...ask, scope: "openid email profile" }));
    expect(more.text).toContain('id="approve"');
    const silent = await browser.open(worker.authorizationUrl({ ...ask, scope: "openid profile", prompt: "none" }));
    expect(silent.url.searchParams.get("error")).toBe("consent_required"); // AUT-4
  });

  test("prompt=consent asks also a trusted client's users", async () => {
    const browser = worker.browser();
    await worker.signIn(browser);
    const page = await browser.open(worker.authorizationUrl({ prompt: "consent" }));
    expect(page.text).toContain('id="approve"');
  });

  test("denying tells the client, and nothing is issued", async () => {
    const client = await worker.addClient({ clientName: "Foreign app" });
    const browser = worker.browser();
    const login = await browser.open(worker.authorizationUrl({ client_id: client.id, state: "s" }));
    const page = await browser.submit(login, credentials);
    const end = await browser.submit(page, { decision: "deny" });
    expect(end.url.searchParams.get("error")).toBe("access_denied");
    expect(end.url.searchParams.has("code")).toBe(false);
  });

  test("a consent form made before another person signed in is dead (BRO-2)", async () => {
    const client = await worker.addClient({ clientName: "Foreign app" });
    const browser = worker.browser();
    const login = await browser.open(worker.authorizationUrl({ client_id: client.id }));
    const page = await browser.submit(login, credentials);
    await worker.signIn(browser, { prompt: "login" });
    const end = await browser.submit(page, { decision: "approve" });
    expect(end.status).not.toBe(303);
    expect(end.url.searchParams.has("code")).toBe(false);
  });
});

describe("forms and flows of others", () => {
  const refused = [
    { what: "without the flow's cookie", change: { dropCookies: true } },
    { what: "with a foreign Origin", change: { headers: { Origin: "https://evil.example" } } },
    { what: "with Sec-Fetch-Site: cross-site", change: { headers: { "Sec-Fetch-Site": "cross-site" } } },
    { what: "with a changed form token", change: { token: "AAAAAAAAAAAAAAAAAAAAAA" } },
    { what: "without a form token", change: { token: "" } },
  ];
  test.each(refused)(
    "the right password $what is refused with 403 and signs nobody in (BRO-2, BRO-3)",
    async ({ change }) => {
      const browser = worker.browser();
      const page = await browser.open(worker.authorizationUrl());
      const form = readForm(page);
      if ("dropCookies" in change) browser.cookies.clear();
      const body = new URLSearchParams({ ...Object.fromEntries(form.fields), ...credentials });
      if ("token" in change) body.set("form_token", change.token ?? "");
      const response = await browser.request(form.action, {
        method: "POST",
        body,
        headers: { Origin: form.action.origin, ...change.headers },
      });
      expect(response.status).toBe(403);
      expect(response.headers.getSetCookie().join()).not.toContain("session");
    },
  );

  test("a flow's address in a second browser is an error page, and stays one after the first has finished (BRO-4)", async () => {
    const first = worker.browser();
    const page = await first.open(worker.authorizationUrl());
    const second = worker.browser();
    expect(await second.open(page.url)).toMatchObject({ status: 400 });
    await first.submit(page, credentials);
    expect(await second.open(page.url)).toMatchObject({ status: 400 });
  });

  test("a finished flow gives no second code, with or without its old cookies (BRO-5, BRO-6, v1 S02)", async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl());
    const kept = new Map(browser.cookies);
    await browser.submit(page, credentials);
    expect((await browser.open(page.url)).status).toBe(400);
    for (const [name, value] of kept) browser.cookies.set(name, value);
    const again = await browser.submit(page, credentials);
    expect(again.url.searchParams.has("code")).toBe(false);
    expect(again.status).toBe(400);
  });

  test("one flow submitted five times at once gives one code and no 5xx (BRO-7)", async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl());
    const form = readForm(page);
    const body = new URLSearchParams({ ...Object.fromEntries(form.fields), ...credentials });
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => browser.request(form.action, { method: "POST", body })),
    );
    expect(answers.filter((one) => one.headers.get("location")?.includes("code="))).toHaveLength(1);
    expect(answers.map((one) => one.status).filter((status) => status >= 500)).toEqual([]);
  });

  test("the consent step cannot be taken before the sign-in (BRO-6)", async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl());
    const consent = new URL(page.url);
    consent.pathname = "/dex/consent";
    expect((await browser.open(consent)).text).toContain('id="login-form"');
    const posted = await browser.request(consent, {
      method: "POST",
      body: new URLSearchParams({ decision: "approve" }),
    });
    expect(posted.headers.get("location") ?? "").not.toContain("code=");
  });
});

describe("what a step costs (round trips to the database)", () => {
  async function countOf(step: () => Promise<unknown>): Promise<number> {
    worker.takeStatements();
    await step();
    return worker.takeStatements().filter((name) => !name.includes("change")).length;
  }

  test("discovery, JWKS and /auth without a session: none", async () => {
    await worker.browser().open(worker.authorizationUrl());
    expect(await countOf(() => fetch(`${worker.issuer}/.well-known/openid-configuration`))).toBe(0);
    expect(await countOf(() => fetch(`${worker.issuer}/keys`))).toBe(0);
    expect(await countOf(() => worker.browser().open(worker.authorizationUrl()))).toBe(0);
  });

  test("password to code at most three, /auth with a session two, exchange, refresh and userinfo one each", async () => {
    const browser = worker.browser();
    const scope = "openid offline_access";
    const page = await browser.open(worker.authorizationUrl({ scope }));
    expect(await countOf(() => browser.submit(page, credentials))).toBeLessThanOrEqual(3);
    let end = new URL("about:blank");
    const again = async () => {
      end = (await browser.open(worker.authorizationUrl({ scope }))).url;
    };
    expect(await countOf(again)).toBe(2);
    let body: Awaited<ReturnType<TestWorker["token"]>>["body"] = {};
    const redeem = async () => {
      body = (await exchange(codeOf(end))).body;
    };
    expect(await countOf(redeem)).toBe(1);
    const refreshToken = body.refresh_token ?? "";
    expect(refreshToken).not.toBe("");
    const headers = { Authorization: `Bearer ${body.access_token}` };
    expect(await countOf(() => fetch(`${worker.issuer}/userinfo`, { headers }))).toBe(1);
    const refresh = () => worker.token({ grant_type: "refresh_token", refresh_token: refreshToken });
    expect(await countOf(refresh)).toBe(1);
  });

  test("client_credentials: none", async () => {
    const client = await worker.addClient({ grantTypes: ["client_credentials"] });
    await worker.token({ grant_type: "client_credentials" }, client);
    expect(await countOf(() => worker.token({ grant_type: "client_credentials" }, client))).toBe(0);
  });
});
