// Where anybody can register a client, a secret proves nothing about who asks for device codes with it.
import { queryDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDeviceWorld } from "./device-world.ts";
import { openTestWorker, type TestClient, type TestWorker } from "./worker-server.ts";

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-client-registration", "--insecure-open-client-registration"]);
});
afterAll(() => worker.close());

async function register(): Promise<TestClient> {
  const response = await fetch(`${worker.issuer}/registration`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ grant_types: [DEVICE_GRANT], token_endpoint_auth_method: "client_secret_basic" }),
  });
  if (response.status !== 201) throw new Error(JSON.stringify(await response.text()));
  const { client_id, client_secret } = (await response.json()) as { client_id: string; client_secret: string };
  return { id: client_id, secret: client_secret };
}

test("one address makes no more rows with the clients that it registers than without (DEV-1)", async () => {
  const world = makeDeviceWorld(worker);
  const clients = await Promise.all([register(), register()]);
  const statuses: number[] = [];
  for (let time = 0; time < 20; time += 1) {
    for (const client of clients) statuses.push((await world.ask(client)).status);
  }
  expect(statuses).toEqual([...new Array(30).fill(200), ...new Array(10).fill(429)]);
  expect(await queryDatabase(worker.databaseUrl, "SELECT count(*)::int AS rows FROM device_request")).toEqual([
    { rows: 30 },
  ]);
  // Who was registered by an administrator is known by its secret.
  expect((await world.ask(await world.addDevice({ public: false }))).status).toBe(200);
});
