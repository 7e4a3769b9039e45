// When keys and certificates of clients were used last, on Postgres.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, makeClientRow } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());

async function addClient() {
  const client = makeClientRow();
  await opened.storage.clients.create(client, ACTOR);
  return client.id;
}
const use = (clientId: string, day: string, credentialId = "key") => ({ clientId, credentialId, day });

test("the last day of use is kept, of clients that there are, without anybody reading clients again", async () => {
  const { clientKeys, changes, clients } = opened.storage;
  const [one, two] = [await addClient(), await addClient()];
  const { versions } = await changes.read();
  await Promise.all([
    clientKeys.recordUses([use(one, "2030-06-02"), use(two, "2030-06-02"), use("gone", "2030-06-02")]),
    clientKeys.recordUses([use(two, "2030-06-01"), use(one, "2030-06-03"), use(one, "2030-06-03", "other")]),
  ]);
  await clientKeys.recordUses([use(one, "2030-06-01")]);
  expect(await clientKeys.lastUses(one)).toEqual(
    new Map([
      ["key", "2030-06-03"],
      ["other", "2030-06-03"],
    ]),
  );
  expect(await clientKeys.lastUses(two)).toEqual(new Map([["key", "2030-06-02"]]));
  expect(await clientKeys.lastUses("gone")).toEqual(new Map());
  expect((await changes.read()).versions).toEqual(versions);
  await clients.delete(one, ACTOR);
  expect(await clientKeys.lastUses(one)).toEqual(new Map());
});

test("of a client that publishes a new key every hour the oldest ones are forgotten, also when workers write at once", async () => {
  const { clientKeys } = opened.storage;
  const clients = [await addClient(), await addClient()];
  const day = (number: number) => new Date(Date.UTC(2030, 0, 1 + number)).toISOString().slice(0, 10);
  for (let number = 0; number < 70; number++) {
    const uses = clients.map((id) => use(id, day(number), `key ${number}`));
    await Promise.all([clientKeys.recordUses(uses), clientKeys.recordUses(uses.toReversed())]);
  }
  for (const id of clients) {
    const kept = await clientKeys.lastUses(id);
    expect(kept.size).toBeLessThanOrEqual(52);
    expect(kept.get("key 69")).toBe(day(69));
    expect(kept.has("key 0")).toBe(false);
  }
});

test("a key that comes back after it was forgotten, or is used among the oldest, counts", async () => {
  const { clientKeys } = opened.storage;
  const id = await addClient();
  const keys = Array.from({ length: 60 }, (_, number) =>
    use(id, "2030-06-02", `key ${String(number).padStart(2, "0")}`),
  );
  await clientKeys.recordUses(keys);
  await clientKeys.recordUses([use(id, "2030-06-03", "key 59")]);
  expect((await clientKeys.lastUses(id)).get("key 59")).toBe("2030-06-03");
});
