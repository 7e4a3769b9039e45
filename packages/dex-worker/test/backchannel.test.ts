// Clients that ask for a person by name, CIBA Core: two workers, real people at real pages, and openid-client.
import { systemRandom } from "@dex/runtime";
import { queryDatabase } from "@dex/testing";
import { makePasswordHasher, newUserId } from "@dex/users";
import * as openid from "openid-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CIBA_GRANT, makeBackchannelWorld } from "./backchannel-world.ts";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
let worker: TestWorker;
let world: ReturnType<typeof makeBackchannelWorld>;
let caller: TestClient;
let otherTokenUrl: string;
beforeAll(async () => {
  worker = await openTestWorker();
  world = makeBackchannelWorld(worker);
  caller = await world.addCaller();
  otherTokenUrl = await worker.openAnother();
});
afterAll(() => worker.close());
const forget = () => queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count");
beforeEach(forget);

const configure = ({ id, secret }: TestClient) =>
  openid.discovery(new URL(worker.issuer), id, undefined, openid.ClientSecretBasic(secret), {
    execute: [openid.allowInsecureRequests],
  });

describe("a client", () => {
  test("of openid-client asks for a person, polls, and gets who they are; and refreshes (cert 13 ciba poll; cert 13 ciba refresh)", async () => {
    const configuration = await configure(caller);
    const parameters = { scope: "openid email offline_access", login_hint: PERSON.email, binding_message: "W4SCT" };
    const asked = await openid.initiateBackchannelAuthentication(configuration, parameters);
    expect(asked).toMatchObject({
      auth_req_id: expect.stringMatching(/^dxa_[\w-]{43}$/),
      expires_in: 600,
      interval: 5,
    });
    await world.decide("approve");
    const tokens = await openid.pollBackchannelAuthenticationGrant(configuration, { ...asked, interval: 0.01 });
    expect(tokens.claims()).toMatchObject({ aud: caller.id, email: PERSON.email, auth_time: expect.any(Number) });
    expect(tokens.claims()?.amr).toEqual(["pwd"]);
    const sub = tokens.claims()?.sub ?? "";
    expect(await openid.fetchUserInfo(configuration, tokens.access_token, sub)).toMatchObject({ email: PERSON.email });
    const refreshed = await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "");
    expect(refreshed.access_token).toBeTypeOf("string");
  });

  test("is told to wait, to slow down, and no (cert 13 ciba polling rules)", async () => {
    const id = await world.askWell(caller);
    expect((await world.poll(caller, id)).body.error).toBe("authorization_pending");
    expect((await world.poll(caller, id)).body.error).toBe("slow_down");
    const rows = await queryDatabase(
      worker.databaseUrl,
      "SELECT interval_seconds FROM device_request WHERE request_id IS NOT NULL ORDER BY created_at DESC LIMIT 1",
    );
    expect(rows).toEqual([{ interval_seconds: 10 }]);
    await world.decide("deny");
    for (let again = 0; again < 2; again += 1) {
      expect(await world.poll(caller, id)).toMatchObject({ status: 400, body: { error: "access_denied" } });
    }
  });

  test("is told when nobody answered in time (cert 13 ciba expired)", async () => {
    const id = await world.askWell(caller, { requested_expiry: "1" });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await world.poll(caller, id)).body.error).toBe("expired_token");
  });

  test("gets tokens once, of 20 polls on two workers at the same moment (cert 13 ciba single use)", async () => {
    const id = await world.askWell(caller, { scope: "openid offline_access" });
    await world.decide("approve");
    const polls = await Promise.all(
      Array.from({ length: 20 }, (_, index) => world.poll(caller, id, index % 2 === 0 ? undefined : otherTokenUrl)),
    );
    expect(polls.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status, body } of polls) if (status !== 200) expect(body.error).toBe("invalid_grant");
    expect((await world.poll(caller, id, otherTokenUrl)).body.error).toBe("invalid_grant");
  });

  test("gets nothing for what another one asked, nor spoils it", async () => {
    const other = await world.addCaller();
    const id = await world.askWell(caller);
    await world.decide("approve");
    expect((await world.poll(other, id)).body.error).toBe("invalid_grant");
    const asDevice = { grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: id };
    const television = await worker.addClient({
      redirectURIs: [],
      grantTypes: ["urn:ietf:params:oauth:grant-type:device_code"],
    });
    expect((await worker.token(asDevice, television)).body.error).toBe("invalid_grant");
    expect((await world.poll(caller, id)).status).toBe(200);
  });

  test("gets nothing once the person was disabled (TOK-16)", async () => {
    const id = await world.askWell(caller);
    await world.decide("approve");
    await queryDatabase(worker.databaseUrl, "UPDATE app_user SET disabled = true");
    try {
      expect((await world.poll(caller, id)).body.error).toBe("invalid_grant");
    } finally {
      await queryDatabase(worker.databaseUrl, "UPDATE app_user SET disabled = false");
    }
  });
});

describe("what is asked", () => {
  const good = { scope: "openid", login_hint: PERSON.email };
  const { scope } = good;
  test.each<[string, Record<string, string>, string]>([
    ["no hint", { scope }, "invalid_request"],
    ["two hints", { ...good, id_token_hint: "x" }, "invalid_request"],
    ["a login_hint_token", { scope, login_hint_token: "x" }, "invalid_request"],
    ["an id_token_hint of somebody else's", { scope, id_token_hint: "a.b.c" }, "invalid_request"],
    ["no scope", { login_hint: PERSON.email }, "invalid_scope"],
    ["a scope without openid", { ...good, scope: "email" }, "invalid_scope"],
    ["a long binding_message", { ...good, binding_message: "x".repeat(101) }, "invalid_binding_message"],
    ["a binding_message with what is not seen", { ...good, binding_message: "42\u3164" }, "invalid_binding_message"],
    ["a binding_message that turns around", { ...good, binding_message: "a\u202eb" }, "invalid_binding_message"],
    ["a user_code", { ...good, user_code: "1234" }, "invalid_request"],
    ["a requested_expiry of none", { ...good, requested_expiry: "0" }, "invalid_request"],
    ["a requested_expiry in words", { ...good, requested_expiry: "ten" }, "invalid_request"],
    ["a requested_expiry below", { ...good, requested_expiry: "-5" }, "invalid_request"],
    ["a request that is no JWT", { request: "nonsense" }, "invalid_request"],
    ["NUL in the hint", { ...good, login_hint: "a\0b" }, "invalid_request"],
  ])("with %s is refused (cert 13 ciba hints; cert 13 ciba binding message)", async (_, fields, error) => {
    const { status, body, headers } = await world.askExactly(caller, fields);
    expect({ status, error: body.error }).toEqual({ status: 400, error });
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("for long is cut short (cert 13 ciba requested expiry)", async () => {
    const { body } = await world.ask(caller, { requested_expiry: "999999" });
    expect(body.expires_in).toBe(3600);
    expect((await world.ask(caller, { requested_expiry: "30" })).body.expires_in).toBe(30);
  });

  test("by who may not, or proves nothing, is refused", async () => {
    expect((await world.ask({ id: caller.id, secret: "wrong" })).status).toBe(401);
    const without = await worker.addClient({ redirectURIs: [], grantTypes: ["client_credentials"] });
    expect((await world.ask(without)).body.error).toBe("unauthorized_client");
    expect((await world.poll(without, "dxa_x")).body.error).toBe("unauthorized_client");
    const open = { public: true, redirectURIs: [], grantTypes: [CIBA_GRANT] };
    await expect(worker.addClient(open)).rejects.toThrow(/keep a secret/);
  });

  test("about nobody looks like every other, and only our own clients are told", async () => {
    const nobody = { login_hint: "nobody@example.com" };
    const { status, body } = await world.ask(caller, nobody);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(Object.keys((await world.ask(caller)).body));
    expect((await world.poll(caller, body.auth_req_id ?? "")).body.error).toBe("authorization_pending");
    const own = await world.addCaller({ trusted: true });
    expect(await world.ask(own, nobody)).toMatchObject({ status: 400, body: { error: "unknown_user_id" } });
    expect((await world.ask(own)).status).toBe(200);
  });

  test("about one person again and again is refused, the same about nobody", async () => {
    for (const login_hint of [PERSON.email, "nobody@example.com"]) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => world.ask(caller, { login_hint })));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
      expect(answers.find(({ status }) => status === 429)?.headers.get("retry-after")).toMatch(/^\d+$/);
    }
  });

  test("with an ID token of the client's own names the person", async () => {
    const id = await world.askWell(caller);
    await world.decide("approve");
    const hint = (await world.poll(caller, id)).body.id_token ?? "";
    const again = await world.askExactly(caller, { scope: "openid", id_token_hint: hint });
    expect(again.status).toBe(200);
    await world.decide("approve");
    expect((await world.poll(caller, again.body.auth_req_id ?? "")).status).toBe(200);
    const other = await world.addCaller();
    expect((await world.askExactly(other, { scope: "openid", id_token_hint: hint })).body.error).toBe(
      "invalid_request",
    );
  });

  test("is stored as a hash", async () => {
    const id = await world.askWell(caller);
    const rows = await queryDatabase(worker.databaseUrl, "SELECT d::text AS row FROM device_request d");
    expect(JSON.stringify(rows)).not.toContain(id);
    expect(worker.log.join("\n")).not.toContain(id);
  });
});

describe("the person", () => {
  test("gets a mail once for each request, and no more than ten", async () => {
    await queryDatabase(worker.databaseUrl, "DELETE FROM outbox");
    const callers = await Promise.all(Array.from({ length: 3 }, () => world.addCaller()));
    for (const one of callers) for (let asked = 0; asked < 5; asked += 1) await world.askWell(one);
    const rows = await queryDatabase(worker.databaseUrl, "SELECT kind FROM outbox WHERE link_id IS NOT NULL");
    expect(rows).toEqual(Array.from({ length: 10 }, () => ({ kind: "backchannel-request" })));
  });

  test("sees who asks, the message, and what for", async () => {
    await world.askWell(caller, { binding_message: "Transaction <b>17</b>" });
    const page = await world.openAndSignIn(worker.browser());
    expect(page.text).toContain("Call centre");
    expect(page.text).toContain("Transaction &lt;b&gt;17&lt;/b&gt;");
    expect(page.text).toContain('id="approve"');
  });

  test("finds what waits in their account", async () => {
    await world.askWell(caller, { binding_message: "Look here" });
    const browser = worker.browser();
    const first = await browser.open(`${worker.issuer}/account`);
    const account = await browser.submit(first, world.credentials, { formId: "login-form" });
    expect(account.text).toContain("Look here");
    const [, href] = /href="([^"]*\/backchannel\?request=[^"]*)"/.exec(account.text) ?? [];
    const page = await browser.open(new URL(href ?? "", worker.issuer).href);
    expect(page.text).toContain('id="backchannel-approval-form"');
  });

  test("decides once: of a yes and a no at the same moment one counts", async () => {
    const id = await world.askWell(caller);
    const browsers = [worker.browser(), worker.browser()];
    const pages = await Promise.all(browsers.map((browser) => world.openAndSignIn(browser)));
    const [yes, no] = await Promise.all(
      browsers.map((browser, at) => world.answer(browser, pages[at] ?? expect.fail(), at === 0 ? "approve" : "deny")),
    );
    expect([yes?.status, no?.status].toSorted()).toEqual([200, 410]);
    expect((await world.poll(caller, id)).status).toBe(yes?.status === 200 ? 200 : 400);
  });

  test("alone is let in: somebody else who has the link decides nothing", async () => {
    const login = { login: "eve@example.com", password: "another correct horse" };
    await addPerson(login);
    const id = await world.askWell(caller);
    const page = await world.openAndSignIn(worker.browser(), login);
    expect(page.status).toBe(400);
    expect(page.text).not.toContain("backchannel-approval-form");
    expect((await world.poll(caller, id)).body.error).toBe("authorization_pending");
  });

  test("who comes late, or with a link of their own making, is told so", async () => {
    const browser = worker.browser();
    for (const request of ["", "x", "00000000-0000-4000-8000-000000000000"]) {
      expect((await browser.open(`${worker.issuer}/backchannel?request=${request}`)).status).toBe(410);
    }
    await world.askWell(caller);
    const link = await world.lastLink();
    await world.decide("deny");
    const late = await browser.open(link);
    expect(late.status).toBe(410);
    expect(late.text).toContain('id="back" href="/dex/account"');
  });
});

async function addPerson({ login: email, password }: { login: string; password: string }): Promise<void> {
  const hasher = makePasswordHasher({ threads: 1 });
  const user = {
    ...{ id: newUserId(systemRandom), email, emailVerified: true, displayName: undefined, admin: false },
    createdAt: new Date(),
  };
  await worker.storage.users.createLocal(user, await hasher.hash(password), "local", ACTOR);
  await hasher.close();
}
