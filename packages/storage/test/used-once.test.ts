import { addSeconds, silentLogger } from "@dex/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLeadership, openStorage, type Storage } from "../src/index.ts";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { NOW } from "./rows.ts";

let opened: TestStorage;
let other: Storage;
beforeAll(async () => {
  opened = await openTestStorage();
  const { url } = opened;
  other = openStorage({ url, namedStatements: true, applicationName: "another worker", logger: silentLogger });
});
afterAll(async () => {
  await other.close();
  await opened.close();
});

test("a key is used once, on whichever worker, and another one is another (SAM-7)", async () => {
  const until = addSeconds(NOW, 300);
  expect(await opened.storage.useOnce("assertion 1", until)).toBe(true);
  expect(await opened.storage.useOnce("assertion 1", until)).toBe(false);
  expect(await other.useOnce("assertion 1", addSeconds(NOW, 600))).toBe(false);
  expect(await other.useOnce("assertion 2", until)).toBe(true);
});

test("of twenty who use a key at once, on two workers, exactly one may (SAM-7)", async () => {
  const racing = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? opened.storage : other));
  const used = await Promise.all(racing.map((storage) => storage.useOnce("raced", addSeconds(NOW, 300))));
  expect(used.filter(Boolean)).toHaveLength(1);
});

test("it costs one round trip, and nothing in the row says what the key was", async () => {
  opened.takeStatements();
  await opened.storage.useOnce("a telling name", addSeconds(NOW, 300));
  expect(opened.takeStatements()).toEqual(["usedOnce.use"]);
  expect(JSON.stringify(await opened.query("SELECT * FROM used_once"))).not.toContain("telling");
});

test("rows go when their time is over, and not before", async () => {
  await opened.query("TRUNCATE used_once");
  await opened.storage.useOnce("over", NOW);
  await opened.storage.useOnce("running", addSeconds(NOW, 1));
  const leader = await openLeadership({ url: opened.url, logger: silentLogger }).tryAcquire();
  expect(await opened.storage.garbage.collect(NOW, 100, leader?.fence ?? 0)).toMatchObject({ used_once: 1 });
  await leader?.release();
  expect(await opened.storage.useOnce("running", addSeconds(NOW, 1))).toBe(false);
});

const both = (one: string, other: string, at: Storage = opened.storage) => {
  const until = addSeconds(NOW, 300);
  return at.useBothOnce({ key: `assertion ${one}`, until }, { key: `proof ${other}`, until });
};

test("two are used in one statement, and the second only where the first had not been", async () => {
  opened.takeStatements();
  expect(await both("a", "a")).toBe("both");
  expect(opened.takeStatements()).toEqual(["usedOnce.useBoth"]);
  expect(await both("a", "b")).toBe("neither");
  expect(await both("b", "b", other)).toBe("both");
  expect(await both("c", "b")).toBe("first alone");
  expect(await both("c", "c", other)).toBe("neither");
  expect(await opened.storage.useOnce("proof c", addSeconds(NOW, 300))).toBe(true);
  expect(await opened.storage.useOnce("assertion c", addSeconds(NOW, 300))).toBe(false);
});

test("of twenty who use two at once, on two workers, exactly one may, whichever of the two is the same", async () => {
  const race = (pair: (index: number) => readonly [string, string]) =>
    Promise.all(
      Array.from({ length: 20 }, (_, index) => both(...pair(index), index % 2 === 0 ? opened.storage : other)),
    );
  const count = (used: readonly string[]) => [used.filter((one) => one === "both").length, new Set(used).size];
  expect(count(await race(() => ["same", "same"]))).toEqual([1, 2]);
  const replayed = await race((index) => ["one assertion", `of many proofs ${index}`]);
  expect(count(replayed)).toEqual([1, 2]);
  expect(replayed).toContain("neither");
  const rows = await Promise.all(
    replayed.map((_, index) => opened.storage.useOnce(`proof of many proofs ${index}`, addSeconds(NOW, 300))),
  );
  expect(rows.filter((first) => !first)).toHaveLength(1);
  const proof = await race((index) => [`of many assertions ${index}`, "one proof"]);
  expect([count(proof), proof.includes("first alone")]).toEqual([[1, 2], true]);
  // In every combination, and nobody waits for ever.
  await race((index) => [`crossed ${index % 3}`, `crossed ${index % 2}`]);
});
