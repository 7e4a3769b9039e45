// A password and an address, changed on "your account".
import type { FormBrowser, Page } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type AccountWorld,
  isSignInPage,
  LOCAL_ONLY,
  makeAccountWorld,
  NEW_PASSWORD,
  type Somebody,
  tokenOf,
} from "./account-world.ts";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let world: AccountWorld;
let ada: Somebody;
beforeAll(async () => {
  worker = await openTestWorker();
  world = makeAccountWorld(worker);
});
afterAll(() => worker.close());
beforeEach(async () => {
  await worker.setConnectors(LOCAL_ONLY);
  ada = await world.newSomebody();
});

async function changePassword(browser: FormBrowser, fields: Record<string, string>): Promise<Page> {
  const page = await browser.open(`${world.account}/password`);
  return browser.submit(page, fields, { formId: "change-password-form" });
}

test("a changed password signs in, the old one does not, and every other session ends (ACC-16, REF-12)", async () => {
  const [browser, other] = [await world.signIn(ada), await world.signIn(ada)];
  const page = await changePassword(browser, {
    current_password: PERSON.password,
    new_password: NEW_PASSWORD,
    repeated_password: NEW_PASSWORD,
  });
  expect([page.status, page.url.search]).toEqual([200, "?notice=password-changed"]);
  expect(isSignInPage(await other.open(world.account))).toBe(true);
  const tryIt = async (password: string) => {
    const fresh = worker.browser();
    const login = await fresh.open(world.account);
    return (await fresh.submit(login, { login: ada.email, password }, { formId: "login-form" })).status;
  };
  expect([await tryIt(PERSON.password), await tryIt(NEW_PASSWORD)]).toEqual([403, 200]);
});

const refusedPasswords = [
  { what: "a wrong present one", status: 403, fields: { current_password: "not this one, surely" } },
  { what: "no present one", status: 403, fields: { current_password: "" } },
  { what: "a short one", status: 400, fields: { new_password: "short", repeated_password: "short" } },
  { what: "two different ones", status: 400, fields: { repeated_password: `${NEW_PASSWORD}!` } },
  {
    what: "a common one",
    status: 400,
    fields: { new_password: "passwordpassword", repeated_password: "passwordpassword" },
  },
];
test.each(refusedPasswords)("$what changes nothing, and is said on the form (ACC-6)", async ({ status, fields }) => {
  const browser = await world.signIn(ada);
  const right = { current_password: PERSON.password, new_password: NEW_PASSWORD, repeated_password: NEW_PASSWORD };
  const before = await world.read(ada);
  const page = await changePassword(browser, { ...right, ...fields });
  expect(page.status).toBe(status);
  expect(page.text).toContain('role="alert"');
  expect(page.text).not.toContain(NEW_PASSWORD);
  expect((await world.read(ada))?.passwordChangedAt).toEqual(before?.passwordChangedAt);
});

test("guesses of the present password are throttled as at sign-in (ACC-5)", async () => {
  const browser = await world.signIn(ada);
  const guess = () =>
    changePassword(browser, {
      current_password: "not this one, surely",
      new_password: NEW_PASSWORD,
      repeated_password: NEW_PASSWORD,
    });
  const statuses: number[] = [];
  for (let tries = 0; tries < 8; tries++) statuses.push((await guess()).status);
  expect(statuses[0]).toBe(403);
  expect(statuses.at(-1)).toBe(429);
});

test("whoever has no password sets a first one, without a present one", async () => {
  await world.linkWork(ada);
  const owner = { userId: ada.userId, sessionHash: (await world.signIn(ada)).sessionHash, address: undefined };
  await worker.storage.ownAccounts.unlink(owner, { connectorId: "local", remoteId: ada.userId }, new Date());
  const browser = await world.signIn(ada, { connectorId: "work" });
  const form = await browser.open(`${world.account}/password`);
  expect(form.text).not.toContain("current_password");
  const page = await changePassword(browser, { new_password: NEW_PASSWORD, repeated_password: NEW_PASSWORD });
  expect(page.url.search).toBe("?notice=password-set");
  expect((await world.read(ada))?.identities.map(({ connectorId }) => connectorId)).toEqual(["local", "work"]);
});

test("a new address is asked for with the same answer, whether or not it is somebody's (ACC-2, ACC-15)", async () => {
  const browser = await world.signIn(ada);
  const ask = async (email: string) => {
    const form = await browser.open(`${world.account}/email`);
    return browser.submit(form, { email }, { formId: "change-email-form" });
  };
  const [taken, free] = [await ask(PERSON.email), await ask("nobody-has-this@example.com")];
  expect([taken.status, taken.url.search]).toEqual([200, "?notice=email-sent"]);
  expect([free.status, free.url.search]).toEqual([200, "?notice=email-sent"]);
  expect(free.text).toBe(taken.text);
  expect((await world.read(ada))?.user.email).toBe(ada.email);
});

const badAddresses = ["", "no address", "a@b, c@d", "x".repeat(5000), "Ada <a@b.example>"];
test.each(badAddresses)("%o is refused as a new address (ACC-10)", async (email) => {
  const browser = await world.signIn(ada);
  const form = await browser.open(`${world.account}/email`);
  const page = await browser.submit(form, { email }, { formId: "change-email-form" });
  expect(page.status).toBe(400);
  expect(page.text).toContain("Please enter one email address.");
});

test("nobody has mail after mail sent to addresses of their choice", async () => {
  const browser = await world.signIn(ada);
  const page = await browser.open(world.account);
  const statuses: number[] = [];
  for (let sent = 0; sent < 7; sent++) {
    statuses.push((await world.post(browser, "/verify-email", { form_token: tokenOf(page) })).status);
  }
  expect(statuses).toEqual([303, 303, 303, 303, 303, 429, 429]);
});
