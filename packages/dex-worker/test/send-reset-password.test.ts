import { systemRandom } from "@dex/runtime";
import { openFormBrowser, readForm } from "@dex/testing";
import { newUserId } from "@dex/users";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postForm, resetMails, sendResetMail } from "./following-links.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker();
});
afterAll(() => worker.close());

let people = 0;
const newEmail = () => `forgot-${++people}@example.com`;
const addressOf = (parameters: Record<string, string>) =>
  `${worker.issuer}/send-reset-password?${new URLSearchParams(parameters)}`;
const ofClient = () => ({ client_id: worker.client.id });
const withoutNames = (text: string) => text.replaceAll(/[\w-]{22,}|[\w-]+@example\.com/g, "");
const formOf = (browser = worker.browser()) => browser.open(addressOf(ofClient()));

async function forgotIn(browser = worker.browser(), more = {}) {
  const signIn = await browser.open(worker.authorizationUrl(more));
  const href = /id="forgot-password" href="([^"]+)"/.exec(signIn.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
  return { browser, signIn, page: await browser.open(new URL(href, signIn.url)) };
}

describe("the form", () => {
  test("is linked from our own password form and takes the flow along, which goes on living (v1 W01)", async () => {
    const { browser, signIn, page } = await forgotIn(undefined, { state: "s-1", login_hint: "hint@example.com" });
    expect(page.url.pathname).toBe("/dex/send-reset-password");
    const { fields } = readForm(page, "send-reset-password-form");
    expect(fields.get("email")).toBe("hint@example.com");
    expect(fields.get("client_id")).toBe(worker.client.id);
    expect(fields.get("redirect_uri")).toBe(REDIRECT_URI);
    expect(page.text).toContain('id="sign-in"');
    const end = await browser.submit(signIn, { login: PERSON.email, password: PERSON.password });
    expect(end.url.searchParams.get("state")).toBe("s-1");
  });

  test("carries client and redirect URI when there is no flow (v1 W02)", async () => {
    const plain = await formOf();
    expect([...readForm(plain).fields].sort()).toEqual([
      ["client_id", worker.client.id],
      ["email", ""],
    ]);
    const page = await worker
      .browser()
      .open(addressOf({ ...ofClient(), redirect_uri: REDIRECT_URI, email: "a@b.example" }));
    expect([...readForm(page).fields].sort()).toEqual([
      ["client_id", worker.client.id],
      ["email", "a@b.example"],
      ["redirect_uri", REDIRECT_URI],
    ]);
  });

  test("is there for a public client too (v1 W02)", async () => {
    const uri = "http://127.0.0.1/native";
    const client = await worker.addClient({ public: true, redirectURIs: [uri] });
    const page = await worker.browser().open(addressOf({ client_id: client.id, redirect_uri: uri }));
    expect(page.status).toBe(200);
  });
});

describe("asking for the mail", () => {
  test.each([{}, { redirect_uri: REDIRECT_URI }])(
    "a known address gets a mail that remembers the client and %j (v1 W03)",
    async (more) => {
      const email = newEmail();
      await addUser(email);
      const browser = worker.browser();
      const form = await browser.open(addressOf({ ...ofClient(), ...more }));
      const done = await browser.submit(form, { email: ` ${email.toUpperCase()} ` });
      expect([done.status, done.text.includes("Check your mail")]).toEqual([200, true]);
      const redirectUri = "redirect_uri" in more ? more.redirect_uri : null;
      expect(await resetMails(worker, email)).toMatchObject([
        { client_id: worker.client.id, redirect_uri: redirectUri, flow_id: null },
      ]);
      expect((await sendResetMail(worker, email)).sent).toBe("link");
    },
  );

  test("in a flow it remembers the flow (v1 W03)", async () => {
    const { browser, page } = await forgotIn();
    const email = newEmail();
    await browser.submit(page, { email });
    const flow = readForm(page).fields.get("flow") ?? "";
    expect(flow).not.toBe("");
    expect(await resetMails(worker, email)).toMatchObject([
      { client_id: worker.client.id, redirect_uri: REDIRECT_URI, flow_id: flow },
    ]);
  });

  test.each([
    "",
    "nobody",
    "a@b@c.example",
    "a@example.com,b@example.com",
    `${"x".repeat(400)}@example.com`,
    "a\0@example.com",
  ])("%j is no address: the form comes again with what was typed (v1 W04)", async (email) => {
    const browser = worker.browser();
    const answer = await browser.submit(await formOf(browser), { email });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("Please enter your email address");
    expect(answer.text).not.toContain("x".repeat(330));
    if (email === "nobody") expect(readForm(answer).fields.get("email")).toBe("nobody");
  });

  test("an unknown address gets the same answer by the same work, and no mail is sent (ACC-2, v1 W05)", async () => {
    const [knownEmail, unknownEmail] = [newEmail(), newEmail()];
    await addUser(knownEmail);
    const browser = worker.browser();
    const form = await formOf(browser);
    worker.takeStatements();
    const unknown = await browser.submit(form, { email: unknownEmail });
    const statements = worker.takeStatements();
    const known = await browser.submit(form, { email: knownEmail });
    expect(worker.takeStatements()).toEqual(statements);
    expect([known.status, withoutNames(known.text)]).toEqual([unknown.status, withoutNames(unknown.text)]);
    expect((await sendResetMail(worker, unknownEmail)).sent).toBe("nobody");
  });

  test("a known and an unknown address take the same time, over 50 tries each (ACC-2)", async () => {
    const times = { known: [] as number[], unknown: [] as number[] };
    const browser = openFormBrowser({ sourceAddress: "127.0.9.2" });
    const form = await formOf(browser);
    for (let attempt = 0; attempt < 50; attempt++) {
      for (const kind of ["known", "unknown"] as const) {
        const email = newEmail();
        if (kind === "known") await addUser(email);
        const start = performance.now();
        expect((await browser.submit(form, { email })).status).toBe(200);
        times[kind].push(performance.now() - start);
      }
    }
    const median = (all: number[]) => all.toSorted((left, right) => left - right)[25] ?? 0;
    const [known, unknown] = [median(times.known), median(times.unknown)];
    expect(Math.abs(known - unknown)).toBeLessThan(Math.max(20, unknown * 0.1));
  });

  test("five clicks at once promise one mail", async () => {
    const browser = worker.browser();
    const email = newEmail();
    const form = await formOf(browser);
    const answers = await Promise.all(Array.from({ length: 5 }, () => browser.submit(form, { email })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await resetMails(worker, email)).length).toBeLessThanOrEqual(2); // a minute may end meanwhile
  });

  test("an address is not asked for without end, however it is spelt, and the wait is shorter than a link lives (ACC-3)", async () => {
    const browser = worker.browser();
    const email = newEmail();
    const form = await formOf(browser);
    const spelt = [email, email.toUpperCase(), ` ${email}`, email, email, email];
    const answers = [];
    for (const one of spelt) answers.push(await browser.submit(form, { email: one }));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    const wait = Number(answers[5]?.headers.get("retry-after"));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(900);
  });

  test("one source does not ask for everybody's (ACC-3)", async () => {
    const browser = openFormBrowser({ sourceAddress: "127.0.9.3" });
    const form = await formOf(browser);
    const answers = await Promise.all(Array.from({ length: 104 }, () => browser.submit(form, { email: newEmail() })));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(4);
  });
});

describe("nothing is promised", () => {
  const bad: { what: string; parameters: () => Record<string, string> }[] = [
    { what: "without a client", parameters: () => ({}) },
    { what: "with a flow that is not of this browser", parameters: () => ({ flow: "A".repeat(22) }) },
    { what: "with a session key of dex v1", parameters: () => ({ session_key: "x" }) },
    { what: "with an unknown client", parameters: () => ({ client_id: "nobody" }) },
    { what: "with a client id that cannot be stored", parameters: () => ({ client_id: "no\0body" }) },
    { what: "with what stands for our own pages", parameters: () => ({ client_id: "dex:own-pages" }) },
    {
      what: "with a foreign redirect URI",
      parameters: () => ({ ...ofClient(), redirect_uri: "https://evil.example/" }),
    },
    {
      what: "with a redirect URI that only begins like a registered one",
      parameters: () => ({ ...ofClient(), redirect_uri: `${REDIRECT_URI}/..` }),
    },
  ];
  test.each(bad)("$what: 400, by GET and by POST (BRO-13, v1 W06, v1 W07)", async ({ parameters }) => {
    const email = newEmail();
    const page = await worker.browser().open(addressOf({ email, ...parameters() }));
    expect([page.status, page.text.includes("<form")]).toEqual([400, false]);
    const post = await worker.browser().request(`${worker.issuer}/send-reset-password`, {
      method: "POST",
      body: new URLSearchParams({ email, ...parameters() }),
      headers: { Origin: new URL(worker.issuer).origin },
    });
    expect(post.status).toBe(400);
    expect(await post.text()).not.toContain("evil.example");
    expect(await resetMails(worker, email)).toEqual([]);
  });

  test("when a parameter comes twice", async () => {
    const page = await worker.browser().open(`${addressOf(ofClient())}&client_id=other`);
    expect(page.status).toBe(400);
  });

  test("from another site, or in a flow without its token (BRO-2)", async () => {
    const { browser, page } = await forgotIn();
    const email = newEmail();
    const statuses = [
      await postForm(browser, page, { email }, { Origin: "https://evil.example" }),
      await postForm(browser, page, { email }, { "Sec-Fetch-Site": "cross-site" }),
      await postForm(browser, page, { email, form_token: "x" }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([403, 403, 403]);
    expect(await resetMails(worker, email)).toEqual([]);
  });
});

test("no address is in the log (LOG-2)", () => {
  const log = worker.log.join("\n");
  expect(log).toContain("password reset asked for");
  expect(log).not.toMatch(/forgot-\d+@example/);
});

async function addUser(email: string): Promise<void> {
  const user = { id: newUserId(systemRandom), email, emailVerified: true, displayName: undefined };
  const actor = { kind: "dexctl", id: undefined, address: undefined } as const;
  await worker.storage.users.createLocal({ ...user, admin: false, createdAt: new Date() }, "hash", "local", actor);
}
