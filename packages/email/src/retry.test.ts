import { expect, test } from "vitest";
import { decideNextTry, LEASE_SECONDS, MAX_TRIES } from "./retry.ts";

const now = new Date("2026-03-01T12:00:00Z");
const delayAfter = (attempt: number) => {
  const next = decideNextTry({ kind: "failed", error: "x" }, attempt, now);
  return next.kind === "retry" ? (next.at.getTime() - now.getTime()) / 1000 : undefined;
};

test("each try waits longer than the one before, and the eighth is the last (RFC 5321 §4.5.4.1)", () => {
  const delays = Array.from({ length: MAX_TRIES }, (_, index) => delayAfter(index + 1));
  expect(delays.at(-1)).toBeUndefined();
  const waits = delays.slice(0, -1).map(Number);
  expect(waits).toHaveLength(7);
  expect(waits).toEqual(waits.toSorted((left, right) => left - right));
  expect(new Set(waits).size).toBe(7);
});

test("a mail that the server refuses for good is given up at once (RFC 5321 §4.2.1)", () => {
  expect(decideNextTry({ kind: "refused", error: "x" }, 1, now)).toEqual({ kind: "dead" });
});

test("a mail that the server may have taken is not sent again before a lease would end", () => {
  const next = decideNextTry({ kind: "unknown", error: "x" }, 1, now);
  expect(next).toEqual({ kind: "retry", at: new Date(now.getTime() + LEASE_SECONDS * 1000) });
});

test("also a mail whose fate stays unknown is given up after the eighth try", () => {
  expect(decideNextTry({ kind: "unknown", error: "x" }, MAX_TRIES, now)).toEqual({ kind: "dead" });
});
