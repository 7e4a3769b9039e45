// Good requests of everything that needs no browser of a client, or another device than the person's: of a client that may do all
// of it, with and without each parameter there is.
import { createHash, randomUUID } from "node:crypto";
import {
  type FleetFacts,
  type FormBrowser,
  openAdminApi,
  openFormBrowser,
  type Page,
  queryDatabase,
  readForm,
  runDexctl,
  signInWithForms,
} from "@dex/testing";
import { basicOf, eventually, type Members, post, text, token } from "./client-calls.ts";
import { type ClientSigning, makeClientSigning } from "./signing.ts";
import type { Target } from "./target.ts";

const TYPES = {
  exchange: "urn:ietf:params:oauth:grant-type:token-exchange",
  device: "urn:ietf:params:oauth:grant-type:device_code",
  ciba: "urn:openid:params:grant-type:ciba",
  jwtBearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  accessToken: "urn:ietf:params:oauth:token-type:access_token",
  idToken: "urn:ietf:params:oauth:token-type:id_token",
  assertion: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
};
const CI = { issuer: "urn:example:ci", audience: "urn:example:deploy", subject: "pipeline" };
/** A type belongs to one resource, and each world has its own. */
const paymentAt = (resource: string) => `payment-${new URL(resource).hostname}`;
const detailsAt = (resource: string) => JSON.stringify([{ type: paymentAt(resource), amount: "1" }]);
/** For requests of which a run has some hundred each. */
const PROOFS = 150;
/** Of requests, until each worker has had one. */
const TURNS = 8;
const VERIFIER = "x".repeat(43);

type Parameters = Readonly<Record<string, string>>;

/** Somebody who asks, and what for. */
interface Ground {
  readonly issuer: string;
  readonly redirectUri: string;
  readonly client: { readonly id: string; readonly basic: string };
  /** The header of the client, often enough that few requests go without. */
  readonly basics: readonly string[];
  /** Authenticates with assertions. */
  readonly signer: { readonly id: string };
  readonly signing: ClientSigning;
  readonly resource: string;
  readonly person: { readonly id: string; readonly email: string; readonly password: string };
  readonly administrator: string;
}

/** Answers to them may lead to `redirectUri`. */
export async function makeGrantTargets(facts: FleetFacts, redirectUri: string): Promise<readonly Target[]> {
  const ground = await layGround(facts, redirectUri);
  const targets = await Promise.all([
    tokenTargets(ground),
    targetsWithTokens(ground),
    pushedTargets(ground),
    devicePages(ground),
    backchannelTargets(ground, facts),
    clientTargets(ground),
  ]);
  return [...targets.flat(), ...documents()];
}

async function layGround(facts: FleetFacts, redirectUri: string): Promise<Ground> {
  const { issuer, databaseUrl } = facts;
  const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
  const signing = await makeClientSigning();
  const jwks = { keys: [signing.jwk] };
  const resource = `https://${randomUUID()}.example/`;
  const grantTypes = ["authorization_code", "refresh_token", "client_credentials", "password"].concat(
    Object.values(TYPES).filter((type) => type.includes("grant-type")),
  );
  const shape = { clientName: "Everything", redirectURIs: [redirectUri], trusted: true, grantTypes };
  const trusted = { issuer: CI.issuer, audiences: [CI.audience], subject: CI.subject, jwks };
  const [client, signer, api] = await Promise.all([
    admin.createClient({ ...shape, details: { jwks, trusted_issuers: [trusted] } }),
    admin.createClient({ ...shape, details: { jwks, token_endpoint_auth_method: "private_key_jwt" } }),
    admin.createClient({ clientName: "Admin", redirectURIs: [], isAdmin: true, grantTypes: ["client_credentials"] }),
  ]);
  const email = `${randomUUID()}@random-requests.example`;
  const person = { email, password: randomUUID(), id: "" };
  person.id = await admin.createAdmin(person.email, person.password);
  await queryDatabase(databaseUrl, "UPDATE app_user SET email_verified = true WHERE email = $1", [email]);
  await addResource(databaseUrl, resource, client.id);
  const administrator = await eventually(() => token(issuer, basicOf(api), { grant_type: "client_credentials" }));
  const basic = basicOf(client);
  // All workers hear of new ones within two seconds.
  await eventually(async () => {
    for (let turn = 0; turn < TURNS; turn++) await token(issuer, basic, { grant_type: "client_credentials", resource });
  });
  return {
    ...{ issuer, redirectUri, signing, resource, person, signer },
    ...{ client: { id: client.id, basic }, basics: Array.from({ length: 6 }, () => basic) },
    administrator: String(administrator.access_token),
  };
}

async function addResource(databaseUrl: string, resource: string, clientId: string): Promise<void> {
  const more = {
    scopes: ["read", "write"],
    allowedClients: [clientId],
    introspectedBy: [clientId],
    authorizationDetailsTypes: [{ type: paymentAt(resource), name: "Pay somebody", members: ["amount"] }],
  };
  const args = ["resources", "add", resource, "--name", "An API", "--json", JSON.stringify(more)];
  const run = await runDexctl(args, { env: { DEXCTL_DB_URL: databaseUrl } });
  if (run.status !== 0) throw new Error(run.stderr);
}

/** As it is, and with each of the others. */
function withEach(good: Parameters, others: Parameters): readonly Parameters[] {
  return [good, ...Object.entries(others).map(([name, value]) => ({ ...good, [name]: value }))];
}

async function tokenTargets(ground: Ground): Promise<readonly Target[]> {
  const { issuer, client, signer, signing, resource, person, redirectUri } = ground;
  const tokens = await codeTokens(ground);
  const refreshable = await severally(() => codeTokens(ground));
  const codes = await severally(() => codeFor(ground));
  const device = await post(`${issuer}/device/code`, client.basic, { scope: "openid" });
  const ask = { scope: "openid", login_hint: person.email };
  const ciba = await eventually(() => post(`${issuer}/bc-authorize`, client.basic, ask));
  const asserted = { iss: CI.issuer, sub: CI.subject, aud: CI.audience };
  const wishes = {
    resource,
    scope: "openid read",
    authorization_details: detailsAt(resource),
    dpop_jkt: "x",
    state: "x",
  };
  const subject = { subject_token: text(tokens.access_token), subject_token_type: TYPES.accessToken };
  const grants: readonly Parameters[] = [
    ...withEach({ grant_type: "client_credentials", resource }, { ...wishes, scope: "read" }),
    ...withEach({ grant_type: "password", username: person.email, password: person.password, scope: "openid" }, wishes),
    ...codes.map((code) => ({ grant_type: "authorization_code", code, redirect_uri: redirectUri })),
    ...withEach(
      { grant_type: "authorization_code", code: codes[0] ?? "", redirect_uri: redirectUri, code_verifier: VERIFIER },
      wishes,
    ),
    ...refreshable.flatMap(({ refresh_token }) => {
      return withEach({ grant_type: "refresh_token", refresh_token: text(refresh_token) }, wishes);
    }),
    ...withEach({ grant_type: TYPES.device, device_code: text(device.device_code) }, wishes),
    ...withEach({ grant_type: TYPES.ciba, auth_req_id: text(ciba.auth_req_id) }, wishes),
    ...withEach(
      { grant_type: TYPES.exchange, ...subject },
      {
        ...{ ...wishes, audience: client.id, requested_token_type: TYPES.idToken },
        ...{ actor_token: text(tokens.id_token), actor_token_type: TYPES.idToken, connector_id: "local" },
      },
    ),
    {
      ...{ grant_type: TYPES.exchange, ...subject, resource, scope: "read", requested_token_type: TYPES.accessToken },
      ...{ actor_token: text(tokens.access_token), actor_token_type: TYPES.accessToken, audience: client.id },
    },
    { grant_type: TYPES.exchange, subject_token: text(tokens.id_token), subject_token_type: TYPES.idToken },
  ];
  const assertions = await many(() => signing.sign(asserted));
  const own = await many(() => signing.sign({ iss: signer.id, sub: signer.id, aud: issuer }));
  const proofs = await signing.proofs(PROOFS, "POST", `${issuer}/token`);
  const target = (parameters: Parameters, authorization = ground.basics): Target => ({
    ...{ path: "/token", method: "POST", parameters, authorization, proofs },
  });
  return [
    ...grants.map((parameters) => target(parameters)),
    ...assertions.map((assertion) => target({ grant_type: TYPES.jwtBearer, assertion, scope: "read", resource })),
    ...own.map((client_assertion) => {
      const assertion = { client_assertion, client_assertion_type: TYPES.assertion, client_id: signer.id };
      return target({ grant_type: "client_credentials", ...assertion }, []);
    }),
  ];
}

/** Tokens, also of a resource and bound to a key, where they are asked about, given back and used. */
async function targetsWithTokens(ground: Ground): Promise<readonly Target[]> {
  const { issuer, client, basics, signing, resource } = ground;
  const [tokens, forApi] = [await codeTokens(ground), await codeTokens(ground, { resource })];
  const [proof] = await signing.proofs(1, "POST", `${issuer}/token`);
  const password = { grant_type: "password", username: ground.person.email, password: ground.person.password };
  const bound = await token(issuer, client.basic, { ...password, scope: "openid" }, { dpop: proof ?? "" });
  const accessToken = text(bound.access_token);
  const proofs = await signing.proofs(PROOFS, "GET", `${issuer}/userinfo`, accessToken);
  const all = [tokens.access_token, tokens.refresh_token, tokens.id_token, forApi.access_token, accessToken];
  return [
    ...all.flatMap((one): readonly Target[] => [
      { path: "/introspect", method: "POST", parameters: { token: text(one) }, authorization: basics },
      { path: "/userinfo", method: "GET", parameters: {}, authorization: [`Bearer ${text(one)}`], proofs },
    ]),
    {
      ...{ path: "/introspect", method: "POST", authorization: basics },
      parameters: { token: accessToken, token_type_hint: "access_token" },
    },
    { path: "/revoke", method: "POST", parameters: { token: "unknown", token_type_hint: "x" }, authorization: basics },
    { path: "/revoke", method: "POST", parameters: { token: text(tokens.refresh_token) }, authorization: basics },
    ...Array.from({ length: 3 }, (): Target => {
      const authorization = Array.from({ length: 6 }, () => `DPoP ${accessToken}`);
      return { path: "/userinfo", method: "GET", parameters: {}, authorization, proofs };
    }),
  ];
}

/** The authorization endpoint with what was pushed or signed, and where requests are pushed. */
async function pushedTargets({ issuer, client, basics, signer, signing, resource, redirectUri, person }: Ground) {
  const verifier = randomUUID();
  const request = {
    ...{ client_id: client.id, redirect_uri: redirectUri, response_type: "code", scope: "openid read", resource },
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  };
  const wishes = {
    ...{
      authorization_details: detailsAt(resource),
      dpop_jkt: request.code_challenge,
      response_mode: "jwt",
      prompt: "none",
    },
    ...{ claims: '{"id_token":{"acr":{"essential":true}}}', max_age: "0", login_hint: person.email, state: "s" },
    ...{ id_token_hint: "eyJhbGciOiJSUzI1NiJ9.e30.x", acr_values: "1 2", nonce: "n", request_uri: "urn:x" },
  };
  const sign = (claims: Members) => signing.sign(claims, "oauth-authz-req+jwt");
  const objects = await many(() => sign({ iss: client.id, aud: issuer, ...request }));
  const { request_uri: pushed } = await post(`${issuer}/par`, client.basic, request);
  const proofs = await signing.proofs(PROOFS, "POST", `${issuer}/par`);
  const at = (path: string, parameters: Parameters): Target => ({
    ...{ path, method: "POST", parameters, authorization: basics, proofs },
  });
  const ask = (parameters: Parameters): Target => ({ path: "/auth", method: "GET", parameters });
  const assertion = await signing.sign({ iss: signer.id, sub: signer.id, aud: issuer });
  const asserting = { client_assertion: assertion, client_assertion_type: TYPES.assertion };
  return [
    ...withEach(request, wishes).flatMap((parameters) => [at("/par", parameters), ask(parameters)]),
    ...objects.flatMap((object) => [
      at("/par", { client_id: client.id, request: object }),
      ask({ client_id: client.id, response_type: "code", scope: "openid", request: object }),
    ]),
    { ...at("/par", { ...request, client_id: signer.id, ...asserting }), authorization: [] },
    ask({ client_id: client.id, request_uri: text(pushed) }),
    ask({ ...request, request_uri: text(pushed) }),
    ask({ ...request, client_id: "https://127.0.0.1:7/document" }),
    at("/par", { ...request, client_id: "http://127.0.0.1:7/document" }),
  ];
}

/** The form for user codes, and the question behind it. */
async function devicePages(ground: Ground): Promise<readonly Target[]> {
  const { issuer, client, basics } = ground;
  const { resource } = ground;
  const wishes = { resource, authorization_details: detailsAt(resource), dpop_jkt: "x", nonce: "n" };
  const begun = await post(`${issuer}/device/code`, client.basic, { scope: "openid" });
  const browser = openFormBrowser({ stopAt: [ground.redirectUri] });
  const page = await browser.open(`${issuer}/device`);
  const { target: enter } = targetOf(page, "device-form", browser, { user_code: text(begun.user_code) });
  const next = await browser.submit(page, { user_code: text(begun.user_code) }, { formId: "device-form" });
  const question = await signIn(browser, next, ground);
  const { target: answer } = targetOf(question, "device-approval-form", browser, { decision: "deny" });
  return [
    ...withEach({ scope: "openid" }, { ...wishes, code_challenge: "x", code_challenge_method: "S256" }).map(
      (parameters): Target => ({ path: "/device/code", method: "POST", parameters, authorization: basics }),
    ),
    { path: "/device", method: "GET", parameters: { user_code: text(begun.user_code) } },
    { path: "/device/approve", method: "GET", parameters: { flow: "x" } },
    ...repeat(enter),
    ...repeat(answer),
  ];
}

/** Asking for a person, the page that the mail leads to, and the decisions of administrators. */
async function backchannelTargets(ground: Ground, facts: FleetFacts): Promise<readonly Target[]> {
  const { issuer, client, basics, signing, person, administrator } = ground;
  const good = { scope: "openid", login_hint: person.email };
  const wishes = {
    ...{ binding_message: "W4SCT", requested_expiry: "60", acr_values: "1", user_code: "1", login_hint_token: "x" },
    ...{ client_notification_token: randomUUID(), id_token_hint: "x", resource: ground.resource, nonce: "n" },
    authorization_details: detailsAt(ground.resource),
  };
  await eventually(() => post(`${issuer}/bc-authorize`, client.basic, good));
  const sql =
    "SELECT request_id FROM device_request WHERE client_id = $1 AND request_id IS NOT NULL ORDER BY created_at DESC";
  const [row] = await queryDatabase<{ request_id: string }>(facts.databaseUrl, sql, [client.id]);
  const id = row?.request_id ?? "";
  const browser = openFormBrowser({ stopAt: [ground.redirectUri] });
  const question = await signIn(browser, await browser.open(`${issuer}/backchannel?request=${id}`), ground);
  const { target: answer } = targetOf(question, "backchannel-approval-form", browser, { decision: "deny" });
  const signed = await many(() => signing.sign({ iss: client.id, aud: issuer, ...good }));
  const ask = (parameters: Parameters): Target => ({
    ...{ path: "/bc-authorize", method: "POST", parameters, authorization: basics },
  });
  const requests = `/api/v1/users/${person.id}/backchannel-requests`;
  const authorization = Array.from({ length: 4 }, () => `Bearer ${administrator}`);
  const api = (method: Target["method"], path: string, parameters: Parameters = {}): Target => ({
    ...{ path, method, parameters, authorization, json: method !== "GET" },
  });
  return [
    ...withEach(good, wishes).map(ask),
    ...signed.map((request) => ask({ request })),
    { path: "/backchannel", method: "GET", parameters: { request: id } },
    { path: "/backchannel/approve", method: "GET", parameters: { flow: "x" } },
    ...repeat(answer),
    ...repeat(api("GET", requests, { pageToken: "x", nextPageToken: "x", maxResults: "10" })),
    ...["approve", "deny"].flatMap((verb) => [
      api("POST", `${requests}/${randomUUID()}/${verb}`, { x: "1" }),
      api("POST", `${requests}/x/${verb}`),
    ]),
    api("POST", `${requests}/${id}/deny`),
    api("GET", "/api/v1/resources"),
    api("POST", "/api/v1/resources", { resource: '{"identifier":"https://x.example/","name":"X","scopes":["a"]}' }),
    api("PUT", `/api/v1/resources/${encodeURIComponent(ground.resource)}`, { name: "An API" }),
  ];
}

/** Clients that register themselves for the newer kinds of authentication. */
function clientTargets({ signing }: Ground): readonly Target[] {
  const members = {
    ...{ client_name: "x", redirect_uris: "https://rp.example/cb", token_endpoint_auth_method: "private_key_jwt" },
    jwks: JSON.stringify({ keys: [signing.jwk] }),
  };
  const wishes = {
    ...{ dpop_bound_access_tokens: "true", require_pushed_authorization_requests: "true", software_statement: "x.y.z" },
    ...{ grant_types: `["${TYPES.device}"]`, tls_client_auth_subject_dn: "CN=x", request_object_signing_alg: "ES256" },
    ...{ sector_identifier_uri: "https://127.0.0.1:7/s", authorization_signed_response_alg: "ES256" },
    ...{ introspection_signed_response_alg: "RS256", tls_client_certificate_bound_access_tokens: "true" },
    ...{ authorization_details_types: '["payment"]', subject_type: "pairwise", request_uris: '["https://x.example/"]' },
    ...{ backchannel_token_delivery_mode: "ping", backchannel_client_notification_endpoint: "https://x.example/" },
  };
  return withEach(members, wishes).map((parameters) => ({
    ...{ path: "/registration", method: "POST", parameters, json: true },
  }));
}

/** What resources and the provider say of themselves, also at addresses that there are not. */
function documents(): readonly Target[] {
  const resources = ["/dex/userinfo", "/dex/api/v1", "/dex", "/other", ""];
  return [
    ...resources.map((path) => `/.well-known/oauth-protected-resource${path}`),
    ...["/.well-known/oauth-authorization-server/dex", "/.well-known/openid-configuration/dex"],
  ].map((path): Target => ({ path, atOrigin: true, method: "GET", parameters: { x: "1" } }));
}

/** The form as its page would send it. */
function targetOf(page: Page, formId: string, browser: FormBrowser, fields: Parameters): { readonly target: Target } {
  const form = readForm(page, formId);
  const base = page.url.pathname.startsWith("/dex/") ? "/dex" : "";
  const parameters = { ...Object.fromEntries(form.fields), ...fields };
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  return {
    target: {
      path: `${form.action.pathname.slice(base.length)}${form.action.search}`,
      method: form.method,
      parameters,
      cookie,
    },
  };
}

async function signIn(browser: FormBrowser, page: Page, { person }: Ground): Promise<Page> {
  return browser.submit(page, { login: person.email, password: person.password }, { formId: "login-form" });
}

async function codeFor(ground: Ground, more: Parameters = {}): Promise<string> {
  const { issuer, client, redirectUri, person } = ground;
  const query = { client_id: client.id, redirect_uri: redirectUri, response_type: "code", ...more };
  const url = `${issuer}/auth?${new URLSearchParams({ ...query, scope: "openid email offline_access" })}`;
  const end = await signInWithForms(openFormBrowser({ stopAt: [redirectUri] }), url, person);
  return end.searchParams.get("code") ?? "";
}

async function codeTokens(ground: Ground, more: Parameters = {}): Promise<Members> {
  const { issuer, client, redirectUri } = ground;
  const code = await codeFor(ground, more);
  return token(issuer, client.basic, { grant_type: "authorization_code", code, redirect_uri: redirectUri, ...more });
}

/** One after the other: each is a sign-in, with a password. */
async function severally<T>(make: () => Promise<T>): Promise<readonly T[]> {
  const made: T[] = [];
  while (made.length < 8) made.push(await make());
  return made;
}

const many = <T>(make: () => Promise<T>) => Promise.all(Array.from({ length: 12 }, make));
const repeat = (target: Target): readonly Target[] => Array.from({ length: 4 }, () => target);
