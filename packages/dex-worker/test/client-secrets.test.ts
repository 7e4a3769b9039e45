// Secrets of machine clients: two at a time, such as end, and the last day on which each was used.
import { queryDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, type TestClient, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let admin: TestClient;
beforeAll(async () => {
  worker = await openTestWorker(["--api-use-client-credentials"]);
  admin = await worker.addClient({ id: "admin", isAdmin: true, grantTypes: ["client_credentials"], redirectURIs: [] });
});
afterAll(() => worker.close());

const machine = () => worker.addClient({ grantTypes: ["client_credentials"], redirectURIs: [] });
const seeChanges = () => worker.addClient({});
const tokenFor = (client: TestClient) => worker.token({ grant_type: "client_credentials" }, client);
const works = async (client: TestClient) => (await tokenFor(client)).status;

async function call(method: string, path: string, body?: unknown) {
  const { body: answer } = await tokenFor(admin);
  const response = await fetch(`${worker.issuer}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${answer.access_token}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  await seeChanges();
  return { status: response.status, text, body: text === "" ? {} : JSON.parse(text) };
}

async function addSecret(client: TestClient, expiresAt?: Date): Promise<{ id: string; client: TestClient }> {
  const answer = await call("POST", `/clients/${client.id}/secrets`, { secret: { expiresAt } });
  expect(answer.status).toBe(201);
  return { id: answer.body.secret.id, client: { id: client.id, secret: answer.body.secret.secret } };
}

test("a secret is replaced while both work, and the old one ends with its time or at once (TOK-5)", async () => {
  const client = await machine();
  const added = await addSecret(client);
  expect([await works(client), await works(added.client)]).toEqual([200, 200]);
  const listed = await call("GET", `/clients/${client.id}/secrets`);
  expect(listed.body).toEqual({
    secrets: [
      { id: "first", createdAt: expect.any(String), expired: false },
      { id: added.id, createdAt: expect.any(String), expired: false },
    ],
  });
  for (const secret of [client.secret, added.client.secret]) expect(listed.text).not.toContain(secret);
  expect(await call("POST", `/clients/${client.id}/secrets`, { secret: {} })).toMatchObject({
    status: 409,
    body: { error: "secret_limit" },
  });
  const end = { secret: { expiresAt: new Date(Date.now() - 1).toISOString() } };
  expect((await call("PATCH", `/clients/${client.id}/secrets/first`, end)).status).toBe(204);
  expect(await tokenFor(client)).toMatchObject({ status: 401, body: { error: "invalid_client" } });
  expect(await works(added.client)).toBe(200);
  expect((await call("DELETE", `/clients/${client.id}/secrets/first`)).status).toBe(204);
  expect(await call("DELETE", `/clients/${client.id}/secrets/${added.id}`)).toMatchObject({
    status: 409,
    body: { error: "last_secret" },
  });
  expect([await works(client), await works(added.client)]).toEqual([401, 200]);
  const events = await queryDatabase<{ event: string }>(
    worker.databaseUrl,
    "SELECT event FROM audit_event WHERE subject_id = $1 AND actor_id = 'admin' ORDER BY id",
    [client.id],
  );
  expect(events.map(({ event }) => event)).toEqual([
    "client secret added",
    "client secret given an end",
    "client secret removed",
  ]);
});

test("a secret whose time is over is as good as a wrong one, to the moment and from a cache (RFC 7591 §3.2.1)", async () => {
  const client = await machine();
  const { client: added } = await addSecret(client, new Date(Date.now() + 1500));
  expect(await works(added)).toBe(200);
  await expect
    .poll(() => tokenFor(added), { timeout: 5000, interval: 300 })
    .toMatchObject({
      status: 401,
      body: { error: "invalid_client", error_description: "client authentication failed" },
    });
  expect(await works(client)).toBe(200);
});

test("a chosen secret works beside a generated one", async () => {
  const chosen = "bXktb3duLXNlY3JldC0xMjM0";
  const made = await worker.addClient({ grantTypes: ["client_credentials"], redirectURIs: [], secret: chosen });
  const { client: added } = await addSecret(made);
  expect([await works(made), await works(added), await works({ ...made, secret: "wrong" })]).toEqual([200, 200, 401]);
});

test("a token of the API gives no admin client a secret, nor an old one of it more time (ADM-2)", async () => {
  const end = { secret: { expiresAt: null } };
  expect((await call("POST", "/clients/admin/secrets", { secret: {} })).status).toBe(403);
  expect((await call("PATCH", "/clients/admin/secrets/first", end)).status).toBe(403);
  expect((await call("GET", "/clients/admin/secrets")).status).toBe(200);
});

test("a client of the method client_secret_jwt gets its second secret sealed too (TOK-17)", async () => {
  const details = { token_endpoint_auth_method: "client_secret_jwt" };
  const client = await worker.addClient({ grantTypes: ["client_credentials"], redirectURIs: [], details });
  const { client: added } = await addSecret(client);
  expect(Buffer.byteLength(added.secret)).toBe(64);
  const [row] = await queryDatabase<{ sealed: boolean }>(
    worker.databaseUrl,
    "SELECT added_secrets->0 ? 'sealed' AS sealed FROM client WHERE id = $1",
    [client.id],
  );
  expect(row).toEqual({ sealed: true });
});

test("checking a secret costs no statement, also on the first use of the day", async () => {
  const client = await machine();
  worker.takeStatements();
  expect([await works(client), await works(client)]).toEqual([200, 200]);
  expect(worker.takeStatements().filter((name) => !name.startsWith("change"))).toEqual(["client.find"]);
});
