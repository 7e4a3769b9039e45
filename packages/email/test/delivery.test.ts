// Delivery straight from the database: real Postgres, real SMTP server.
import { fork } from "node:child_process";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Outbox } from "../src/index.ts";
import { findFreePort, type MailServer, startMailServer } from "./mail-server.ts";
import { type OutboxWorld, openOutboxWorld, USER } from "./outbox-world.ts";

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
const idsOf = (server: MailServer) =>
  server.received.map(({ parsed }) => parsed.messageId?.replace(/^<(.*)@.*$/, "$1")).toSorted();
const allSent = () =>
  expect.poll(async () => (await world.rows()).every(({ sent_at }) => sent_at !== null), POLL).toBe(true);
const waitForLine = (part: string) => expect.poll(() => world.lines.join("\n"), POLL).toContain(part);

test("a promised mail is sent to the user, from the configured address, and marked (RFC 9700 §4.14.2)", async () => {
  const [id] = await world.promise(1);
  world.deliver({ smtp: mails.url });
  await allSent();
  expect(mails.received).toHaveLength(1);
  expect(mails.received[0]?.parsed).toMatchObject({
    from: { name: "Example Accounts", address: "noreply@id.example.com" },
    to: [{ address: USER.email }],
    messageId: `<${id}@id.example.com>`,
    subject: "Example Accounts: one of your sign-ins was ended",
  });
  expect(mails.received[0]?.parsed.text).toContain("https://id.example.com/dex");
  expect(await world.rows()).toMatchObject([{ id, attempts: 1, sent_at: world.clock.now(), dead_at: null }]);
});

test("two deliverers send each of 60 mails once", async () => {
  const ids = await world.promise(60);
  for (let count = 0; count < 2; count++) world.deliver({ smtp: mails.url });
  await allSent();
  expect(idsOf(mails)).toEqual(ids.toSorted());
});

test("a mail server that is down loses nothing: the mail goes when it is back", async () => {
  const port = await findFreePort();
  const ids = await world.promise(3);
  world.deliver({ smtp: `smtp://127.0.0.1:${port}` });
  await expect.poll(async () => (await world.rows()).every(({ last_error }) => last_error !== null), POLL).toBe(true);
  const late = await startMailServer({ port });
  try {
    world.clock.advance(30);
    await allSent();
    expect(idsOf(late)).toEqual(ids.toSorted());
    expect((await world.rows()).map(({ attempts }) => attempts)).toEqual([2, 2, 2]);
  } finally {
    await late.close();
  }
});

test("a recipient refused for good is given up at once, visibly (RFC 5321 §4.2.1)", async () => {
  mails.answers["rcpt to"] = 550;
  await world.promise(1);
  world.deliver({ smtp: mails.url });
  await waitForLine("error: mail given up");
  expect(await world.rows()).toMatchObject([
    { attempts: 1, last_error: "EENVELOPE RCPT TO 550", sent_at: null, dead_at: world.clock.now() },
  ]);
});

test("a mail that is refused for the moment eight times is given up", async () => {
  mails.answers["rcpt to"] = 450;
  await world.promise(1);
  world.deliver({ smtp: mails.url });
  for (let attempt = 1; attempt <= 8; attempt++) {
    await expect.poll(async () => (await world.rows())[0]?.attempts, POLL).toBe(attempt);
    await expect.poll(() => world.lines.filter((line) => line.includes("mail ")).length, POLL).toBe(attempt);
    world.clock.advance(86_400);
  }
  const [row] = await world.rows();
  expect(row?.dead_at).not.toBeNull();
  expect(mails.received).toEqual([]);
});

test("a mail that ended eight processes is given up by the ninth, unsent", async () => {
  await world.promise(1);
  await world.query("UPDATE outbox SET attempts = 8");
  world.deliver({ smtp: mails.url });
  await waitForLine("error: mail given up");
  expect(mails.received).toEqual([]);
});

test.each([
  { what: "names two recipients", change: "email = 'jane@example.com,eve@evil.example'", why: "one plain address" },
  {
    what: "brings a header along",
    change: "email = E'jane@example.com\\r\\nbcc: eve@evil.example'",
    why: "one plain address",
  },
])("no mail goes to an address that $what (ACC-10)", async ({ change, why }) => {
  await world.query(`UPDATE app_user SET ${change}`);
  await world.promise(1);
  world.deliver({ smtp: mails.url });
  await waitForLine("error: mail given up");
  expect((await world.rows())[0]?.last_error).toContain(why);
  expect(mails.received).toEqual([]);
  expect(world.lines.join("\n")).not.toContain("eve@");
});

test("a mail of a kind that only a newer version knows is given up with that reason", async () => {
  await world.promise(1);
  await world.query("UPDATE outbox SET kind = 'of-tomorrow'");
  world.deliver({ smtp: mails.url });
  await waitForLine("does not know this kind of mail");
});

test("an accepted mail is marked although the database was away at that moment, and sent once", async () => {
  await world.promise(1);
  let failures = 2;
  const outbox: Outbox = {
    ...world.outbox,
    async markSent(...call) {
      if (failures-- > 0) throw new Error("the database is away");
      return world.outbox.markSent(...call);
    },
  };
  world.deliver({ smtp: mails.url, outbox });
  await allSent();
  expect(mails.received).toHaveLength(1);
});

test("a database that is away is said once, and delivery goes on when it is back", async () => {
  let away = true;
  let looks = 0;
  const outbox: Outbox = {
    ...world.outbox,
    async claimDue(...call) {
      looks++;
      if (away) throw new Error("the database is away");
      return world.outbox.claimDue(...call);
    },
  };
  await world.promise(1);
  world.deliver({ smtp: mails.url, outbox });
  await expect.poll(() => looks, POLL).toBeGreaterThan(3);
  away = false;
  await allSent();
  expect(world.lines.filter((line) => line.includes("waits for the database"))).toHaveLength(1);
});

test("closing finishes the mail that is being sent and starts no other", async () => {
  const delivery = world.deliver({ smtp: mails.url });
  await world.promise(12);
  await mails.waitFor(1);
  await delivery.close();
  const sent = (await world.rows()).filter(({ sent_at }) => sent_at !== null);
  expect(sent.map(({ id }) => id).toSorted()).toEqual(idsOf(mails));
});

test("a process killed between the mail and its mark: the mail waits for its lease, then goes out once more", async () => {
  const [id] = await world.promise(1);
  mails.answers.data = "silence";
  const now = world.clock.now().toISOString();
  const child = fork(new URL("./deliverer.ts", import.meta.url), [world.databaseUrl, mails.url, now]);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await mails.waitFor(1);
  child.kill("SIGKILL");
  await ended;
  delete mails.answers.data;
  expect(await world.rows()).toMatchObject([{ attempts: 1, sent_at: null }]);
  world.clock.advance(599);
  expect(await world.outbox.listDue(10, world.clock.now())).toEqual([]);
  world.clock.advance(1);
  world.deliver({ smtp: mails.url });
  await allSent();
  // The one window in which a mail may arrive twice: with one Message-ID, by which a receiver can tell.
  expect(idsOf(mails)).toEqual([id, id]);
});

test("no log line holds the address, the user, the client or a link of a mail (LOG-1, LOG-2)", async () => {
  await world.promise(1);
  mails.answers["rcpt to"] = 450;
  world.deliver({ smtp: mails.url });
  await waitForLine("mail not sent yet");
  delete mails.answers["rcpt to"];
  world.clock.advance(30);
  await allSent();
  await waitForLine("mail sent");
  const log = world.lines.join("\n");
  expect(log).toContain("c***@example.com");
  for (const canary of [USER.email, USER.id, USER.clientId, "https://id.example.com"])
    expect(log).not.toContain(canary);
});
