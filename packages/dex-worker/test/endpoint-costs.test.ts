// What each endpoint costs: statements that the database runs, each of them one round trip, and signatures. The budget of sign-ins
// and of the requests after them, for what clients ask without a browser.
import { queryDatabase } from "@dex/testing";
import { SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { CIBA_GRANT, makeBackchannelWorld } from "./backchannel-world.ts";
import { DEVICE_CODE_GRANT, makeDeviceWorld } from "./device-world.ts";
import { type Key, makeDpopRequests, makeKey } from "./dpop-world.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CI = { issuer: "urn:example:ci", audience: "urn:example:deploy", subject: "pipeline" };
const GRANTS = ["authorization_code", "refresh_token", "client_credentials", "password", CIBA_GRANT];

let worker: TestWorker;
let key: Key;
/** With a secret, and every grant. */
let secret: TestClient;
/** With assertions that it signs. */
let signing: TestClient;
let devices: ReturnType<typeof makeDeviceWorld>;
let callers: ReturnType<typeof makeBackchannelWorld>;
let requests: ReturnType<typeof makeDpopRequests>;
beforeAll(async () => {
  worker = await openTestWorker(["--password-grant-connectors=local"]);
  [devices, callers, requests] = [makeDeviceWorld(worker), makeBackchannelWorld(worker), makeDpopRequests(worker)];
  key = await makeKey();
  const jwks = { keys: [{ ...key.jwk, kid: "one", alg: "ES256", use: "sig" }] };
  const trusted = { issuer: CI.issuer, audiences: [CI.audience], subject: CI.subject, jwks };
  const grantTypes = [...GRANTS, DEVICE_CODE_GRANT, TOKEN_EXCHANGE, JWT_BEARER];
  const [once, again] = [trusted, { ...trusted, issuer: `${CI.issuer}:again`, reusable: true }];
  secret = await worker.addClient({ trusted: true, grantTypes, details: { trusted_issuers: [once, again] } });
  const details = { jwks, token_endpoint_auth_method: "private_key_jwt" };
  signing = await worker.addClient({ trusted: true, grantTypes, details });
});
afterAll(() => worker.close());
// Nobody is asked more than a few times in ten minutes.
beforeEach(() => queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count"));

type Form = Readonly<Record<string, string>>;
/** A request, ready to be sent: whatever it takes has been made. */
type Request = () => Promise<{ readonly status: number }>;

function post(path: string, form: Form, client: TestClient = secret, proofs: readonly string[] = []): Request {
  return () =>
    requests.post(
      client === signing ? { ...form, client_id: signing.id } : form,
      proofs,
      client,
      `${worker.issuer}${path}`,
    );
}

async function revoking(token: string): Promise<Request> {
  const headers = { Authorization: `Basic ${Buffer.from(`${secret.id}:${secret.secret}`).toString("base64")}` };
  return () => fetch(`${worker.issuer}/revoke`, { method: "POST", headers, body: new URLSearchParams({ token }) });
}

function sign(claims: Form): Promise<string> {
  const jwt = new SignJWT({ ...claims, jti: crypto.randomUUID() }).setIssuedAt().setExpirationTime("5m");
  return jwt.setProtectedHeader({ alg: "ES256", kid: "one" }).sign(key.privateKey);
}
const asserting = async () => ({
  client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  client_assertion: await sign({ iss: signing.id, sub: signing.id, aud: worker.issuer }),
});
const bearing = async (issuer: string) => ({
  grant_type: JWT_BEARER,
  assertion: await sign({ iss: issuer, sub: CI.subject, aud: CI.audience }),
});

async function redeeming(client = secret): Promise<Form> {
  const code = await requests.codeFor(client);
  return { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
}
const tokens = async () => (await requests.post(await redeeming(), [], secret)).body;
const asked = () => ({ client_id: secret.id, redirect_uri: REDIRECT_URI, response_type: "code", scope: "openid" });

async function pushed(who: "stranger" | "signed in"): Promise<Request> {
  const browser = worker.browser();
  if (who === "signed in") await worker.signIn(browser, { client_id: secret.id });
  const { body } = await requests.post(asked(), [], secret, `${worker.issuer}/par`);
  const query = new URLSearchParams({ client_id: secret.id, request_uri: body.request_uri });
  return () => browser.request(`${worker.issuer}/auth?${query}`);
}

async function deviceForm(decision?: "approve"): Promise<Form> {
  const { device_code, user_code } = await devices.askWell(secret, { scope: "openid email" });
  const browser = worker.browser();
  if (decision !== undefined) await devices.answer(browser, await devices.enterAndSignIn(browser, user_code), decision);
  return { grant_type: DEVICE_CODE_GRANT, device_code };
}

async function cibaForm(decision?: "approve"): Promise<Form> {
  const auth_req_id = await callers.askWell(secret);
  if (decision !== undefined) await callers.decide(decision);
  return { grant_type: CIBA_GRANT, auth_req_id };
}

const exchanging = async (more: Form = {}) => ({
  ...{ grant_type: TOKEN_EXCHANGE, subject_token: (await tokens()).access_token, subject_token_type: ACCESS_TOKEN },
  ...more,
});
const credentials = { grant_type: "client_credentials" };
const SPEND = "usedOnce.use";
const SPEND_BOTH = "usedOnce.useBoth";

const costs: readonly {
  readonly what: string;
  readonly prepare: () => Promise<Request>;
  readonly status?: number;
  readonly statements: readonly string[];
  readonly signatures: number;
}[] = [
  {
    what: "client credentials",
    prepare: async () => post("/token", credentials),
    ...{ statements: [], signatures: 1 },
  },
  {
    what: "client credentials, with an assertion",
    prepare: async () => post("/token", { ...credentials, ...(await asserting()) }, signing),
    ...{ statements: [SPEND], signatures: 1 },
  },
  {
    what: "client credentials, with a DPoP proof",
    prepare: async () => post("/token", credentials, secret, [await requests.prove(key)]),
    ...{ statements: [SPEND], signatures: 1 },
  },
  {
    what: "a code",
    prepare: async () => post("/token", await redeeming()),
    ...{ statements: ["code.redeem"], signatures: 1 },
  },
  {
    what: "a code, with a DPoP proof",
    prepare: async () => post("/token", await redeeming(), secret, [await requests.prove(key)]),
    ...{ statements: [SPEND, "code.redeem"], signatures: 1 },
  },
  {
    what: "a code, with an assertion and a DPoP proof",
    prepare: async () => {
      const form = { ...(await redeeming(signing)), ...(await asserting()) };
      return post("/token", form, signing, [await requests.prove(key)]);
    },
    ...{ statements: [SPEND_BOTH, "code.redeem"], signatures: 1 },
  },
  {
    what: "a refresh token",
    prepare: async () => post("/token", { grant_type: "refresh_token", refresh_token: (await tokens()).refresh_token }),
    ...{ statements: ["family.rotate"], signatures: 1 },
  },
  {
    what: "a password",
    prepare: async () => {
      const form = { username: PERSON.email, password: PERSON.password, scope: "openid" };
      return post("/token", { grant_type: "password", ...form });
    },
    ...{ statements: ["password.beginAttempt", "user.findByIdentity", "directGrant.open"], signatures: 1 },
  },
  {
    what: "a device that begins",
    prepare: async () => post("/device/code", { scope: "openid" }),
    ...{ statements: ["device.create"], signatures: 0 },
  },
  {
    what: "a device that waits",
    prepare: async () => post("/token", await deviceForm()),
    ...{ status: 400, statements: ["device.poll"], signatures: 0 },
  },
  {
    // Two, since a device asks many times before it is let in: one statement for both costs each of them half as much again.
    what: "a device that was let in",
    prepare: async () => post("/token", await deviceForm("approve")),
    ...{ statements: ["device.poll", "device.redeem"], signatures: 1 },
  },
  {
    what: "asking for a person by name",
    prepare: async () => post("/bc-authorize", { scope: "openid", login_hint: PERSON.email }),
    ...{ statements: ["backchannel.create"], signatures: 0 },
  },
  {
    what: "waiting for a person",
    prepare: async () => post("/token", await cibaForm()),
    ...{ status: 400, statements: ["device.poll"], signatures: 0 },
  },
  {
    what: "a person who said yes",
    prepare: async () => post("/token", await cibaForm("approve")),
    ...{ statements: ["device.poll", "device.redeem"], signatures: 1 },
  },
  {
    // What a token is exchanged for depends on what it is, which only the first tells.
    what: "the exchange of an access token",
    prepare: async () => post("/token", await exchanging()),
    ...{ statements: ["family.findLive", "directGrant.open"], signatures: 0 },
  },
  {
    what: "the exchange for an ID token",
    prepare: async () => {
      return post("/token", await exchanging({ requested_token_type: "urn:ietf:params:oauth:token-type:id_token" }));
    },
    ...{ statements: ["family.findLive", "directGrant.open"], signatures: 1 },
  },
  {
    what: "a JWT of a trusted issuer",
    prepare: async () => post("/token", await bearing(CI.issuer)),
    ...{ statements: [SPEND], signatures: 1 },
  },
  {
    what: "a JWT of a trusted issuer that may be used again",
    prepare: async () => post("/token", await bearing(`${CI.issuer}:again`)),
    ...{ statements: [], signatures: 1 },
  },
  {
    what: "a pushed request",
    prepare: async () => post("/par", asked()),
    ...{ status: 201, statements: [], signatures: 0 },
  },
  {
    what: "a pushed request, with an assertion",
    prepare: async () => post("/par", { ...asked(), client_id: signing.id, ...(await asserting()) }, signing),
    ...{ status: 201, statements: [SPEND], signatures: 0 },
  },
  {
    what: "a pushed request, with an assertion and a DPoP proof",
    prepare: async () => {
      const form = { ...asked(), client_id: signing.id, ...(await asserting()) };
      return post("/par", form, signing, [await requests.prove(key, { claims: { htu: `${worker.issuer}/par` } })]);
    },
    ...{ status: 201, statements: [SPEND_BOTH], signatures: 0 },
  },
  {
    what: "/auth with a pushed request and a session",
    prepare: () => pushed("signed in"),
    ...{ status: 303, statements: ["session.find", "signIn.issueCode"], signatures: 0 },
  },
  {
    what: "/auth with a pushed request and no session",
    prepare: () => pushed("stranger"),
    ...{ status: 303, statements: [], signatures: 0 },
  },
  {
    what: "introspection of an access token",
    prepare: async () => post("/introspect", { token: (await tokens()).access_token }),
    ...{ statements: ["family.findLive"], signatures: 0 },
  },
  {
    what: "introspection of a refresh token",
    prepare: async () => post("/introspect", { token: (await tokens()).refresh_token }),
    ...{ statements: ["family.find"], signatures: 0 },
  },
  {
    what: "introspection of a client's own token",
    prepare: async () => {
      const { body } = await requests.post(credentials, [], secret);
      return post("/introspect", { token: body.access_token });
    },
    ...{ statements: ["revocation.stands"], signatures: 0 },
  },
  {
    what: "introspection of what nobody issued",
    prepare: async () => post("/introspect", { token: "unknown" }),
    ...{ statements: [], signatures: 0 },
  },
  {
    what: "the revocation of an access token",
    prepare: async () => revoking((await tokens()).access_token),
    ...{ statements: ["revocation.endAccessToken"], signatures: 0 },
  },
  {
    what: "the revocation of a refresh token",
    prepare: async () => revoking((await tokens()).refresh_token),
    ...{ statements: ["revocation.endFamily"], signatures: 0 },
  },
  {
    what: "userinfo",
    prepare: async () => {
      const { access_token } = await tokens();
      return () => requests.ask(`Bearer ${access_token}`);
    },
    ...{ statements: ["family.findLive"], signatures: 0 },
  },
];

test.each(costs)("$what", async ({ prepare, status = 200, statements, signatures }) => {
  // Once before, so that the client is known and its statements are prepared.
  await (await prepare())();
  const send = await prepare();
  const sign = vi.spyOn(crypto.subtle, "sign");
  worker.takeStatements();
  const answer = await send();
  const made = { statements: worker.takeStatements().filter((name) => !name.includes("change")) };
  const found = { status: answer.status, ...made, signatures: sign.mock.calls.length };
  sign.mockRestore();
  expect(found).toEqual({ status, statements, signatures });
});
