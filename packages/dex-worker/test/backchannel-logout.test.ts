// OIDC Back-Channel Logout 1.0: real servers of clients, told by the delivery of the outbox.
import { createRemoteJWKSet, jwtVerify } from "jose";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  claimsOf,
  headerOf,
  type LogoutReceiver,
  type LogoutWorld,
  openLogoutReceiver,
  openLogoutWorld,
  POST_LOGOUT,
} from "./logout-world.ts";
import type { TestClient } from "./worker-server.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const POLL = { timeout: 10_000, interval: 20 };

let world: LogoutWorld;
let database: pg.Pool;
const receivers: LogoutReceiver[] = [];
beforeAll(async () => {
  world = await openLogoutWorld(["--insecure-private-client-addresses"]);
  database = new pg.Pool({ connectionString: world.databaseUrl, max: 1 });
  world.deliver();
});
afterAll(async () => {
  await database.end();
  await world.close();
  for (const receiver of receivers) await receiver.close();
});

async function addListener(
  more: Readonly<Record<string, unknown>> = {},
  answer = 200,
): Promise<{ client: TestClient; receiver: LogoutReceiver }> {
  const receiver = await openLogoutReceiver(answer);
  receivers.push(receiver);
  const details = { backchannel_logout_uri: receiver.url, backchannel_logout_session_required: true, ...more };
  return { client: await world.addLogoutClient(details), receiver };
}

const tokenOf = ({ received }: LogoutReceiver) => received[0]?.form.get("logout_token") ?? expect.fail("no token came");
const told = (receiver: LogoutReceiver) => expect.poll(() => receiver.received.length, POLL).toBeGreaterThan(0);

test("each client of the session gets one signed token that names it, and nothing else (cert 10 oidcc-backchannel-rp-initiated-logout) (JWT-3)", async () => {
  const first = await addListener();
  const second = await addListener();
  const deaf = await world.addLogoutClient();
  const stranger = await addListener();
  const { browser, claims, idToken } = await world.signInTo(first.client);
  const other = await world.signInTo(second.client, browser);
  await world.signInTo(deaf, browser);
  await world.signInTo(stranger.client);
  expect(other.claims.sid).toBe(claims.sid);
  const url = world.logoutUrl({ id_token_hint: idToken, post_logout_redirect_uri: POST_LOGOUT, state: "abc" });
  expect((await browser.open(url)).url.href).toBe(`${POST_LOGOUT}?state=abc`);
  await told(first.receiver);
  await told(second.receiver);
  expect(await world.silent(browser, first.client)).toBe("login_required");

  for (const { client, receiver } of [first, second]) {
    expect(receiver.received).toMatchObject([{ method: "POST", contentType: "application/x-www-form-urlencoded" }]);
    expect([...(receiver.received[0]?.form.keys() ?? [])]).toEqual(["logout_token"]);
    const token = tokenOf(receiver);
    const jwks = createRemoteJWKSet(new URL(`${world.issuer}/keys`));
    const { payload } = await jwtVerify(token, jwks, { issuer: world.issuer, audience: client.id, typ: "logout+jwt" });
    expect(payload).toEqual({
      iss: world.issuer,
      sub: claims.sub,
      aud: client.id,
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 120,
      jti: expect.stringMatching(/^[\w-]{36}$/),
      sid: claims.sid,
      events: { [EVENT]: {} },
    });
    expect(headerOf(token)).toMatchObject({ alg: "RS256", typ: "logout+jwt" });
  }
  expect(claimsOf(tokenOf(first.receiver)).jti).not.toBe(claimsOf(tokenOf(second.receiver)).jti);
  expect(stranger.receiver.received).toEqual([]);
});

test("a logout token is no ID token to us: as a hint it is refused (JWT-3)", async () => {
  const { client, receiver } = await addListener();
  const { browser, idToken } = await world.signInTo(client);
  await browser.open(world.logoutUrl({ id_token_hint: idToken }));
  await told(receiver);
  expect((await browser.open(world.logoutUrl({ id_token_hint: tokenOf(receiver) }))).status).toBe(400);
});

test("the token is signed as the client's ID tokens are, and a pairwise client meets the name that it knows", async () => {
  const receiver = await openLogoutReceiver();
  receivers.push(receiver);
  const client = await world.addClient({
    trusted: true,
    idTokenSignedResponseAlg: "ES256",
    details: { subject_type: "pairwise", backchannel_logout_uri: receiver.url },
  });
  const { browser, idToken, claims } = await world.signInTo(client);
  const own = await world.signInTo(world.client, browser);
  expect(claims.sub).not.toBe(own.claims.sub);
  // The hint names the person as this client knows them, and so nobody has to be asked.
  expect((await browser.open(world.logoutUrl({ id_token_hint: idToken }))).text).toContain("You are signed out");
  await told(receiver);
  expect(claimsOf(tokenOf(receiver))).toMatchObject({ sub: claims.sub, sid: claims.sid });
  expect(headerOf(tokenOf(receiver))).toMatchObject({ alg: "ES256" });
});

test("after signing in again in one browser each client is told of the session as it knows it", async () => {
  const first = await addListener();
  const second = await addListener();
  const before = await world.signInTo(first.client);
  const { browser } = before;
  const again = { client_id: second.client.id, prompt: "login" };
  const done = await world.signIn(browser, again);
  const parameters = { grant_type: "authorization_code", code: done.searchParams.get("code") ?? "" };
  const redirect_uri = new URL(world.authorizationUrl()).searchParams.get("redirect_uri") ?? "";
  const { body } = await world.token({ ...parameters, redirect_uri }, second.client);
  const after = claimsOf(body.id_token ?? "");
  expect(after.sid).not.toBe(before.claims.sid);
  // The hint of the earlier sign-in is still the same person's.
  await browser.open(world.logoutUrl({ id_token_hint: before.idToken }));
  await told(first.receiver);
  await told(second.receiver);
  expect(claimsOf(tokenOf(first.receiver)).sid).toBe(before.claims.sid);
  expect(claimsOf(tokenOf(second.receiver)).sid).toBe(after.sid);
});

test("a client that is down keeps nobody waiting, is told again later, and is given up in the end (SSR-1)", async () => {
  const { client, receiver } = await addListener({}, 503);
  const { browser, idToken } = await world.signInTo(client);
  const began = performance.now();
  expect((await browser.open(world.logoutUrl({ id_token_hint: idToken }))).status).toBe(200);
  expect(performance.now() - began).toBeLessThan(2000);
  const rowOf = async () => {
    const { rows } = await database.query("SELECT * FROM outbox WHERE client_id = $1", [client.id]);
    return rows[0];
  };
  await expect.poll(async () => (await rowOf())?.last_error, POLL).toBe("answered 503");
  const waiting = await rowOf();
  expect(waiting).toMatchObject({
    kind: "backchannel-logout",
    attempts: 1,
    sent_at: null,
    dead_at: null,
    user_id: null,
  });
  expect(waiting.due_at.getTime()).toBeGreaterThan(Date.now() + 10_000);
  receiver.answer = 204;
  await database.query("UPDATE outbox SET due_at = now() WHERE client_id = $1", [client.id]);
  await expect.poll(async () => (await rowOf())?.sent_at, POLL).toBeInstanceOf(Date);
  const [once, twice] = receiver.received.map(({ form }) => claimsOf(form.get("logout_token") ?? ""));
  expect(twice).toMatchObject({ jti: once?.jti, sid: once?.sid });
  expect(receiver.received).toHaveLength(2);
});

test("one that is given up is seen by operators with its client, and can be tried again", async () => {
  const { client } = await addListener({}, 500);
  const { browser, idToken } = await world.signInTo(client);
  await database.query("ALTER TABLE outbox ALTER COLUMN attempts SET DEFAULT 7");
  await browser.open(world.logoutUrl({ id_token_hint: idToken }));
  await database.query("ALTER TABLE outbox ALTER COLUMN attempts SET DEFAULT 0");
  const dead = async () =>
    (await world.storage.mailQueue.list({ state: "dead", limit: 50, after: undefined }))?.mails.find(
      ({ recipient }) => recipient === client.id,
    );
  await expect.poll(async () => (await dead())?.lastError, POLL).toBe("answered 500");
  const actor = { kind: "dexctl", id: undefined, address: undefined } as const;
  expect(await world.storage.mailQueue.retry((await dead())?.id ?? "", actor, new Date())).toBe("due");
});

test("where a client has taken its address back, nobody is told and nobody is bothered", async () => {
  const { client, receiver } = await addListener();
  const { browser, idToken } = await world.signInTo(client);
  await database.query("UPDATE client SET details = details - 'backchannel_logout_uri' WHERE id = $1", [client.id]);
  await browser.open(world.logoutUrl({ id_token_hint: idToken }));
  const { rows } = await database.query("SELECT kind FROM outbox WHERE client_id = $1", [client.id]);
  expect(rows).toEqual([]);
  expect(receiver.received).toEqual([]);
});

test("signing out of the account tells the clients too (BRO-9)", async () => {
  const { client, receiver } = await addListener();
  const { browser, claims } = await world.signInTo(client);
  const page = await browser.open(`${world.issuer}/account`);
  const out = await browser.submit(page, {}, { formId: "sign-out-form" });
  expect([out.status, out.url.pathname]).toEqual([200, "/dex/account/signed-out"]);
  await told(receiver);
  expect(claimsOf(tokenOf(receiver)).sid).toBe(claims.sid);
});

test("nothing of it is logged but who was told (LOG-1)", () => {
  const lines = world.log.join("\n");
  expect(lines).toContain('INFO: notice sent {"id"');
  for (const { received } of receivers)
    for (const { form } of received) expect(lines).not.toContain(form.get("logout_token"));
});
