// Who asks for it stays signed in for longer, also when the browser is closed in between; nobody else does (dex v2 10.1).
import { type FormBrowser, queryDatabase, readForm } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readWorkerConfig } from "../src/config.ts";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

const DAY = 86_400;
let offering: TestWorker;
let plain: TestWorker;
let always: TestWorker;
const flags = ["--session-remember-lifetime=168h"];
beforeAll(async () => {
  [offering, plain, always] = await Promise.all([
    openTestWorker(flags),
    openTestWorker(),
    openTestWorker([
      ...flags,
      "--session-remember-by-default",
      "--enable-automatic-registration",
      "--insecure-mock-connectors",
    ]),
  ]);
});
afterAll(() => Promise.all([offering, plain, always].map((worker) => worker.close())));

const credentials = { login: PERSON.email, password: PERSON.password };
async function passwordPage(worker: TestWorker, browser: FormBrowser) {
  return browser.open(worker.authorizationUrl());
}

/** Sends the form as it is with `fields` over it, and reads what is set for the session. */
async function sessionLine(worker: TestWorker, fields: Readonly<Record<string, string>>): Promise<string> {
  const browser = worker.browser();
  const form = readForm(await passwordPage(worker, browser), "login-form");
  const body = new URLSearchParams({ ...Object.fromEntries(form.fields), ...credentials, ...fields });
  const headers = { Origin: form.action.origin, "Sec-Fetch-Site": "same-origin" };
  const response = await browser.request(form.action, { method: "POST", body, headers });
  expect(response.status).toBe(303);
  return response.headers.getSetCookie().find((line) => line.includes("dex-session-")) ?? expect.fail("no session");
}
const maxAgeOf = (line: string) => Number(/; Max-Age=(\d+)/.exec(line)?.[1] ?? Number.NaN);

/** How long the last session is good for, unused and at all, in seconds. */
async function lifetimes(worker: TestWorker): Promise<{ idle: number; absolute: number }> {
  const [row] = await queryDatabase<{ idle: string; absolute: string }>(
    worker.databaseUrl,
    `SELECT extract(epoch FROM idle_expires_at - now()) AS idle, extract(epoch FROM expires_at - now()) AS absolute
     FROM session ORDER BY expires_at DESC LIMIT 1`,
  );
  return { idle: Number(row?.idle), absolute: Number(row?.absolute) };
}
const about = (seconds: number) => ({ lower: seconds - 60, upper: seconds });
function expectAbout(found: number, seconds: number): void {
  const { lower, upper } = about(seconds);
  expect(found).toBeGreaterThan(lower);
  expect(found).toBeLessThanOrEqual(upper);
}

describe("a deployment that offers to keep people signed in", () => {
  test("asks on the password page, not ticked, and keeps the tick when the form comes again", async () => {
    const browser = offering.browser();
    const page = await passwordPage(offering, browser);
    expect(/<input id="remember"[^>]*>/.exec(page.text)?.[0]).not.toContain("checked");
    const again = await browser.submit(
      page,
      { ...credentials, password: "wrong", remember: "yes" },
      { formId: "login-form" },
    );
    expect(/<input id="remember"[^>]*>/.exec(again.text)?.[0]).toMatch(/ checked>$/);
    const once = await browser.submit(again, { ...credentials, password: "wrong" }, { formId: "login-form" });
    expect(/<input id="remember"[^>]*>/.exec(once.text)?.[0]).toMatch(/ checked>$/);
  });

  test("lets the browser forget the session of who did not ask, when it is closed", async () => {
    const line = await sessionLine(offering, {});
    expect(line).not.toMatch(/Max-Age|Expires/i);
    const { idle, absolute } = await lifetimes(offering);
    expectAbout(idle, 3600);
    expectAbout(absolute, 12 * 3600);
  });

  test("keeps the session of who asked for as long as it says, used or not", async () => {
    expect(maxAgeOf(await sessionLine(offering, { remember: "yes" }))).toBe(7 * DAY);
    const { idle, absolute } = await lifetimes(offering);
    expectAbout(idle, 7 * DAY);
    expectAbout(absolute, 7 * DAY);
  });

  test("does not shorten that by a use", async () => {
    const browser = offering.browser();
    const fields = { ...credentials, remember: "yes" };
    await browser.submit(await passwordPage(offering, browser), fields, { formId: "login-form" });
    const before = await lifetimes(offering);
    const silent = await browser.open(offering.authorizationUrl({ prompt: "none" }));
    expect(silent.url.searchParams.get("code")).toMatch(/^dxc_/);
    expectAbout((await lifetimes(offering)).idle, before.idle);
  });

  test("remembers the answer while consent is asked for", async () => {
    const browser = offering.browser();
    const page = await browser.open(offering.authorizationUrl({ prompt: "consent" }));
    const consent = await browser.submit(page, { ...credentials, remember: "yes" }, { formId: "login-form" });
    expect(consent.text).toContain('id="approve"');
    expectAbout((await lifetimes(offering)).absolute, 7 * DAY);
  });
});

describe("a deployment that does not", () => {
  test("asks nobody, takes no for an answer, and keeps the session until it ends, as ever", async () => {
    const page = await passwordPage(plain, plain.browser());
    expect(page.text).not.toContain('id="remember"');
    for (const fields of [{}, { remember: "yes" }]) {
      expect(maxAgeOf(await sessionLine(plain, fields as Readonly<Record<string, string>>))).toBe(12 * 3600);
      expectAbout((await lifetimes(plain)).absolute, 12 * 3600);
    }
  });
});

describe("a deployment that does so by default", () => {
  test("ticks the box, and takes no for an answer", async () => {
    const page = await passwordPage(always, always.browser());
    expect(readForm(page, "login-form").fields.get("remember")).toBe("yes");
    expect(maxAgeOf(await sessionLine(always, {}))).toBe(7 * DAY);
  });

  test("keeps people signed in who come through a connector without a form of ours", async () => {
    await always.setConnectors([
      { id: "local", type: "local", config: {} },
      { id: "mock", type: "mockCallback", config: { name: "Anybody" } },
    ]);
    const browser = always.browser();
    const { url } = await browser.open(always.authorizationUrl({ connector_id: "mock" }));
    expect(url.searchParams.get("code")).toMatch(/^dxc_/);
    expectAbout((await lifetimes(always)).idle, 7 * DAY);
  });
});

test.each([
  { given: ["--session-remember-lifetime=1h"], problem: "no less than --session-absolute-lifetime" },
  { given: ["--session-remember-lifetime=721h"], problem: "--session-remember-lifetime" },
  { given: ["--session-remember-by-default"], problem: "needs --session-remember-lifetime" },
])("$given is refused at the start", ({ given, problem }) => {
  const env = {
    DEX_WORKER_DB_URL: "postgres://127.0.0.1/none",
    DEX_WORKER_KEY_SECRETS: Buffer.alloc(32).toString("base64"),
  };
  const result = readWorkerConfig(given, env);
  expect(result).toMatchObject({ kind: "exit", code: 1, message: expect.stringContaining(problem) });
});
