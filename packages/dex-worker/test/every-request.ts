// One good request to each endpoint that a client, a device, somebody at a browser or an administrator calls, ready to be sent as
// often as wanted.
import { randomBytes } from "node:crypto";
import { queryDatabase } from "@dex/testing";
import { SignJWT } from "jose";
import { CIBA_GRANT, makeBackchannelWorld } from "./backchannel-world.ts";
import { type OpenedAddress, openAddress } from "./client-address.ts";
import { DEVICE_CODE_GRANT, makeDeviceWorld } from "./device-world.ts";
import { type Key, makeDpopRequests, makeKey } from "./dpop-world.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CI = { issuer: "urn:example:ci", audience: "urn:example:deploy", subject: "pipeline" };
const GRANTS = ["authorization_code", "refresh_token", "client_credentials", "password", CIBA_GRANT, DEVICE_CODE_GRANT];

type Form = Readonly<Record<string, string>>;
export type Answer = Pick<Response, "status" | "headers">;
/** A request, ready to be sent: whatever it takes has been made. */
export type Send = () => Promise<Answer>;
export interface EveryRequest {
  readonly worker: TestWorker;
  /** By what it asks for. */
  readonly prepare: Readonly<Record<string, () => Promise<Send>>>;
  close(): Promise<void>;
}

/** What the requests are made with. */
interface Ground {
  readonly worker: TestWorker;
  readonly address: OpenedAddress;
  readonly key: Key;
  /** With a secret, and every grant. */
  readonly secret: TestClient;
  /** With assertions that it signs. */
  readonly signing: TestClient;
  readonly administrator: TestClient;
  readonly registrationToken: string;
}

export async function openEveryRequest(): Promise<EveryRequest> {
  const registrationToken = randomBytes(32).toString("base64");
  const worker = await openTestWorker([
    ...["--password-grant-connectors=local", "--client-id-documents=any", "--insecure-private-client-addresses"],
    ...["--enable-client-registration", `--client-registration-tokens=${registrationToken}`],
    ...["--api-use-client-credentials", "--enable-backchannel-decisions-by-administrators"],
  ]);
  const [address, key] = [await openAddress(), await makeKey()];
  const jwks = { keys: [{ ...key.jwk, kid: "one", alg: "ES256", use: "sig" }] };
  const trusted = { issuer: CI.issuer, audiences: [CI.audience], subject: CI.subject, jwks };
  const grantTypes = [...GRANTS, TOKEN_EXCHANGE, JWT_BEARER];
  const [once, again] = [trusted, { ...trusted, issuer: `${CI.issuer}:again`, reusable: true }];
  const details = { jwks, token_endpoint_auth_method: "private_key_jwt" };
  const ground: Ground = {
    ...{ worker, address, key, registrationToken },
    secret: await worker.addClient({ trusted: true, grantTypes, details: { trusted_issuers: [once, again] } }),
    signing: await worker.addClient({ trusted: true, grantTypes, details }),
    administrator: await worker.addClient({ isAdmin: true, grantTypes: ["client_credentials"], redirectURIs: [] }),
  };
  const tools = makeTools(ground);
  const all = {
    ...tokenRequests(ground, tools),
    ...requestsAboutTokens(ground, tools),
    ...requestsOfPeople(ground, tools),
    ...requestsOfClients(ground, tools),
    ...publicDocuments(ground),
  };
  const withoutLimits = (prepare: () => Promise<Send>) => async () => {
    // Nobody is asked more than a few times in ten minutes.
    await queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count");
    return prepare();
  };
  return {
    worker,
    prepare: Object.fromEntries(Object.entries(all).map(([what, prepare]) => [what, withoutLimits(prepare)])),
    async close() {
      await worker.close();
      await address.close();
    },
  };
}

type Tools = ReturnType<typeof makeTools>;

function makeTools({ worker, key, secret, signing }: Ground) {
  const requests = makeDpopRequests(worker);
  const devices = makeDeviceWorld(worker);
  const callers = makeBackchannelWorld(worker);
  const basic = ({ id, secret: text }: TestClient) => ({
    Authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(text)}`).toString("base64")}`,
  });

  const send =
    (path: string, init: RequestInit = {}): Send =>
    async () => {
      const response = await fetch(new URL(path, `${worker.issuer}/`), { redirect: "manual", ...init });
      await response.body?.cancel();
      return response;
    };
  const post = (path: string, form: Form, proofs: readonly string[] = [], client = secret): Send => {
    const body = new URLSearchParams(client === signing ? { ...form, client_id: signing.id } : form);
    const authentication = Object.entries(client === signing ? {} : basic(client));
    const headers = [...authentication, ...proofs.map((proof) => ["DPoP", proof])] as [string, string][];
    return send(`.${path}`, { method: "POST", headers, body });
  };
  const sign = (claims: Form): Promise<string> => {
    const jwt = new SignJWT({ ...claims, jti: crypto.randomUUID() }).setIssuedAt().setExpirationTime("5m");
    return jwt.setProtectedHeader({ alg: "ES256", kid: "one" }).sign(key.privateKey);
  };
  const redeeming = async (): Promise<Form> => ({
    ...{ grant_type: "authorization_code", code: await requests.codeFor(secret), redirect_uri: REDIRECT_URI },
  });
  return {
    ...{ requests, devices, callers, send, post, redeeming, basic },
    tokens: async () => (await requests.post(await redeeming(), [], secret)).body,
    asserting: async (): Promise<Form> => ({
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await sign({ iss: signing.id, sub: signing.id, aud: worker.issuer }),
    }),
    bearing: async (issuer: string): Promise<Form> => ({
      grant_type: JWT_BEARER,
      assertion: await sign({ iss: issuer, sub: CI.subject, aud: CI.audience }),
    }),
    asked: { redirect_uri: REDIRECT_URI, response_type: "code", scope: "openid" },
  };
}

type Requests = Readonly<Record<string, () => Promise<Send>>>;

function tokenRequests({ worker, key, secret, signing }: Ground, tools: Tools): Requests {
  const { post, requests, redeeming, tokens, asserting, bearing, devices, callers } = tools;
  const credentials = { grant_type: "client_credentials" };
  const exchanging = async (more: Form = {}): Promise<Form> => ({
    ...{ grant_type: TOKEN_EXCHANGE, subject_token: (await tokens()).access_token, subject_token_type: ACCESS_TOKEN },
    ...more,
  });
  const device = async (decision?: "approve"): Promise<Form> => {
    const { device_code, user_code } = await devices.askWell(secret, { scope: "openid email" });
    const browser = worker.browser();
    if (decision !== undefined)
      await devices.answer(browser, await devices.enterAndSignIn(browser, user_code), decision);
    return { grant_type: DEVICE_CODE_GRANT, device_code };
  };
  const ciba = async (decision?: "approve"): Promise<Form> => {
    const auth_req_id = await callers.askWell(secret);
    if (decision !== undefined) await callers.decide(decision);
    return { grant_type: CIBA_GRANT, auth_req_id };
  };
  const password = (text: string): Form => ({ username: PERSON.email, password: text, scope: "openid" });
  return {
    "client credentials": async () => post("/token", credentials),
    "client credentials, with an assertion": async () =>
      post("/token", { ...credentials, ...(await asserting()) }, [], signing),
    "client credentials, with a DPoP proof": async () => post("/token", credentials, [await requests.prove(key)]),
    "a code": async () => post("/token", await redeeming()),
    "a code, with a DPoP proof": async () => post("/token", await redeeming(), [await requests.prove(key)]),
    "a refresh token": async () =>
      post("/token", { grant_type: "refresh_token", refresh_token: (await tokens()).refresh_token }),
    "a password": async () => post("/token", { grant_type: "password", ...password(PERSON.password) }),
    "a wrong password": async () => post("/token", { grant_type: "password", ...password("wrong password") }),
    "a device that waits": async () => post("/token", await device()),
    "a device that was let in": async () => post("/token", await device("approve")),
    "waiting for a person": async () => post("/token", await ciba()),
    "a person who said yes": async () => post("/token", await ciba("approve")),
    "the exchange of an access token": async () => post("/token", await exchanging()),
    "the exchange for an ID token": async () => post("/token", await exchanging({ requested_token_type: ID_TOKEN })),
    "a JWT of a trusted issuer": async () => post("/token", await bearing(CI.issuer)),
    "a JWT that may be used again": async () => post("/token", await bearing(`${CI.issuer}:again`)),
  };
}

function requestsAboutTokens({ worker, key, secret }: Ground, tools: Tools): Requests {
  const { post, send, requests, tokens } = tools;
  const userinfo = `${worker.issuer}/userinfo`;
  return {
    "introspection of an access token": async () => post("/introspect", { token: (await tokens()).access_token }),
    "introspection of a refresh token": async () => post("/introspect", { token: (await tokens()).refresh_token }),
    "introspection of a client's own token": async () => {
      const { body } = await requests.post({ grant_type: "client_credentials" }, [], secret);
      return post("/introspect", { token: body.access_token });
    },
    "introspection of what nobody issued": async () => post("/introspect", { token: "unknown" }),
    "the revocation of an access token": async () => post("/revoke", { token: (await tokens()).access_token }),
    "the revocation of a refresh token": async () => post("/revoke", { token: (await tokens()).refresh_token }),
    userinfo: async () => send(userinfo, { headers: { Authorization: `Bearer ${(await tokens()).access_token}` } }),
    "userinfo, with a DPoP proof": async () => {
      const { access_token: accessToken } = await requests.boundTokens(key, secret);
      const proof = await requests.prove(key, { accessToken });
      return send(userinfo, { headers: { Authorization: `DPoP ${accessToken}`, DPoP: proof } });
    },
  };
}

function requestsOfPeople({ worker, administrator, secret }: Ground, tools: Tools): Requests {
  const { post, send, requests, devices, callers, asked } = tools;
  const atDevice = async () => {
    const { user_code } = await devices.askWell(secret, { scope: "openid email" });
    const browser = worker.browser();
    return { browser, page: await devices.enterAndSignIn(browser, user_code) };
  };
  const atBackchannel = async () => {
    await callers.askWell(secret);
    const browser = worker.browser();
    return { browser, page: await callers.openAndSignIn(browser) };
  };
  const api = async (method: string, rest: (id: string) => string): Promise<Send> => {
    await callers.askWell(secret);
    const sql =
      "SELECT named_user_id, request_id FROM device_request WHERE request_id IS NOT NULL ORDER BY created_at DESC";
    const [row] = await queryDatabase<{ named_user_id: string; request_id: string }>(worker.databaseUrl, sql);
    const { body } = await requests.post({ grant_type: "client_credentials" }, [], administrator);
    const path = `./api/v1/users/${row?.named_user_id}/backchannel-requests${rest(row?.request_id ?? "")}`;
    return send(path, { method, headers: { Authorization: `Bearer ${body.access_token}` } });
  };
  return {
    "a device that begins": async () => post("/device/code", { scope: "openid" }),
    "a code of a device": async () => {
      const { user_code } = await devices.askWell(secret);
      const browser = worker.browser();
      const page = await browser.open(`${worker.issuer}/device`);
      return () => browser.submit(page, { user_code }, { formId: "device-form" });
    },
    "the question about a device": async () => {
      const { browser, page } = await atDevice();
      return () => browser.open(page.url);
    },
    "a yes to a device": async () => {
      const { browser, page } = await atDevice();
      return () => devices.answer(browser, page, "approve");
    },
    "asking for a person by name": async () => post("/bc-authorize", { scope: "openid", login_hint: PERSON.email }),
    "the question to a person": async () => {
      const { browser, page } = await atBackchannel();
      return () => browser.open(page.url);
    },
    "a no of a person": async () => {
      const { browser, page } = await atBackchannel();
      return () => callers.answer(browser, page, "deny");
    },
    "an administrator who looks": () => api("GET", () => ""),
    "an administrator who says yes": () => api("POST", (id) => `/${id}/approve`),
    "an administrator who says no": () => api("POST", (id) => `/${id}/deny`),
    "/auth with a session": async () => {
      const browser = worker.browser();
      await worker.signIn(browser, { client_id: secret.id });
      const url = `${worker.issuer}/auth?${new URLSearchParams({ ...asked, client_id: secret.id })}`;
      return () => browser.request(url);
    },
    "/auth with a pushed request and a session": async () => {
      const browser = worker.browser();
      await worker.signIn(browser, { client_id: secret.id });
      const { body } = await requests.post({ ...asked, client_id: secret.id }, [], secret, `${worker.issuer}/par`);
      const query = new URLSearchParams({ client_id: secret.id, request_uri: body.request_uri });
      return () => browser.request(`${worker.issuer}/auth?${query}`);
    },
  };
}

function requestsOfClients({ worker, address, signing, registrationToken }: Ground, tools: Tools): Requests {
  const { post, send, asserting, asked } = tools;
  const json = (method: string, token: string, body?: object): RequestInit => ({
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const metadata = { redirect_uris: [REDIRECT_URI], client_name: "Registered itself" };
  const registering = json("POST", registrationToken, metadata);
  const managing = async (method: string, sent?: (clientId: string) => object): Promise<Send> => {
    const response = await fetch(`${worker.issuer}/registration`, registering);
    const made = (await response.json()) as Readonly<Record<string, string>>;
    const body = sent?.(made.client_id ?? "");
    return send(made.registration_client_uri ?? "", json(method, made.registration_access_token ?? "", body));
  };
  return {
    "a pushed request": async () => post("/par", asked),
    "a pushed request, with an assertion": async () => post("/par", { ...asked, ...(await asserting()) }, [], signing),
    "a pushed request of a client that nobody registered": async () => {
      const published = address.publish("");
      published.replace(JSON.stringify({ ...metadata, client_id: published.url, client_name: "Agent" }));
      const body = new URLSearchParams({
        ...{ ...asked, client_id: published.url, code_challenge_method: "S256" },
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
      });
      return send("./par", { method: "POST", body });
    },
    "a client that registers itself": async () => send("./registration", registering),
    "a client that reads its registration": () => managing("GET"),
    "a client that replaces its registration": () => managing("PUT", (client_id) => ({ ...metadata, client_id })),
    "a client that deletes itself": () => managing("DELETE"),
  };
}

/** What everybody may read, and nobody has to be asked for. */
function publicDocuments({ worker }: Ground): Requests {
  const { origin } = new URL(worker.issuer);
  const paths = [
    ...["/dex/.well-known/openid-configuration", "/dex/.well-known/oauth-authorization-server", "/dex/keys"],
    ...["/.well-known/oauth-authorization-server/dex", "/.well-known/openid-configuration/dex"],
    ...["/.well-known/oauth-protected-resource/dex/userinfo", "/.well-known/oauth-protected-resource/dex/api/v1"],
    ...["/dex/health/live", "/dex/device"],
  ];
  return Object.fromEntries(paths.map((path) => [path, async () => () => fetch(origin + path)]));
}
