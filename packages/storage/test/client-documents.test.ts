import { addSeconds, sha256, silentLogger } from "@dex/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLeadership } from "../src/index.ts";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, makeCast, makeClientRow, signIn } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());

const now = new Date("2026-11-21T12:00:00Z");
const later = new Date("2026-11-21T13:00:00Z");
let counter = 0;
function described() {
  counter += 1;
  const id = `https://agent.example/${counter}.json`;
  const rest = { secret: undefined, public: true, requirePkce: true, dynamic: true, createdAt: now };
  return { ...makeClientRow(), id, ...rest, details: { default_max_age: 60 } };
}
const eventsOf = async (id: string) =>
  (
    await opened.query<{ event: string }>(`SELECT event FROM audit_event WHERE subject_id = '${id}' ORDER BY at, event`)
  ).map(({ event }) => event);

test("a client with a document is stored in one statement, and again only when something has changed", async () => {
  const { clientDocuments, clients } = opened.storage;
  const one = described();
  opened.takeStatements();
  await clientDocuments.keep(one, now);
  expect(opened.takeStatements()).toEqual(["clientDocument.keep"]);
  expect(await clients.find(one.id)).toEqual(one);
  await clientDocuments.keep(one, later);
  expect(await eventsOf(one.id)).toEqual(["client created"]);
  await clientDocuments.keep({ ...one, name: "Renamed", createdAt: later }, later);
  expect(await clients.find(one.id)).toEqual({ ...one, name: "Renamed" });
  expect((await eventsOf(one.id)).toSorted()).toEqual(["client changed", "client created"]);
});

test("of five callers with the same client one stores it", async () => {
  const one = described();
  await Promise.all(Array.from({ length: 5 }, () => opened.storage.clientDocuments.keep(one, now)));
  expect(await eventsOf(one.id)).toEqual(["client created"]);
});

test("a client that an administrator made under the address stays as it is", async () => {
  const { clientDocuments, clients } = opened.storage;
  const byHand = { ...makeClientRow(), id: described().id };
  await clients.create(byHand, ACTOR);
  await clientDocuments.keep({ ...described(), id: byHand.id }, now);
  expect(await clients.find(byHand.id)).toEqual(byHand);
  expect(await eventsOf(byHand.id)).toEqual(["client created"]);
});

test("what only an administrator says is not stored with it (DCR-1)", async () => {
  const { clientDocuments, clients } = opened.storage;
  const one = described();
  await clientDocuments.keep({ ...one, admin: true, trusted: true, trustedPeers: ["x"], dynamic: false }, now);
  expect(await clients.find(one.id)).toMatchObject({ admin: false, trusted: false, trustedPeers: [], dynamic: true });
});

test("an administrator finds it among all clients, and deletes it", async () => {
  const { clientDocuments, clients } = opened.storage;
  const one = described();
  await clientDocuments.keep(one, now);
  expect((await clients.list()).map(({ id }) => id)).toContain(one.id);
  expect(await clients.delete(one.id, ACTOR)).toBe(true);
});

test("what nobody has used for a month is deleted, of clients with a document and of those that anybody could register", async () => {
  const { clientDocuments, clients, garbage } = opened.storage;
  const leader =
    (await openLeadership({ url: opened.url, logger: silentLogger }).tryAcquire()) ??
    expect.fail("somebody else leads");
  const cast = await makeCast(opened);
  const [unused, used, byHand] = [described(), described(), makeClientRow()];
  await clientDocuments.keep(unused, now);
  await clientDocuments.keep(used, now);
  await clients.create(byHand, ACTOR);
  await signIn(opened, { ...cast, client: used });
  const DAY = 86_400;
  await garbage.collect(addSeconds(now, 29 * DAY), 1000, leader.fence);
  expect(await clients.find(unused.id)).toBeDefined();
  await opened.query(`UPDATE authorization_code SET delete_after = '2100-01-01' WHERE client_id = '${used.id}'`);
  const report = await garbage.collect(addSeconds(now, 31 * DAY), 1000, leader.fence);
  expect(report?.client).toBeGreaterThan(0);
  const left = await Promise.all([unused, used, byHand].map(({ id }) => clients.find(id)));
  expect(left.map((one) => one !== undefined)).toEqual([false, true, true]);
  expect(await eventsOf(unused.id)).toEqual(["client created", "client deleted"]);

  const { registeredClients } = opened.storage;
  const until = addSeconds(now, 30 * DAY);
  const names = ["forgotten", "allowed", "uses its secret", "by a token", "has keys"] as const;
  const by = Object.fromEntries(names.map((name) => [name, makeClientRow({ dynamic: true, name })]));
  const keys = { secret: undefined, grantTypes: ["client_credentials"] as const };
  for (const [name, client] of Object.entries(by)) {
    const row = name === "has keys" ? { ...client, ...keys } : client;
    const after = name === "by a token" ? undefined : until;
    await registeredClients.create(row, sha256(name), "192.0.2.1", after);
  }
  const idOf = (name: (typeof names)[number]) => by[name]?.id ?? "";
  await opened.query(`INSERT INTO consent (user_id, client_id, scope, granted_at)
    VALUES ('${cast.user.id}', '${idOf("allowed")}', '{openid}', now())`);
  await opened.query(`INSERT INTO client_secret_use (client_id, secret_id, used_on)
    VALUES ('${idOf("uses its secret")}', 'first', now())`);
  const those = async () => {
    const found = await Promise.all(names.map(async (name) => ((await clients.find(idOf(name))) ? [name] : [])));
    return found.flat();
  };
  await garbage.collect(addSeconds(until, -1), 1000, leader.fence);
  expect(await those()).toEqual(names);
  await garbage.collect(until, 1000, leader.fence);
  expect(await those()).toEqual(names.slice(1));
  await leader.release();
});
