import { expect, test } from "vitest";
import { systemRandom } from "./random.ts";

test("no bytes are handed out twice, whatever their sizes", () => {
  const seen = new Set<string>();
  for (let round = 0; round < 3000; round++)
    seen.add(
      systemRandom(16 + (round % 5) * 8)
        .toString("hex")
        .slice(0, 32),
    );
  expect(seen.size).toBe(3000);
});

test.each([0, 1, 4095, 4096, 4097, 10_000])("%d bytes are as many as were asked for, and not left at zero", (count) => {
  const bytes = systemRandom(count);
  expect(bytes).toHaveLength(count);
  if (count > 64) expect(new Set(bytes).size).toBeGreaterThan(30);
});

test("what was handed out before does not change later", () => {
  const first = systemRandom(32);
  const copy = Buffer.from(first);
  for (let round = 0; round < 500; round++) systemRandom(64);
  expect(first).toEqual(copy);
});
