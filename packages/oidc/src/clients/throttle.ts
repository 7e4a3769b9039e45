import { OAuthError } from "../errors.ts";
import type { FailureCounter } from "../ports.ts";

/** What one process remembers at most. Beyond it the oldest block is forgotten; the shared counter still knows. */
const MAX_BLOCKS = 10_000;

export interface Throttle {
  /** Throws too_many_requests while this process remembers a block. No round trip. */
  refuseBlocked(key: string, now: Date): void;
  /** Counts one at `key` for all workers. Throws too_many_requests when it was one too many. */
  count(key: string, now: Date): Promise<void>;
}

/** Lets something happen `limit` times in a window, shared by all workers. `what` there were too many of. */
export function makeThrottle(
  failures: FailureCounter,
  { what, limit, windowSeconds }: { what: string; limit: number; windowSeconds: number },
): Throttle {
  const blockedUntil = new Map<string, Date>();

  function block(key: string, until: Date): void {
    const oldest = blockedUntil.keys().next();
    if (blockedUntil.size >= MAX_BLOCKS && oldest.done !== true) blockedUntil.delete(oldest.value);
    blockedUntil.set(key, until);
  }

  function tooMany(until: Date, now: Date): OAuthError {
    const retryAfterSeconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));
    return new OAuthError("too_many_requests", `too many ${what}`, { retryAfterSeconds });
  }

  return {
    refuseBlocked(key, now) {
      const until = blockedUntil.get(key);
      if (until === undefined) return;
      if (until > now) throw tooMany(until, now);
      blockedUntil.delete(key);
    },
    async count(key, now) {
      const { failures: count, windowEndsAt } = await failures.count(key, windowSeconds, now);
      if (count >= limit) block(key, windowEndsAt);
      if (count > limit) throw tooMany(windowEndsAt, now);
    },
  };
}
