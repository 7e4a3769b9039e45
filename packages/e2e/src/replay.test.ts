// What is good for one use is used by one, also where the same request reaches three workers at the same moment. Codes and
// refresh tokens are in races.test.ts, logout tokens of upstreams in logout-tokens.test.ts.
import { createHmac } from "node:crypto";
import {
  type FormBrowser,
  finishSignIn,
  openAdminApi,
  openFormBrowser,
  queryDatabase,
  signInWithForms,
} from "@dex/testing";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, expect, inject, test, vi } from "vitest";
import { type Answer, at, basic, type FleetClient, knowClients, type Members, post, replay } from "./fleet-requests.ts";

const { facts, workerOrigins } = inject("sharedFleet");
const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
const REDIRECT_URI = "http://127.0.0.1:9/replay";

interface ClientKey {
  readonly jwk: JWK;
  readonly jkt: string;
  sign(claims: Members, header?: Members): Promise<string>;
}

async function makeKey(): Promise<ClientKey> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "one" };
  return {
    jwk,
    jkt: await calculateJwkThumbprint(jwk),
    sign: (claims, header = { kid: "one" }) =>
      new SignJWT(claims).setProtectedHeader({ alg: "ES256", ...header }).sign(privateKey),
  };
}

let key: ClientKey;
let signing: FleetClient;
let macs: FleetClient;
let plain: FleetClient;
let device: FleetClient;
let caller: FleetClient;
let signingCaller: FleetClient;
beforeAll(async () => {
  key = await makeKey();
  const make = (clientName: string, more: object) =>
    admin.createClient({ clientName, redirectURIs: [REDIRECT_URI], trusted: true, ...more });
  const jwks = { keys: [key.jwk] };
  [plain, signing, macs, device, caller, signingCaller] = await Promise.all([
    make("Has a secret", {}),
    make("Signs", { details: { jwks, token_endpoint_auth_method: "private_key_jwt" } }),
    make("Makes MACs", { details: { token_endpoint_auth_method: "client_secret_jwt" } }),
    make("Television", { public: true, trusted: false, redirectURIs: [], grantTypes: [DEVICE_CODE] }),
    make("Call centre", { redirectURIs: [], grantTypes: [CIBA] }),
    make("Call centre that signs", {
      ...{ redirectURIs: [], grantTypes: [CIBA] },
      details: { jwks, backchannel_authentication_request_signing_alg: "ES256" },
    }),
  ]);
  // Each worker sees new clients within two seconds.
  const known = async () => {
    const pages = workerOrigins.flatMap((origin) => [signing, macs].map(({ id }) => [origin, id] as const));
    return Promise.all(
      pages.map(async ([origin, id]) => (await fetch(at(origin, `/auth?${authorization(id)}`), NO_REDIRECT)).status),
    );
  };
  await vi.waitFor(async () => expect(new Set(await known())).toEqual(new Set([303])), { timeout: 10_000 });
  const others = [plain, device, caller, signingCaller];
  await vi.waitFor(async () => expect(new Set(await knowClients(others))).toEqual(new Set([true])), {
    timeout: 10_000,
  });
});

const CIBA = "urn:openid:params:grant-type:ciba";
const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const NO_REDIRECT = { redirect: "manual" } as const;
const authorization = (id: string, more: Readonly<Record<string, string>> = {}) =>
  new URLSearchParams({
    ...{ client_id: id, redirect_uri: REDIRECT_URI, response_type: "code", scope: "openid" },
    ...more,
  });

/** One is answered with `status`, and the others, then and later, are told `error`. */
function expectOnce({ atOnce, later }: { atOnce: Answer[]; later: Answer[] }, error: string, status = 200): void {
  expect(atOnce.filter((one) => one.status === status)).toHaveLength(1);
  const refused = [...atOnce.filter((one) => one.status !== status), ...later];
  expect(refused.map(({ body }) => body.error)).toEqual(refused.map(() => error));
  expect(refused.every((one) => one.status === 400 || one.status === 401)).toBe(true);
}

const seconds = () => Math.floor(Date.now() / 1000);
const assertionClaims = ({ id }: FleetClient): Members => ({
  ...{ iss: id, sub: id, aud: facts.issuer, iat: seconds(), exp: seconds() + 60, jti: crypto.randomUUID() },
});
const assertionForm = (assertion: string): Members => ({
  grant_type: "client_credentials",
  client_assertion_type: JWT_BEARER,
  client_assertion: assertion,
});
/** A browser that has signed in, so that a request is answered without a page. */
async function signedIn(client: FleetClient): Promise<FormBrowser> {
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  await signInWithForms(browser, `${facts.issuer}/auth?${authorization(client.id)}`, facts.user);
  return browser;
}

/** Opens an address of the authorization endpoint at a worker, with the cookies of `browser`, and says what came of it. */
async function open(browser: FormBrowser, origin: string, query: URLSearchParams): Promise<Answer> {
  const response = await browser.request(at(origin, `/auth?${query}`));
  await response.body?.cancel();
  const to = URL.parse(response.headers.get("location") ?? "", facts.issuer);
  return { status: response.status, body: Object.fromEntries(to?.searchParams ?? []) };
}

test("of twelve equal client assertions made with a key one is accepted (TOK-10, RFC 7523 §3)", async () => {
  const form = assertionForm(await key.sign(assertionClaims(signing)));
  expectOnce(await replay((origin) => post(origin, "/token", form)), "invalid_client");
});

test("of twelve equal client assertions made with a secret one is accepted (TOK-10, RFC 7523 §3)", async () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode({ alg: "HS256" })}.${encode(assertionClaims(macs))}`;
  const form = assertionForm(`${text}.${createHmac("sha256", macs.secret).update(text).digest("base64url")}`);
  expectOnce(await replay((origin) => post(origin, "/token", form)), "invalid_client");
});

test("of twelve equal token requests with one DPoP proof one is answered (RFC 9449 §11.1)", async () => {
  const claims = { jti: crypto.randomUUID(), iat: seconds(), htm: "POST", htu: `${facts.issuer}/token` };
  const { kid: _, ...jwk } = key.jwk;
  const proof = await key.sign(claims, { typ: "dpop+jwt", jwk });
  const form = { grant_type: "client_credentials" };
  const answers = await replay((origin) => post(origin, "/token", form, { ...basic(plain), dpop: proof }));
  expectOnce(answers, "invalid_dpop_proof");
});

test("a device code that was approved is good for one of twelve polls (RFC 8628 §3.5)", async () => {
  const [origin = ""] = workerOrigins;
  const asked = await post(origin, "/device/code", { client_id: device.id, scope: "openid" });
  const { device_code, verification_uri_complete } = asked.body as Readonly<Record<string, string>>;
  const browser = openFormBrowser();
  let page = await browser.open(verification_uri_complete ?? "");
  page = await browser.submit(page, {}, { formId: "device-form" });
  while (!/id="device-approval-form"/.test(page.text)) {
    const fields = { login: facts.user.email, password: facts.user.password };
    page = await browser.submit(page, fields, { formId: "login-form" });
  }
  await browser.submit(page, { decision: "approve" }, { formId: "device-approval-form" });
  const form = { grant_type: DEVICE_CODE, client_id: device.id, device_code };
  expectOnce(await replay((worker) => post(worker, "/token", form)), "invalid_grant");
});

/** Somebody whom a client may ask for by name: with an address that was verified. */
async function addPerson(): Promise<{ email: string; password: string }> {
  const person = { email: `${crypto.randomUUID()}@replay.example`, password: crypto.randomUUID() };
  await admin.createAdmin(person.email, person.password);
  const sql = "UPDATE app_user SET email_verified = true WHERE email = $1";
  await queryDatabase(facts.databaseUrl, sql, [person.email]);
  return person;
}

test.each([1, 2, 3])(
  "a CIBA request that was approved is good for one of twelve polls (CIBA Core §11), round %i",
  async () => {
    const [origin = ""] = workerOrigins;
    const person = await addPerson();
    const asked = { scope: "openid", login_hint: person.email };
    const { status, body } = await post(origin, "/bc-authorize", asked, basic(caller));
    expect(status).toBe(200);
    const sql = "SELECT request_id FROM device_request WHERE client_id = $1 ORDER BY created_at DESC LIMIT 1";
    const [row] = await queryDatabase(facts.databaseUrl, sql, [caller.id]);
    const browser = openFormBrowser();
    const login = await browser.open(`${facts.issuer}/backchannel?request=${String(row?.request_id)}`);
    const fields = { login: person.email, password: person.password };
    const page = await browser.submit(login, fields, { formId: "login-form" });
    await browser.submit(page, { decision: "approve" }, { formId: "backchannel-approval-form" });
    const form = { grant_type: CIBA, auth_req_id: body.auth_req_id };
    expectOnce(await replay((worker) => post(worker, "/token", form, basic(caller))), "invalid_grant");
  },
);

test.each([1, 2, 3])("of twelve equal signed CIBA requests one is taken (CIBA Core §7.1.1), round %i", async () => {
  const asked = { scope: "openid", login_hint: (await addPerson()).email };
  const times = { iat: seconds(), nbf: seconds(), exp: seconds() + 300 };
  const claims = { iss: signingCaller.id, aud: facts.issuer, jti: crypto.randomUUID(), ...times, ...asked };
  const form = { request: await key.sign(claims) };
  const answers = await replay((worker) => post(worker, "/bc-authorize", form, basic(signingCaller)));
  expectOnce(answers, "invalid_request");
});

test("a pushed request that twelve browser tabs open yields one code (PAR-1, RFC 9126 §4)", async () => {
  const browser = await signedIn(plain);
  const [origin = ""] = workerOrigins;
  const form = Object.fromEntries(authorization(plain.id, { prompt: "none" }));
  const pushed = await post(origin, "/par", form, basic(plain));
  const query = new URLSearchParams({ client_id: plain.id, request_uri: String(pushed.body.request_uri) });
  const { atOnce, later } = await replay((worker) => open(browser, worker, query));
  expect(atOnce.filter(({ body }) => body.code !== undefined)).toHaveLength(1);
  const refused = [...atOnce.filter(({ body }) => body.code === undefined), ...later];
  expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 400));
});

const objectClaims = (more: Members = {}): Members => ({
  ...{ iss: signing.id, aud: facts.issuer, iat: seconds(), exp: seconds() + 300, jti: crypto.randomUUID() },
  ...{ ...Object.fromEntries(authorization(signing.id)), nonce: crypto.randomUUID(), prompt: "none", ...more },
});

const namedBy = [
  { by: "a jti", claims: { state: "s" } },
  { by: "what was signed, where it expires and has no jti", claims: { state: "s", jti: undefined } },
];
test.each(namedBy)(
  "a signed request object that twelve browser tabs open yields one code, known by $by (RFC 9101 §4, RFC 7519 §4.1.7)",
  async ({ claims }) => {
    const browser = await signedIn(signing);
    const query = authorization(signing.id, { request: await key.sign(objectClaims(claims)) });
    const { atOnce, later } = await replay((worker) => open(browser, worker, query));
    expect(atOnce.filter(({ body }) => body.code !== undefined)).toHaveLength(1);
    // Who comes after the answer is told so, and who was on the way at the same moment stays on a page of ours.
    for (const { status, body } of atOnce.filter((one) => one.body.code === undefined)) {
      expect([status, body.error]).toBeOneOf([
        [400, undefined],
        [303, "invalid_request_object"],
      ]);
    }
    expect(later.map(({ body }) => body.error)).toEqual(later.map(() => "invalid_request_object"));
  },
);

test.each(namedBy)(
  "pushed as often, the same request object still yields one code, known by $by",
  async ({ claims }) => {
    const browser = await signedIn(signing);
    const request = await key.sign(objectClaims(claims));
    const codes: string[] = [];
    for (const origin of workerOrigins) {
      const form = { ...assertionForm(await key.sign(assertionClaims(signing))), client_id: signing.id, request };
      const { status, body } = await post(origin, "/par", form);
      if (status !== 201) expect(body.error).toBe("invalid_request_object");
      const query = new URLSearchParams({ client_id: signing.id, request_uri: String(body.request_uri) });
      const { code } = (await open(browser, origin, query)).body;
      if (typeof code === "string") codes.push(code);
    }
    expect(codes).toHaveLength(1);
  },
);

test("one with neither jti nor exp, and those that nobody has answered yet, can be opened again", async () => {
  const browser = await signedIn(signing);
  const standing = objectClaims({ jti: undefined, exp: undefined });
  const again = authorization(signing.id, { request: await key.sign(standing) });
  for (const origin of workerOrigins) expect((await open(browser, origin, again)).body.code).toBeTypeOf("string");
  for (const { claims } of namedBy) {
    const once = authorization(signing.id, { request: await key.sign(objectClaims({ ...claims, prompt: undefined })) });
    const stranger = openFormBrowser({ stopAt: [REDIRECT_URI] });
    await stranger.open(`${facts.issuer}/auth?${once}`);
    const page = await stranger.open(`${facts.issuer}/auth?${once}`);
    expect((await finishSignIn(stranger, page, facts.user)).searchParams.get("code")).toBeTypeOf("string");
  }
});
