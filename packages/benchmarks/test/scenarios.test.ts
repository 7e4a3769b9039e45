import { afterAll, beforeAll, expect, test } from "vitest";
import { measure } from "../src/measure.ts";
import { SCENARIOS } from "../src/scenarios/scenarios.ts";
import { type System, startSystem } from "../src/system.ts";

const CONCURRENCY = 2;
let system: System;
beforeAll(async () => {
  system = await startSystem({ users: CONCURRENCY });
}, 30_000);
afterAll(() => system.stop(), 30_000);

test.each(SCENARIOS)("$title runs, and everything it brings verifies", async (scenario) => {
  const options = { seconds: 0.1, warmUpSeconds: 0.05, concurrency: CONCURRENCY };
  const measured = await measure(scenario, system, options);
  expect(measured.failures).toEqual([]);
  expect(measured.operations).toBeGreaterThan(0);
});
