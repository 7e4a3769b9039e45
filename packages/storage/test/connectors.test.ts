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
