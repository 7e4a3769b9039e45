import { type FormBrowser, queryDatabase, readForm } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AccountWorld, makeAccountWorld } from "./account-world.ts";
import { GONE, linkOf, linkTo, mailKinds, postForm, resetMails, sendResetMail, signInAs } from "./following-links.ts";
import { rowsOf } from "./registering.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let world: AccountWorld;
beforeAll(async () => {
  worker = await openTestWorker();
  world = makeAccountWorld(worker);
});
afterAll(() => worker.close());

const NOWHERE = { clientId: undefined, redirectUri: undefined, flowId: undefined, locale: undefined };
let addresses = 0;

async function ask(userId: string, newEmail: string, at = new Date()): Promise<string> {
  const actor = { kind: "user", id: userId, address: undefined } as const;
  await worker.storage.accountLinks.requestEmailChange(userId, newEmail, NOWHERE, actor, at);
  const of = { kind: "confirm-email-change", place: "change-email", purpose: "change email" } as const;
  return linkOf(worker, userId, of);
}

/** Somebody who asked for another address, signed in, with the link that was mailed there. */
async function changing(newEmail = `new-${++addresses}@example.com`) {
  const somebody = await world.newSomebody();
  await queryDatabase(worker.databaseUrl, "UPDATE app_user SET email_verified = true WHERE id = $1", [somebody.userId]);
  const link = await ask(somebody.userId, newEmail);
  const browser: FormBrowser = await world.signIn(somebody);
  return { ...somebody, newEmail, link, browser };
}
const addressOf = async (userId: string) => {
  const sql = "SELECT email, email_verified FROM app_user WHERE id = $1";
  const [row] = await queryDatabase<{ email: string; email_verified: boolean }>(worker.databaseUrl, sql, [userId]);
  return row;
};

test("the link names the new address and changes it when its owner says so, once (ACC-8, ACC-15)", async () => {
  const { userId, email, newEmail, link, browser } = await changing();
  const page = await browser.open(link);
  expect([page.status, page.url.href]).toEqual([200, `${worker.issuer}/change-email`]);
  expect(page.text).toContain(newEmail);
  expect(readForm(page, "change-email-form").action.href).toBe(page.url.href);
  expect(await addressOf(userId)).toMatchObject({ email });
  const done = await browser.submit(page);
  expect([done.status, done.text.includes("Your address is changed")]).toEqual([200, true]);
  expect(done.text).toContain('href="/dex/account"');
  expect(await addressOf(userId)).toEqual({ email: newEmail, email_verified: true });
  expect(await mailKinds(worker, userId)).toContain("email-changed");
  expect((await signInAs(worker, newEmail, PERSON.password)).url.href).toContain(REDIRECT_URI);
  const again = await browser.open(link);
  expect([again.status, again.text.includes(GONE)]).toEqual([400, true]);
  expect((await browser.submit(page)).status).toBe(400);
});

test("opening it as often as one likes changes nothing (ACC-8)", async () => {
  const { userId, email, link, browser } = await changing();
  for (let time = 0; time < 3; time++) expect((await browser.open(link)).status).toBe(200);
  expect(await addressOf(userId)).toMatchObject({ email });
});

test("a browser that is not signed in signs in first, and comes back (ACC-13)", async () => {
  const { userId, email, newEmail, link } = await changing();
  const browser = worker.browser();
  const signIn = await browser.open(link);
  expect(signIn.url.pathname).toBe("/dex/auth/local/login");
  expect(signIn.text).not.toContain(newEmail);
  const page = await browser.submit(signIn, { login: email, password: PERSON.password });
  expect(page.url.href).toBe(`${worker.issuer}/change-email`);
  await browser.submit(page);
  expect(await addressOf(userId)).toMatchObject({ email: newEmail });
});

test("the click of a stranger lends nobody their address (ACC-13)", async () => {
  const { userId, email, link, browser: owner } = await changing();
  const stranger: FormBrowser = await world.signIn(await world.newSomebody());
  const page = await stranger.open(link);
  expect([page.status, page.text.includes("<form")]).toEqual([403, false]);
  const form = await owner.open(link);
  expect((await postForm(stranger, form, {})).status).toBe(403);
  const signedOut = worker.browser();
  await signedOut.open(link);
  expect((await postForm(signedOut, form, {})).status).toBe(403);
  expect(await addressOf(userId)).toMatchObject({ email });
});

test("an address that became somebody's is refused without saying whose (ACC-2, ACC-15)", async () => {
  const other = await world.newSomebody();
  const { userId, email, link, browser } = await changing(other.email);
  const page = await browser.open(link);
  expect(page.status).toBe(200);
  const answer = await browser.submit(page);
  expect([answer.status, answer.text.includes("cannot be used")]).toEqual([409, true]);
  expect(answer.text.replaceAll(other.email, "")).not.toContain(other.userId);
  expect(await addressOf(userId)).toMatchObject({ email });
  expect(await addressOf(other.userId)).toMatchObject({ email: other.email });
});

test("sent many times at once, one succeeds (ACC-8, ACC-15)", async () => {
  const { userId, newEmail, link, browser } = await changing();
  const page = await browser.open(link);
  const answers = await Promise.all(Array.from({ length: 5 }, () => postForm(browser, page, {})));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400, 400, 400]);
  expect(await addressOf(userId)).toMatchObject({ email: newEmail });
  expect((await mailKinds(worker, userId)).filter((kind) => kind === "email-changed")).toHaveLength(1);
});

test("of two who want one address at once, one gets it (ACC-15)", async () => {
  const wanted = `wanted-${++addresses}@example.com`;
  const both = [await changing(wanted), await changing(wanted)];
  const pages = await Promise.all(both.map(({ browser, link }) => browser.open(link)));
  const answers = await Promise.all(both.map(({ browser }, n) => postForm(browser, pages[n] as (typeof pages)[0], {})));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  expect((await rowsOf(worker, wanted)).users).toHaveLength(1);
});

test("a form from another site or of another link changes nothing (BRO-2)", async () => {
  const { userId, email, link, browser } = await changing();
  const page = await browser.open(link);
  const answers = [
    await postForm(browser, page, {}, { Origin: "https://evil.example" }),
    await postForm(browser, page, {}, { "Sec-Fetch-Site": "cross-site" }),
    await postForm(browser, page, { form_token: "x" }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
  expect(await addressOf(userId)).toMatchObject({ email });
});

describe("links that cannot be used look all the same (ACC-8, ACC-11)", () => {
  const change = (sql: string) => async () => {
    const one = await changing();
    await queryDatabase(worker.databaseUrl, sql, [one.userId]);
    return one;
  };
  const rows: { what: string; make: () => Promise<{ link: string; browser: FormBrowser }> }[] = [
    {
      what: "expired",
      make: change("UPDATE account_link SET expires_at = now() - interval '1 second' WHERE user_id = $1"),
    },
    { what: "of a disabled user", make: change("UPDATE app_user SET disabled = true WHERE id = $1") },
    {
      what: "superseded by a newer one",
      make: async () => {
        const one = await changing();
        await ask(one.userId, `newer-${++addresses}@example.com`, new Date(Date.now() + 1000));
        return one;
      },
    },
    {
      what: "ended by a new password",
      make: async () => {
        const one = await changing();
        const links = worker.storage.accountLinks;
        await links.requestPasswordReset(one.email, NOWHERE, new Date());
        await sendResetMail(worker, one.email);
        const id = (await resetMails(worker, one.email))[0]?.id ?? "";
        const actor = { kind: "user", id: one.userId, address: undefined } as const;
        expect(await links.resetPassword(id, "hash", actor, new Date())).toBe("done");
        return { ...one, browser: await world.signIn(one) };
      },
    },
    {
      what: "for another purpose",
      make: async () => {
        const one = await changing();
        const sql = "SELECT id FROM account_link WHERE user_id = $1";
        const [row] = await queryDatabase<{ id: string }>(worker.databaseUrl, sql, [one.userId]);
        return { ...one, link: linkTo(worker, "change-email", "verify email", row?.id ?? "") };
      },
    },
    {
      what: "made up",
      make: async () => ({ ...(await changing()), link: `${worker.issuer}/change-email?token=dxl_${"A".repeat(64)}` }),
    },
    { what: "without a token", make: async () => ({ ...(await changing()), link: `${worker.issuer}/change-email` }) },
  ];
  test.each(rows)("$what", async ({ make }) => {
    const { link, browser } = await make();
    const page = await browser.open(link);
    expect([page.status, page.text.includes("<form"), page.text.includes(GONE)]).toEqual([400, false, true]);
    expect(page.url.href).toBe(`${worker.issuer}/change-email`);
  });
});
