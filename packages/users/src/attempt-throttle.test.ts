import { addSeconds } from "@dex/runtime";
import { expect, test } from "vitest";
import { decideThrottle, THROTTLE_POLICY } from "./attempt-throttle.ts";

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
