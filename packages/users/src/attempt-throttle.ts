// How often a password may be tried: NIST SP 800-63B-4 §3.2.2. Pure.
import { addSeconds } from "@dex/runtime";
import type { Candidate, PasswordAttempt } from "./user.ts";

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
  /** Wrong passwords in a row after which an account takes none any more, however long they took. */
  readonly guesses: number;
}

/** NIST SP 800-63B-4 §3.2.2: no more wrong passwords in a row than this, ever. */
export const GUESS_LIMIT = 100;

/**
 * Five tries at once, then 5 s, 10 s, 20 s, ... within a quarter of an hour; never more than twenty. A guess is counted when it was
 * evaluated, so while the last one is counted others may be under way; they are fewer than a window's twenty: by the end of a
 * window twelve attempts can have been saved up, and the next window grants five.
 */
export const THROTTLE_POLICY: ThrottlePolicy = {
  windowSeconds: 900,
  freeAttempts: 5,
  firstDelaySeconds: 5,
  accountAttempts: 20,
  sourceAttempts: 200,
  guesses: GUESS_LIMIT - 20,
};

export type ThrottleDecision =
  | { readonly kind: "try" }
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number };

/**
 * Whether this attempt, which is counted already, may be evaluated. The waits are counted from the window's beginning, so
 * that a count and the window's end suffice to know them. Each window starts afresh, and so does a sign-in that
 * succeeds (ACC-3).
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

export type GuessDecision =
  | { readonly kind: "right"; readonly candidate: Candidate }
  /** `counted`: the user whose wrong guess it is. `detail` is for the log. */
  | { readonly kind: "refused"; readonly counted: string | undefined; readonly detail: string };

/**
 * What becomes of a password that was evaluated. After too many wrong ones in a row even the right one is refused: whoever
 * guesses must not learn that they found it. The owner is not locked out, for a reset by mail begins at nought (ACC-3).
 */
export function decideGuess(
  candidate: Candidate | undefined,
  matches: boolean,
  policy: Pick<ThrottlePolicy, "guesses">,
): GuessDecision {
  if (candidate === undefined) return refused("no user with this address has a password");
  if (candidate.wrongGuesses >= policy.guesses) return refused(stopped(candidate.wrongGuesses));
  if (!matches) return { kind: "refused", counted: candidate.user.id, detail: "wrong password" };
  if (candidate.user.disabled) return refused("the user is disabled");
  return { kind: "right", candidate };
}

function refused(detail: string): GuessDecision {
  return { kind: "refused", counted: undefined, detail };
}

function stopped(wrongGuesses: number): string {
  return `password sign-in was stopped after ${wrongGuesses} wrong passwords in a row; a reset by mail, which dexctl users reset-password sends too, opens it again`;
}
