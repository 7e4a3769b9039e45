// The one place where nobody in particular makes rows in the database: what a flood of requests for device codes comes to.
import { request as sendRequest } from "node:http";
import { queryDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDeviceWorld } from "./device-world.ts";
import { openTestWorker, type TestClient, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let television: TestClient;
let world: ReturnType<typeof makeDeviceWorld>;
beforeAll(async () => {
  worker = await openTestWorker();
  world = makeDeviceWorld(worker);
  television = await world.addDevice();
});
afterAll(() => worker.close());

function askFrom(localAddress: string): Promise<{ status: number; body: { user_code?: string } }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const options = { method: "POST", headers, localAddress, agent: false };
    const request = sendRequest(`${worker.issuer}/device/code`, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.once("end", () =>
        resolve({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) }),
      );
    });
    request.once("error", reject);
    request.end(`client_id=${encodeURIComponent(television.id)}`);
  });
}

const count = async () =>
  (await queryDatabase(worker.databaseUrl, "SELECT count(*)::int AS rows FROM device_request"))[0];

test("one address makes thirty rows, and then causes no round trip (DEV-1)", async () => {
  const statuses: number[] = [];
  for (let time = 0; time < 100; time += 1) statuses.push((await world.ask(television)).status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(30);
  expect(statuses.filter((status) => status === 429)).toHaveLength(70);
  worker.takeStatements();
  const refused = await world.ask(television);
  expect(refused).toMatchObject({ status: 429, body: { error: "too_many_requests" } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(worker.takeStatements()).toEqual([]);
  expect(await count()).toEqual({ rows: 30 });
});

test("many addresses make as many as the client may have, after the first fifty with long codes (DEV-1)", async () => {
  const codes: string[] = [];
  let refused = 0;
  for (let block = 0; block < 6; block += 1) {
    for (let host = 1; host <= 200; host += 1) {
      const { status, body } = await askFrom(`127.0.${20 + block}.${host}`);
      if (status === 200) codes.push(body.user_code ?? "");
      else refused += 1;
    }
  }
  expect(await count()).toEqual({ rows: 1_000 });
  expect(codes).toHaveLength(970);
  expect(refused).toBe(230);
  expect(codes.filter((code) => code.length === 9)).toHaveLength(20);
  expect(codes.filter((code) => /^([A-Z]{4}-){2}[A-Z]{4}$/.test(code))).toHaveLength(950);
  // A long code works as a short one does, and another client has room.
  const page = await world.enter(worker.browser(), codes.at(-1) ?? "");
  expect(page.url.pathname).toContain("/auth/local/login");
  worker.takeStatements();
  expect((await askFrom("127.0.99.1")).status).toBe(429);
  expect(worker.takeStatements()).toEqual([]);
  const other = await world.addDevice({ public: false });
  expect((await world.ask(other)).status).toBe(200);
}, 120_000);
