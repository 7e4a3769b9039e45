// What clients ask of people by name, answered by an administrator over the management API: without a browser, where a
// deployment wants that.
import { queryDatabase } from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeBackchannelWorld, openPingReceiver } from "./backchannel-world.ts";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

const FLAG = "--enable-backchannel-decisions-by-administrators";
const FLAGS = ["--api-use-client-credentials", "--insecure-private-client-addresses"];

let worker: TestWorker;
let world: ReturnType<typeof makeBackchannelWorld>;
let api: Api;
let caller: TestClient;
beforeAll(async () => {
  worker = await openTestWorker([FLAG, ...FLAGS]);
  world = makeBackchannelWorld(worker);
  api = await openApi(worker);
  caller = await world.addCaller();
  worker.deliver();
});
afterAll(() => worker.close());
beforeEach(() => queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count"));

interface Pending {
  readonly id: string;
  readonly clientID: string;
  readonly bindingMessage?: string;
  readonly scope: string;
}
type Api = Awaited<ReturnType<typeof openApi>>;

const configure = ({ id, secret }: TestClient, issuer = worker.issuer) =>
  openid.discovery(new URL(issuer), id, undefined, openid.ClientSecretBasic(secret), {
    execute: [openid.allowInsecureRequests],
  });

/** The management API as an admin client calls it, about the person whom clients ask for. */
async function openApi(of: TestWorker) {
  const administrator = await of.addClient({ isAdmin: true, grantTypes: ["client_credentials"], redirectURIs: [] });
  const granted = await openid.clientCredentialsGrant(await configure(administrator, of.issuer));
  async function call(method: string, path: string) {
    const headers = { Authorization: `Bearer ${granted.access_token}` };
    const response = await fetch(`${of.issuer}/api/v1${path}`, { method, headers });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }
  const { body } = await call("GET", `/users?emailPrefix=${PERSON.email}`);
  const [{ id: userId }] = body.users as [{ id: string }];
  const requests = `/users/${userId}/backchannel-requests`;
  return {
    administrator,
    userId,
    call,
    list: () => call("GET", requests),
    async pending() {
      return (await this.list()).body.backchannelRequests as readonly Pending[];
    },
    decide: (id: string, verb: "approve" | "deny") => call("POST", `${requests}/${id}/${verb}`),
  };
}

/** Of a request that was just made. */
async function newest(): Promise<string> {
  return (await api.pending())[0]?.id ?? expect.fail("nothing is pending");
}

test("a client of openid-client gets tokens without anybody at a browser, which say so; and refreshes (cert 13 ciba unattended)", async () => {
  const configuration = await configure(caller);
  const asked = await openid.initiateBackchannelAuthentication(configuration, {
    ...{ scope: "openid email offline_access", login_hint: PERSON.email, binding_message: "W4SCT" },
  });
  const [pending] = await api.pending();
  expect(pending).toEqual({
    ...{ id: expect.any(String), clientID: caller.id, clientName: "Call centre", bindingMessage: "W4SCT" },
    ...{ scope: "openid email offline_access", createdAt: expect.any(String), expiresAt: expect.any(String) },
  });
  expect((await api.decide(pending?.id ?? "", "approve")).status).toBe(204);
  const tokens = await openid.pollBackchannelAuthenticationGrant(configuration, { ...asked, interval: 0.01 });
  const claims = tokens.claims();
  expect(claims).toMatchObject({ aud: caller.id, sub: api.userId, email: PERSON.email, act: { sub: worker.issuer } });
  for (const claim of ["auth_time", "sid", "amr"]) expect(claims).not.toHaveProperty(claim);
  expect(await openid.fetchUserInfo(configuration, tokens.access_token, api.userId)).toMatchObject({
    email: PERSON.email,
  });
  const refreshed = await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "");
  expect(refreshed.access_token).toBeTypeOf("string");
  expect(refreshed.claims()).toMatchObject({ act: { sub: worker.issuer } });
});

test("without offline access too, and a no is a no (cert 13 ciba unattended)", async () => {
  const yes = await world.askWell(caller);
  await api.decide(await newest(), "approve");
  const { status, body } = await world.poll(caller, yes);
  expect([status, body.refresh_token]).toEqual([200, undefined]);
  const no = await world.askWell(caller);
  await api.decide(await newest(), "deny");
  expect((await world.poll(caller, no)).body.error).toBe("access_denied");
  expect(await api.pending()).toEqual([]);
});

test("a client in ping mode is told (cert 13 ciba unattended)", async () => {
  const receiver = await openPingReceiver();
  try {
    const details = {
      backchannel_token_delivery_mode: "ping",
      backchannel_client_notification_endpoint: receiver.url,
    };
    const listener = await world.addCaller({ details });
    const id = await world.askWell(listener, { client_notification_token: "notify-0123456789abcdef" });
    await api.decide(await newest(), "approve");
    await expect.poll(() => receiver.received.length, { timeout: 10_000, interval: 20 }).toBe(1);
    expect(receiver.received[0]?.body).toBe(JSON.stringify({ auth_req_id: id }));
  } finally {
    await receiver.close();
  }
});

test("of twenty answers at the same moment one counts, and the others are told (ADM-6)", async () => {
  const asked = await world.askWell(caller);
  const id = await newest();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) => api.decide(id, at % 2 === 0 ? "approve" : "deny")),
  );
  const won = answers.findIndex(({ status }) => status === 204);
  const lost = answers.filter(({ status }) => status !== 204);
  expect(lost).toHaveLength(19);
  for (const { status, body } of lost) expect([status, body.error]).toEqual([409, "already_decided"]);
  expect((await world.poll(caller, asked)).status).toBe(won % 2 === 0 ? 200 : 400);
  const events = await queryDatabase(
    worker.databaseUrl,
    "SELECT subject_id, actor_kind, actor_id, detail FROM audit_event WHERE event = 'backchannel request decided' AND detail ->> 'request' = $1",
    [id],
  );
  const decision = won % 2 === 0 ? "approved" : "denied";
  expect(events).toEqual([
    {
      ...{ subject_id: api.userId, actor_kind: "client", actor_id: api.administrator.id },
      detail: { client: caller.id, request: id, decision },
    },
  ]);
});

test("an administrator and the person at the same moment: one of them decides", async () => {
  const asked = await world.askWell(caller);
  const id = await newest();
  const browser = worker.browser();
  const page = await world.openAndSignIn(browser);
  const [{ status }, end] = await Promise.all([api.decide(id, "deny"), world.answer(browser, page, "approve")]);
  expect([status === 204, end.status === 200].toSorted()).toEqual([false, true]);
  expect((await world.poll(caller, asked)).status).toBe(end.status === 200 ? 200 : 400);
});

describe("is refused", () => {
  test("what is unknown, of somebody else, or has expired", async () => {
    await world.askWell(caller, { requested_expiry: "1" });
    const id = await newest();
    const other = await api.call("POST", `/users/nobody/backchannel-requests/${id}/approve`);
    expect([other.status, other.body.error]).toEqual([404, "resource_not_found"]);
    for (const unknown of ["x", "00000000-0000-4000-8000-000000000000", "%00"]) {
      expect((await api.decide(unknown, "approve")).status).toBe(404);
    }
    expect((await api.call("GET", "/users/nobody/backchannel-requests")).status).toBe(404);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const late = await api.decide(id, "approve");
    expect([late.status, late.body.error_description]).toEqual([404, "the request has expired"]);
    expect(await api.pending()).toEqual([]);
  });

  test("a yes for who is disabled, or is nobody to this client (TOK-16)", async () => {
    const asked = await world.askWell(caller);
    const id = await newest();
    await queryDatabase(worker.databaseUrl, "UPDATE app_user SET disabled = true");
    expect(await api.decide(id, "approve")).toMatchObject({ status: 409, body: { error: "user_unavailable" } });
    await queryDatabase(worker.databaseUrl, "UPDATE app_user SET disabled = false");
    expect((await world.poll(caller, asked)).body.error).toBe("authorization_pending");
    const picky = await world.addCaller({ allowedConnectors: ["corporate"] });
    await world.askWell(picky);
    const theirs = await newest();
    expect(await api.decide(theirs, "approve")).toMatchObject({ status: 409, body: { error: "user_unavailable" } });
    expect((await api.decide(theirs, "deny")).status).toBe(204);
  });

  test("everybody who is no administrator", async () => {
    const asked = await world.askWell(caller);
    const path = `${worker.issuer}/api/v1/users/${api.userId}/backchannel-requests`;
    expect((await fetch(path)).status).toBe(401);
    await world.decide("approve");
    const { body } = await world.poll(caller, asked);
    for (const token of [body.id_token, body.access_token]) {
      const answer = await fetch(path, { headers: { Authorization: `Bearer ${token}` } });
      expect([401, 403]).toContain(answer.status);
    }
  });
});

test("tokens end with the person's access (TOK-16)", async () => {
  const asked = await world.askWell(caller, { scope: "openid offline_access" });
  await api.decide(await newest(), "approve");
  const { body } = await world.poll(caller, asked);
  await api.call("DELETE", `/account/${api.userId}/refresh/${caller.id}`);
  const refresh = { grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" };
  expect((await worker.token(refresh, caller)).body.error).toBe("invalid_grant");
});

test("nobody is answered for unless the deployment says so", async () => {
  const plain = await openTestWorker(FLAGS);
  try {
    const ofPlain = makeBackchannelWorld(plain);
    const asked = await ofPlain.askWell(await ofPlain.addCaller());
    expect(asked).toMatch(/^dxa_/);
    const plainApi = await openApi(plain);
    const id = new URL(await ofPlain.lastLink()).searchParams.get("request") ?? "";
    for (const { status, body } of [await plainApi.list(), await plainApi.decide(id, "approve")]) {
      expect([status, body.error]).toEqual([403, "forbidden"]);
      expect(body.error_description).toContain(FLAG);
    }
    const rows = await queryDatabase(plain.databaseUrl, "SELECT decision FROM device_request");
    expect(rows).toEqual([{ decision: null }]);
  } finally {
    await plain.close();
  }
});
