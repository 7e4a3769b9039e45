import { addSeconds } from "@dex/runtime";
import { expect, test } from "vitest";
import { decideGuess, decideThrottle, GUESS_LIMIT, THROTTLE_POLICY } from "./attempt-throttle.ts";
import type { User } from "./user.ts";

const start = new Date("2030-01-01T00:00:00Z");
const windowEndsAt = addSeconds(start, THROTTLE_POLICY.windowSeconds);
const decide = (accountAttempts: number, sourceAttempts: number, afterSeconds: number) =>
  decideThrottle(
    { accountAttempts, sourceAttempts, windowEndsAt, candidate: undefined },
    THROTTLE_POLICY,
    addSeconds(start, afterSeconds),
  );

const rows = [
  { account: 1, source: 1, after: 0, expected: { kind: "try" } },
  { account: 5, source: 5, after: 0, expected: { kind: "try" } },
  { account: 6, source: 6, after: 0, expected: { kind: "throttled", retryAfterSeconds: 10 } },
  { account: 6, source: 6, after: 5, expected: { kind: "try" } },
  { account: 7, source: 7, after: 9, expected: { kind: "throttled", retryAfterSeconds: 11 } },
  { account: 7, source: 7, after: 10, expected: { kind: "try" } },
  { account: 13, source: 13, after: 639, expected: { kind: "throttled", retryAfterSeconds: 261 } },
  { account: 13, source: 13, after: 640, expected: { kind: "try" } },
  { account: 20, source: 20, after: 899, expected: { kind: "throttled", retryAfterSeconds: 1 } },
  { account: 21, source: 21, after: 0, expected: { kind: "throttled", retryAfterSeconds: 900 } },
  { account: 1, source: 200, after: 0, expected: { kind: "try" } },
  { account: 1, source: 201, after: 100, expected: { kind: "throttled", retryAfterSeconds: 800 } },
];
test.each(rows)(
  "attempt $account on an account, $source from a source, $after s into the window: $expected.kind (ACC-3)",
  ({ account, source, after, expected }) => {
    expect(decide(account, source, after)).toEqual(expected);
  },
);

test("nobody is kept out beyond the window, and coming back as told is soon enough (ACC-3)", () => {
  for (let attempts = 1; attempts <= 200; attempts += 1) {
    const decision = decide(attempts, 1, 0);
    if (decision.kind === "try") continue;
    expect(decision.retryAfterSeconds).toBeLessThanOrEqual(THROTTLE_POLICY.windowSeconds);
    if (decision.retryAfterSeconds < THROTTLE_POLICY.windowSeconds) {
      expect(decide(attempts + 1, 1, decision.retryAfterSeconds)).toEqual({ kind: "try" });
    }
  }
});

const jane: User = {
  id: "5d0c4b0a-2f8e-4c53-9d0b-7a8f3f1e2d10",
  email: "jane@example.com",
  emailVerified: true,
  displayName: "Jane",
  admin: false,
  disabled: false,
  createdAt: start,
};
const candidate = (wrongGuesses: number, more: Partial<User> = {}) => ({
  user: { ...jane, ...more },
  passwordHash: "$argon2id$",
  wrongGuesses,
});
const { guesses } = THROTTLE_POLICY;
const isRight = { kind: "right" };
const isCounted = { kind: "refused", counted: jane.id };
const isNotCounted = { kind: "refused", counted: undefined };

const evaluated = [
  { of: "nobody", matches: true, candidate: undefined, expected: isNotCounted },
  { of: "an account nobody guessed at", matches: true, candidate: candidate(0), expected: isRight },
  { of: "an account nobody guessed at", matches: false, candidate: candidate(0), expected: isCounted },
  { of: "an account one guess before its stop", matches: true, candidate: candidate(guesses - 1), expected: isRight },
  {
    of: "an account one guess before its stop",
    matches: false,
    candidate: candidate(guesses - 1),
    expected: isCounted,
  },
  { of: "a stopped account", matches: true, candidate: candidate(guesses), expected: isNotCounted },
  { of: "a stopped account", matches: false, candidate: candidate(guesses), expected: isNotCounted },
  { of: "a disabled user", matches: true, candidate: candidate(0, { disabled: true }), expected: isNotCounted },
  { of: "a disabled user", matches: false, candidate: candidate(0, { disabled: true }), expected: isCounted },
];
test.each(evaluated)(
  "a password of $of that matches: $matches becomes $expected (ACC-3, NIST SP 800-63B-4 §3.2.2)",
  ({ matches, candidate, expected }) => {
    expect(decideGuess(candidate, matches, THROTTLE_POLICY)).toMatchObject(expected);
  },
);

test("a stopped account says the same of the right password as of a wrong one, and the log how it is opened (ACC-1)", () => {
  const [right, wrong] = [true, false].map((matches) => decideGuess(candidate(guesses), matches, THROTTLE_POLICY));
  expect(right).toEqual(wrong);
  expect(right).toMatchObject({ detail: expect.stringMatching(/stopped after 80 .*dexctl users reset-password/) });
});

test("those under way when the last guess is counted do not pass the limit (ACC-5, NIST SP 800-63B-4 §3.2.2)", () => {
  const triedAt = (seconds: number) => {
    const numbers = Array.from({ length: 200 }, (_, index) => index + 1);
    return numbers.filter((number) => decide(number, 1, seconds).kind === "try").length;
  };
  // All that a window's first attempt leaves, saved up to its last moment, and all that the next window begins with.
  const underWay = triedAt(THROTTLE_POLICY.windowSeconds - 0.001) - 1 + triedAt(0);
  expect(underWay).toBe(17);
  expect(guesses + underWay).toBeLessThanOrEqual(GUESS_LIMIT);
});
