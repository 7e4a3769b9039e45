// Clients in ping mode (CIBA Core §10.2): real servers of theirs, told by the delivery of the outbox.
import { queryDatabase } from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeLinkFor } from "../src/mail.ts";
import { makeBackchannelWorld, openPingReceiver, type PingReceiver } from "./backchannel-world.ts";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

const POLL = { timeout: 10_000, interval: 20 };
const TOKEN = "notify-0123456789abcdefghijklmnopqrstuv";

let worker: TestWorker;
let world: ReturnType<typeof makeBackchannelWorld>;
const receivers: PingReceiver[] = [];
beforeAll(async () => {
  worker = await openTestWorker(["--insecure-private-client-addresses"]);
  world = makeBackchannelWorld(worker);
  worker.deliver();
});
afterAll(async () => {
  await worker.close();
  for (const receiver of receivers) await receiver.close();
});
beforeEach(() => queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count"));

async function addListener(answer?: PingReceiver["answer"]): Promise<{ client: TestClient; receiver: PingReceiver }> {
  const receiver = await openPingReceiver(answer);
  receivers.push(receiver);
  const details = {
    backchannel_token_delivery_mode: "ping",
    backchannel_client_notification_endpoint: receiver.url,
  };
  return { client: await world.addCaller({ details }), receiver };
}
const told = ({ received }: PingReceiver) => expect.poll(() => received.length, POLL).toBe(1);
const ask = { client_notification_token: TOKEN };
const noticeOf = async (client: TestClient) => {
  const sql =
    "SELECT sent_at, dead_at, discarded, attempts, payload FROM outbox WHERE client_id = $1 AND link_id IS NULL";
  type Row = { sent_at: Date | null; dead_at: Date | null; discarded: boolean; attempts: number; payload: unknown };
  const [row] = await queryDatabase<Row>(worker.databaseUrl, sql, [client.id]);
  return row;
};

test.each<["approve" | "deny", string]>([
  ["approve", "tokens"],
  ["deny", "a refusal"],
])("a client is told once when somebody says %s, and comes for %s (cert 13 ciba ping)", async (decision) => {
  const { client, receiver } = await addListener();
  const configuration = await openid.discovery(
    new URL(worker.issuer),
    client.id,
    undefined,
    openid.ClientSecretBasic(client.secret),
    { execute: [openid.allowInsecureRequests] },
  );
  const parameters = { scope: "openid", login_hint: PERSON.email, ...ask };
  const asked = await openid.initiateBackchannelAuthentication(configuration, parameters);
  await world.decide(decision);
  await told(receiver);
  expect(receiver.received).toEqual([
    {
      method: "POST",
      authorization: `Bearer ${TOKEN}`,
      contentType: "application/json",
      body: JSON.stringify({ auth_req_id: asked.auth_req_id }),
    },
  ]);
  const polling = openid.pollBackchannelAuthenticationGrant(configuration, { ...asked, interval: 0.01 });
  if (decision === "approve") expect((await polling).claims()).toMatchObject({ aud: client.id });
  else await expect(polling).rejects.toMatchObject({ error: "access_denied" });
});

test.each<[string, PingReceiver["answer"]]>([
  ["a body", { status: 200, headers: { "content-type": "text/html" }, body: "<p>thanks".repeat(500) }],
  ["401", { status: 401 }],
  ["403", { status: 403, body: "no" }],
  ["a redirect", { status: 302, headers: { location: "/elsewhere" } }],
])(
  "an answer with %s is taken, followed nowhere and not asked for again (cert 13 ciba ping answers)",
  async (_, answer) => {
    const { client, receiver } = await addListener(answer);
    const id = await world.askWell(client, ask);
    await world.decide("approve");
    await told(receiver);
    await expect
      .poll(async () => (await noticeOf(client))?.sent_at ?? (await noticeOf(client))?.dead_at, POLL)
      .toBeTruthy();
    expect((await noticeOf(client))?.discarded).toBe(answer.status !== 200);
    expect(receiver.received).toHaveLength(1);
    expect((await world.poll(client, id)).status).toBe(200);
  },
);

test("a client that cannot be reached delays nobody, may poll, and is tried again", async () => {
  const { client, receiver } = await addListener();
  await receiver.close();
  receivers.pop();
  const id = await world.askWell(client, ask);
  await world.decide("approve");
  expect((await world.poll(client, id)).status).toBe(200);
  await expect.poll(async () => (await noticeOf(client))?.attempts ?? 0, POLL).toBeGreaterThan(0);
  expect(await noticeOf(client)).toMatchObject({ sent_at: null, dead_at: null });
});

test("what a client is told with is sealed, and nowhere in the log", async () => {
  const { client, receiver } = await addListener();
  const id = await world.askWell(client, ask);
  const read = async () =>
    JSON.stringify([
      await queryDatabase(worker.databaseUrl, "SELECT d::text FROM device_request d"),
      await queryDatabase(worker.databaseUrl, "SELECT encode(sealed_notification, 'escape') FROM device_request"),
      await queryDatabase(worker.databaseUrl, "SELECT o::text FROM outbox o"),
    ]);
  const before = await read();
  await world.decide("approve");
  await told(receiver);
  for (const text of [before, await read(), worker.log.join("\n")]) {
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain(id);
  }
});

test.each<[string, Record<string, string>]>([
  ["is missing", {}],
  ["is too long", { client_notification_token: "x".repeat(1025) }],
  ["is no bearer token", { client_notification_token: "a b" }],
])("a request whose client_notification_token %s is refused", async (_, fields) => {
  const { client } = await addListener();
  expect((await world.ask(client, fields)).body.error).toBe("invalid_request");
});

test("a client that is to be told registers where", async () => {
  const details = { backchannel_token_delivery_mode: "ping" };
  await expect(world.addCaller({ details })).rejects.toThrow(/backchannel_client_notification_endpoint/);
});

test("the mail with the link goes out to the person", async () => {
  const client = await world.addCaller();
  await world.askWell(client);
  const sent = async () => {
    const sql = "SELECT sent_at FROM outbox WHERE client_id = $1 AND kind = 'backchannel-request'";
    const [row] = await queryDatabase<{ sent_at: Date | null }>(worker.databaseUrl, sql, [client.id]);
    return row?.sent_at;
  };
  await expect.poll(sent, POLL).toBeInstanceOf(Date);
  const link = await world.lastLink();
  const id = new URL(link).searchParams.get("request") ?? "";
  expect(makeLinkFor(new URL(worker.issuer), worker.linkTokens)("backchannel request", id).href).toBe(link);
});
