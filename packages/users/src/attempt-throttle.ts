// How often a password may be tried: NIST SP 800-63B-4 §3.2.2. Pure.
import { addSeconds } from "@dex/runtime";
import type { PasswordAttempt } from "./user.ts";

export interface ThrottlePolicy {
  /** How long attempts count. Nobody is kept out for longer by attempts of others. */
  readonly windowSeconds: number;
  /** Attempts on one account before waiting begins. */
  readonly freeAttempts: number;
  /** The first wait; each further one is twice as long. */
  readonly firstDelaySeconds: number;
  /** Attempts on one account in a window, however slow. */
  readonly accountAttempts: number;
  /** Attempts from one source in a window. An office behind one address is one source. */
  readonly sourceAttempts: number;
}

/** Five tries at once, then 5 s, 10 s, 20 s, ... within a quarter of an hour; never more than twenty. */
export const THROTTLE_POLICY: ThrottlePolicy = {
  windowSeconds: 900,
  freeAttempts: 5,
  firstDelaySeconds: 5,
  accountAttempts: 20,
  sourceAttempts: 200,
};

export type ThrottleDecision =
  | { readonly kind: "try" }
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number };

/**
 * Whether this attempt, which is counted already, may be evaluated. The waits are counted from the window's beginning, so
 * that a count and the window's end suffice to know them. No account is locked for good: each window starts afresh, and
 * so does a sign-in that succeeds (ACC-3).
 */
export function decideThrottle(attempt: PasswordAttempt, policy: ThrottlePolicy, now: Date): ThrottleDecision {
  const { windowEndsAt, accountAttempts, sourceAttempts } = attempt;
  if (sourceAttempts > policy.sourceAttempts) return throttledUntil(windowEndsAt, now);
  if (accountAttempts > policy.accountAttempts) return throttledUntil(windowEndsAt, now);
  if (now >= earliest(accountAttempts, windowEndsAt, policy)) return { kind: "try" };
  // Coming back is one attempt more.
  return throttledUntil(earliest(accountAttempts + 1, windowEndsAt, policy), now);
}

/** From when on the attempt with this number is evaluated. */
function earliest(number: number, windowEndsAt: Date, policy: ThrottlePolicy): Date {
  const beyond = number - policy.freeAttempts;
  const start = addSeconds(windowEndsAt, -policy.windowSeconds);
  if (beyond <= 0) return start;
  return addSeconds(start, Math.min(policy.firstDelaySeconds * 2 ** (beyond - 1), policy.windowSeconds));
}

function throttledUntil(instant: Date, now: Date): ThrottleDecision {
  const seconds = Math.ceil((instant.getTime() - now.getTime()) / 1000);
  return { kind: "throttled", retryAfterSeconds: Math.max(1, seconds) };
}
