// Every secret of the grants without a browser of the client, and of what proves and binds, is looked for in every log, at debug
// level: log-canaries.test.ts does so for a sign-in.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { finishSignIn, openAdminApi, openFormBrowser, queryDatabase } from "@dex/testing";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, expect, inject, test, vi } from "vitest";
import { at, basic, type FleetClient, type Members } from "./fleet-requests.ts";
import { findLeaks } from "./log-leaks.ts";

const { facts, workerOrigins, logDirectory } = inject("sharedFleet");
const REDIRECT_URI = "http://127.0.0.1:9/log-canaries";
const TYPES = {
  ciba: "urn:openid:params:grant-type:ciba",
  device: "urn:ietf:params:oauth:grant-type:device_code",
  exchange: "urn:ietf:params:oauth:grant-type:token-exchange",
  jwtBearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  assertion: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  accessToken: "urn:ietf:params:oauth:token-type:access_token",
};
const CI = { issuer: "urn:example:ci-of-canaries", audience: "urn:example:deploy", subject: "pipeline" };

type Form = Readonly<Record<string, string>>;

let plain: FleetClient;
let signing: FleetClient;
const person = { email: `${randomUUID()}@canaries.example`, password: randomBytes(15).toString("base64url") };
const key = await generateKeyPair("ES256", { extractable: true });
const jwk = await exportJWK(key.publicKey);
const privateJwk = await exportJWK(key.privateKey);

beforeAll(async () => {
  const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
  const { ciba, device, exchange, jwtBearer } = TYPES;
  const grantTypes = ["authorization_code", "refresh_token", "password", ciba, device, exchange, jwtBearer];
  const jwks = { keys: [{ ...jwk, kid: "one", alg: "ES256" }] };
  const ping = {
    backchannel_token_delivery_mode: "ping",
    backchannel_client_notification_endpoint: "http://127.0.0.1:9/nobody",
  };
  const trusted = { issuer: CI.issuer, audiences: [CI.audience], subject: CI.subject, jwks };
  const shape = { clientName: "Canaries", redirectURIs: [REDIRECT_URI], trusted: true, grantTypes };
  [plain, signing] = await Promise.all([
    admin.createClient({ ...shape, details: { jwks, ...ping, trusted_issuers: [trusted] } }),
    admin.createClient({ ...shape, details: { jwks, token_endpoint_auth_method: "private_key_jwt" } }),
  ]);
  await admin.createAdmin(person.email, person.password);
  const confirm = "UPDATE app_user SET email_verified = true WHERE email = $1";
  await queryDatabase(facts.databaseUrl, confirm, [person.email]);
  const ask = (origin: string) =>
    fetch(at(origin, "/introspect"), {
      method: "POST",
      headers: basic(plain),
      body: new URLSearchParams({ token: "x" }),
    });
  await vi.waitFor(
    async () =>
      expect((await Promise.all(workerOrigins.map(ask))).map(({ status }) => status)).toEqual([200, 200, 200]),
    { timeout: 10_000 },
  );
});

const sign = (claims: Members, header: Members = { kid: "one" }) =>
  new SignJWT({ jti: randomUUID(), ...claims })
    .setProtectedHeader({ alg: "ES256", ...header })
    .setIssuedAt()
    .setExpirationTime("4m")
    .sign(key.privateKey);

const proofOf = (path: string, method = "POST", accessToken?: string) => {
  const ath = accessToken === undefined ? {} : { ath: createHash("sha256").update(accessToken).digest("base64url") };
  return sign({ htm: method, htu: `${facts.issuer}${path}`, ...ath }, { typ: "dpop+jwt", jwk });
};

async function send(path: string, form: Form, headers: Form = basic(plain)) {
  const response = await fetch(`${facts.issuer}${path}`, { method: "POST", headers, body: new URLSearchParams(form) });
  const text = await response.text();
  const body = (text.startsWith("{") ? JSON.parse(text) : {}) as Readonly<Record<string, string>>;
  return { status: response.status, body, nonce: response.headers.get("dpop-nonce") ?? "" };
}

/** Sends it well, and then spoiled in each of its parameters: what is refused is what an endpoint wants to tell of. */
async function sendAndSpoil(path: string, form: Form, headers?: Form): Promise<Form> {
  const { status, body } = await send(path, form, headers);
  expect(status, JSON.stringify(body)).toBeLessThan(300);
  for (const [name, value] of Object.entries(form)) {
    await send(path, { ...form, [name]: `${value}\u0007` }, headers);
    await send(path, { ...form, [name]: `${value}canary` }, headers);
  }
  await send(path, form, {
    ...headers,
    authorization: `Basic ${Buffer.from(JSON.stringify(form)).toString("base64")}`,
  });
  return body;
}

async function signIn(url: string): Promise<string> {
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  return (await finishSignIn(browser, await browser.open(url), person)).searchParams.get("code") ?? "";
}

/** A device and a request by name, with a yes to each; every secret on the way. */
async function approvals(): Promise<Form> {
  const { body: device } = await send("/device/code", { scope: "openid" });
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const entry = await browser.open(`${facts.issuer}/device`);
  await browser.submit(entry, { user_code: `${device.user_code}X` }, { formId: "device-form" });
  let page = await browser.submit(entry, { user_code: device.user_code ?? "" }, { formId: "device-form" });
  page = await browser.submit(page, { login: person.email, password: person.password }, { formId: "login-form" });
  await browser.submit(page, { decision: "approve" }, { formId: "device-approval-form" });
  await browser.open(device.verification_uri_complete ?? "");
  const form = { grant_type: TYPES.device, device_code: device.device_code ?? "" };
  const tokens = await sendAndSpoil("/token", form);

  const notificationToken = randomBytes(32).toString("base64url");
  const message = "canary-message-97531";
  const hint = { login_hint: person.email, client_notification_token: notificationToken, binding_message: message };
  const { body: asked } = await send("/bc-authorize", { scope: "openid", ...hint });
  await send("/bc-authorize", { scope: "openid", ...hint, client_notification_token: `${notificationToken}\u0007` });
  const sql = "SELECT request_id FROM device_request WHERE client_id = $1 AND request_id IS NOT NULL";
  const [row] = await queryDatabase(facts.databaseUrl, sql, [plain.id]);
  const question = await browser.open(`${facts.issuer}/backchannel?request=${row?.request_id}`);
  await browser.submit(question, { decision: "approve" }, { formId: "backchannel-approval-form" });
  const byName = await sendAndSpoil("/token", { grant_type: TYPES.ciba, auth_req_id: asked.auth_req_id ?? "" });
  // The delivery has tried to tell the client, and failed.
  await vi.waitFor(
    async () => {
      const tried =
        "SELECT attempts FROM outbox WHERE client_id = $1 AND payload IS NOT NULL AND last_error IS NOT NULL";
      expect(await queryDatabase(facts.databaseUrl, tried, [plain.id])).toHaveLength(1);
    },
    { timeout: 20_000 },
  );
  return {
    ...{ "user code": device.user_code ?? "", "device code": device.device_code ?? "" },
    ...{ auth_req_id: asked.auth_req_id ?? "", "notification token": notificationToken, "binding message": message },
    ...{ "access token of a device": tokens.access_token ?? "", "access token by name": byName.access_token ?? "" },
  };
}

/** What a client signs, and what it gets for it. */
async function signed(): Promise<Form> {
  const query = { client_id: plain.id, redirect_uri: REDIRECT_URI, response_type: "code", scope: "openid" };
  const request = await sign(
    { iss: plain.id, aud: facts.issuer, ...query },
    { kid: "one", typ: "oauth-authz-req+jwt" },
  );
  const { request_uri: pushed = "" } = await sendAndSpoil("/par", { client_id: plain.id, request });
  const wrong = new URLSearchParams({ ...query, request_uri: `${pushed}canary` });
  await fetch(`${facts.issuer}/auth?${wrong}`, { redirect: "manual" });
  await fetch(`${facts.issuer}/auth?${new URLSearchParams({ ...query, request: `${request}canary` })}`, {
    redirect: "manual",
  });
  const code = await signIn(
    `${facts.issuer}/auth?${new URLSearchParams({ client_id: plain.id, request_uri: pushed })}`,
  );
  const client_assertion = await sign({ iss: signing.id, sub: signing.id, aud: facts.issuer });
  const asserting = { client_assertion_type: TYPES.assertion, client_assertion };
  await sendAndSpoil("/par", { ...query, client_id: signing.id, ...asserting }, {});
  const assertion = await sign({ iss: CI.issuer, sub: CI.subject, aud: CI.audience });
  const granted = await sendAndSpoil("/token", { grant_type: TYPES.jwtBearer, assertion });
  return {
    ...{ "request object": request, request_uri: pushed, code, "client assertion": client_assertion, assertion },
    "access token for an assertion": granted.access_token ?? "",
  };
}

/** Tokens that are bound to a key, by a password; what they are exchanged for, and where they are shown. */
async function boundAndExchanged(): Promise<Form> {
  const password = { grant_type: "password", username: person.email, password: person.password };
  const scope = "openid offline_access";
  const proof = await proofOf("/token");
  const { body: bound, nonce } = await send("/token", { ...password, scope }, { ...basic(plain), dpop: proof });
  await send("/token", { ...password, scope }, { ...basic(plain), dpop: proof });
  await send("/token", { ...password, scope }, { ...basic(plain), dpop: `${proof}canary` });
  const accessToken = bound.access_token ?? "";
  const shown = await proofOf("/userinfo", "GET", accessToken);
  for (const dpop of [shown, shown, `${shown}canary`]) {
    await fetch(`${facts.issuer}/userinfo`, { headers: { authorization: `DPoP ${accessToken}`, dpop } });
  }
  await fetch(`${facts.issuer}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } });
  const bearer = await sendAndSpoil("/token", { ...password, scope: "openid" });
  const other = await sendAndSpoil("/token", { ...password, scope: "openid" });
  const exchanged = await sendAndSpoil("/token", {
    ...{ grant_type: TYPES.exchange, subject_token: bearer.access_token ?? "", subject_token_type: TYPES.accessToken },
  });
  await send("/token", {
    ...{ grant_type: TYPES.exchange, subject_token: bearer.access_token ?? "", subject_token_type: TYPES.accessToken },
    ...{ actor_token: other.access_token ?? "", actor_token_type: TYPES.accessToken },
  });
  await sendAndSpoil("/introspect", { token: accessToken });
  await sendAndSpoil("/revoke", { token: bound.refresh_token ?? "" });
  return {
    ...{ "a proof": proof, "another proof": shown, "bound access token": accessToken },
    ...(nonce === "" ? {} : { "nonce of proofs": nonce }),
    "bound refresh token": bound.refresh_token ?? "",
    ...{ "subject token": bearer.access_token ?? "", "actor token": other.access_token ?? "" },
    ...{ "exchanged token": exchanged.access_token ?? "", "ID token of a password": bearer.id_token ?? "" },
  };
}

test("no secret of any grant, proof or approval appears in the log of any process (LOG-1)", async () => {
  const canaries: Form = {
    ...{ password: person.password, "client secret": plain.secret, "private key": privateJwk.d ?? "" },
    ...(await approvals()),
    ...(await signed()),
    ...(await boundAndExchanged()),
  };
  for (const [name, value] of Object.entries(canaries)) expect(value.length, name).toBeGreaterThan(8);
  const { "user code": userCode = "", ...rest } = canaries;
  const compact = { "user code": userCode, "user code without its hyphen": userCode.replace("-", "") };
  expect(findLeaks(logDirectory, { ...rest, ...compact })).toEqual([]);
});
