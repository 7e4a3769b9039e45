import { systemRandom } from "@dex/runtime";
import { openFormBrowser, readForm } from "@dex/testing";
import { newUserId } from "@dex/users";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHOSEN, register, rowsOf } from "./registering.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let closed: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-registration", "--registration-email-domains=example.com,Example.org"]);
  closed = await openTestWorker();
});
afterAll(() => Promise.all([worker.close(), closed.close()]));

let people = 0;
const newEmail = () => `person-${++people}@example.com`;
const codeOf = (url: URL) => url.searchParams.get("code") ?? "";
const withoutNames = (text: string) => text.replaceAll(/[\w-]{22,}|[\w-]+@example\.com/g, "");
const signInAs = async (email: string, password = CHOSEN) => {
  const browser = worker.browser();
  const page = await browser.open(worker.authorizationUrl());
  return browser.submit(page, { login: email, password }, { formId: "login-form" });
};

describe("asking for an account", () => {
  test.each([{ register: "1" }, { prompt: "create" }])(
    "$register$prompt leads to an empty form that asks for a new password (v1 A07, v1 P01)",
    async (wish) => {
      const page = await worker.browser().open(worker.authorizationUrl(wish as Record<string, string>));
      expect(page.url.pathname).toBe("/dex/register");
      expect(page.status).toBe(200);
      const { fields } = readForm(page, "register-form");
      expect([fields.get("email"), fields.get("password")]).toEqual(["", ""]);
      expect(page.text).toContain('autocomplete="new-password"');
      expect(page.text).toContain("At least 15 characters");
    },
  );

  test.each([{ register: "1" }, { prompt: "create" }, { register: "0" }])(
    "where nobody can register, %j signs in (v1 A18)",
    async (wish) => {
      const page = await closed.browser().open(closed.authorizationUrl(wish as Record<string, string>));
      expect(page.url.pathname).toBe("/dex/auth/local/login");
      expect(page.text).not.toContain('id="register"');
      expect((await fetch(`${closed.issuer}/register`)).status).toBe(404);
    },
  );

  test("only the value 1 is the wish to register (v1 A18)", async () => {
    const page = await worker.browser().open(worker.authorizationUrl({ register: "true" }));
    expect(page.url.pathname).toBe("/dex/auth/local/login");
  });

  test("the links between signing in and registering keep what the client asked for (v1 A17, v1 L10)", async () => {
    const browser = worker.browser();
    const asked = { state: "s-1", nonce: "n-1", scope: "openid email" };
    const signIn = await browser.open(worker.authorizationUrl(asked));
    const follow = (page: typeof signIn, id: string) => {
      const href = new RegExp(`id="${id}" href="([^"]+)"`).exec(page.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
      return browser.open(new URL(href, page.url));
    };
    const form = await follow(signIn, "register");
    expect(form.url.pathname).toBe("/dex/register");
    const back = await follow(form, "sign-in");
    const end = await browser.submit(back, { login: PERSON.email, password: PERSON.password });
    expect(end.url.searchParams.get("state")).toBe("s-1");
    const { body } = await worker.token({
      grant_type: "authorization_code",
      code: codeOf(end.url),
      redirect_uri: REDIRECT_URI,
    });
    const claims = JSON.parse(Buffer.from(body.id_token?.split(".")[1] ?? "", "base64url").toString());
    expect(claims.nonce).toBe("n-1");
  });

  test("a session of somebody else does not stand in the way of a new account", async () => {
    const browser = worker.browser();
    await worker.signIn(browser);
    const page = await browser.open(worker.authorizationUrl({ register: "1" }));
    expect(page.url.pathname).toBe("/dex/register");
  });

  test("the address is filled in from login_hint, trimmed, and kept when something is wrong (v1 P06, v1 P08)", async () => {
    const browser = worker.browser();
    const form = await browser.open(worker.authorizationUrl({ register: "1", login_hint: "hint@example.com" }));
    expect(readForm(form).fields.get("email")).toBe("hint@example.com");
    const wrong = await browser.submit(form, { email: " typed@elsewhere.example ", password: "short canary" });
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain("Addresses of this domain");
    expect(wrong.text).toContain("at least 15 characters");
    expect(wrong.text).not.toContain("short canary");
    expect(readForm(wrong).fields.get("email")).toBe("typed@elsewhere.example");
    const email = newEmail();
    const sent = await browser.submit(wrong, { email: `\t ${email.toUpperCase()}\n`, password: CHOSEN });
    expect(sent.status).toBe(200);
    expect((await rowsOf(worker, email)).registrations).toHaveLength(1);
  });

  test.each([
    { email: "", password: CHOSEN },
    { email: "not an address", password: CHOSEN },
    { email: "a@example.com,b@example.com", password: CHOSEN },
    { email: "refused@sub.example.com", password: CHOSEN },
    { email: "refused@example.com", password: "" },
    { email: "refused@example.com", password: "x".repeat(2000) },
  ])("$email with a password of some length is refused and nothing is kept (ACC-6, ACC-10, v1 P06)", async (typed) => {
    const browser = worker.browser();
    const form = await browser.open(worker.authorizationUrl({ register: "1" }));
    expect((await browser.submit(form, typed)).status).toBe(400);
    expect((await rowsOf(worker, "refused@example.com")).registrations).toHaveLength(0);
  });

  test("nobody is a user yet, and a known address gets the same answer as any other (ACC-2, v1 P11)", async () => {
    const email = newEmail();
    worker.takeStatements();
    const unknown = await register(worker, worker.browser(), email);
    const statements = worker.takeStatements();
    const known = await register(worker, worker.browser(), PERSON.email);
    expect(worker.takeStatements()).toEqual(statements);
    expect(withoutNames(known.text)).toBe(withoutNames(unknown.text));
    expect(known.status).toBe(unknown.status);
    const { users, registrations, mails } = await rowsOf(worker, email);
    expect([users.length, registrations.length, mails.map(({ kind }) => kind)]).toEqual([
      0,
      1,
      ["confirm-registration"],
    ]);
  });

  test("a known and an unknown address take the same time, over 50 tries (ACC-2)", async () => {
    const knownEmails: string[] = [];
    for (let n = 0; n < 25; n++) {
      const user = { id: newUserId(systemRandom), email: newEmail(), emailVerified: true, displayName: undefined };
      const actor = { kind: "dexctl", id: undefined, address: undefined } as const;
      await worker.storage.users.createLocal({ ...user, admin: false, createdAt: new Date() }, "hash", "local", actor);
      knownEmails.push(user.email);
    }
    const times = { known: [] as number[], unknown: [] as number[] };
    for (const knownEmail of knownEmails) {
      for (const kind of ["known", "unknown"] as const) {
        const browser = openFormBrowser({ sourceAddress: "127.0.9.1" });
        const form = await browser.open(worker.authorizationUrl({ register: "1" }));
        const email = kind === "known" ? knownEmail : newEmail();
        const start = performance.now();
        expect((await browser.submit(form, { email, password: CHOSEN })).status).toBe(200);
        times[kind].push(performance.now() - start);
      }
    }
    const median = (all: number[]) => all.toSorted((left, right) => left - right)[12] ?? 0;
    const [known, unknown] = [median(times.known), median(times.unknown)];
    expect(Math.abs(known - unknown)).toBeLessThan(Math.max(20, unknown * 0.1));
  });

  test("an address is not written to more than five times an hour, whoever it belongs to (ACC-3)", async () => {
    const email = newEmail();
    const pages = [];
    for (let time = 0; time < 6; time++) pages.push(await register(worker, worker.browser(), ` ${email}`));
    expect(pages.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(Number(pages[5]?.headers.get("retry-after"))).toBeGreaterThan(3000);
    expect((await rowsOf(worker, email)).mails).toHaveLength(5);
  });

  test("a form sent five times at once is one registration with one mail, and no user (BRO-7)", async () => {
    const browser = worker.browser();
    const email = newEmail();
    const form = await browser.open(worker.authorizationUrl({ register: "1" }));
    const pages = await Promise.all(Array.from({ length: 5 }, () => browser.submit(form, { email, password: CHOSEN })));
    expect(pages.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const { users, registrations, mails } = await rowsOf(worker, email);
    expect([users.length, registrations.length, mails.length]).toEqual([0, 1, 1]);
  });

  test("without this browser's flow, from another site or with another token nothing is kept (BRO-2, BRO-4, v1 P10)", async () => {
    const browser = worker.browser();
    const form = await browser.open(worker.authorizationUrl({ register: "1" }));
    const { action, fields } = readForm(form);
    const email = newEmail();
    const body = (token: string) => new URLSearchParams({ form_token: token, email, password: CHOSEN });
    const good = fields.get("form_token") ?? "";
    const post = (who: typeof browser, token: string, headers: Record<string, string> = {}) =>
      who.request(action, { method: "POST", body: body(token), headers });
    const origin = new URL(worker.issuer).origin;
    expect((await post(worker.browser(), good, { Origin: origin })).status).toBe(403);
    expect((await post(browser, good, { Origin: "https://evil.example" })).status).toBe(403);
    expect((await post(browser, good, { "Sec-Fetch-Site": "cross-site" })).status).toBe(403);
    expect((await post(browser, "x", { Origin: origin })).status).toBe(403);
    expect((await worker.browser().open(form.url)).status).toBe(400);
    expect((await rowsOf(worker, email)).registrations).toHaveLength(0);
  });

  test("in a flow that signs in there is nothing to register (BRO-6)", async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl());
    const form = await browser.open(page.url.href.replace("/auth/local/login", "/register"));
    expect(form.url.pathname).toBe("/dex/auth/local/login");
  });
});

describe("an account that is not confirmed does not exist", () => {
  test("signing in to it is answered like an unknown user (ACC-1, v1 P07)", async () => {
    const email = newEmail();
    await register(worker, worker.browser(), email);
    const pending = await signInAs(email);
    const unknown = await signInAs(newEmail());
    expect([pending.status, withoutNames(pending.text)]).toEqual([unknown.status, withoutNames(unknown.text)]);
  });

  test("and takes the same time, over 50 tries (ACC-1)", async () => {
    const email = newEmail();
    await register(worker, worker.browser(), email);
    const times = { pending: [] as number[], unknown: [] as number[] };
    for (let attempt = 0; attempt < 25; attempt++) {
      for (const kind of ["pending", "unknown"] as const) {
        // Each with an address of its own counter, so that no wait is measured.
        const login = kind === "pending" && attempt < 5 ? email : newEmail();
        const browser = worker.browser();
        const page = await browser.open(worker.authorizationUrl());
        const start = performance.now();
        await browser.submit(page, { login, password: CHOSEN });
        times[kind].push(performance.now() - start);
      }
    }
    const median = (all: number[]) => all.toSorted((left, right) => left - right)[12] ?? 0;
    const [pending, unknown] = [median(times.pending), median(times.unknown)];
    expect(Math.abs(pending - unknown)).toBeLessThan(Math.max(20, unknown * 0.1));
  });
});
