// Delivery through BullMQ: real Postgres, real SMTP server, real Redis that is killed, frozen and emptied.
import { connect as connectSocket } from "node:net";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Delivery } from "../src/index.ts";
import { type MailServer, startMailServer } from "./mail-server.ts";
import { LINK_CANARY, type OutboxWorld, openOutboxWorld, USER } from "./outbox-world.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

// Real servers start, die and come back, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

let world: OutboxWorld;
let mails: MailServer;
let redis: RedisServer;
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  [world, mails, redis] = await Promise.all([openOutboxWorld(), startMailServer(), startRedis()]);
});
afterEach(async () => {
  await world.close();
  for (const close of closing.splice(0)) await close();
  await Promise.all([mails.close(), redis.close()]);
});

const POLL = { timeout: 15_000, interval: 20 };
const idsOf = (server: MailServer) =>
  server.received.map(({ parsed }) => parsed.messageId?.replace(/^<(.*)@.*$/, "$1")).toSorted();
const allSent = () =>
  expect.poll(async () => (await world.rows()).every(({ sent_at }) => sent_at !== null), POLL).toBe(true);
/** Deliverers whose mail goes through the queue from the first one on. The mails that show it are forgotten. */
async function deliver(count = 1): Promise<Delivery[]> {
  const commands = await watchCommands();
  const deliveries = Array.from({ length: count }, () => world.deliver({ smtp: mails.url, redisUrl: redis.url }));
  await untilQueued(commands);
  // Both connections of every deliverer are up: each has its queue, and blocks for a job.
  await expect
    .poll(async () => String(await connect().client("LIST")).match(/cmd=bzpopmin/g), POLL)
    .toHaveLength(count);
  await world.query("DELETE FROM outbox");
  mails.received.length = 0;
  return deliveries;
}

/** Promises mails one by one until one was handed to Redis. */
async function untilQueued(commands: () => string): Promise<void> {
  await expect
    .poll(async () => {
      const [id = "no id"] = await world.promise(1);
      await allSent();
      return commands().includes(id);
    }, POLL)
    .toBe(true);
}

const numberOf = (part: string) => world.lines.filter((line) => line.includes(part)).length;

function connect(): Redis {
  const client = new Redis(redis.url.reveal());
  client.on("error", () => undefined);
  closing.push(() => client.disconnect());
  return client;
}

/** Every command that Redis was given, as one text. */
async function watchCommands(): Promise<() => string> {
  let commands = "";
  const socket = connectSocket({ port: redis.port, host: "127.0.0.1" });
  closing.push(() => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      commands += chunk.toString();
      resolve();
    });
    socket.write("MONITOR\r\n");
  });
  return () => commands;
}

test("mail goes through the queue, which learns nothing but ids and keeps nothing (LOG-1)", async () => {
  const [delivery] = await deliver();
  const commands = await watchCommands();
  const ids = await world.promise(10);
  await allSent();
  await delivery?.close();
  expect(idsOf(mails)).toEqual(ids.toSorted());
  for (const id of ids) expect(commands().replaceAll("\\", "")).toContain(`{"id":"${id}"}`);
  for (const canary of [USER.email, USER.id, USER.clientId, "Example Accounts"])
    expect(commands()).not.toContain(canary);
  const keys = await connect().keys("*");
  expect(keys.filter((key) => ids.some((id) => key.includes(id)))).toEqual([]);
});

test("mail with links goes through Redis, which is emptied and then killed: each arrives once, and Redis saw no link (LOG-1)", async () => {
  await deliver(2);
  const commands = await watchCommands();
  const ids = await world.register(60);
  await mails.waitFor(5);
  await connect().flushall();
  await mails.waitFor(20);
  await redis.kill();
  await allSent();
  expect(idsOf(mails)).toEqual(ids.toSorted());
  expect(mails.received.every(({ raw }) => raw.includes(LINK_CANARY))).toBe(true);
  const seen = commands();
  expect(ids.some((id) => seen.includes(id))).toBe(true);
  for (const canary of [LINK_CANARY, "person-", "id.example.com"]) expect(seen.includes(canary)).toBe(false);
});

test("three deliverers send each of 60 mails once", async () => {
  await deliver(3);
  const ids = await world.promise(60);
  await allSent();
  expect(idsOf(mails)).toEqual(ids.toSorted());
});

test("a mail that failed is queued again when its next try is due", async () => {
  await deliver();
  mails.answers["rcpt to"] = 450;
  await world.promise(1);
  await expect.poll(() => numberOf("mail not sent yet"), POLL).toBe(1);
  delete mails.answers["rcpt to"];
  world.clock.advance(30);
  await allSent();
  expect(mails.received).toHaveLength(1);
});

test("Redis killed in the middle: the rest goes out through the database, each mail once", async () => {
  await deliver(2);
  const ids = await world.promise(80);
  await mails.waitFor(5);
  await redis.kill();
  await allSent();
  expect(idsOf(mails)).toEqual(ids.toSorted());
});

test("Redis away at the start: mail goes out within seconds; when it comes, the queue is used again", async () => {
  await redis.kill();
  const started = performance.now();
  world.deliver({ smtp: mails.url, redisUrl: redis.url });
  await world.promise(3);
  await allSent();
  expect(performance.now() - started).toBeLessThan(5000);
  await redis.restart();
  await expect.poll(() => numberOf("is back"), POLL).toBe(1);
  expect(numberOf("in Redis is away")).toBe(1);
  await untilQueued(await watchCommands());
});

test("Redis that hangs is left aside within seconds, and its late jobs send nothing twice", async () => {
  await deliver();
  redis.freeze();
  const ids = await world.promise(5);
  const started = performance.now();
  await allSent();
  expect(performance.now() - started).toBeLessThan(6000);
  redis.thaw();
  await world.promise(1);
  await allSent();
  expect(mails.received).toHaveLength(6);
  expect(new Set(idsOf(mails)).size).toBe(6);
  expect(idsOf(mails)).toEqual(expect.arrayContaining(ids));
});

test("Redis emptied in the middle loses no mail", async () => {
  await deliver();
  const ids = await world.promise(40);
  await mails.waitFor(3);
  await connect().flushall();
  await allSent();
  expect(idsOf(mails)).toEqual(ids.toSorted());
});

test("a job whose row was sent before sends nothing: the row decides", async () => {
  await deliver();
  const [id = ""] = await world.promise(1);
  await allSent();
  expect(mails.received).toHaveLength(1);
  const queue = new Queue("mail", { connection: connect(), prefix: "{dex}" });
  await queue.add("deliver", { id }, { jobId: id });
  await expect
    .poll(() => queue.getJobCounts("wait", "active", "completed", "failed"), POLL)
    .toEqual({
      active: 0,
      completed: 0,
      failed: 0,
      wait: 0,
    });
  expect(mails.received).toHaveLength(1);
});

test("a forged job is dropped", async () => {
  await deliver();
  const queue = new Queue("mail", { connection: connect(), prefix: "{dex}" });
  await queue.add("deliver", { id: "x", to: "eve@evil.example" }, { jobId: "' OR true --" });
  await expect.poll(() => queue.getJobCounts("wait", "active"), POLL).toEqual({ wait: 0, active: 0 });
  const [id] = await world.promise(1);
  await allSent();
  expect(idsOf(mails)).toEqual([id]);
});

test("a row that the queue holds back for a minute is sent all the same", async () => {
  const queue = new Queue("mail", { connection: connect(), prefix: "{dex}" });
  await deliver();
  await queue.pause();
  const [id = ""] = await world.promise(1);
  await expect.poll(async () => (await queue.getJob(id))?.id, POLL).toBe(id);
  expect(mails.received).toEqual([]);
  world.clock.advance(61);
  await allSent();
  expect(mails.received).toHaveLength(1);
});

test("closing takes a few seconds at most when Redis is dead", async () => {
  const [delivery] = await deliver();
  await redis.kill();
  const started = performance.now();
  await delivery?.close();
  expect(performance.now() - started).toBeLessThan(5000);
  // What is still trying to connect would keep the process alive, or speak up on a later connection.
  const lines = world.lines.length;
  await redis.restart();
  await expect
    .poll(async () => String(await connect().client("LIST")).match(/name=\{dex\}/g), { timeout: 1500 })
    .toBeNull();
  expect(world.lines).toHaveLength(lines);
});
