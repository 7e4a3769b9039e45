import { type FormBrowser, queryDatabase, readForm } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHOSEN, mailedLink, register, rowsOf } from "./registering.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-registration"]);
});
afterAll(() => worker.close());

let people = 0;
const newEmail = () => `confirm-${++people}@example.com`;
const GONE = "This link cannot be used";

async function registered(browser: FormBrowser = worker.browser(), more = {}) {
  const email = newEmail();
  await register(worker, browser, email, more);
  return { browser, email, link: await mailedLink(worker, email) };
}

test("the link moves out of the address, names the address, and using it makes a verified user (ACC-8, v1 V03, v1 P07)", async () => {
  const { browser, email, link } = await registered(undefined, { state: "s-1" });
  const page = await browser.open(link);
  expect(page.url.href).toBe(`${worker.issuer}/verify-email`);
  expect(page.text).toContain(email);
  expect((await rowsOf(worker, email)).users).toHaveLength(0);
  const signIn = await browser.submit(page);
  expect((await rowsOf(worker, email)).users).toMatchObject([{ email_verified: true }]);
  // The flow still lives in this browser: on to its sign-in, with the address filled in.
  expect(signIn.url.pathname).toBe("/dex/auth/local/login");
  expect(signIn.text).toContain("Your address is confirmed");
  expect(readForm(signIn).fields.get("login")).toBe(email);
  const end = await browser.submit(signIn, { password: CHOSEN });
  expect(end.url.href).toContain(REDIRECT_URI);
  expect(end.url.searchParams.get("state")).toBe("s-1");
  expect(end.url.searchParams.get("code")).not.toBeNull();
});

test("opening the link as often as one likes uses nothing up (ACC-8)", async () => {
  const { browser, email, link } = await registered();
  for (let time = 0; time < 3; time++) expect((await browser.open(link)).status).toBe(200);
  expect((await rowsOf(worker, email)).registrations).toHaveLength(1);
});

describe("in another browser", () => {
  test("the chosen password is asked for, and the right one confirms (ACC-13)", async () => {
    const { email, link } = await registered();
    const browser = worker.browser();
    const page = await browser.open(link);
    const wrong = await browser.submit(page, { password: "wrong wrong wrong wrong" });
    expect(wrong.status).toBe(403);
    expect((await rowsOf(worker, email)).users).toHaveLength(0);
    const empty = await browser.submit(page, { password: "" });
    expect(empty.status).toBe(403);
    const done = await browser.submit(wrong, { password: CHOSEN });
    expect(done.status).toBe(200);
    expect(done.text).toContain("Address confirmed");
    expect(done.text).toContain("Test client");
    expect((await rowsOf(worker, email)).users).toHaveLength(1);
  });

  test("guesses are counted, also when they come at once (ACC-5)", async () => {
    const { email, link } = await registered();
    const browser = worker.browser();
    const page = await browser.open(link);
    const guesses = await Promise.all(
      Array.from({ length: 12 }, (_, n) => browser.submit(page, { password: `guess ${n} guess guess` })),
    );
    expect(guesses.filter(({ status }) => status === 403)).toHaveLength(5);
    expect(guesses.filter(({ status }) => status === 429)).toHaveLength(7);
    const late = await browser.submit(page, { password: CHOSEN });
    expect(late.status).toBe(429);
    expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await rowsOf(worker, email)).users).toHaveLength(0);
  });

  test("a registrant who is not the owner of the mailbox gets no account by the owner's click (ACC-13)", async () => {
    const attacker = worker.browser();
    const { email, link } = await registered(attacker);
    const owner = worker.browser();
    const page = await owner.open(link);
    // Everything the owner can send without the password.
    await owner.submit(page);
    await owner.submit(page, { password: "" });
    expect((await rowsOf(worker, email)).users).toHaveLength(0);
    // And when the owner registers, what the attacker began is gone.
    await register(worker, owner, email);
    const own = await mailedLink(worker, email);
    await owner.submit(await owner.open(own));
    expect((await rowsOf(worker, email)).registrations).toHaveLength(0);
    const late = await attacker.open(link);
    expect([late.status, late.text.includes(GONE)]).toEqual([400, true]);
  });

  test("the page leads on to the client, where its address may be linked (BRO-12, BRO-13)", async () => {
    const uri = "https://app.example/callback?x=1";
    const client = await worker.addClient({ clientName: "Linked <b>client</b>", redirectURIs: [uri], trusted: true });
    const { link } = await registered(undefined, { client_id: client.id, redirect_uri: uri });
    const browser = worker.browser();
    const done = await browser.submit(await browser.open(link), { password: CHOSEN });
    expect(done.text).toContain('id="continue" href="https://app.example/callback?x=1"');
    expect(done.text).toContain("Linked &lt;b&gt;client");
    await queryDatabase(worker.databaseUrl, "UPDATE registration SET redirect_uri = $1", ["https://evil.example/"]);
  });

  test("what is no redirect_uri of the client any more is not linked (BRO-13)", async () => {
    const { email, link } = await registered();
    await queryDatabase(worker.databaseUrl, "UPDATE registration SET redirect_uri = $1 WHERE email = $2", [
      "https://evil.example/",
      email,
    ]);
    const browser = worker.browser();
    const done = await browser.submit(await browser.open(link), { password: CHOSEN });
    expect(done.status).toBe(200);
    expect(done.text).not.toContain("evil.example");
  });
});

describe("links that cannot be used look all the same (ACC-8, ACC-11, v1 V02, v1 V04)", () => {
  const withoutId = (text: string) => text.replace(/<code id="request-id">[^<]*/, "");
  const rows: { what: string; link: () => Promise<string> }[] = [
    {
      what: "used",
      link: async () => {
        const { browser, link } = await registered();
        await browser.submit(await browser.open(link));
        return link;
      },
    },
    {
      what: "expired",
      link: async () => {
        const { email, link } = await registered();
        await queryDatabase(
          worker.databaseUrl,
          "UPDATE registration SET expires_at = now() - interval '1 second' WHERE email = $1",
          [email],
        );
        return link;
      },
    },
    {
      what: "for an address that belongs to a user",
      link: async () => {
        const browser = worker.browser();
        await register(worker, browser, PERSON.email);
        const link = await mailedLink(worker, PERSON.email);
        const page = await browser.open(link);
        const refused = await browser.submit(page);
        expect([refused.status, refused.text.includes(GONE)]).toEqual([400, true]);
        return `${worker.issuer}/verify-email`;
      },
    },
    { what: "not whole", link: async () => (await registered()).link.slice(0, -1) },
    { what: "forged", link: async () => (await registered()).link.replace(/.{6}$/, "AAAAAA") },
    {
      what: "for another purpose",
      link: async () =>
        `${worker.issuer}/verify-email?token=${worker.linkTokens.issue("reset password", "00000000-0000-4000-8000-000000000000")}`,
    },
    { what: "empty", link: async () => `${worker.issuer}/verify-email?token=` },
    { what: "missing", link: async () => `${worker.issuer}/verify-email` },
    { what: "endless", link: async () => `${worker.issuer}/verify-email?token=${"A".repeat(4000)}` },
  ];
  test.each(rows)("$what", async ({ link }) => {
    const plain = await worker.browser().open(`${worker.issuer}/verify-email`);
    const page = await worker.browser().open(await link());
    expect(page.status).toBe(400);
    expect(page.text).toContain(GONE);
    expect(withoutId(page.text)).toBe(withoutId(plain.text));
  });
});

test("five clicks at once make one user, and none of them fails", async () => {
  const { browser, email, link } = await registered();
  const page = await browser.open(link);
  const ends = await Promise.all(Array.from({ length: 5 }, () => browser.submit(page)));
  expect(ends.every(({ status }) => status === 200 || status === 400)).toBe(true);
  expect((await rowsOf(worker, email)).users).toHaveLength(1);
});

test("the form counts for the link it came with alone, and only from our own page (BRO-2)", async () => {
  const { browser, email, link } = await registered();
  const page = await browser.open(link);
  const { action, fields } = readForm(page);
  const post = (token: string, headers: Record<string, string>) =>
    browser.request(action, { method: "POST", body: new URLSearchParams({ form_token: token }), headers });
  const good = fields.get("form_token") ?? "";
  const origin = new URL(worker.issuer).origin;
  expect((await post("", { Origin: origin })).status).toBe(403);
  expect((await post(good, { Origin: "https://evil.example" })).status).toBe(403);
  expect((await post(good, { "Sec-Fetch-Site": "cross-site" })).status).toBe(403);
  const other = await registered();
  await browser.open(other.link); // the cookie now holds another link
  expect((await post(good, { Origin: origin })).status).toBe(403);
  expect((await rowsOf(worker, email)).users).toHaveLength(0);
});

test("neither Host nor X-Forwarded-Host leads anywhere else (ACC-9)", async () => {
  const { link } = await registered();
  const response = await fetch(link, { redirect: "manual", headers: { "X-Forwarded-Host": "evil.example" } });
  expect(response.headers.get("location")).toBe("/dex/verify-email");
});

test("no mailed token and no address stand in the log (LOG-2)", async () => {
  const { browser, email, link } = await registered();
  await browser.submit(await browser.open(link));
  const log = worker.log.join("\n");
  expect(log).not.toContain(email);
  expect(log).not.toContain(new URL(link).searchParams.get("token") ?? "none");
});
