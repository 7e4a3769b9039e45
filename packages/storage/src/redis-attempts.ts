import { setTimeout } from "node:timers/promises";
import { describeError, type Logger } from "@dex/runtime";
import type { Redis } from "ioredis";
import type { AttemptWindow, CountAttempt } from "./attempts.ts";

/** After this long the database counts instead. */
const ANSWER_MILLISECONDS = 150;

// One script, so that no crash in between leaves a count that never ends.
const COUNT_SCRIPT = `
local attempts = redis.call('INCR', KEYS[1])
if attempts == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {attempts, redis.call('PTTL', KEYS[1])}
`;

const FORGIVE_SCRIPT = `
redis.call('DEL', KEYS[1])
if tonumber(redis.call('GET', KEYS[2]) or '0') > 0 then redis.call('DECR', KEYS[2]) end
return 1
`;

/** Counting in Redis. Every method answers in 200 ms: with undefined or without effect when Redis does not. */
export interface RedisAttempts {
  count(key: Buffer, windowSeconds: number, now: Date): Promise<AttemptWindow | undefined>;
  /** Forgets the account's attempts and takes one back from the source's. */
  forgive(account: Buffer, source: Buffer): Promise<void>;
  /** Forgets the account's attempts. For what counted none at a source. */
  forget(account: Buffer): Promise<void>;
}

/** Counts attempts in Redis, which forgets them by itself. */
export function makeRedisAttempts(redis: Redis, logger: Logger): RedisAttempts {
  /** Asks nothing of a connection that is down: ioredis would keep the command for later, and so the person waiting. */
  async function ask<T>(command: () => Promise<T>): Promise<T | undefined> {
    if (redis.status !== "ready") return undefined;
    const answered = new AbortController();
    const tooLate = setTimeout(ANSWER_MILLISECONDS, undefined, { signal: answered.signal }).catch(() => undefined);
    try {
      return await Promise.race([command(), tooLate]);
    } catch (error) {
      logger.warn("redis did not count an attempt", describeError(error));
      return undefined;
    } finally {
      answered.abort();
    }
  }

  return {
    async count(key, windowSeconds, now) {
      const answer: unknown = await ask(() =>
        redis.eval(COUNT_SCRIPT, 1, nameOf(key), Math.ceil(windowSeconds * 1000)),
      );
      if (!Array.isArray(answer)) return undefined;
      const [attempts, millisecondsLeft]: unknown[] = answer;
      if (typeof attempts !== "number" || typeof millisecondsLeft !== "number") return undefined;
      return { attempts, windowEndsAt: new Date(now.getTime() + Math.max(millisecondsLeft, 0)) };
    },
    async forgive(account, source) {
      await ask(() => redis.eval(FORGIVE_SCRIPT, 2, nameOf(account), nameOf(source)));
    },
    async forget(account) {
      await ask(() => redis.del(nameOf(account)));
    },
  };
}

function nameOf(key: Buffer): string {
  return `dex:attempts:${key.toString("base64url")}`;
}

/** Counts in Redis where it answers, else as `otherwise` does. */
export function preferRedis(redis: RedisAttempts | undefined, otherwise: CountAttempt): CountAttempt {
  if (redis === undefined) return otherwise;
  return async (...attempt) => (await redis.count(...attempt)) ?? otherwise(...attempt);
}
