import type { StoredConnector } from "@dex/connectors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage({ maxConnections: 10 });
});
afterAll(() => opened.close());

const WRITERS = 10;
const REPLACEMENTS_EACH = 20;

/** The list of one writer: as many connectors as fit its number, each of which says whose it is. */
function listOf(writer: number): readonly StoredConnector[] {
  const ids = Array.from({ length: 1 + (writer % 4) }, (_, n) => `c${n}-${(writer + n) % 3}`);
  return ids.sort().map((id) => ({ id, type: "oidc", config: { clientID: `writer ${writer}` } }));
}

test("ten writers who replace all connectors at once do not disturb each other, and one list is what stays, whole (v1 N12)", async () => {
  const { connectors } = opened.storage;
  const writers = Array.from({ length: WRITERS }, (_, writer) => writer);
  await Promise.all(
    writers.map(async (writer) => {
      // One after the other: more than the pool has connections would wait for one of them, which is not what is tested.
      for (let round = 0; round < REPLACEMENTS_EACH; round++) await connectors.replaceAll(listOf(writer), ACTOR);
    }),
  );
  const stored = await connectors.list();
  const writer = Number(String(stored[0]?.config.clientID).replace("writer ", ""));
  expect(stored).toEqual(listOf(writer));
});

test("a list that cannot be stored leaves the one before it as it was", async () => {
  const { connectors } = opened.storage;
  const before = await connectors.list();
  const twice = { id: "same", type: "local", config: {} };
  await expect(connectors.replaceAll([twice, twice], ACTOR)).rejects.toThrow();
  expect(await connectors.list()).toEqual(before);
});

test("of writers who change what they read, each sees the others' changes and none is lost", async () => {
  const { connectors } = opened.storage;
  await connectors.replaceAll([], ACTOR);
  const add = async (id: string) => {
    for (;;) {
      const read = await connectors.list();
      const next = [...read, { id, type: "local", config: {} }];
      if ((await connectors.replaceRead(read, next, ACTOR)) === "replaced") return;
    }
  };
  const ids = Array.from({ length: 8 }, (_, number) => `Writer-${number}`);
  await Promise.all(ids.map(add));
  expect((await connectors.list()).map(({ id }) => id).toSorted()).toEqual(ids);
});

test("a list that was read before somebody changed a secret replaces nothing", async () => {
  const { connectors } = opened.storage;
  const before = [{ id: "a", type: "oidc", config: { clientSecret: "old", n: 1 } }];
  await connectors.replaceAll(before, ACTOR);
  const changed = [{ id: "a", type: "oidc", config: { clientSecret: "new", n: 1 } }];
  expect(await connectors.replaceRead(before, changed, ACTOR)).toBe("replaced");
  expect(await connectors.replaceRead(before, [], ACTOR)).toBe("changed");
  expect(await connectors.list()).toEqual(changed);
});
