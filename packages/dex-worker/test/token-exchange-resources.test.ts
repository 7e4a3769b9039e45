// The token exchange for registered resources, RFC 8693 with RFC 8707: less of the same, and services that call one another.
import { parseResource } from "@dex/oidc";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACTOR, type ExchangeWorld, openExchangeWorld, TOKEN_EXCHANGE_GRANT, TYPES } from "./exchange-world.ts";
import { REDIRECT_URI, type TestClient, type TokenBody } from "./worker-server.ts";

const GRANTS = ["authorization_code", "refresh_token", "client_credentials", TOKEN_EXCHANGE_GRANT];
const [ORDERS, STOCK, LEDGER, MAIL] = [
  "https://orders.example/",
  "https://stock.example/",
  "https://ledger.example/",
  "https://mail.example/",
];

let world: ExchangeWorld;
/** Where people sign in. */
let front: TestClient;
/** The own clients of ORDERS and of STOCK: the one calls the other, and that calls LEDGER. */
let orders: TestClient;
let stock: TestClient;
let ledger: TestClient;

async function register(resource: Readonly<Record<string, unknown>>): Promise<void> {
  const parsed = parseResource(resource);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  await world.worker.storage.resources.add(parsed.resource, ACTOR);
  await world.worker.refresh();
}

beforeAll(async () => {
  world = await openExchangeWorld();
  const add = (clientName: string, more = {}) => world.worker.addClient({ clientName, grantTypes: GRANTS, ...more });
  front = await add("Front", { trusted: true });
  orders = await add("Orders", { trustedPeers: [front.id] });
  stock = await add("Stock");
  ledger = await add("Ledger");
  await register({
    ...{ identifier: ORDERS, name: "Orders", scopes: ["read", "write", "pay"], introspectedBy: [orders.id] },
    authorizationDetailsTypes: [{ type: "payment", name: "Pay somebody", members: ["creditor"] }],
  });
  await register({
    ...{ identifier: STOCK, name: "Stock", scopes: ["read", "count"], accessTokenLifetime: 60 },
    ...{ allowedClients: [orders.id, world.exchanger.id, front.id], introspectedBy: [stock.id] },
  });
  await register({
    ...{ identifier: LEDGER, name: "Ledger", scopes: ["read"], tokenFormat: "opaque" },
    ...{ allowedClients: [stock.id], introspectedBy: [ledger.id] },
  });
  await register({ identifier: MAIL, name: "Mail", scopes: ["read"], tokenFormat: "opaque" });
});
afterAll(() => world.close());

const PAYMENT = { type: "payment", creditor: "Ada" };
const OTHER = { type: "payment", creditor: "Grace" };
const subject = (token: string | undefined) => ({ subject_token: token ?? "", subject_token_type: TYPES.access });
const actor = (token: string | undefined) => ({ actor_token: token ?? "", actor_token_type: TYPES.access });
const ownCredentials = async (client: TestClient) =>
  (await world.worker.token({ grant_type: "client_credentials" }, client)).body.access_token;
const claimsOf = ({ access_token }: TokenBody) => decodeJwt(access_token ?? "");
const invalidTarget = { status: 400, body: { error: "invalid_target" } };

/** A token of PERSON for a resource, from a browser. */
async function tokenFor(resource: string, scope: string, more: Readonly<Record<string, string>> = {}) {
  const asked = { client_id: front.id, redirect_uri: REDIRECT_URI, response_type: "code", scope, resource, ...more };
  const browser = world.worker.browser();
  const query = new URLSearchParams({ connector_id: "local", ...asked });
  const page = await browser.open(`${world.worker.issuer}/auth?${query}`);
  const { email, password } = world.person;
  let end = await browser.submit(page, { login: email, password }, { formId: "login-form" });
  // Payments are allowed one by one, also to a trusted client.
  if (end.text.includes('id="consent-form"')) {
    end = await browser.submit(end, { decision: "approve" }, { formId: "consent-form" });
  }
  const code = end.url.searchParams.get("code") ?? "";
  const form = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
  const answer = await world.worker.token(form, front);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body;
}

describe("a token for a resource", () => {
  test("is exchanged by its client for the same with less, and for nothing else (TX-1)", async () => {
    const { access_token } = await tokenFor(ORDERS, "openid read write");
    const same = await world.exchange(subject(access_token), front);
    expect(same).toMatchObject({ status: 200, body: { scope: "read write", issued_token_type: TYPES.access } });
    const less = await world.exchange({ ...subject(access_token), resource: ORDERS, scope: "read" }, front);
    expect(claimsOf(less.body)).toMatchObject({ aud: ORDERS, scope: "read", client_id: front.id });
    const widened = await world.exchange({ ...subject(less.body.access_token), scope: "read write" }, front);
    expect(widened).toMatchObject({ status: 400, body: { error: "invalid_scope" } });
    // Neither another resource, though it names the client, nor ourselves.
    const userinfo = `${world.worker.issuer}/userinfo`;
    for (const resource of [STOCK, MAIL, userinfo, "https://unknown.example/"]) {
      expect(await world.exchange({ ...subject(access_token), resource }, front)).toMatchObject(invalidTarget);
    }
    expect(await world.exchange({ ...subject(access_token), audience: orders.id }, front)).toMatchObject(invalidTarget);
    const byScope = { ...subject(access_token), scope: `read audience:server:client_id:${orders.id}` };
    expect(await world.exchange(byScope, front)).toMatchObject(invalidTarget);
    const id = { ...subject(access_token), requested_token_type: TYPES.id };
    expect(await world.exchange(id, front)).toMatchObject(invalidTarget);
  });

  test("is exchanged by the resource's own client for one that names that client, on and on (TX-1)", async () => {
    const signedIn = await tokenFor(ORDERS, "openid read write");
    const first = await world.exchange({ ...subject(signedIn.access_token), resource: STOCK }, orders);
    expect(first).toMatchObject({ status: 200, body: { scope: "read", token_type: "Bearer" } });
    expect(first.body.expires_in).toBeLessThanOrEqual(60);
    const { sub } = claimsOf(signedIn);
    expect(claimsOf(first.body)).toMatchObject({ sub, aud: STOCK, client_id: orders.id, scope: "read" });
    expect(claimsOf(first.body)).not.toHaveProperty("act");
    // By the other name for it.
    const second = await world.exchange({ ...subject(first.body.access_token), audience: LEDGER }, stock);
    expect(second).toMatchObject({ status: 200, body: { scope: "read" } });
    expect(second.body.expires_in).toBeLessThanOrEqual(60);
    expect(await world.introspect(second.body.access_token ?? "", ledger)).toMatchObject({
      ...{ active: true, sub, aud: LEDGER, client_id: stock.id, scope: "read" },
    });
  });

  test("with an actor's names who acts, and whoever acted before (TX-1, RFC 8693 §4.1)", async () => {
    const signedIn = await tokenFor(ORDERS, "openid read");
    const asked = { ...subject(signedIn.access_token), ...actor(await ownCredentials(orders)), resource: STOCK };
    const first = await world.exchange(asked, orders);
    expect(claimsOf(first.body)).toMatchObject({ act: { sub: orders.id } });
    const next = { ...subject(first.body.access_token), ...actor(await ownCredentials(stock)), resource: LEDGER };
    const second = await world.exchange(next, stock);
    expect(await world.introspect(second.body.access_token ?? "", ledger)).toMatchObject({
      act: { sub: stock.id, act: { sub: orders.id } },
    });
    // Who says nothing of an actor does not hide the one that there was.
    const silent = await world.exchange({ ...subject(first.body.access_token), resource: LEDGER }, stock);
    expect(await world.introspect(silent.body.access_token ?? "", ledger)).toMatchObject({ act: { sub: orders.id } });
  });

  test("gives its own client no more scope than it has, nor a resource that does not name the client (TX-1)", async () => {
    const { access_token } = await tokenFor(ORDERS, "openid read");
    for (const scope of ["count", "read count", "write", "openid", "offline_access"]) {
      const more = await world.exchange({ ...subject(access_token), resource: STOCK, scope }, orders);
      expect(more).toMatchObject({ status: 400, body: { error: "invalid_scope" } });
    }
    // MAIL is for every client whose person allows it: here nobody is asked.
    for (const resource of [LEDGER, MAIL, `${world.worker.issuer}/userinfo`]) {
      expect(await world.exchange({ ...subject(access_token), resource }, orders)).toMatchObject(invalidTarget);
    }
    expect(await world.exchange({ ...subject(access_token), audience: orders.id }, orders)).toMatchObject(
      invalidTarget,
    );
    const id = { ...subject(access_token), requested_token_type: TYPES.id };
    expect((await world.exchange(id, orders)).status).toBe(400);
    const twoJwts: [string, string][] = [
      ...Object.entries(subject(access_token)),
      ...[ORDERS, STOCK].map((one): [string, string] => ["resource", one]),
    ];
    expect(await world.exchange(twoJwts, orders)).toMatchObject(invalidTarget);
  });

  test("is nothing to a client that it was not made for, whatever that may have (TX-1)", async () => {
    const { access_token } = await tokenFor(ORDERS, "openid read");
    for (const [client, resource] of [
      [stock, LEDGER],
      [stock, ORDERS],
      [world.exchanger, STOCK],
    ] as const) {
      const refused = await world.exchange({ ...subject(access_token), resource }, client);
      expect(refused).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    }
  });

  test("hands on the authorization details of the same resource, or less, and none elsewhere (TX-1, RFC 9396 §7)", async () => {
    const details = (...all: readonly unknown[]) => ({ authorization_details: JSON.stringify(all) });
    const { access_token } = await tokenFor(ORDERS, "openid read", details(PAYMENT, OTHER));
    const same = await world.exchange(subject(access_token), front);
    expect(same.body).toMatchObject(expectedDetails(PAYMENT, OTHER));
    const less = await world.exchange({ ...subject(access_token), ...details(OTHER) }, front);
    expect(claimsOf(less.body)).toMatchObject(expectedDetails(OTHER));
    const again = await world.exchange({ ...subject(less.body.access_token), ...details(PAYMENT) }, front);
    expect(again).toMatchObject({ status: 400, body: { error: "invalid_authorization_details" } });
    const elsewhere = await world.exchange({ ...subject(access_token), resource: STOCK }, orders);
    expect(elsewhere.body).not.toHaveProperty("authorization_details");
    expect(claimsOf(elsewhere.body)).not.toHaveProperty("authorization_details");
    const richer = { ...subject(access_token), ...details({ ...PAYMENT, creditor: "Eve" }) };
    expect((await world.exchange(richer, front)).body.error).toBe("invalid_authorization_details");
  });

  test("ends what came of it with itself (TX-1, REV-1)", async () => {
    const signedIn = await tokenFor(ORDERS, "openid read");
    const first = await world.exchange({ ...subject(signedIn.access_token), resource: STOCK }, orders);
    const second = await world.exchange({ ...subject(first.body.access_token), resource: LEDGER }, stock);
    const isActive = async () => (await world.introspect(second.body.access_token ?? "", ledger)).active;
    expect(await isActive()).toBe(true);
    await world.revoke(signedIn.access_token ?? "", front);
    expect(await isActive()).toBe(false);
    const late = await world.exchange({ ...subject(first.body.access_token), resource: LEDGER }, stock);
    expect(late).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  });
});

const expectedDetails = (...all: readonly unknown[]) => ({ authorization_details: all });

describe("a token for ourselves", () => {
  test("is exchanged for a resource by a client of its audience that the resource names (TX-1)", async () => {
    const { access_token } = await world.ownToken(front, `openid email audience:server:client_id:${orders.id}`);
    const { status, body } = await world.exchange({ ...subject(access_token), resource: STOCK }, orders);
    expect(status).toBe(200);
    expect(claimsOf(body)).toMatchObject({ aud: STOCK, client_id: orders.id });
    expect(claimsOf(body)).not.toHaveProperty("scope");
    expect(await world.exchange({ ...subject(access_token), resource: LEDGER }, orders)).toMatchObject(invalidTarget);
    // Its own client was asked for by nobody, and asks the person.
    expect(await world.exchange({ ...subject(access_token), resource: STOCK }, front)).toMatchObject(invalidTarget);
  });

  test("is for resources or for clients, one at a time", async () => {
    const { access_token } = await world.ownToken(front, `openid audience:server:client_id:${orders.id}`);
    const both = { ...subject(access_token), resource: STOCK, audience: front.id };
    expect(await world.exchange(both, orders)).toMatchObject(invalidTarget);
    const ourselves = { ...subject(access_token), resource: `${world.worker.issuer}/userinfo` };
    expect((await world.exchange(ourselves, front)).body).toMatchObject({ issued_token_type: TYPES.access });
  });
});

describe("a token of a connector's issuer", () => {
  beforeAll(() => world.addGrace());
  const asked = async (more: Readonly<Record<string, string>>) => ({
    ...{ connector_id: "corp", subject_token: await world.upstreamToken(), subject_token_type: TYPES.id },
    ...more,
  });

  test("becomes one for a resource that names the client, with scopes of it that are asked for (TX-1)", async () => {
    const { status, body } = await world.exchange(await asked({ resource: STOCK, scope: "count" }));
    expect({ status, ...body }).toMatchObject({ status: 200, scope: "count" });
    const claims = claimsOf(body);
    expect(claims).toMatchObject({ aud: STOCK, scope: "count", client_id: world.exchanger.id });
    // Nobody says when she signed in.
    expect(claims).not.toHaveProperty("auth_time");
    expect(await world.introspect(body.access_token ?? "", stock)).toMatchObject({ active: true, aud: STOCK });
    const none = await world.exchange(await asked({ audience: STOCK }));
    expect(none.body).not.toHaveProperty("scope");
  });

  test("becomes none for another, nor with what that one does not have", async () => {
    for (const resource of [ORDERS, LEDGER, MAIL, "/relative", "https://stock.example/#here"]) {
      expect(await world.exchange(await asked({ resource }))).toMatchObject(invalidTarget);
    }
    for (const scope of ["write", "openid", "count offline_access"]) {
      const refused = await world.exchange(await asked({ resource: STOCK, scope }));
      expect(refused).toMatchObject({ status: 400, body: { error: "invalid_scope" } });
    }
    const details = { authorization_details: JSON.stringify([PAYMENT]) };
    expect((await world.exchange(await asked({ resource: STOCK, ...details }))).body.error).toBe(
      "invalid_authorization_details",
    );
  });
});
