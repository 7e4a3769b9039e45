import { expect, test } from "vitest";
import { DAY, DEFAULT_POLICY, HOUR, ourPolicy, policyOfVersionOne, runWorld, seededRandom } from "./world.ts";

test("in a year of rotations every verifier that caches for max-age knows the key of every token (JWT-4)", () => {
  const report = runWorld({ policy: ourPolicy(DEFAULT_POLICY), seed: 1, seconds: 365 * DAY, stepSeconds: 600 });
  expect(report).toMatchObject({ unknownKeys: 0, mostKeys: 4 });
  expect(report.rotations).toBeGreaterThanOrEqual(355);
  expect(report.verified).toBeGreaterThan(1_000_000);
});

test("seen second by second around rotations, no verifier meets an unknown key (JWT-4)", () => {
  const report = runWorld({ policy: ourPolicy(DEFAULT_POLICY), seed: 2, seconds: 2 * DAY + 2 * HOUR, stepSeconds: 5 });
  expect(report).toMatchObject({ unknownKeys: 0, rotations: 2 });
});

test.each([3, 4, 5, 6, 7, 8])(
  "with outages, requests and changed caching times no key is unknown, seed %i (JWT-4)",
  (seed) => {
    const policy = ourPolicy(DEFAULT_POLICY);
    const random = seededRandom(seed);
    let alive = true;
    const report = runWorld({
      policy,
      seed,
      seconds: 20 * DAY,
      stepSeconds: 60,
      overlordAlive: () => alive,
      everyStep(_second, now) {
        if (random() < 0.002) alive = !alive;
        if (random() < 0.005) policy.requestRotation(now);
        if (random() < 0.002) policy.changeMaxAge([60, 300, 3600][Math.floor(random() * 3)] ?? 300);
      },
    });
    expect(report.unknownKeys).toBe(0);
    expect(report.rotations).toBeGreaterThan(10);
  },
);

test("an overlord that is dead for nine days changes nothing, and catches up with one rotation (v1 K04, v1 K16)", () => {
  const report = runWorld({
    policy: ourPolicy(DEFAULT_POLICY),
    seed: 9,
    seconds: 11 * DAY,
    stepSeconds: 300,
    overlordAlive: (second) => second < HOUR || second > 10 * DAY,
  });
  expect(report).toMatchObject({ unknownKeys: 0, rotations: 1 });
});

test("with time compressed, ten thousand rotations leave no token unverified (JWT-4)", () => {
  const policy = ourPolicy({
    ...DEFAULT_POLICY,
    periodSeconds: 125,
    jwksMaxAgeSeconds: 10,
    minimumPublishSeconds: 0,
    retentionSeconds: 250,
  });
  const report = runWorld({ policy, seed: 10, seconds: 10_000 * 140, stepSeconds: 10, tokenLifetimeSeconds: 200 });
  expect(report).toMatchObject({ unknownKeys: 0, mostKeys: 4 });
  expect(report.rotations).toBeGreaterThanOrEqual(10_000);
});

test("the policy of dex v1 meets unknown keys in the same world (JWT-4)", () => {
  const report = runWorld({ policy: policyOfVersionOne(DAY, 300), seed: 1, seconds: 30 * DAY, stepSeconds: 30 });
  expect(report.rotations).toBeGreaterThan(55);
  expect(report.unknownKeys).toBeGreaterThan(100);
});
