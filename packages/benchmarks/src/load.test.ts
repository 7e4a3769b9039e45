import { expect, test } from "vitest";
import { median, percentile, runLoad, verifyAll } from "./load.ts";

test("a percentile is a value that was measured", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(percentile(hundred, 0.5)).toBe(51);
  expect(percentile(hundred, 0.99)).toBe(100);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([], 0.5)).toBe(0);
  expect(median([3, 1, 2])).toBe(2);
});

test("a lane that fails ends, the others go on, and the failure is told", async () => {
  let good = 0;
  const lanes = [
    async () => {
      good += 1;
      await new Promise((resolve) => setImmediate(resolve));
      return undefined;
    },
    async () => Promise.reject(new Error("refused")),
  ];
  const run = await runLoad(lanes, 0.02);
  expect(run.failures).toEqual(["refused"]);
  expect(good).toBeGreaterThan(1);
  expect(run.operations).toBe(good);
});

test("every answer is verified, and each that does not hold is told", async () => {
  const bad = async () => Promise.reject(new Error("signature"));
  expect(await verifyAll([async () => {}, bad, bad])).toEqual(["signature", "signature"]);
});
