import { inspectSeals, makeSigningKeySealer, UnopenableKeys } from "@dex/keys";
import { type LogFields, type Logger, Secret, silentLogger, systemRandom } from "@dex/runtime";
import { makeHandSetClock } from "@dex/testing";
import { afterEach, describe, expect, test } from "vitest";
import { makeCadence } from "../src/jobs/cadence.ts";
import { makeCollectGarbage } from "../src/jobs/collect-garbage.ts";
import { type LeadJobs, makeLeadJobs } from "../src/jobs/lead-jobs.ts";
import { makeRotateKeys } from "../src/jobs/rotate-keys.ts";
import { waitForDatabase } from "../src/wait-for-database.ts";
import { garbageOf, leadershipOf, makeSharedDatabase, type SharedDatabase, signingKeysOf } from "./fleet-in-memory.ts";

const DAY = 86_400;
const salt = Buffer.alloc(32, 1);
const sealerOf = (...bytes: number[]) =>
  makeSigningKeySealer({ secrets: bytes.map((one) => new Secret(Buffer.alloc(32, one))), salt, random: systemRandom });
const policy = {
  periodSeconds: DAY,
  jwksMaxAgeSeconds: 300,
  retentionSeconds: 2 * DAY,
  minimumPublishSeconds: 3600,
  marginSeconds: 60,
  algorithms: ["ES256"],
} as const;

function rotateKeysOn(database: SharedDatabase, clock = makeHandSetClock(), sealer = sealerOf(7)) {
  const parts = { signingKeys: signingKeysOf(database), sealer, policy, random: systemRandom, logger: silentLogger };
  return { clock, rotate: makeRotateKeys({ ...parts, clock: clock.now }) };
}
const states = (database: SharedDatabase) => database.keys.keys.map(({ state }) => state).toSorted();

describe("the rotation of keys", () => {
  test("makes keys at the first tick, none at the second, and rotates once a day (v1 K09)", async () => {
    const database = makeSharedDatabase();
    const { clock, rotate } = rotateKeysOn(database);
    expect(await rotate(0)).toBe("changed");
    expect(states(database)).toEqual(["active", "next"]);
    expect(await rotate(0)).toBe("nothing due");
    clock.advance(DAY);
    expect(await rotate(0)).toBe("changed");
    expect(await rotate(0)).toBe("nothing due");
    expect(states(database)).toEqual(["active", "next", "retired"]);
    expect(database.writes).toHaveLength(2);
  });

  test("honours a request once, after the next key was published for long enough", async () => {
    const database = makeSharedDatabase();
    const { clock, rotate } = rotateKeysOn(database);
    await rotate(0);
    const [before] = database.keys.keys.filter((key) => key.state === "next");
    database.keys = { ...database.keys, rotationRequestedAt: clock.now() };
    clock.advance(1800);
    database.keys = { ...database.keys, rotationRequestedAt: clock.now() };
    expect(await rotate(0)).toBe("nothing due");
    clock.advance(1860);
    expect(await rotate(0)).toBe("changed");
    expect(database.keys.keys.find((key) => key.state === "active")?.id).toBe(before?.id);
    expect(database.keys.rotationRequestedAt).toBeUndefined();
    expect(await rotate(0)).toBe("nothing due");
  });

  test("announces a new caching time without touching a key", async () => {
    const database = makeSharedDatabase();
    await rotateKeysOn(database).rotate(0);
    database.keys = { ...database.keys, jwksMaxAgeSeconds: 60 };
    const before = database.keys.keys;
    expect(await rotateKeysOn(database).rotate(0)).toBe("changed");
    expect(database.keys).toMatchObject({ jwksMaxAgeSeconds: 300, keys: before });
  });

  test("seals rows again under a new first secret, after which the old one can go (SEC-2)", async () => {
    const database = makeSharedDatabase();
    await rotateKeysOn(database).rotate(0);
    expect(await rotateKeysOn(database, makeHandSetClock(), sealerOf(8, 7)).rotate(0)).toBe("changed");
    expect(inspectSeals(database.keys, sealerOf(8))).toEqual({ sealedUnderOlderSecret: new Set(), unopenable: [] });
  });

  test("never replaces keys that it cannot open", async () => {
    const database = makeSharedDatabase();
    await rotateKeysOn(database).rotate(0);
    const before = database.keys;
    await expect(rotateKeysOn(database, makeHandSetClock(), sealerOf(8)).rotate(0)).rejects.toThrow(UnopenableKeys);
    expect(database.keys).toBe(before);
  });

  test("writes nothing under the fence of a leader that was replaced", async () => {
    const database = makeSharedDatabase();
    database.fence = 2;
    expect(await rotateKeysOn(database).rotate(1)).toBe("lost");
    expect(database.keys.keys).toEqual([]);
  });
});

describe("the collection of garbage", () => {
  const collectOn = (database: SharedDatabase) =>
    makeCollectGarbage({ garbage: garbageOf(database), clock: makeHandSetClock().now, logger: silentLogger });

  test("goes on in batches of a thousand until nothing is left", async () => {
    const database = { ...makeSharedDatabase(), garbage: 2500 };
    expect(await collectOn(database)(0, new AbortController().signal)).toBe("collected");
    expect([database.garbage, database.writes.length]).toEqual([0, 3]);
  });

  test("stops between two batches when leadership is lost", async () => {
    const database = { ...makeSharedDatabase(), garbage: 2500, fence: 2 };
    expect(await collectOn(database)(1, new AbortController().signal)).toBe("lost");
    expect(await collectOn(database)(2, AbortSignal.abort())).toBe("stopped");
    expect([database.garbage, database.writes.length]).toEqual([2500, 0]);
  });
});

test("a job that fails is tried again after 1 s, doubling to 60 s, and then at its interval (v1 F09)", () => {
  const cadence = makeCadence({ intervalSeconds: 3600, firstSeconds: 10 });
  expect([cadence.isDue(9), cadence.isDue(10)]).toEqual([false, true]);
  const waits = Array.from({ length: 8 }, () => {
    cadence.failed(0);
    return Array.from({ length: 100 }, (_, second) => second).find((second) => cadence.isDue(second));
  });
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  cadence.succeeded(100);
  expect([cadence.isDue(3699), cadence.isDue(3700)]).toEqual([false, true]);
});

test("while the database is away the start is tried again, 1 s doubling to 60 s, each time with a line", async () => {
  const waits: number[] = [];
  const lines: (LogFields | undefined)[] = [];
  const logger: Logger = { ...silentLogger, warn: (_event, fields) => void lines.push(fields) };
  const result = await waitForDatabase({
    what: "migrate",
    attempt: async () => {
      if (waits.length < 8) throw new Error("connection refused");
      return "done";
    },
    isPassing: () => true,
    logger,
    sleepSeconds: async (seconds) => void waits.push(seconds),
  });
  expect(result).toBe("done");
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(lines).toHaveLength(8);
  const broken = { what: "migrate", isPassing: () => false, logger: silentLogger };
  await expect(waitForDatabase({ ...broken, attempt: () => Promise.reject(new Error("bug")) })).rejects.toThrow("bug");
});

describe("two overlords on one database", () => {
  const somebodyElse = { fence: 2, lost: new Promise<void>(() => {}), isHeld: () => true, release: async () => {} };
  const running: LeadJobs[] = [];
  afterEach(async () => {
    for (const jobs of running.splice(0)) await jobs.close();
  });
  function start(database: SharedDatabase, sealer = sealerOf(7)) {
    const fatal: Error[] = [];
    const clock = makeHandSetClock();
    const jobs = makeLeadJobs({
      leadership: leadershipOf(database),
      rotateKeys: rotateKeysOn(database, clock, sealer).rotate,
      sealConnectors: async () => "nothing due",
      sealClientSecrets: async () => "nothing due",
      collectGarbage: makeCollectGarbage({ garbage: garbageOf(database), clock: clock.now, logger: silentLogger }),
      rotationIntervalSeconds: 1,
      gcIntervalSeconds: 3600,
      followClock: async () => {
        if (database.failWith !== undefined) throw database.failWith;
      },
      monotonic: () => performance.now(),
      logger: silentLogger,
      onFatal: (error) => void fatal.push(error),
    });
    running.push(jobs);
    return { jobs, fatal };
  }

  test("one leads, the other stands by and takes over when the first has closed (4.7)", async () => {
    const database = makeSharedDatabase();
    const [first, second] = [start(database).jobs, start(database).jobs];
    await first.start();
    await second.start();
    expect([first.role(), second.role()]).toEqual(["leader", "standby"]);
    await first.close();
    await expect.poll(() => second.role(), { timeout: 4000 }).toBe("leader");
    expect(database.fence).toBe(2);
    expect(states(database)).toEqual(["active", "next"]);
  });

  test("a leader whose lock's connection breaks stands by at once and writes nothing more (4.7)", async () => {
    const database = makeSharedDatabase();
    const { jobs } = start(database);
    await jobs.start();
    const writes = database.writes.length;
    await database.holder?.release();
    // Somebody else takes over before our next tick.
    database.holder = somebodyElse;
    database.fence = 2;
    await Promise.resolve();
    expect(jobs.role()).toBe("standby");
    expect(database.writes).toHaveLength(writes);
  });

  test("a leader that was paused notices the newer fence and stands by (4.7)", async () => {
    const database = makeSharedDatabase();
    const { jobs } = start(database);
    await jobs.start();
    database.fence = 2;
    database.holder = somebodyElse;
    await expect.poll(() => jobs.role(), { timeout: 4000 }).toBe("standby");
    expect(database.writes.every(({ fence }) => fence === 1)).toBe(true);
  });

  test("a database that is away ends neither the process nor the attempts", async () => {
    const database = { ...makeSharedDatabase(), failWith: new Error("connection refused") };
    const { jobs, fatal } = start(database);
    await jobs.start();
    expect(jobs.role()).toBe("standby");
    Object.assign(database, { failWith: undefined });
    await expect.poll(() => jobs.role(), { timeout: 4000 }).toBe("leader");
    expect(fatal).toEqual([]);
  });

  test("keys that cannot be opened are fatal (v1 K13)", async () => {
    const database = makeSharedDatabase();
    await rotateKeysOn(database).rotate(0);
    const { jobs, fatal } = start(database, sealerOf(8));
    await jobs.start();
    expect(fatal).toEqual([expect.any(UnopenableKeys)]);
  });
});
