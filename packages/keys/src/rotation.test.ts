import { addSeconds } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { applyDecision, DAY, DEFAULT_POLICY, EMPTY_SET, HOUR, START, storedKey } from "../test/world.ts";
import { decideRotation, isNothingDue, publishAheadSeconds } from "./rotation.ts";
import type { SigningKeySet } from "./signing-key.ts";

const noFacts = { sealedUnderOlderSecret: new Set<string>() };
const nothing = { add: [], activate: [], retire: [], remove: [], reseal: [], rotationDone: false };
const at = (seconds: number) => addSeconds(START, seconds);

const active = storedKey({ id: "active", state: "active", activatedAt: START });
const next = storedKey({ id: "next", state: "next", createdAt: START });
const set = (...keys: SigningKeySet["keys"]): SigningKeySet => ({ ...EMPTY_SET, keys });
const requested = (base: SigningKeySet, seconds: number): SigningKeySet => ({
  ...base,
  rotationRequestedAt: at(seconds),
});
const rotation = { ...nothing, add: [{ algorithm: "RS256", state: "next" }], activate: ["next"], retire: ["active"] };

const cases = [
  {
    when: "there are no keys (v1 K06, v1 K11)",
    keys: set(),
    now: START,
    expected: {
      ...nothing,
      add: [
        { algorithm: "RS256", state: "active" },
        { algorithm: "RS256", state: "next" },
      ],
    },
  },
  { when: "the active key is young (v1 K10)", keys: set(active, next), now: at(DAY - 1), expected: nothing },
  { when: "the active key is a period old (v1 K07)", keys: set(active, next), now: at(DAY), expected: rotation },
  {
    when: "the overlord was away for nine days (v1 K04, v1 K11)",
    keys: set(active, next),
    now: at(9 * DAY),
    expected: rotation,
  },
  {
    when: "the period is over and the next key is not published for long enough",
    keys: set(active, { ...next, createdAt: at(DAY - HOUR) }),
    now: at(DAY),
    expected: nothing,
  },
  {
    when: "the next key is missing",
    keys: set(active),
    now: at(DAY),
    expected: { ...nothing, add: [{ algorithm: "RS256", state: "next" }] },
  },
  {
    when: "a rotation was requested",
    keys: requested(set(active, next), 2 * HOUR),
    now: at(2 * HOUR + 1),
    expected: { ...rotation, rotationDone: true },
  },
  {
    when: "a rotation was requested and the next key is not published for long enough",
    keys: requested(set(active, next), HOUR),
    now: at(HOUR + 59),
    expected: nothing,
  },
  {
    when: "the active key began to sign after the request",
    keys: requested(set({ ...active, activatedAt: at(10) }, next), 5),
    now: at(20),
    expected: { ...nothing, rotationDone: true },
  },
  {
    when: "the request comes from a clock that is ahead",
    keys: requested(set(active, next), 5 * DAY),
    now: at(2 * HOUR),
    expected: { ...rotation, rotationDone: true },
  },
  {
    when: "the clock stepped back",
    keys: set(active, next),
    now: at(-50),
    expected: nothing,
  },
  {
    when: "the next key was made by a clock that was days ahead",
    keys: set(active, { ...next, createdAt: at(30 * DAY) }),
    now: at(10),
    expected: { ...nothing, remove: ["next"], add: [{ algorithm: "RS256", state: "next" }] },
  },
  {
    when: "the active key was activated by a clock that was days ahead (v1 K12)",
    keys: set({ ...active, activatedAt: at(30 * DAY) }, next),
    now: at(2 * HOUR),
    expected: rotation,
  },
  {
    when: "a retired key is kept for the whole retention",
    keys: set(active, next, storedKey({ id: "old", state: "retired", retiredAt: at(-2 * DAY + 1) })),
    now: START,
    expected: nothing,
  },
  {
    when: "a retired key has outlived the retention (v1 K08)",
    keys: set(active, next, storedKey({ id: "old", state: "retired", retiredAt: at(-2 * DAY) })),
    now: START,
    expected: { ...nothing, remove: ["old"] },
  },
  {
    when: "the active key was deleted",
    keys: set(next, storedKey({ id: "old", state: "retired", retiredAt: START })),
    now: at(60),
    expected: { ...nothing, activate: ["next"], add: [{ algorithm: "RS256", state: "next" }] },
  },
] as const;

describe("what is due", () => {
  test.each(cases)("when $when", ({ keys, now, expected }) => {
    const decision = decideRotation(keys, DEFAULT_POLICY, now, noFacts);
    expect(decision).toEqual(expected);
    expect(isNothingDue(decision)).toBe(expected === nothing);
  });

  test.each(cases)("a doubled tick changes nothing more, when $when", ({ keys, now }) => {
    const once = applyDecision(keys, decideRotation(keys, DEFAULT_POLICY, now, noFacts), 300, now);
    expect(decideRotation(once, DEFAULT_POLICY, now, noFacts)).toEqual(nothing);
  });
});

test("a key is published for two caching times, and never less than an hour by default, before it signs", () => {
  expect(publishAheadSeconds(DEFAULT_POLICY, 300)).toBe(HOUR + 60);
  expect(publishAheadSeconds({ ...DEFAULT_POLICY, jwksMaxAgeSeconds: HOUR }, 300)).toBe(2 * HOUR + 60);
  expect(publishAheadSeconds(DEFAULT_POLICY, HOUR)).toBe(2 * HOUR + 60);
  expect(publishAheadSeconds({ ...DEFAULT_POLICY, minimumPublishSeconds: 0 }, 300)).toBe(660);
});

test("every algorithm has its own keys, all made at the first start", () => {
  const policy = { ...DEFAULT_POLICY, algorithms: ["RS256", "ES256", "EdDSA"] as const };
  const decision = decideRotation(EMPTY_SET, policy, START, noFacts);
  expect(decision.add).toHaveLength(6);
  const first = applyDecision(EMPTY_SET, decision, 300, START);
  const second = decideRotation(first, policy, at(DAY), noFacts);
  expect([second.activate.length, second.retire.length, second.add.length]).toEqual([3, 3, 3]);
});

test("an algorithm that is introduced later is published first and signs only after that (JWT-4)", () => {
  const policy = { ...DEFAULT_POLICY, algorithms: ["RS256", "ES256"] as const };
  const before = set({ ...active, activatedAt: at(DAY) }, { ...next, createdAt: at(DAY) });
  const introduced = applyDecision(before, decideRotation(before, policy, at(DAY), noFacts), 300, at(DAY));
  expect(introduced.keys.filter((key) => key.algorithm === "ES256").map((key) => key.state)).toEqual(["next"]);
  expect(decideRotation(introduced, policy, at(DAY + HOUR + 59), noFacts)).toEqual(nothing);
  const later = decideRotation(introduced, policy, at(DAY + HOUR + 60), noFacts);
  expect(later.activate).toEqual([introduced.keys.find((key) => key.algorithm === "ES256")?.id]);
});

test("rows sealed under an older secret are sealed again, unless they go anyway (SEC-2)", () => {
  const old = storedKey({ id: "old", state: "retired", retiredAt: at(-3 * DAY) });
  const facts = { sealedUnderOlderSecret: new Set(["active", "old"]) };
  const decision = decideRotation(set(active, next, old), DEFAULT_POLICY, START, facts);
  expect(decision).toEqual({ ...nothing, reseal: ["active"], remove: ["old"] });
});
