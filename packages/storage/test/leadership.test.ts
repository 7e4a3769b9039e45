import type { RotationPlan, StoredSigningKey } from "@dex/keys";
import { silentLogger } from "@dex/runtime";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Candidacy, type Leadership, openLeadership } from "../src/index.ts";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, fresh, NOW } from "./rows.ts";

let opened: TestStorage;
let first: Candidacy;
let second: Candidacy;
const held: Leadership[] = [];
beforeAll(async () => {
  opened = await openTestStorage();
  const parts = { url: opened.url, logger: silentLogger };
  first = openLeadership(parts);
  second = openLeadership(parts);
});
afterEach(async () => {
  for (const leadership of held.splice(0)) await leadership.release();
});
afterAll(() => opened.close());

async function lead(candidacy: Candidacy): Promise<Leadership> {
  const leadership = await candidacy.tryAcquire();
  if (leadership === undefined) throw new Error("somebody else leads");
  held.push(leadership);
  return leadership;
}

const EMPTY: RotationPlan = { add: [], activate: [], retire: [], remove: [], reseal: [], rotationDone: false };

function makeKey(more: Partial<StoredSigningKey> = {}): StoredSigningKey {
  return {
    id: `key-${fresh()}`,
    algorithm: "RS256",
    state: "next",
    publicJwk: { kty: "RSA", n: "n", e: "AQAB" },
    sealedPrivateKey: Buffer.from("sealed"),
    createdAt: NOW,
    activatedAt: undefined,
    retiredAt: undefined,
    ...more,
  };
}

test("a second candidate waits while the first leads, and follows its release with a higher fence", async () => {
  const leader = await lead(first);
  expect(await second.tryAcquire()).toBeUndefined();
  expect(leader.isHeld()).toBe(true);
  expect(await leader.confirm()).toBe(true);
  await leader.release();
  await leader.lost;
  expect(leader.isHeld()).toBe(false);
  expect(await leader.confirm()).toBe(false);
  expect((await lead(second)).fence).toBeGreaterThan(leader.fence);
});

test("of ten candidates at once exactly one leads", async () => {
  const candidates = Array.from({ length: 10 }, () => openLeadership({ url: opened.url, logger: silentLogger }));
  const results = await Promise.all(candidates.map((candidate) => candidate.tryAcquire()));
  const leaders = results.filter((leadership) => leadership !== undefined);
  held.push(...leaders);
  expect(leaders).toHaveLength(1);
});

test("a leader whose connection is killed learns of it, and another takes over; what the old one writes is refused", async () => {
  const old = await lead(first);
  const { signingKeys, garbage } = opened.storage;
  expect(await signingKeys.apply({ ...EMPTY, add: [makeKey()] }, 300, old.fence, NOW)).toBe(true);
  await opened.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dex leader'");
  await old.lost;
  expect(old.isHeld()).toBe(false);
  const next = await lead(second);
  const before = await signingKeys.load();
  const audited = await opened.query("SELECT 1 FROM audit_event");
  expect(await signingKeys.apply({ ...EMPTY, add: [makeKey()] }, 999, old.fence, NOW)).toBe(false);
  expect(await garbage.collect(NOW, 100, old.fence)).toBeUndefined();
  expect(await signingKeys.load()).toEqual(before);
  expect(await opened.query("SELECT 1 FROM audit_event")).toHaveLength(audited.length);
  expect(await garbage.collect(NOW, 100, next.fence)).toBeDefined();
});

test("a rotation is one transaction: keys, their times, max-age, the request that asked for it and its audit events", async () => {
  const { signingKeys } = opened.storage;
  const { fence } = await lead(first);
  await opened.query("DELETE FROM signing_key");
  const [older, newer] = [makeKey({ state: "active", activatedAt: NOW }), makeKey()];
  await signingKeys.apply({ ...EMPTY, add: [older, newer] }, 300, fence, NOW);
  await signingKeys.requestRotation(ACTOR, NOW);
  expect(await signingKeys.load()).toMatchObject({ jwksMaxAgeSeconds: 300, rotationRequestedAt: NOW });
  const later = new Date(NOW.getTime() + 1_000);
  const added = makeKey({ createdAt: later });
  const plan: RotationPlan = {
    add: [added],
    activate: [newer.id],
    retire: [older.id],
    remove: [],
    reseal: [{ id: newer.id, sealedPrivateKey: Buffer.from("sealed anew") }],
    rotationDone: true,
  };
  expect(await signingKeys.apply(plan, 600, fence, later)).toBe(true);
  expect(await signingKeys.load()).toEqual({
    keys: [
      { ...older, state: "retired", retiredAt: later },
      { ...newer, state: "active", activatedAt: later, sealedPrivateKey: Buffer.from("sealed anew") },
      added,
    ],
    jwksMaxAgeSeconds: 600,
    rotationRequestedAt: undefined,
  });
  const events = await opened.query<{ event: string }>(
    "SELECT event FROM audit_event WHERE subject_id = $1 ORDER BY id",
    [older.id],
  );
  expect(events.map(({ event }) => event)).toEqual(["signing key added", "signing key retired"]);
});

test("a plan that would leave an algorithm two active keys changes nothing at all", async () => {
  const { signingKeys } = opened.storage;
  const { fence } = await lead(first);
  await opened.query("DELETE FROM signing_key");
  await signingKeys.apply({ ...EMPTY, add: [makeKey({ state: "active" })] }, 300, fence, NOW);
  const before = await signingKeys.load();
  const wrong = { ...EMPTY, add: [makeKey(), makeKey({ state: "active" })] };
  await expect(signingKeys.apply(wrong, 300, fence, NOW)).rejects.toMatchObject({ code: "23505" });
  expect(await signingKeys.load()).toEqual(before);
});
