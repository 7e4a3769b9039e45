import { sha256 } from "@dex/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, fresh, makeClientRow, NOW } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());

const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const sealed = { token_endpoint_auth_method: "client_secret_jwt" } as const;

function secretRow(more: { id?: string; sealed?: Buffer; expiresAt?: Date } = {}) {
  const { id = `s${fresh()}` } = more;
  const hash = { kind: "sha256", hash: sha256(id) } as const;
  return { id, hash, sealed: more.sealed, createdAt: NOW, expiresAt: more.expiresAt };
}

async function addClient(more: Parameters<typeof makeClientRow>[0] = {}) {
  const client = makeClientRow(more);
  await opened.storage.clients.create(client, ACTOR);
  return client;
}

const add = (clientId: string, secret = secretRow(), now = NOW) =>
  opened.storage.clientSecrets.add(clientId, { secret, most: 2 }, ACTOR, now);
const read = async (id: string) => (await opened.storage.clients.find(id)) ?? expect.fail("the client is gone");

test("a client comes back with its secrets as they were stored, in one statement", async () => {
  const client = await addClient({ details: sealed, firstSecret: { sealed: Buffer.from("seal"), createdAt: NOW } });
  const second = secretRow({ sealed: Buffer.from("other seal"), expiresAt: later(60) });
  expect(await add(client.id, second)).toBe("added");
  opened.takeStatements();
  expect(await read(client.id)).toEqual({ ...client, addedSecrets: [second] });
  expect(opened.takeStatements()).toEqual(["client.find"]);
});

test("of five that are added at once one is, beside the first, and is audited without its value (ADM-6)", async () => {
  const client = await addClient();
  const secrets = Array.from({ length: 5 }, () => secretRow());
  const outcomes = await Promise.all(secrets.map((secret) => add(client.id, secret)));
  expect(outcomes.filter((outcome) => outcome === "added")).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome === "full")).toHaveLength(4);
  const { id } = secrets[outcomes.indexOf("added")] ?? expect.fail();
  expect((await read(client.id)).addedSecrets?.map((one) => one.id)).toEqual([id]);
  const events = await opened.query(
    `SELECT event, detail FROM audit_event WHERE subject_id = '${client.id}' AND event LIKE 'client secret%'`,
  );
  expect(events).toEqual([{ event: "client secret added", detail: { secretId: id } }]);
});

test("what has expired makes room, the first secret among it", async () => {
  const client = await addClient({ firstSecret: { expiresAt: later(10) } });
  expect(await add(client.id, secretRow({ expiresAt: later(20) }))).toBe("added");
  expect(await add(client.id, secretRow(), later(9))).toBe("full");
  const third = secretRow();
  expect(await add(client.id, third, later(10))).toBe("added");
  const fourth = secretRow();
  expect(await add(client.id, fourth, later(20))).toBe("added");
  expect(await read(client.id)).toMatchObject({ secret: undefined, addedSecrets: [third, fourth] });
});

test.each([
  { what: "there is none", id: "nobody" },
  { what: "its id cannot be stored", id: "a\0b" },
  { what: "it is public", client: { public: true, secret: undefined } },
  { what: "it signs", client: { details: { token_endpoint_auth_method: "private_key_jwt" } as const } },
  { what: "its secrets are sealed and this is not", client: { details: sealed } },
])("nothing is added to a client when $what (TOK-17)", async ({ id, client }) => {
  expect(await add(id ?? (await addClient(client)).id)).toBe("unknown");
});

test("a readable secret is not kept of a client that shows its secret (TOK-17)", async () => {
  const client = await addClient();
  expect(await add(client.id, secretRow({ sealed: Buffer.from("seal") }))).toBe("unknown");
});

test("each secret is given an end, which can be taken back", async () => {
  const { clientSecrets } = opened.storage;
  const client = await addClient();
  const second = secretRow();
  await add(client.id, second);
  for (const id of ["first", second.id]) {
    expect(await clientSecrets.expire(client.id, { id, expiresAt: later(5) }, ACTOR)).toBe("done");
  }
  const ended = await read(client.id);
  expect([ended.firstSecret?.expiresAt, ended.addedSecrets?.[0]?.expiresAt]).toEqual([later(5), later(5)]);
  for (const id of ["first", second.id]) {
    expect(await clientSecrets.expire(client.id, { id, expiresAt: undefined }, ACTOR)).toBe("done");
  }
  expect(await read(client.id)).toEqual({ ...client, addedSecrets: [second] });
  for (const [clientId, id] of [
    ["nobody", "first"],
    [client.id, "none"],
    [client.id, "a\0b"],
  ] as const) {
    expect(await clientSecrets.expire(clientId, { id, expiresAt: NOW }, ACTOR)).toBe("unknown");
  }
});

test("of two that are removed at once one stays, and the last one is never removed", async () => {
  const { clientSecrets } = opened.storage;
  for (let round = 0; round < 5; round++) {
    const client = await addClient();
    const second = secretRow();
    await add(client.id, second);
    const remove = (id: string) => clientSecrets.remove(client.id, id, ACTOR);
    expect((await Promise.all([remove("first"), remove(second.id)])).toSorted()).toEqual(["last", "removed"]);
    const { secret, addedSecrets = [] } = await read(client.id);
    expect([secret, ...addedSecrets].filter((one) => one !== undefined)).toHaveLength(1);
    expect(await remove("none")).toBe("unknown");
  }
});

test("a secret that is added while another is removed stands in the end", async () => {
  for (let round = 0; round < 5; round++) {
    const client = await addClient();
    const [second, third] = [secretRow(), secretRow()];
    await add(client.id, second);
    await Promise.all([opened.storage.clientSecrets.remove(client.id, "first", ACTOR), add(client.id, third)]);
    const { secret, addedSecrets = [] } = await read(client.id);
    expect(secret).toBeUndefined();
    expect(addedSecrets.map(({ id }) => id)).toContain(second.id);
  }
});

test("the last day of use is kept, of clients and secrets that there are, without anybody reading clients again", async () => {
  const { clientSecrets, changes } = opened.storage;
  const [one, two] = [await addClient(), await addClient()];
  const { versions } = await changes.read();
  const use = (clientId: string, day: string, secretId = "first") => ({ clientId, credentialId: secretId, day });
  await Promise.all([
    clientSecrets.recordUses([use(one.id, "2030-06-02"), use(two.id, "2030-06-02"), use("gone", "2030-06-02")]),
    clientSecrets.recordUses([use(two.id, "2030-06-01"), use(one.id, "2030-06-03")]),
  ]);
  await clientSecrets.recordUses([use(one.id, "2030-06-01")]);
  expect(await clientSecrets.lastUses(one.id)).toEqual(new Map([["first", "2030-06-03"]]));
  expect(await clientSecrets.lastUses(two.id)).toEqual(new Map([["first", "2030-06-02"]]));
  expect(await clientSecrets.lastUses("gone")).toEqual(new Map());
  expect((await changes.read()).versions).toEqual(versions);
  await add(one.id);
  await clientSecrets.remove(one.id, "first", ACTOR);
  expect(await clientSecrets.lastUses(one.id)).toEqual(new Map());
});
