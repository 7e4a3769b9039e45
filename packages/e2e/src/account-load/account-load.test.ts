// The short form of a run that is twenty minutes long by hand: node packages/e2e/src/account-load/main.ts
import { expect, test } from "vitest";
import { runAccountLoad } from "./account-load.ts";

const SECONDS = 25;

test("people register and reset while Redis, mail server and workers die: one mail each, nothing orphaned, only honest 503s (I5, I8)", {
  timeout: 180_000,
}, async () => {
  const report = await runAccountLoad({
    seconds: SECONDS,
    visitors: 4,
    faultEverySeconds: 3,
    seed: 7,
    patienceSeconds: 10,
    drainSeconds: 15,
    say: () => undefined,
  });
  expect(report.violations).toEqual([]);
  expect(report.registered).toBeGreaterThan(10);
  expect(report.resets).toBeGreaterThan(0);
  const { redis, mailServer, workers } = report.kills;
  expect(redis + mailServer + workers).toBeGreaterThanOrEqual(3);
});
