import { type FormBrowser, type Page, queryDatabase, readForm } from "@dex/testing";
import { THROTTLE_POLICY } from "@dex/users";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AccountWorld, makeAccountWorld, type Somebody } from "./account-world.ts";
import {
  CHOSEN,
  GONE,
  linkTo,
  mailKinds,
  postForm,
  resetMails,
  sendResetMail,
  signInAs,
  twice,
} from "./following-links.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let world: AccountWorld;
beforeAll(async () => {
  worker = await openTestWorker();
  world = makeAccountWorld(worker);
});
afterAll(() => worker.close());

const NOWHERE = { clientId: undefined, redirectUri: undefined, flowId: undefined, locale: undefined };
const toClient = (redirectUri?: string) => ({ ...NOWHERE, clientId: worker.client.id, redirectUri });

/** Somebody who forgot the password, with the link that was mailed. */
async function forgetful(origin = toClient(), at = new Date()): Promise<Somebody & { link: string }> {
  const somebody = await world.newSomebody();
  // A password that is younger than the mail is the answer to it already.
  const sql = "UPDATE password SET changed_at = now() - interval '1 day' WHERE user_id = $1";
  await queryDatabase(worker.databaseUrl, sql, [somebody.userId]);
  await worker.storage.accountLinks.requestPasswordReset(somebody.email, origin, at);
  const { link, sent } = await sendResetMail(worker, somebody.email);
  expect(sent).toBe("link");
  return { ...somebody, link };
}
const opened = async (link: string, browser: FormBrowser = worker.browser()) => ({
  browser,
  page: await browser.open(link),
});
const signsIn = async (email: string, password: string) =>
  (await signInAs(worker, email, password)).url.href.startsWith(REDIRECT_URI);

describe("the link", () => {
  test("leaves the address at once and opens a form for the new password (ACC-8, v1 W08)", async () => {
    const { link, email } = await forgetful();
    const { page } = await opened(link);
    expect(page.status).toBe(200);
    expect(page.url.href).toBe(`${worker.issuer}/reset-password`);
    expect(readForm(page, "reset-password-form").action.href).toBe(page.url.href);
    expect(page.text).toContain(email);
    expect(page.text.match(/autocomplete="new-password"/g)).toHaveLength(2);
    expect(page.text).toContain("At least 15 characters");
    expect(page.text).not.toContain(new URL(link).searchParams.get("token"));
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
  });

  test("sets the password, once, and signs nobody in (ACC-8, v1 W09, v1 W13)", async () => {
    const { link, email, userId } = await forgetful();
    const { browser, page } = await opened(link);
    const done = await browser.submit(page, twice(CHOSEN));
    expect([done.status, done.text.includes("Your password is changed")]).toEqual([200, true]);
    expect(done.text).toContain("Test client");
    expect(browser.cookies.has(world.cookieName)).toBe(false);
    expect(await signsIn(email, CHOSEN)).toBe(true);
    expect(await signsIn(email, PERSON.password)).toBe(false);
    expect(await mailKinds(worker, userId)).toEqual(["password-changed"]);
    // The page that is still open, and the link in the mail.
    expect((await browser.submit(page, twice("yet another long password"))).text).toContain(GONE);
    const again = await opened(link);
    expect([again.page.status, again.page.text.includes("<form")]).toEqual([400, false]);
    expect(await signsIn(email, CHOSEN)).toBe(true);
  });

  test("leads on to the redirect URI that the client has registered (v1 W09)", async () => {
    const { link } = await forgetful(toClient(REDIRECT_URI));
    const { browser, page } = await opened(link);
    expect(page.headers.get("content-security-policy")).toContain(new URL(REDIRECT_URI).origin);
    const done = await browser.submit(page, twice(CHOSEN));
    expect([done.status, done.url.href]).toEqual([303, REDIRECT_URI]);
  });

  test("leads nowhere that is registered no more, or that no browser can go to (BRO-13)", async () => {
    const client = await worker.addClient({ clientName: "Native", public: true, redirectURIs: [] });
    for (const origin of [
      toClient("https://evil.example/"),
      { ...NOWHERE, clientId: client.id, redirectUri: "urn:ietf:wg:oauth:2.0:oob" },
      { ...NOWHERE, clientId: "gone", redirectUri: REDIRECT_URI },
    ]) {
      const { browser, page } = await opened((await forgetful(origin)).link);
      expect(page.status).toBe(200);
      const done = await browser.submit(page, twice(CHOSEN));
      expect([done.status, done.text.includes("Your password is changed")]).toEqual([200, true]);
      expect(done.text).not.toContain("evil.example");
    }
  });

  test("goes on in the sign-in that this browser had begun (v1 W01)", async () => {
    const { email } = await world.newSomebody();
    const browser = worker.browser();
    const signIn = await browser.open(worker.authorizationUrl({ state: "s-1" }));
    const flow = signIn.url.searchParams.get("flow") ?? "";
    const form = await browser.open(`${worker.issuer}/send-reset-password?flow=${flow}`);
    await browser.submit(form, { email });
    const { link } = await sendResetMail(worker, email);
    const next = await browser.submit(await browser.open(link), twice(CHOSEN));
    expect(next.url.pathname).toBe("/dex/auth/local/login");
    expect(next.text).toContain("Your password is changed");
    expect(readForm(next).fields.get("login")).toBe(email);
    const end = await browser.submit(next, { password: CHOSEN });
    expect(end.url.searchParams.get("state")).toBe("s-1");
    expect(end.url.searchParams.get("code")).not.toBeNull();
  });

  test("in another browser the flow is not gone on with", async () => {
    const { email } = await world.newSomebody();
    const browser = worker.browser();
    const signIn = await browser.open(worker.authorizationUrl());
    const flow = signIn.url.searchParams.get("flow") ?? "";
    await browser.submit(await browser.open(`${worker.issuer}/send-reset-password?flow=${flow}`), { email });
    const other = await opened((await sendResetMail(worker, email)).link);
    const done = await other.browser.submit(other.page, twice(CHOSEN));
    expect(done.url.href).toBe(REDIRECT_URI);
  });

  test("may be opened as often as one likes, by programs too (ACC-8)", async () => {
    const { link, email } = await forgetful();
    for (let time = 0; time < 3; time++) expect((await opened(link)).page.status).toBe(200);
    for (const method of ["HEAD", "GET"]) expect((await fetch(link, { method, redirect: "manual" })).status).toBe(303);
    expect(await signsIn(email, PERSON.password)).toBe(true);
    const { browser, page } = await opened(link);
    expect((await browser.submit(page, twice(CHOSEN))).status).toBe(200);
  });

  test("used many times at once, one succeeds (ACC-8, v1 W14)", async () => {
    const { link, email, userId } = await forgetful();
    const { browser, page } = await opened(link);
    const passwords = Array.from({ length: 6 }, (_, n) => `${CHOSEN} number ${n}`);
    const answers = await Promise.all(passwords.map((password) => postForm(browser, page, twice(password))));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400, 400, 400, 400]);
    const winner = passwords[answers.findIndex(({ status }) => status === 200)] ?? "";
    expect(await signsIn(email, winner)).toBe(true);
    expect(await mailKinds(worker, userId)).toEqual(["password-changed"]);
  });
});

describe("a password that is not taken uses nothing up (ACC-6, v1 W10)", () => {
  test.each([
    { what: "none", fields: twice(""), words: "choose a password" },
    { what: "a short one", fields: twice("short canary"), words: "at least 15 characters" },
    { what: "an endless one", fields: twice("canary x".repeat(400)), words: "shorter password" },
    { what: "one of those tried first", fields: twice("passwordpassword123"), words: "easy to guess" },
    { what: "two different ones", fields: { password: CHOSEN, password_confirm: `${CHOSEN}!` }, words: "both times" },
    { what: "one alone", fields: { password: CHOSEN }, words: "both times" },
  ])("$what", async ({ fields, words }) => {
    const { link, email } = await forgetful();
    const { browser, page } = await opened(link);
    const answer = await browser.submit(page, fields);
    expect([answer.status, answer.text.includes(words)]).toEqual([400, true]);
    expect(answer.text).not.toMatch(/canary|purple kettle|passwordpassword/);
    expect(await signsIn(email, PERSON.password)).toBe(true);
    expect((await browser.submit(answer, twice(CHOSEN))).status).toBe(200);
  });

  test("nor does one that is little more than the address", async () => {
    const { link, email } = await forgetful();
    const { browser, page } = await opened(link);
    expect((await browser.submit(page, twice(`${email}!`))).status).toBe(400);
  });
});

describe("links that cannot be used look all the same (ACC-8, ACC-11)", () => {
  const tokenOf = (link: string) => new URL(link).searchParams.get("token") ?? "";
  const rows: { what: string; make: () => Promise<string> }[] = [
    {
      what: "used (v1 W14)",
      make: async () => {
        const { link } = await forgetful();
        const { browser, page } = await opened(link);
        await browser.submit(page, twice(CHOSEN));
        return link;
      },
    },
    {
      what: "superseded by a newer one",
      make: async () => {
        const { link, email } = await forgetful(toClient(), new Date(Date.now() - 120_000));
        await worker.storage.accountLinks.requestPasswordReset(email, toClient(), new Date());
        expect((await sendResetMail(worker, email)).sent).toBe("link");
        return link;
      },
    },
    {
      what: "expired (v1 W12)",
      make: async () => {
        const { link, userId } = await forgetful();
        await queryDatabase(
          worker.databaseUrl,
          "UPDATE account_link SET expires_at = now() - interval '1 second' WHERE user_id = $1",
          [userId],
        );
        return link;
      },
    },
    {
      what: "of a disabled user (v1 W13)",
      make: async () => {
        const { link, userId } = await forgetful();
        await queryDatabase(worker.databaseUrl, "UPDATE app_user SET disabled = true WHERE id = $1", [userId]);
        return link;
      },
    },
    {
      what: "of somebody whose address is another now",
      make: async () => {
        const { link, userId, email } = await forgetful();
        await queryDatabase(worker.databaseUrl, "UPDATE app_user SET email = $2 WHERE id = $1", [
          userId,
          `new-${email}`,
        ]);
        return link;
      },
    },
    {
      what: "altered by one character (v1 W11)",
      make: async () => {
        const { link } = await forgetful();
        const at = link.length - 10;
        return `${link.slice(0, at)}${link[at] === "A" ? "B" : "A"}${link.slice(at + 1)}`;
      },
    },
    {
      what: "for another purpose (AUT-15, v1 W11)",
      make: async () => {
        const { email } = await forgetful();
        const id = (await resetMails(worker, email))[0]?.id ?? "";
        return linkTo(worker, "reset-password", "invitation", id);
      },
    },
    { what: "a token of dex v1 (v1 W12)", make: async () => `${worker.issuer}/reset-password?token=e30.e30.e30` },
    { what: "without a token", make: async () => `${worker.issuer}/reset-password` },
    { what: "with an empty token", make: async () => `${worker.issuer}/reset-password?token=` },
    {
      what: "with two tokens",
      make: async () => {
        const { link } = await forgetful();
        return `${link}&token=${tokenOf(link)}`;
      },
    },
    { what: "with an endless token", make: async () => `${worker.issuer}/reset-password?token=${"x".repeat(4000)}` },
  ];
  test.each(rows)("$what", async ({ make }) => {
    const { browser, page } = await opened(await make());
    expect([page.status, page.text.includes("<form"), page.text.includes(GONE)]).toEqual([400, false, true]);
    expect(page.url.href).toBe(`${worker.issuer}/reset-password`);
    const post = await browser.request(page.url, {
      method: "POST",
      body: new URLSearchParams(twice(CHOSEN)),
      headers: { Origin: new URL(worker.issuer).origin },
    });
    expect(post.status).toBe(400);
    const words = (text: string) => text.replace(/<code id="request-id">[^<]*/, "");
    const { page: bare } = await opened(`${worker.issuer}/reset-password`);
    expect(words(page.text)).toBe(words(bare.text));
  });

  test("a link that dies while its form is open changes nothing", async () => {
    const { link, email, userId } = await forgetful();
    const { browser, page } = await opened(link);
    await queryDatabase(
      worker.databaseUrl,
      "UPDATE account_link SET expires_at = now() - interval '1 second' WHERE user_id = $1",
      [userId],
    );
    expect((await browser.submit(page, twice(CHOSEN))).status).toBe(400);
    expect(await signsIn(email, PERSON.password)).toBe(true);
  });
});

test("a form from another site, or of another link, changes nothing (BRO-2)", async () => {
  const { link, email } = await forgetful();
  const { browser, page } = await opened(link);
  const fields = twice(CHOSEN);
  const answers = [
    await postForm(browser, page, fields, { Origin: "https://evil.example" }),
    await postForm(browser, page, fields, { "Sec-Fetch-Site": "cross-site" }),
    await postForm(browser, page, { ...fields, form_token: "x" }),
    await postForm(browser, page, { ...fields, form_token: "" }),
    await postForm(browser, (await opened((await forgetful()).link)).page, fields),
  ];
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
  expect((await postForm(worker.browser(), page, fields)).status).toBe(400);
  expect(await signsIn(email, PERSON.password)).toBe(true);
});

test("hosts that a request names lead nowhere (ACC-9)", async () => {
  const { link } = await forgetful(toClient(REDIRECT_URI));
  const headers = { "X-Forwarded-Host": "evil.example", Forwarded: "host=evil.example", "X-Forwarded-Proto": "https" };
  const browser = worker.browser();
  const moved = await browser.request(link, { headers });
  expect(moved.headers.get("location")).toBe("/dex/reset-password");
  const page = await browser.request(`${worker.issuer}/reset-password`, { headers });
  expect(await page.text()).not.toContain("evil.example");
  const done = await postForm(browser, await browser.open(link), twice(CHOSEN), headers);
  expect(done.headers.get("location")).toBe(REDIRECT_URI);
});

test("whatever was open before ends: sessions, refresh tokens and other links (ACC-16, REF-12)", async () => {
  const { link, email, userId } = await forgetful();
  const before = worker.browser();
  const form = await before.open(worker.authorizationUrl({ scope: "openid offline_access", prompt: "consent" }));
  let end = await before.submit(form, { login: email, password: PERSON.password }, { formId: "login-form" });
  if (end.text.includes("<form")) end = await before.submit(end, { decision: "approve" });
  const code = end.url.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
  expect(body.refresh_token).toBeDefined();
  await worker.storage.accountLinks.requestVerification(userId, NOWHERE, new Date());
  const linksOf = () => queryDatabase(worker.databaseUrl, "SELECT id FROM account_link WHERE user_id = $1", [userId]);
  expect(await linksOf()).toHaveLength(2);

  const { browser, page } = await opened(link);
  expect((await browser.submit(page, twice(CHOSEN))).status).toBe(200);
  const refreshed = await worker.token({ grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" });
  expect([refreshed.status, refreshed.body.error]).toEqual([400, "invalid_grant"]);
  expect((await before.open(worker.authorizationUrl())).url.pathname).toBe("/dex/auth/local/login");
  expect(await linksOf()).toHaveLength(0);
});

test("an ID token of before opens the user API no longer; one of a sign-in right after does (ACC-16)", async () => {
  const { link, email, userId } = await forgetful();
  const idToken = async ({ url }: Page) => {
    const code = url.searchParams.get("code") ?? "";
    const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    return body.id_token ?? "";
  };
  const statusOf = async (token: string) => {
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch(`${worker.issuer}/api/v1/account/${userId}/refresh`, { headers })).status;
  };
  const earlier = await world.signIn({ userId, email }, { secondsAgo: 60 });
  const before = await idToken(await earlier.open(worker.authorizationUrl({ prompt: "none" })));
  expect(await statusOf(before)).toBe(200);
  const { browser, page } = await opened(link);
  await browser.submit(page, twice(CHOSEN));
  expect(await statusOf(before)).toBe(401);
  const after = await idToken(await signInAs(worker, email, CHOSEN));
  worker.takeStatements();
  expect(await statusOf(after)).toBe(200);
  expect(worker.takeStatements().filter((name) => name.startsWith("userDirectory.find"))).toHaveLength(1);
});

test("an owner whom others keep out by guessing comes back by the link (ACC-3)", async () => {
  const { link, email } = await forgetful();
  let status = 0;
  for (let guess = 0; guess < 30 && status !== 429; guess++)
    status = (await signInAs(worker, email, `guess ${guess}`)).status;
  expect(status).toBe(429);
  const { browser, page } = await opened(link);
  await browser.submit(page, twice(CHOSEN));
  expect(await signsIn(email, CHOSEN)).toBe(true);
});

describe("wrong passwords in a row (ACC-3, NIST SP 800-63B-4 §3.2.2)", () => {
  const MANY = THROTTLE_POLICY.guesses;
  const setGuesses = (userId: string, count: number) =>
    queryDatabase(worker.databaseUrl, "UPDATE password SET wrong_guesses = $2 WHERE user_id = $1", [userId, count]);
  const guessesOf = async (userId: string) => {
    const sql = "SELECT wrong_guesses FROM password WHERE user_id = $1";
    const [row] = await queryDatabase<{ wrong_guesses: number }>(worker.databaseUrl, sql, [userId]);
    return row?.wrong_guesses;
  };

  test("stop an account: the right one is answered as a wrong one, until a new one is set behind the link", async () => {
    const { link, email, userId } = await forgetful();
    await setGuesses(userId, MANY - 1);
    const wrong = await signInAs(worker, email, "a wrong password");
    expect(await guessesOf(userId)).toBe(MANY);
    const right = await signInAs(worker, email, PERSON.password);
    const shown = ({ status, url, text }: typeof right) => [
      status,
      url.pathname,
      text.replaceAll(/value="[^"]*"|flow=[\w-]*/g, ""),
    ];
    expect(shown(right)).toEqual(shown(wrong));
    expect(await guessesOf(userId)).toBe(MANY);
    expect(worker.log.join("\n")).toContain(`password sign-in was stopped after ${MANY} wrong passwords in a row`);
    const { browser, page } = await opened(link);
    await browser.submit(page, twice(CHOSEN));
    expect(await signsIn(email, CHOSEN)).toBe(true);
  });

  test("are no longer in a row after the right one", async () => {
    const { email, userId } = await forgetful();
    await setGuesses(userId, MANY - 2);
    await signInAs(worker, email, "a wrong password");
    expect(await guessesOf(userId)).toBe(MANY - 1);
    expect(await signsIn(email, PERSON.password)).toBe(true);
    expect(await guessesOf(userId)).toBe(0);
  });
});

test("neither token nor password nor address is in the log (LOG-1, LOG-2)", async () => {
  const { link, email } = await forgetful();
  const { browser, page } = await opened(link);
  await browser.submit(page, twice(CHOSEN));
  const log = worker.log.join("\n");
  expect(log).toContain("password chosen behind a mailed link");
  for (const secret of [new URL(link).searchParams.get("token") ?? "", CHOSEN, email])
    expect(log).not.toContain(secret);
});
