import {
  type FakeOpenIdProvider,
  type FormBrowser,
  type Page,
  queryDatabase,
  readForm,
  startFakeOpenIdProvider,
} from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mailedLink, rowsOf } from "./registering.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let upstream: FakeOpenIdProvider;
const CLIENT = { clientID: "dex", clientSecret: "upstream-secret-canary" };

beforeAll(async () => {
  worker = await openTestWorker(["--enable-registration"]);
  upstream = await startFakeOpenIdProvider({
    clientId: CLIENT.clientID,
    clientSecret: CLIENT.clientSecret,
    redirectUris: ["trusted", "plain"].map((id) => `${worker.issuer}/auth/${id}/callback`),
    users: [{ sub: "nobody", claims: {} }],
  });
  const config = { ...CLIENT, issuerURL: upstream.issuer };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "plain", type: "oidc", config: { ...config, name: "Plain" } },
    { id: "trusted", type: "oidc", config: { ...config, name: "Trusted", trustedEmailProvider: true } },
  ]);
});
afterAll(async () => {
  await worker.close();
  await upstream.close();
});

let people = 0;
/** A person known upstream, whom the login_hint selects there. */
function newPerson(claims: Record<string, unknown> = {}) {
  const sub = `sub-${++people}`;
  const email = `identity-${people}@example.com`;
  upstream.users.push({ sub, claims: { email, email_verified: true, name: `Person ${people}`, ...claims } });
  return { sub, email };
}
const open = (browser: FormBrowser, connectorId: string, sub: string, more: Record<string, string> = {}) =>
  browser.open(
    worker.authorizationUrl({
      connector_id: connectorId,
      login_hint: sub,
      scope: "openid email profile",
      state: "s-1",
      nonce: "n-1",
      ...more,
    }),
  );
const place = (page: Page) => page.url.pathname.replace("/dex/", "");
const codeOf = ({ url }: Page) => url.searchParams.get("code");
const identitiesOf = (userId: string | undefined) =>
  queryDatabase<{ connector_id: string; remote_id: string }>(
    worker.databaseUrl,
    "SELECT connector_id, remote_id FROM remote_identity WHERE user_id = $1 ORDER BY created_at, connector_id",
    [userId],
  );
async function claimsOf(page: Page) {
  const { body } = await worker.token({
    grant_type: "authorization_code",
    code: codeOf(page) ?? "",
    redirect_uri: REDIRECT_URI,
  });
  return JSON.parse(Buffer.from(body.id_token?.split(".")[1] ?? "", "base64url").toString());
}
const link = (page: Page, id: string) => {
  const href = new RegExp(`id="${id}" href="([^"]+)"`).exec(page.text)?.[1]?.replaceAll("&amp;", "&");
  if (href === undefined) throw new Error(`no link ${id} on ${page.url.href}`);
  return new URL(href, page.url);
};
const ada = { login: PERSON.email, password: PERSON.password };

describe("the chooser", () => {
  test("in register mode offers to use each connector, and the local one leads to our own form (v1 A07)", async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl({ register: "1" }));
    expect(place(page)).toBe("login");
    expect(page.text).toContain("Create your account");
    expect(page.text).toContain("Use <bdi>Trusted</bdi>");
    expect(place(await browser.open(link(page, "connector-local")))).toBe("register");
    expect(place(await open(browser, "local", "", { register: "1" }))).toBe("register");
  });

  test("show_connectors limits the buttons, unknown ids are ignored (v1 A16)", async () => {
    const buttons = async (shown: string) => {
      const page = await worker.browser().open(worker.authorizationUrl({ show_connectors: shown }));
      return [...page.text.matchAll(/id="connector-(\w+)"/g)].map(([, id]) => id);
    };
    expect(await buttons("local,trusted,none")).toEqual(["local", "trusted"]);
    expect(await buttons("none")).toEqual([]);
  });

  test("leads from one mode to the other and back, below a sub-path, with all that was asked (v1 A17, v1 L10)", async () => {
    const browser = worker.browser();
    const { sub } = newPerson();
    const asked = { login_hint: sub, state: "s-1", nonce: "n-1" };
    let page = await browser.open(worker.authorizationUrl(asked));
    page = await browser.open(link(page, "register"));
    expect(page.text).toContain("Create your account");
    page = await browser.open(link(page, "sign-in"));
    expect(page.text).toContain("<h1>Sign in</h1>");
    page = await browser.open(link(page, "register"));
    const end = await browser.open(link(page, "connector-trusted"));
    expect(end.url.searchParams.get("state")).toBe("s-1");
    expect(await claimsOf(end)).toMatchObject({ nonce: "n-1" });
  });
});

describe("an identity that belongs to nobody", () => {
  test("whose address is vouched for becomes a user at once when an account is wanted (v1 P02)", async () => {
    const { sub, email } = newPerson();
    const end = await open(worker.browser(), "trusted", sub, { register: "1" });
    expect(end.url.searchParams.get("state")).toBe("s-1");
    expect(await claimsOf(end)).toMatchObject({ email, email_verified: true, nonce: "n-1", name: `Person ${people}` });
    const { users } = await rowsOf(worker, email);
    expect(await identitiesOf(users[0]?.id)).toEqual([{ connector_id: "trusted", remote_id: sub }]);
  });

  test("is told that there is no account yet, and may make one with its own address whatever is sent, keeping state and nonce (v1 L04, v1 L10, v1 P03)", async () => {
    const { sub, email } = newPerson();
    const browser = worker.browser();
    const page = await open(browser, "trusted", sub);
    expect([page.status, place(page)]).toEqual([200, "identity"]);
    expect(page.text).toContain("There is no account yet");
    expect((await rowsOf(worker, email)).users).toHaveLength(0);
    const end = await browser.submit(page, { decision: "create", email: "other@example.com" });
    expect(await claimsOf(end)).toMatchObject({ email, nonce: "n-1" });
    expect((await rowsOf(worker, "other@example.com")).users).toHaveLength(0);
  });

  test.each([
    { what: "without an address", claims: { email: undefined } },
    { what: "with an invalid one", claims: { email: "no address" } },
    { what: "with an unverified one", claims: { email_verified: false } },
  ])("$what is asked for an address, and nobody is a user before it is confirmed (v1 P04)", async ({ claims }) => {
    const { sub } = newPerson(claims);
    const browser = worker.browser();
    const form = await open(browser, "trusted", sub, { register: "1" });
    expect([form.status, place(form)]).toEqual([200, "register"]);
    expect(readForm(form).fields.has("password")).toBe(false);
    expect((await browser.submit(form, { email: "" })).status).toBe(400);
  });

  test("of a connector that vouches for nothing confirms the address by mail, without a password (v1 P09)", async () => {
    const { sub, email } = newPerson();
    const browser = worker.browser();
    const form = await open(browser, "plain", sub, { register: "1" });
    expect(readForm(form).fields.get("email")).toBe(email);
    const sent = await browser.submit(form);
    expect(sent.text).toContain("Check your mail");
    expect((await rowsOf(worker, email)).users).toHaveLength(0);
    const mailed = await mailedLink(worker, email);
    // ACC-13: the mailbox alone is not enough.
    const other = worker.browser();
    const elsewhere = await other.open(mailed);
    expect(elsewhere.text).toContain("in the browser in which you created the account");
    expect(elsewhere.text).not.toContain("<form");
    const forced = new URLSearchParams({
      form_token: readForm(await browser.open(mailed)).fields.get("form_token") ?? "",
    });
    expect((await other.request(`${worker.issuer}/verify-email`, { method: "POST", body: forced })).status).toBe(403);
    const chooser = await browser.submit(await browser.open(mailed));
    expect(chooser.text).toContain("Your address is confirmed");
    const { users } = await rowsOf(worker, email);
    expect(users).toMatchObject([{ email_verified: true }]);
    expect(await identitiesOf(users[0]?.id)).toEqual([{ connector_id: "plain", remote_id: sub }]);
    expect(codeOf(await open(worker.browser(), "plain", sub))).not.toBeNull(); // v1 L01
  });

  test("and whose unvouched address somebody has, learns nothing of it (ACC-2, ACC-12)", async () => {
    const known = newPerson({ email: PERSON.email, name: "Same name" });
    const unknown = newPerson({ name: "Same name" });
    const pages = [];
    for (const { sub } of [known, unknown]) {
      const browser = worker.browser();
      const page = await open(browser, "plain", sub);
      const form = await browser.submit(page, { decision: "create" });
      const typed = await browser.submit(form);
      pages.push(
        [page, form, typed].map(({ status, text }) => [status, text.replaceAll(/[\w-]{22,}|[\w-]+@example\.com/g, "")]),
      );
    }
    expect(pages[0]).toEqual(pages[1]);
  });

  test("five answers at once make one user and at most one code (BRO-7)", async () => {
    const { sub, email } = newPerson();
    const browser = worker.browser();
    const page = await open(browser, "trusted", sub);
    const ends = await Promise.all(Array.from({ length: 5 }, () => browser.submit(page, { decision: "create" })));
    expect(ends.filter((end) => codeOf(end) !== null)).toHaveLength(1);
    expect(ends.every(({ status }) => status < 500)).toBe(true);
    expect((await rowsOf(worker, email)).users).toHaveLength(1);
  });
});

test("the upstream is asked to let the person choose when an account is wanted, and not otherwise (v1 A14)", async () => {
  const { sub } = newPerson();
  for (const [more, prompt] of [
    [{ register: "1" }, "select_account"],
    [{}, undefined],
  ] as const) {
    upstream.requests.length = 0;
    await open(worker.browser(), "trusted", sub, more);
    const asked = upstream.requests.find(({ endpoint }) => endpoint === "authorization");
    expect(asked?.parameters.prompt).toBe(prompt);
  }
});

test("somebody who wants a new account and has one may go on with it or take another (v1 P05)", async () => {
  const { sub, email } = newPerson();
  await open(worker.browser(), "trusted", sub, { register: "1" });
  const browser = worker.browser();
  const page = await open(browser, "trusted", sub, { register: "1" });
  expect([page.status, place(page)]).toEqual([200, "identity"]);
  expect(page.text).toContain("You have an account already");
  expect(page.text).toContain(email);
  const chooser = await browser.open(link(page, "other-ways"));
  expect(chooser.text).toContain("Create your account");
  const again = await browser.open(link(chooser, "connector-trusted"));
  const end = await browser.submit(again, { decision: "continue" });
  expect(end.url.searchParams.get("state")).toBe("s-1");
  expect(await claimsOf(end)).toMatchObject({ email, nonce: "n-1" });
});

describe("an identity whose vouched address belongs to a user", () => {
  const adaId = async () => (await rowsOf(worker, PERSON.email)).users[0]?.id;

  async function untilLinkPage(browser: FormBrowser, more: Record<string, string> = {}) {
    const { sub } = newPerson({ email: PERSON.email });
    const chooser = await open(browser, "trusted", sub, more);
    return { sub, chooser, page: await browser.submit(await browser.open(link(chooser, "connector-local")), ada) };
  }

  test.each([{}, { register: "1" }])(
    "is sent to sign in to it another way, and opens nothing (ACC-12, v1 L02, v1 P11) %j",
    async (more) => {
      const { sub } = newPerson({ email: PERSON.email });
      const browser = worker.browser();
      const page = await open(browser, "trusted", sub, more as Record<string, string>);
      expect([page.status, place(page)]).toEqual([200, "login"]);
      expect(page.text).toContain("exists already. Sign in to it to connect Trusted.");
      expect(page.text).toContain('id="connector-local"');
      expect(page.text).not.toContain('id="connector-trusted"');
      expect((await identitiesOf(await adaId())).map(({ remote_id }) => remote_id)).not.toContain(sub);
    },
  );

  test("is linked when the owner signs in in this flow and says yes, once, with audit event and notice (ACC-12)", async () => {
    const browser = worker.browser();
    const { sub, page } = await untilLinkPage(browser);
    expect(place(page)).toBe("link");
    expect(page.text).toContain(`Person ${people}`);
    expect(page.text).toContain(PERSON.email);
    expect(await identitiesOf(await adaId())).not.toContainEqual({ connector_id: "trusted", remote_id: sub });
    const ends = await Promise.all(Array.from({ length: 5 }, () => browser.submit(page, { decision: "link" })));
    expect(ends.filter((end) => codeOf(end) !== null)).toHaveLength(1);
    expect(ends.every(({ status }) => status < 500)).toBe(true);
    const claims = await claimsOf(ends.find((end) => codeOf(end) !== null) ?? page);
    expect(claims).toMatchObject({ sub: await adaId(), nonce: "n-1" });
    const count = async (sql: string) => (await queryDatabase(worker.databaseUrl, sql, [await adaId()])).length;
    expect(await count("SELECT 1 FROM audit_event WHERE event = 'identity linked' AND subject_id = $1")).toBe(1);
    expect(await count("SELECT 1 FROM outbox WHERE kind = 'identity-linked' AND user_id = $1")).toBe(1);
    const end = await open(worker.browser(), "trusted", sub);
    expect(await claimsOf(end)).toMatchObject({ sub: await adaId() });
  });

  test("is not linked when the owner says no, and the sign-in goes on (ACC-12)", async () => {
    const browser = worker.browser();
    const { sub, page } = await untilLinkPage(browser);
    expect(codeOf(await browser.submit(page, { decision: "skip" }))).not.toBeNull();
    expect(await identitiesOf(await adaId())).not.toContainEqual({ connector_id: "trusted", remote_id: sub });
  });

  test("is not linked by a session from before, by a foreign form or without an answer (ACC-12, BRO-2, BRO-6)", async () => {
    const browser = worker.browser();
    await worker.signIn(browser, { connector_id: "local" });
    const { sub } = newPerson({ email: PERSON.email });
    const chooser = await open(browser, "trusted", sub, { prompt: "login" });
    const flow = chooser.url.searchParams.get("flow") ?? "";
    const skipped = await browser.open(`${worker.issuer}/link?flow=${flow}`);
    expect(place(skipped)).not.toBe("link");
    const page = await browser.submit(await browser.open(link(chooser, "connector-local")), ada);
    const { action, fields } = readForm(page, "link-form");
    const post = (token: string, decision: string, headers: Record<string, string>) =>
      browser.request(action, { method: "POST", body: new URLSearchParams({ form_token: token, decision }), headers });
    const good = fields.get("form_token") ?? "";
    const origin = new URL(worker.issuer).origin;
    expect((await post(good, "link", { Origin: "https://evil.example" })).status).toBe(403);
    expect((await post("x", "link", { Origin: origin })).status).toBe(403);
    expect((await post(good, "", { Origin: origin })).status).toBe(400);
    expect((await post(good, "maybe", { Origin: origin })).status).toBe(400);
    expect(await identitiesOf(await adaId())).not.toContainEqual({ connector_id: "trusted", remote_id: sub });
  });

  test("the answer counts for the person who was asked (ACC-12)", async () => {
    const browser = worker.browser();
    const { sub, page } = await untilLinkPage(browser);
    const other = newPerson();
    await open(browser, "trusted", other.sub, { register: "1" }); // another tab, another person
    const late = await browser.submit(page, { decision: "link" });
    expect(codeOf(late)).not.toBeNull(); // the session of the other: nothing was linked to it
    expect((await rowsOf(worker, other.email)).users).toHaveLength(1);
    const owners = await queryDatabase(worker.databaseUrl, "SELECT 1 FROM remote_identity WHERE remote_id = $1", [sub]);
    expect(owners).toHaveLength(0);
  });

  test("that somebody else took meanwhile is refused plainly", async () => {
    const browser = worker.browser();
    const { sub, page } = await untilLinkPage(browser);
    const other = newPerson();
    await open(worker.browser(), "trusted", other.sub, { register: "1" });
    await queryDatabase(worker.databaseUrl, "UPDATE remote_identity SET remote_id = $1 WHERE remote_id = $2", [
      sub,
      other.sub,
    ]);
    const refused = await browser.submit(page, { decision: "link" });
    expect([refused.status, refused.text.includes("belongs to another account")]).toEqual([409, true]);
    expect(codeOf(await browser.open(link(refused, "back")))).not.toBeNull();
  });

  test("another way with another address is offered the link as well", async () => {
    const { sub } = newPerson();
    const browser = worker.browser();
    const page = await open(browser, "plain", sub);
    const chooser = await browser.open(link(page, "other-ways"));
    const asked = await browser.submit(await browser.open(link(chooser, "connector-local")), ada);
    expect(place(asked)).toBe("link");
  });
});
