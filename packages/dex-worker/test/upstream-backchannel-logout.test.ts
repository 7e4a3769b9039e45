// Signing out upstream ends what came from there: OIDC Back-Channel Logout with dex as the relying party.
import { type FakeOpenIdProvider, openFormBrowser, queryDatabase, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  claimsOf,
  type LogoutReceiver,
  type LogoutWorld,
  openLogoutReceiver,
  openLogoutWorld,
} from "./logout-world.ts";
import { REDIRECT_URI, type TestClient } from "./worker-server.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const CLIENT = { clientID: "dex", clientSecret: "upstream-secret-canary" };
type Members = Readonly<Record<string, unknown>>;

let world: LogoutWorld;
let client: TestClient;
let receiver: LogoutReceiver;
let upstream: FakeOpenIdProvider;
beforeAll(async () => {
  world = await openLogoutWorld(["--enable-automatic-registration", "--insecure-private-client-addresses"]);
  receiver = await openLogoutReceiver();
  client = await world.addLogoutClient({ backchannel_logout_uri: receiver.url });
  upstream = await startFakeOpenIdProvider({
    clientId: CLIENT.clientID,
    clientSecret: CLIENT.clientSecret,
    redirectUris: ["up", "other"].map((id) => `${world.issuer}/auth/${id}/callback`),
    users: [
      { sub: "u-1", claims: { email: "grace@example.com", email_verified: true, name: "Grace Hopper" } },
      { sub: "u-2", claims: { email: "barbara@example.com", email_verified: true, name: "Barbara" } },
      { sub: "u-3", claims: { email: "edsger@example.com", email_verified: true, name: "Edsger" } },
    ],
  });
  const config = { ...CLIENT, issuerURL: upstream.issuer };
  await world.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "up", type: "oidc", config },
    { id: "other", type: "oidc", config },
  ]);
  world.deliver();
});
afterAll(async () => {
  await world.close();
  await upstream.close();
  await receiver.close();
});
beforeEach(() => upstream.reset());

/** A browser with a session that came from this one upstream. */
async function signIn(sid: string | undefined, more: { connector?: string; loginHint?: string } = {}) {
  upstream.behaviours.idTokenClaims = { sid };
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const { connector = "up", loginHint = "u-1" } = more;
  const request = { client_id: client.id, connector_id: connector, scope: "openid", login_hint: loginHint };
  const { url, text } = await browser.open(world.authorizationUrl(request));
  if (!url.href.startsWith(REDIRECT_URI)) return expect.fail(`stopped at ${url}: ${text}`);
  const code = url.searchParams.get("code") ?? expect.fail(`no code: ${url}`);
  const { body } = await world.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, client);
  return { browser, claims: claimsOf(body.id_token ?? expect.fail(`no ID token: ${JSON.stringify(body)}`)) };
}

const isSignedIn = async ({ browser }: Awaited<ReturnType<typeof signIn>>) =>
  (await world.silent(browser, client)) !== "login_required";

function tokenWith(changes: Members): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const usual = { iss: upstream.issuer, aud: CLIENT.clientID, iat, exp: iat + 120, jti: crypto.randomUUID() };
  return upstream.sign({ ...usual, events: { [EVENT]: {} }, ...changes }, "good", "logout+jwt");
}

async function send(token: string, { connector = "up", to = world.issuer }: { connector?: string; to?: string } = {}) {
  const body = new URLSearchParams({ logout_token: token });
  const response = await fetch(`${to}/auth/${connector}/backchannel-logout`, { method: "POST", body });
  const text = await response.text();
  return {
    status: response.status,
    cached: response.headers.get("cache-control"),
    error: text === "" ? undefined : (JSON.parse(text) as { error?: string }).error,
  };
}

test("the session of the sid ends and its client is told, and the person's other sessions stay (OIDC Back-Channel Logout §2.7)", async () => {
  const [gone, stays] = [await signIn("s-1"), await signIn("s-2")];
  expect(await send(await tokenWith({ sid: "s-1", sub: "u-1" }))).toEqual({
    status: 200,
    cached: "no-store",
    error: undefined,
  });
  expect([await isSignedIn(gone), await isSignedIn(stays)]).toEqual([false, true]);
  await expect.poll(() => receiver.received.length).toBe(1);
  const notice = claimsOf(receiver.received[0]?.form.get("logout_token") ?? "");
  expect(notice).toMatchObject({ aud: client.id, sid: gone.claims.sid, sub: gone.claims.sub });
});

test("with sub alone all sessions of the person through this connector end, and nobody else's", async () => {
  const mine = [await signIn("s-3"), await signIn(undefined)];
  const others = [
    await signIn("s-4", { loginHint: "u-2" }),
    await signIn("s-5", { connector: "other", loginHint: "u-3" }),
  ];
  expect(await send(await tokenWith({ sub: "u-1" }))).toMatchObject({ status: 200 });
  expect(await Promise.all(mine.map(isSignedIn))).toEqual([false, false]);
  expect(await Promise.all(others.map(isSignedIn))).toEqual([true, true]);
});

test("a sid is one of its connector, and of the person that stands beside it", async () => {
  const session = await signIn("s-6");
  expect(await send(await tokenWith({ sid: "s-6" }), { connector: "other" })).toMatchObject({ status: 200 });
  expect(await send(await tokenWith({ sid: "s-6", sub: "u-2" }))).toMatchObject({ status: 200 });
  expect(await isSignedIn(session)).toBe(true);
});

test("an ended session is written down as the upstream's doing", async () => {
  await signIn("s-7");
  await send(await tokenWith({ sid: "s-7" }));
  const sql = "SELECT actor_kind, actor_id FROM audit_event WHERE event = 'session ended' ORDER BY at DESC LIMIT 1";
  expect(await queryDatabase(world.databaseUrl, sql, [])).toEqual([{ actor_kind: "upstream", actor_id: "up" }]);
});

test("of parallel uses on two workers one ends the sessions; the others, and a later one, are refused (JWT-3)", async () => {
  const elsewhere = (await world.openAnother()).replace(/\/token$/, "");
  const token = await tokenWith({ sub: "u-1" });
  const answers = await Promise.all([1, 2, 3, 4].flatMap(() => [send(token), send(token, { to: elsewhere })]));
  const statuses = answers.map(({ status }) => status).sort();
  expect(statuses).toEqual([200, 400, 400, 400, 400, 400, 400, 400]);
  const session = await signIn("s-8");
  expect(await send(token, { to: elsewhere })).toEqual({ status: 400, cached: "no-store", error: "invalid_request" });
  expect(await isSignedIn(session)).toBe(true);
});

test("whoever cannot sign as the upstream ends nothing, and nothing is asked of the database", async () => {
  const session = await signIn("s-9");
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: upstream.issuer, aud: CLIENT.clientID, iat, exp: iat + 60, jti: "x", sid: "s-9" };
  const forged = await upstream.sign({ ...claims, events: { [EVENT]: {} } }, "foreign key");
  world.takeStatements();
  expect(await send(forged)).toEqual({ status: 400, cached: "no-store", error: "invalid_request" });
  expect(world.takeStatements().filter((name) => !name.includes("change") && !name.includes("outbox"))).toEqual([]);
  expect(await isSignedIn(session)).toBe(true);
});

test.each<[string, () => Promise<Response>, number]>([
  ["a connector that is not there", () => post("none", new URLSearchParams({ logout_token: "a" })), 404],
  ["a connector without logout tokens", () => post("local", new URLSearchParams({ logout_token: "a" })), 404],
  ["no token", () => post("up", new URLSearchParams()), 400],
  ["two tokens", () => post("up", new URLSearchParams("logout_token=a&logout_token=b")), 400],
  ["a token in the query", () => post("up?logout_token=a", new URLSearchParams()), 400],
  ["JSON", () => post("up", "{}"), 415],
  ["too much", () => post("up", new URLSearchParams({ logout_token: "a".repeat(20_000) })), 413],
  ["a GET", () => fetch(`${world.issuer}/auth/up/backchannel-logout`), 405],
])("%s is refused", async (_what, ask, status) => {
  const response = await ask();
  await response.body?.cancel();
  expect(response.status).toBe(status);
});

function post(connector: string, body: URLSearchParams | string): Promise<Response> {
  const [id, query] = connector.split("?");
  return fetch(`${world.issuer}/auth/${id}/backchannel-logout${query === undefined ? "" : `?${query}`}`, {
    ...{ method: "POST", body },
    ...(typeof body === "string" ? { headers: { "Content-Type": "application/json" } } : {}),
  });
}
