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
