import { expect, test } from "vitest";
import { UpstreamUnreachable } from "../bounded-fetch.ts";
import { makePool, type PoolLimits } from "./pool.ts";

class Member {
  open = true;
  stale = false;
  alive() {
    return this.open;
  }
  close() {
    this.open = false;
  }
}

function open(size: number, limits: Partial<PoolLimits> = {}) {
  const opened: Member[] = [];
  const pool = makePool<Member>({
    size,
    async open() {
      const member = new Member();
      opened.push(member);
      return member;
    },
    async prepare(member) {
      if (member.stale) throw new Error("stale");
    },
    limits: { waitMilliseconds: 1_000, useMilliseconds: 1_000, idleMilliseconds: 60_000, maxWaiting: 10, ...limits },
  });
  return { pool, opened };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("no member is used by two at once, and there are never more than its size", async () => {
  const { pool, opened } = open(3);
  const inUse = new Set<Member>();
  const uses = Array.from({ length: 12 }, () =>
    pool.use(async (member) => {
      expect(inUse.has(member)).toBe(false);
      inUse.add(member);
      await turn();
      inUse.delete(member);
    }),
  );
  await Promise.all(uses);
  expect(opened).toHaveLength(3);
  expect(pool.count()).toEqual({ idle: 3, busy: 0 });
});

test("who waits too long, or comes when too many wait, is turned away; places are not lost", async () => {
  const { pool } = open(1, { waitMilliseconds: 20, maxWaiting: 1 });
  let release = () => {};
  const first = pool.use(
    () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  );
  await turn();
  const late = pool.use(async () => "never");
  await expect(pool.use(async () => "never")).rejects.toThrow("too many are waiting");
  await expect(late).rejects.toBeInstanceOf(UpstreamUnreachable);
  release();
  await first;
  expect(await pool.use(async () => "next")).toBe("next");
  expect(pool.count()).toEqual({ idle: 1, busy: 0 });
});

test("a member that went stale or was lost is replaced, one that fails does not take its place along", async () => {
  const { pool, opened } = open(1);
  await pool.use(async () => undefined);
  Object.assign(opened[0] ?? {}, { stale: true });
  await pool.use(async (member) => member.close());
  await expect(pool.use(() => Promise.reject(new Error("wrong")))).rejects.toThrow("wrong");
  expect(opened.map((member) => member.open)).toEqual([false, false, true]);
  expect(pool.count()).toEqual({ idle: 1, busy: 0 });
});

test("a member is made ready once before each use, the first one too", async () => {
  let prepared = 0;
  const limits = { waitMilliseconds: 1_000, useMilliseconds: 1_000, idleMilliseconds: 60_000, maxWaiting: 10 };
  const pool = makePool<Member>({
    size: 1,
    open: async () => new Member(),
    async prepare() {
      prepared += 1;
    },
    limits,
  });
  for (const uses of [1, 2, 3]) {
    await pool.use(async () => undefined);
    expect(prepared).toBe(uses);
  }
  pool.close();
});

test("when none can be opened, each who waits is told why, and at once", async () => {
  const limits = { waitMilliseconds: 5_000, useMilliseconds: 5_000, idleMilliseconds: 60_000, maxWaiting: 10 };
  const open = () => Promise.reject(new UpstreamUnreachable("nobody listens"));
  const pool = makePool<Member>({ size: 3, open, prepare: async () => undefined, limits });
  const started = performance.now();
  const uses = await Promise.allSettled(Array.from({ length: 6 }, () => pool.use(async () => undefined)));
  expect(uses.map((one) => one.status === "rejected" && one.reason.message)).toEqual(Array(6).fill("nobody listens"));
  expect(performance.now() - started).toBeLessThan(1_000);
  pool.close();
});

test("who waits when it is closed is served still", async () => {
  const { pool, opened } = open(1);
  let release = () => {};
  const first = pool.use(
    () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  );
  await turn();
  const waiting = pool.use(async () => "served");
  pool.close();
  release();
  await first;
  expect(await waiting).toBe("served");
  await expect.poll(() => opened.map((member) => member.open)).toEqual([false, false]);
});

test("work that does not end loses its member; an idle one is closed after a while, and all when the pool is", async () => {
  const { pool, opened } = open(2, { useMilliseconds: 20, idleMilliseconds: 20 });
  const stuck = pool.use(
    (member) =>
      new Promise((_, reject) => {
        const look = setInterval(() => {
          if (member.open) return;
          clearInterval(look);
          reject(new Error("closed"));
        }, 1);
      }),
  );
  await expect(stuck).rejects.toThrow("no complete answer in time");
  await pool.use(async () => undefined);
  await expect.poll(() => opened.map((member) => member.open)).toEqual([false, false]);
  const kept = open(1);
  await kept.pool.use(async () => undefined);
  kept.pool.close();
  await kept.pool.use(async () => undefined);
  await expect.poll(() => kept.opened.map((member) => member.open)).toEqual([false, false]);
});
