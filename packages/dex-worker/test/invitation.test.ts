import { systemRandom } from "@dex/runtime";
import { type FormBrowser, queryDatabase, readForm } from "@dex/testing";
import { newUserId } from "@dex/users";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHOSEN, GONE, linkOf, linkTo, mailKinds, postForm, signInAs, twice } from "./following-links.ts";
import { rowsOf } from "./registering.ts";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--issuer-name=Sea & Sky"]);
});
afterAll(() => worker.close());

const ADMIN = { kind: "dexctl", id: undefined, address: undefined } as const;
let people = 0;

/** Somebody whom an administrator made an account for, with the link that was mailed. */
async function invited(redirectUri: string | undefined = REDIRECT_URI) {
  const userId = newUserId(systemRandom);
  const email = `invited-${++people}@example.com`;
  const user = { id: userId, email, emailVerified: false, displayName: undefined, admin: false, createdAt: new Date() };
  await worker.storage.users.createLocal(user, "nobody's hash", "local", ADMIN);
  const origin = { clientId: worker.client.id, redirectUri, flowId: undefined, locale: undefined };
  expect(await worker.storage.accountLinks.requestInvitation(userId, origin, ADMIN, new Date())).toBe("promised");
  const link = await linkOf(worker, userId, { kind: "invitation", place: "accept-invitation", purpose: "invitation" });
  return { userId, email, link };
}
const opened = async (link: string, browser: FormBrowser = worker.browser()) => ({
  browser,
  page: await browser.open(link),
});
const isVerified = async (email: string) => (await rowsOf(worker, email)).users[0]?.email_verified;
const signsIn = async (email: string, password = CHOSEN) =>
  (await signInAs(worker, email, password)).url.href.startsWith(REDIRECT_URI);

test("the link welcomes the invited, who choose a password and go on to the client (ACC-8, v1 I01)", async () => {
  const { email, link, userId } = await invited();
  const { browser, page } = await opened(link);
  expect([page.status, page.url.href]).toEqual([200, `${worker.issuer}/accept-invitation`]);
  expect(page.text).toContain("<h1>Welcome to Sea &amp; Sky</h1>");
  expect(page.text).toContain(email);
  expect(readForm(page, "accept-invitation-form").fields.get("password")).toBe("");
  // Opening it is not accepting it.
  expect(await isVerified(email)).toBe(false);
  const done = await browser.submit(page, twice(CHOSEN));
  expect([done.status, done.url.href]).toEqual([303, REDIRECT_URI]);
  expect(await isVerified(email)).toBe(true);
  expect(await signsIn(email)).toBe(true);
  expect(await mailKinds(worker, userId)).toEqual(["invitation", "password-changed"]);
  const { page: again } = await opened(link);
  expect([again.status, again.text.includes(GONE)]).toEqual([400, true]);
});

test("without a registered redirect URI it ends at a page (BRO-13)", async () => {
  const { link } = await invited("https://evil.example/");
  const { browser, page } = await opened(link);
  const done = await browser.submit(page, twice(CHOSEN));
  expect([done.status, done.text.includes("Your account is ready")]).toEqual([200, true]);
  expect(done.text).not.toContain("evil.example");
});

test("whose address was verified meanwhile accepts it all the same (v1 I02)", async () => {
  const { email, link } = await invited();
  await queryDatabase(worker.databaseUrl, "UPDATE app_user SET email_verified = true WHERE email = $1", [email]);
  const { browser, page } = await opened(link);
  expect((await browser.submit(page, twice(CHOSEN))).status).toBe(303);
  expect(await signsIn(email)).toBe(true);
});

test("a password that is not taken uses nothing up (ACC-6)", async () => {
  const { email, link } = await invited();
  const { browser, page } = await opened(link);
  for (const fields of [twice("seaandsky"), { password: CHOSEN, password_confirm: "" }]) {
    expect((await browser.submit(page, fields)).status).toBe(400);
  }
  expect(await isVerified(email)).toBe(false);
  expect((await browser.submit(page, twice(CHOSEN))).status).toBe(303);
});

test("accepted many times at once, one succeeds (ACC-8)", async () => {
  const { link, email } = await invited();
  const { browser, page } = await opened(link);
  const answers = await Promise.all(Array.from({ length: 5 }, () => postForm(browser, page, twice(CHOSEN))));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 400, 400, 400, 400]);
  expect(await signsIn(email)).toBe(true);
});

test("a form from another site or of no link accepts nothing (BRO-2)", async () => {
  const { link, email } = await invited();
  const { browser, page } = await opened(link);
  const answers = [
    await postForm(browser, page, twice(CHOSEN), { Origin: "https://evil.example" }),
    await postForm(browser, page, { ...twice(CHOSEN), form_token: "x" }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([403, 403]);
  expect(await isVerified(email)).toBe(false);
});

describe("refused with a page, and nothing verified (v1 I03, v1 I04)", () => {
  const change = (sql: string) => async () => {
    const one = await invited();
    await queryDatabase(worker.databaseUrl, sql, [one.userId]);
    return one;
  };
  const rows: { what: string; make: () => Promise<{ email: string; link: string }> }[] = [
    { what: "another address now", make: change("UPDATE app_user SET email = 'new-' || email WHERE id = $1") },
    { what: "a disabled user", make: change("UPDATE app_user SET disabled = true WHERE id = $1") },
    {
      what: "an expired link",
      make: change("UPDATE account_link SET expires_at = now() - interval '1 second' WHERE user_id = $1"),
    },
    {
      what: "an altered link",
      make: async () => {
        const one = await invited();
        return { ...one, link: one.link.replace(/..$/, (end) => (end === "AA" ? "BB" : "AA")) };
      },
    },
    {
      what: "a superseded link",
      make: async () => {
        const one = await invited();
        const origin = { clientId: undefined, redirectUri: undefined, flowId: undefined, locale: undefined };
        const later = new Date(Date.now() + 120_000);
        await worker.storage.accountLinks.requestInvitation(one.userId, origin, ADMIN, later);
        return one;
      },
    },
    {
      what: "a link for another purpose",
      make: async () => {
        const one = await invited();
        const [row] = await queryDatabase<{ id: string }>(
          worker.databaseUrl,
          "SELECT id FROM account_link WHERE user_id = $1",
          [one.userId],
        );
        return { ...one, link: linkTo(worker, "accept-invitation", "reset password", row?.id ?? "") };
      },
    },
    {
      what: "an invitation at the page for resets",
      make: async () => {
        const one = await invited();
        return { ...one, link: one.link.replace("/accept-invitation", "/reset-password") };
      },
    },
    {
      what: "a token of dex v1",
      make: async () => ({ ...(await invited()), link: `${worker.issuer}/accept-invitation?token=e30.e30.e30` }),
    },
    { what: "no token", make: async () => ({ ...(await invited()), link: `${worker.issuer}/accept-invitation` }) },
  ];
  test.each(rows)("$what", async ({ make }) => {
    const { email, link } = await make();
    const { page } = await opened(link);
    expect([page.status, page.text.includes("<form"), page.text.includes(GONE)]).toEqual([400, false, true]);
    expect((await rowsOf(worker, email)).users[0]?.email_verified ?? false).toBe(false);
  });
});
