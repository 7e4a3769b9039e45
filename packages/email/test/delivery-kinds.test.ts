// What each kind of row becomes when it is sent: real Postgres, real SMTP server.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type MailServer, startMailServer } from "./mail-server.ts";
import { LINK_CANARY, type OutboxWorld, openOutboxWorld, USER } from "./outbox-world.ts";

// Real servers start, die and come back, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

let world: OutboxWorld;
let mails: MailServer;
beforeEach(async () => {
  [world, mails] = await Promise.all([openOutboxWorld(), startMailServer()]);
});
afterEach(async () => {
  await world.close();
  await mails.close();
});

const POLL = { timeout: 10_000, interval: 20 };
const LINK_ID = "11111111-2222-4333-8444-555555555555";
const NEW = "new@example.com";

/** Every row has ended, one way or the other. */
const allEnded = () =>
  expect
    .poll(async () => (await world.rows()).every(({ sent_at, dead_at }) => sent_at !== null || dead_at !== null), POLL)
    .toBe(true);

async function register(email: string): Promise<void> {
  await world.query(
    `INSERT INTO registration (id, email, connector_id, password_hash, browser_hash, created_at, expires_at)
    VALUES ($1, $2, 'local', 'hash', sha256('browser'), $3, $3::timestamptz + interval '1 day')`,
    [LINK_ID, email, world.clock.now()],
  );
}

async function openLink(purpose: string, email: string): Promise<void> {
  await world.query(
    `INSERT INTO account_link (id, purpose, user_id, email, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $5::timestamptz + interval '1 day')`,
    [LINK_ID, purpose, USER.id, email, world.clock.now()],
  );
}

async function setPassword(): Promise<void> {
  await world.query("INSERT INTO password (user_id, hash, changed_at) VALUES ($1, 'hash', $2)", [
    USER.id,
    world.clock.now(),
  ]);
}

async function deliver(): Promise<void> {
  world.deliver({ smtp: mails.url });
  await allEnded();
}

test("a registration gets the link to confirm its address", async () => {
  await register(NEW);
  await world.promiseKind("confirm-registration", { email: NEW, link_id: LINK_ID });
  await deliver();
  expect(mails.received.map(({ to }) => to)).toEqual([[NEW]]);
  expect(mails.received[0]?.parsed.text).toContain(`/registration?token=${LINK_CANARY}-${LINK_ID}`);
});

test("a registration with an address that has an account tells its owner so, and nobody else (ACC-2)", async () => {
  await register(USER.email);
  await world.promiseKind("confirm-registration", { email: USER.email, link_id: LINK_ID });
  await deliver();
  expect(mails.received[0]?.to).toEqual([USER.email]);
  expect(mails.received[0]?.parsed.subject).toContain("you have an account already");
  expect(mails.received[0]?.raw).not.toContain(LINK_CANARY);
  expect(await world.rows()).toMatchObject([{ last_error: null, discarded: false }]);
});

const links = [
  { kind: "verify-email", purpose: "verify email", email: USER.email },
  { kind: "invitation", purpose: "invitation", email: USER.email },
  { kind: "confirm-email-change", purpose: "change email", email: NEW },
];
test.each(links)(
  "$kind reaches an address that is not verified, with its link made at send time (ACC-8)",
  async ({ kind, purpose, email }) => {
    await world.query("UPDATE app_user SET email_verified = false");
    await openLink(purpose, email);
    const more = email === NEW ? { email } : {};
    await world.promiseKind(kind, { user_id: USER.id, link_id: LINK_ID, ...more });
    expect(JSON.stringify(await world.query("SELECT * FROM outbox"))).not.toContain(LINK_CANARY);
    await deliver();
    expect(mails.received[0]?.to).toEqual([email]);
    expect(mails.received[0]?.parsed.text).toContain(`/${purpose.replace(" ", "-")}?token=${LINK_CANARY}-${LINK_ID}`);
  },
);

test.each(["confirm-registration", "verify-email", "invitation", "confirm-email-change"])(
  "%s whose link is over is discarded: not sent, not dead, nothing to look at (ACC-8)",
  async (kind) => {
    await world.promiseKind(kind, { user_id: USER.id, link_id: LINK_ID });
    await deliver();
    expect(mails.received).toEqual([]);
    expect(await world.rows()).toMatchObject([{ sent_at: null, discarded: true, attempts: 1 }]);
    expect(world.lines.join("\n")).not.toMatch(/^(info|warn|error)/m);
  },
);

test("a reset mail brings the link that its row names", async () => {
  await setPassword();
  const id = await world.promiseKind("password-reset", { email: USER.email });
  await deliver();
  expect(mails.received[0]?.to).toEqual([USER.email]);
  expect(mails.received[0]?.parsed.text).toContain(`/reset-password?token=${LINK_CANARY}-${id}`);
  expect(await world.query("SELECT id, purpose, user_id FROM account_link")).toEqual([
    { id, purpose: "reset password", user_id: USER.id },
  ]);
});

test("a reset mail to an account without a password says that there is none (v1 E05)", async () => {
  await world.promiseKind("password-reset", { email: USER.email });
  await deliver();
  expect(mails.received[0]?.parsed.subject).toContain("your account has no password");
  expect(mails.received[0]?.raw).not.toContain(LINK_CANARY);
});

test("a reset mail to an address that nobody has ends quietly: no mail, no line, no dead letter (ACC-2, v1 E05)", async () => {
  await world.promiseKind("password-reset", { email: "nobody@example.com" });
  await deliver();
  expect(mails.received).toEqual([]);
  expect(await world.rows()).toMatchObject([{ discarded: true, last_error: "nobody has this address" }]);
  expect(world.lines.join("\n")).not.toMatch(/^(info|warn|error)/m);
});

test("a reset mail of before a newer one is discarded, if it has not gone out (ACC-8)", async () => {
  await setPassword();
  world.passwordReset = async () => "superseded";
  await world.promiseKind("password-reset", { email: USER.email });
  await deliver();
  expect(mails.received).toEqual([]);
  expect(await world.rows()).toMatchObject([{ discarded: true }]);
});

test("a reset mail waits for a database that does not answer", async () => {
  await setPassword();
  const open = world.passwordReset;
  let away = true;
  world.passwordReset = async (...asked) => {
    if (away) throw new Error("the database is away");
    return open(...asked);
  };
  await world.promiseKind("password-reset", { email: USER.email });
  world.deliver({ smtp: mails.url });
  await expect.poll(async () => (await world.rows())[0]?.last_error, POLL).toBe("it could not be made ready");
  away = false;
  world.clock.advance(30);
  await allEnded();
  expect(mails.received).toHaveLength(1);
});

const notices = [
  { kind: "password-changed", more: {} },
  { kind: "email-change-requested", more: {} },
  { kind: "identity-linked", more: { connector_id: "github" } },
  { kind: "identity-unlinked", more: { connector_id: "github" } },
  { kind: "refresh-token-replayed", more: { client_id: "wiki" } },
];
test.each(notices)("$kind goes to the user's verified address, and to no other (ACC-16)", async ({ kind, more }) => {
  await world.promiseKind(kind, { user_id: USER.id, ...more });
  await deliver();
  expect(mails.received.map(({ to }) => to)).toEqual([[USER.email]]);
  await world.query("UPDATE app_user SET email_verified = false");
  await world.promiseKind(kind, { user_id: USER.id, ...more });
  await allEnded();
  expect(mails.received).toHaveLength(1);
  expect(await world.rows()).toContainEqual(
    expect.objectContaining({ last_error: "the address is not verified", discarded: true }),
  );
});

test("the notice of a changed address goes to the old one (ACC-15)", async () => {
  await world.promiseKind("email-changed", { user_id: USER.id, email: "old@example.com" });
  await deliver();
  expect(mails.received.map(({ to }) => to)).toEqual([["old@example.com"]]);
});

test("the reader's language is that of the request, else the deployment's", async () => {
  await world.promiseKind("password-changed", { user_id: USER.id, locale: "en-GB" });
  await world.promiseKind("password-changed", { user_id: USER.id });
  world.deliver({ smtp: mails.url, locale: "de" });
  await allEnded();
  expect(mails.received.map(({ parsed }) => parsed.subject).toSorted()).toEqual([
    "Example Accounts: Ihr Passwort wurde geändert",
    "Example Accounts: your password was changed",
  ]);
});

test.each([
  "no address",
  "a@example.com,b@example.com",
  "jane <jane@example.com>",
  "jane@example.com\r\nbcc: eve@evil.example",
])("no mail goes to %j, which is not one plain address (ACC-10)", async (email) => {
  await register(email);
  await world.promiseKind("confirm-registration", { email, link_id: LINK_ID });
  await world.promiseKind("password-reset", { email });
  await world.promiseKind("email-changed", { email, user_id: USER.id });
  await deliver();
  expect(mails.received).toEqual([]);
  expect((await world.rows()).map(({ last_error }) => last_error)).toEqual(
    Array(3).fill("the address is not one plain address"),
  );
});

test("no token of a link is in a log, in the outbox or in a link's row, also when sending fails (LOG-1, LOG-2)", async () => {
  await setPassword();
  await register(NEW);
  await openLink("invitation", USER.email);
  await world.promiseKind("confirm-registration", { email: NEW, link_id: LINK_ID });
  await world.promiseKind("invitation", { user_id: USER.id, link_id: LINK_ID });
  await world.promiseKind("password-reset", { email: USER.email });
  mails.answers.data = 451;
  world.deliver({ smtp: mails.url });
  await expect.poll(() => world.lines.filter((line) => line.includes("not sent yet")).length, POLL).toBe(3);
  delete mails.answers.data;
  mails.received.length = 0;
  world.clock.advance(30);
  await allEnded();
  expect(mails.received.filter(({ raw }) => raw.includes(LINK_CANARY))).toHaveLength(3);
  const tables = await Promise.all(
    ["outbox", "registration", "account_link", "audit_event"].map((name) => world.query(`SELECT * FROM ${name}`)),
  );
  expect(`${world.lines.join("\n")}${JSON.stringify(tables)}`).not.toContain(LINK_CANARY);
  expect(world.lines.join("\n")).not.toMatch(/canary|new@/);
});
