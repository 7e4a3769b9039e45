// Mail with links while servers and processes die: none is lost, none goes twice to a server that had accepted it, and
// what goes out later brings the same link under the same Message-ID.
import { type ChildProcess, fork } from "node:child_process";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type MailServer, startMailServer } from "./mail-server.ts";
import { LINK_CANARY, type OutboxWorld, openOutboxWorld, USER } from "./outbox-world.ts";

// Real servers start, die and come back, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

let world: OutboxWorld;
let mails: MailServer;
beforeEach(async () => {
  [world, mails] = await Promise.all([openOutboxWorld(), startMailServer()]);
  await world.query("INSERT INTO password (user_id, hash, changed_at) VALUES ($1, 'hash', $2)", [
    USER.id,
    world.clock.now(),
  ]);
});
afterEach(async () => {
  await world.close();
  await mails.close();
});

const POLL = { timeout: 15_000, interval: 20 };
const allSent = () =>
  expect.poll(async () => (await world.rows()).every(({ sent_at }) => sent_at !== null), POLL).toBe(true);
const idsOf = (server: MailServer) =>
  server.received.map(({ parsed }) => parsed.messageId?.replace(/^<(.*)@.*$/, "$1")).toSorted();
const linksOf = (server: MailServer) =>
  server.received.map(({ parsed }) => /token=(\S+)/.exec(parsed.text ?? "")?.[1]).toSorted();

function startProcess(): ChildProcess {
  const now = world.clock.now().toISOString();
  return fork(new URL("./deliverer.ts", import.meta.url), [world.databaseUrl, mails.url, now]);
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

test("a mail server killed between the mail and its 250: the mail goes out again with the same link, not before 10 minutes", async () => {
  const id = await world.promiseKind("password-reset", { email: USER.email });
  mails.answers.data = "drop";
  world.deliver({ smtp: mails.url });
  await expect.poll(async () => (await world.rows())[0]?.last_error, POLL).toMatch(/./);
  delete mails.answers.data;
  world.clock.advance(599);
  expect(await world.outbox.listDue(10, world.clock.now())).toEqual([]);
  world.clock.advance(1);
  await allSent();
  expect(idsOf(mails)).toEqual([id, id]);
  expect(linksOf(mails)).toEqual([`${LINK_CANARY}-${id}`, `${LINK_CANARY}-${id}`]);
});

test("a worker killed after the claim and before the mail: it goes out once, when the lease has ended", async () => {
  const id = await world.promiseKind("password-reset", { email: USER.email });
  mails.answers["mail from"] = "silence";
  const child = startProcess();
  await expect.poll(async () => (await world.rows())[0]?.attempts, POLL).toBe(1);
  await kill(child);
  delete mails.answers["mail from"];
  world.clock.advance(600);
  world.deliver({ smtp: mails.url });
  await allSent();
  expect(idsOf(mails)).toEqual([id]);
  expect(linksOf(mails)).toEqual([`${LINK_CANARY}-${id}`]);
});

test("a worker killed in the middle of many mails: all arrive, and none twice that its server had accepted and it had marked", async () => {
  const ids = await world.register(80);
  const child = startProcess();
  await mails.waitFor(10);
  await kill(child);
  const marked = (await world.query<{ id: string }>("SELECT id FROM outbox WHERE sent_at IS NOT NULL")).map(
    ({ id }) => id,
  );
  world.clock.advance(600);
  world.deliver({ smtp: mails.url });
  await allSent();
  expect([...new Set(idsOf(mails))]).toEqual(ids.toSorted());
  const copies = idsOf(mails).filter((id, index, all) => all.indexOf(id) !== index);
  for (const id of copies) expect(marked).not.toContain(id);
  // Only what was on its way at that very moment: at most what one process sends at once.
  expect(copies.length).toBeLessThanOrEqual(5);
});

test("two workers with one outbox of links, without Redis: each mail goes out once", async () => {
  const ids = await world.register(60);
  for (let count = 0; count < 2; count++) world.deliver({ smtp: mails.url });
  await allSent();
  expect(idsOf(mails)).toEqual(ids.toSorted());
  expect(new Set(linksOf(mails)).size).toBe(60);
});
