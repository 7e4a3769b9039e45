import { expect, test } from "vitest";
import { makeFollowingClock } from "./clock.ts";
import { parseDuration } from "./duration.ts";

test("a clock that follows another shows its time, whatever the host says", () => {
  const clock = makeFollowingClock();
  const reading = new Date("2031-01-01T00:00:00Z");
  const at = clock.monotonic();
  clock.follow(reading, at, at);
  expect(clock.now().getTime() - reading.getTime()).toBeLessThan(1000);
  expect(clock.hostAheadMilliseconds()).toBeLessThan(0);
});

test("half of the round trip is taken as the age of a reading", () => {
  const clock = makeFollowingClock();
  const reading = new Date("2031-01-01T00:00:00Z");
  const after = clock.monotonic();
  clock.follow(reading, after - 400, after);
  expect(Math.abs(clock.now().getTime() - reading.getTime() - 200)).toBeLessThan(100);
});

test.each([
  ["24h", 86_400_000],
  ["1h30m", 5_400_000],
  ["90s", 90_000],
  ["1.5s", 1500],
  ["250ms", 250],
  ["", undefined],
  ["5", undefined],
  ["5 s", undefined],
  ["-1s", undefined],
  ["1d", undefined],
  ["s", undefined],
])("the duration %j is %s milliseconds", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});
