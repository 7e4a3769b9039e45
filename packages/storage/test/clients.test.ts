import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, makeCast, makeClientRow, NOW, redemptionOf, signIn } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage();
});
afterAll(() => opened.close());

test("a client comes back as it was stored, in one statement, and all of them in a list (v1 C17, v1 C19)", async () => {
  const { clients } = opened.storage;
  const confidential = makeClientRow({
    id: "all-members",
    name: "Ünï'code\" app",
    logoUri: "https://a.example/logo.png",
    clientUri: "https://a.example/",
    requirePkce: true,
    trusted: true,
    admin: true,
    scopes: ["openid", 'a{b},"c"'],
    trustedPeers: ["peer"],
    details: { response_types: ["code id_token", "id_token"], default_max_age: 60, jwks: { keys: [{ kty: "OKP" }] } },
    idTokenSigningAlgorithm: "ES256",
    secret: { kind: "argon2id", hash: "$argon2id$v=19$..." },
  });
  const open = makeClientRow({ id: "public", public: true, secret: undefined, redirectUris: ["com.example:/cb"] });
  const dynamic = makeClientRow({
    id: "registered-itself",
    public: true,
    secret: undefined,
    redirectUris: [],
    dynamic: true,
    allowedConnectors: ["corp", "local"],
  });
  for (const client of [confidential, open, dynamic]) {
    expect(await clients.create(client, ACTOR)).toBe("created");
    opened.takeStatements();
    expect(await clients.find(client.id)).toEqual(client);
    expect(opened.takeStatements()).toEqual(["client.find"]);
  }
  expect(await clients.find("nobody")).toBeUndefined();
  expect((await clients.list()).map(({ id }) => id)).toEqual(["all-members", "public", "registered-itself"]);
});

test("of five clients created with one id at once exactly one is, with one audit event (ADM-6, v1 C16)", async () => {
  const made = Array.from({ length: 5 }, () => makeClientRow({ id: "wanted by five" }));
  const outcomes = await Promise.all(made.map((client) => opened.storage.clients.create(client, ACTOR)));
  expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
  const events = "SELECT event, actor_kind FROM audit_event WHERE subject_id = 'wanted by five'";
  expect(await opened.query(events)).toEqual([{ event: "client created", actor_kind: "dexctl" }]);
});

test("of five changes of details that were read together one is made (ADM-6)", async () => {
  const { clients } = opened.storage;
  const { id, details: read } = makeClientRow({ details: { tos_uri: "https://a.example/tos", default_max_age: 1 } });
  await clients.create(makeClientRow({ id, details: read }), ACTOR);
  const changes = [1, 2, 3, 4, 5].map((age) => ({ read, next: { ...read, default_max_age: age * 10 } }));
  const outcomes = await Promise.all(changes.map((change) => clients.setDetails(id, change, ACTOR)));
  expect(outcomes.toSorted()).toEqual(["changed", "changed", "changed", "changed", "done"]);
  const winner = changes[outcomes.indexOf("done")] ?? expect.fail();
  expect((await clients.find(id))?.details).toEqual(winner.next);
  const events = await opened.query(`SELECT event FROM audit_event WHERE subject_id = '${id}' ORDER BY id`);
  expect(events).toEqual([{ event: "client created" }, { event: "client changed" }]);
  for (const nobody of ["nobody", "a\0b"]) {
    expect(await clients.setDetails(nobody, { read, next: read }, ACTOR)).toBe("unknown");
  }
});

test("deleting a client takes its codes, families and consents along, and is told once", async () => {
  const cast = await makeCast(opened);
  const spent = await signIn(opened, cast);
  await opened.storage.codes.redeem(redemptionOf(spent), NOW);
  await signIn(opened, cast);
  const remove = () => opened.storage.clients.delete(cast.client.id, ACTOR);
  expect((await Promise.all([remove(), remove()])).toSorted()).toEqual([false, true]);
  for (const table of ["authorization_code", "token_family", "consent"]) {
    expect(await opened.query(`SELECT 1 FROM ${table} WHERE client_id = $1`, [cast.client.id])).toEqual([]);
  }
});

test("an origin is registered when a redirect_uri has it, exactly", async () => {
  const { clients } = opened.storage;
  await clients.create(makeClientRow({ redirectUris: ["https://spa.example:8443/a/b", "com.app:/cb"] }), ACTOR);
  expect(await clients.originIsRegistered("https://spa.example:8443")).toBe(true);
  for (const origin of ["https://spa.example", "http://spa.example:8443", "null", "", "https://spa.example:8443/a"]) {
    expect(await clients.originIsRegistered(origin), origin).toBe(false);
  }
});

test("versions move with clients, connectors and keys, each with its own", async () => {
  const { changes, clients, connectors, signingKeys } = opened.storage;
  opened.takeStatements();
  const before = await changes.read();
  expect(opened.takeStatements()).toEqual(["changes.read"]);
  expect(Math.abs(before.now.getTime() - Date.now())).toBeLessThan(5_000);
  await clients.create(makeClientRow({ id: "moves" }), ACTOR);
  const { versions: one } = await changes.read();
  expect(one).toEqual({ ...before.versions, clients: before.versions.clients + 1 });
  await connectors.replaceAll([{ id: "new", type: "mock", config: {} }], ACTOR);
  const { versions: two } = await changes.read();
  expect(two.connectors).toBeGreaterThan(one.connectors);
  expect({ ...two, connectors: one.connectors }).toEqual(one);
  await signingKeys.requestRotation(ACTOR, NOW);
  await clients.delete("moves", ACTOR);
  const { versions: three } = await changes.read();
  expect(three.keys).toBeGreaterThan(two.keys);
  expect(three.clients).toBeGreaterThan(two.clients);
});

test("connectors are replaced as a whole: of two lists at once one stands, and what stays the same is not audited", async () => {
  const { connectors } = opened.storage;
  const list = (...ids: string[]) => ids.map((id) => ({ id, type: "mock", config: { nested: { a: [1, null] }, id } }));
  const lists = [list("a", "b", "c"), list("c", "d"), list("e")];
  await Promise.all(lists.map((one) => connectors.replaceAll(one, ACTOR)));
  const kept = await connectors.list();
  expect(lists).toContainEqual(kept);
  const count = async () => (await opened.query("SELECT 1 FROM audit_event")).length;
  const before = await count();
  await connectors.replaceAll(kept, ACTOR);
  expect(await count()).toBe(before);
});

test("a client that is no longer admin keeps its secret and all else (v1 C18, ADM-6)", async () => {
  const { clients } = opened.storage;
  const client = makeClientRow({ id: "was-admin", admin: true });
  await clients.create(client, ACTOR);
  for (const admin of [false, false, true]) {
    expect(await clients.setAdmin("was-admin", admin, ACTOR)).toBe("done");
    expect(await clients.find("was-admin")).toEqual({ ...client, admin });
  }
  const events = "SELECT event FROM audit_event WHERE subject_id = 'was-admin' ORDER BY id";
  expect(await opened.query(events)).toEqual(
    ["client created", "client no longer admin", "client made admin"].map((event) => ({ event })),
  );
  await clients.create(makeClientRow({ id: "public-one", public: true, secret: undefined }), ACTOR);
  for (const id of ["nobody", "public-one", "a\0b"]) expect(await clients.setAdmin(id, true, ACTOR)).toBe("unknown");
});

test("an imported secret is replaced once, and only while it is the one that was checked", async () => {
  const { clients } = opened.storage;
  const secret = { kind: "bcrypt", hash: "$2a$10$old" } as const;
  const client = makeClientRow({ id: "imported", secret, admin: true });
  await clients.create(client, ACTOR);
  expect(await clients.find("imported")).toEqual(client);
  await clients.upgradeSecret("imported", "$2a$10$another", { kind: "argon2id", hash: "$argon2id$never" });
  expect(await clients.find("imported")).toEqual(client);
  const upgrades = [1, 2, 3].map((number) => ({ kind: "sha256", hash: Buffer.alloc(32, number) }) as const);
  await Promise.all(upgrades.map((next) => clients.upgradeSecret("imported", secret.hash, next)));
  const upgraded = await clients.find("imported");
  expect(upgrades).toContainEqual(upgraded?.secret);
  await clients.upgradeSecret("imported", secret.hash, { kind: "argon2id", hash: "$argon2id$late" });
  expect(await clients.find("imported")).toEqual(upgraded);
});

test("allowed connectors are set with an audit event where they change, and only then (ADM-6)", async () => {
  const { clients } = opened.storage;
  const client = makeClientRow({ id: "picky" });
  await clients.create(client, ACTOR);
  expect(await clients.setAllowedConnectors("picky", ["corp"], ACTOR)).toBe("done");
  expect(await clients.setAllowedConnectors("picky", ["corp"], ACTOR)).toBe("done");
  expect(await clients.find("picky")).toEqual({ ...client, allowedConnectors: ["corp"] });
  expect(await clients.setAllowedConnectors("picky", undefined, ACTOR)).toBe("done");
  expect(await clients.find("picky")).toEqual(client);
  for (const id of ["nobody", "a\0b"]) expect(await clients.setAllowedConnectors(id, ["corp"], ACTOR)).toBe("unknown");
  const sql =
    "SELECT actor_kind, actor_id, detail FROM audit_event WHERE event = 'client connectors changed' ORDER BY id";
  const by = { actor_kind: ACTOR.kind, actor_id: ACTOR.id };
  expect(await opened.query(sql)).toEqual([
    { ...by, detail: { allowedConnectors: ["corp"] } },
    { ...by, detail: { allowedConnectors: null } },
  ]);
});
