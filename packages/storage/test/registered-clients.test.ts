import { sha256 } from "@dex/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, makeClientRow } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());

const SOURCE = "192.0.2.1";
const first = sha256("first token");

async function registered() {
  const client = makeClientRow({ dynamic: true, details: { default_max_age: 60 } });
  expect(await opened.storage.registeredClients.create(client, first, SOURCE)).toBe("created");
  return client;
}

test("a client is found with its own token only, in one statement (DCR-2)", async () => {
  const { registeredClients, clients } = opened.storage;
  const one = await registered();
  const byHand = makeClientRow();
  await clients.create(byHand, ACTOR);
  opened.takeStatements();
  expect(await registeredClients.find(one.id, first)).toEqual(one);
  expect(opened.takeStatements()).toEqual(["registeredClient.find"]);
  expect(await registeredClients.find(one.id, sha256("other"))).toBeUndefined();
  expect(await registeredClients.find(byHand.id, first)).toBeUndefined();
  expect(await registeredClients.find("nul\0", first)).toBeUndefined();
});

test("of five updates with one token at once exactly one is made (DCR-2)", async () => {
  const { registeredClients, clients } = opened.storage;
  const one = await registered();
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, (_, n) =>
      registeredClients.replace({ ...one, name: `n${n}` }, { presented: first, next: sha256(`next ${n}`) }, SOURCE),
    ),
  );
  expect(outcomes.filter((done) => done)).toHaveLength(1);
  const winner = outcomes.indexOf(true);
  expect(await clients.find(one.id)).toEqual({ ...one, name: `n${winner}` });
  expect(await registeredClients.find(one.id, sha256(`next ${winner}`))).toBeDefined();
  const events = await opened.query(`SELECT event FROM audit_event WHERE subject_id = '${one.id}' ORDER BY event`);
  expect(events).toEqual([{ event: "client changed" }, { event: "client created" }]);
});

test("an update leaves alone what is not the client's to choose (DCR-2)", async () => {
  const { registeredClients, clients } = opened.storage;
  const one = await registered();
  await clients.setAllowedConnectors(one.id, ["corp"], ACTOR);
  const claimed = {
    ...one,
    redirectUris: ["https://new.example/cb"],
    ...{ admin: true, trusted: true, public: true, requirePkce: true, trustedPeers: ["x"], dynamic: false },
    ...{ allowedConnectors: undefined, secret: undefined, createdAt: new Date(0) },
  };
  expect(await registeredClients.replace(claimed, { presented: first, next: first }, SOURCE)).toBe(true);
  const expected = { ...one, redirectUris: claimed.redirectUris, allowedConnectors: ["corp"] };
  expect(await clients.find(one.id)).toEqual(expected);
  expect(await clients.originIsRegistered("https://new.example")).toBe(true);
});

test("of two that delete with one token one does; a wrong token deletes nothing (DCR-2)", async () => {
  const { registeredClients, clients } = opened.storage;
  const one = await registered();
  expect(await registeredClients.delete(one.id, sha256("other"), SOURCE)).toBe(false);
  expect(await clients.find(one.id)).toEqual(one);
  const remove = () => registeredClients.delete(one.id, first, SOURCE);
  expect((await Promise.all([remove(), remove()])).toSorted()).toEqual([false, true]);
});
