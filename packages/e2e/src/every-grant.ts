// One client that gets tokens in every way there is, for somebody of its own, and asks three workers whether they still live.
import { randomUUID } from "node:crypto";
import { finishSignIn, openAdminApi, openFormBrowser, queryDatabase, runDexctl } from "@dex/testing";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, inject, vi } from "vitest";
import { at, basic, type FleetClient, knowClients, type Members, post } from "./fleet-requests.ts";

const { facts, workerOrigins } = inject("sharedFleet");
const admin = openAdminApi(facts.adminApi, facts.adminApiSecret);
const [first = ""] = workerOrigins;
const REDIRECT_URI = "http://127.0.0.1:9/every-grant";
const CI = { issuer: "urn:example:ci", audience: "urn:example:deploy", subject: "pipeline" };
const RESOURCE = "https://every-grant.example/";
const TYPES = {
  exchange: "urn:ietf:params:oauth:grant-type:token-exchange",
  accessToken: "urn:ietf:params:oauth:token-type:access_token",
  device: "urn:ietf:params:oauth:grant-type:device_code",
  ciba: "urn:openid:params:grant-type:ciba",
  jwtBearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
};

/** What a grant produced. */
export interface Granted {
  readonly grant: string;
  readonly accessTokens: readonly string[];
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
}
export type Person = { readonly email: string; readonly password: string };
export type Browser = ReturnType<typeof openFormBrowser>;

export interface EveryGrant {
  readonly client: FleetClient;
  readonly person: Person;
  /** Signed in to dex. */
  readonly browser: Browser;
  /** By the name of the grant, with or without a refresh token where it can have one. */
  readonly obtain: Readonly<
    Record<PersonalGrant | "jwt-bearer" | "client_credentials", (scope?: string) => Promise<Granted>>
  >;
  /** Redeems the code of a new sign-in, and can do so again. */
  redeemable(): Promise<{ granted: Granted; again: () => Promise<number> }>;
}
export const PERSONAL_GRANTS = ["code", "code, JWT", "refresh", "device", "ciba", "exchange", "password"] as const;
export type PersonalGrant = (typeof PERSONAL_GRANTS)[number];

export const OFFLINE = "openid email offline_access";
export const ONLINE = "openid email";

const key = await generateKeyPair("ES256");
const jwk = { ...(await exportJWK(key.publicKey)), kid: "ci", alg: "ES256" };

/** Registers what the JWT access tokens are for, once for all tests. */
export async function addResource(): Promise<void> {
  const env = { DEXCTL_DB_URL: facts.databaseUrl };
  const run = await runDexctl(["resources", "add", RESOURCE, "--name", "Every grant"], { env });
  if (run.status !== 0) throw new Error(run.stderr);
}

const authorizationRequest = (client: FleetClient, scope: string, more: Readonly<Record<string, string>>) =>
  new URLSearchParams({
    ...{ client_id: client.id, redirect_uri: REDIRECT_URI, response_type: "code", scope },
    ...more,
  });

/** Where each worker sends somebody who asks for the resource: with an error where it has not heard of it yet. */
async function destinations(client: FleetClient): Promise<readonly string[]> {
  const path = `/auth?${authorizationRequest(client, ONLINE, { resource: RESOURCE })}`;
  const answers = await Promise.all(workerOrigins.map((origin) => fetch(at(origin, path), { redirect: "manual" })));
  return answers.map(({ headers }) => headers.get("location") ?? "error=none");
}

async function addPerson(): Promise<Person> {
  const person = { email: `${randomUUID()}@every-grant.example`, password: randomUUID() };
  await admin.createAdmin(person.email, person.password);
  await queryDatabase(facts.databaseUrl, "UPDATE app_user SET email_verified = true WHERE email = $1", [person.email]);
  return person;
}

async function addClient(): Promise<FleetClient> {
  const client = await admin.createClient({
    clientName: "Every grant",
    redirectURIs: [REDIRECT_URI],
    trusted: true,
    grantTypes: [
      ...["authorization_code", "refresh_token", "client_credentials", "password"],
      ...[TYPES.device, TYPES.ciba, TYPES.exchange, TYPES.jwtBearer],
    ],
    details: {
      post_logout_redirect_uris: [REDIRECT_URI],
      trusted_issuers: [{ issuer: CI.issuer, audiences: [CI.audience], subject: CI.subject, jwks: { keys: [jwk] } }],
    },
  });
  await vi.waitFor(
    async () => {
      expect(new Set(await knowClients([client]))).toEqual(new Set([true]));
      expect((await destinations(client)).filter((one) => one.includes("error="))).toEqual([]);
    },
    { timeout: 10_000 },
  );
  return client;
}

export async function openEveryGrant(): Promise<EveryGrant> {
  const [client, person] = await Promise.all([addClient(), addPerson()]);
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const fields = { login: person.email, password: person.password };

  async function token(grant: string, form: Members): Promise<Granted> {
    const { status, body } = await post(first, "/token", form, basic(client));
    if (status !== 200) throw new Error(`${grant}: ${JSON.stringify(body)}`);
    const text = (name: string) => (typeof body[name] === "string" ? body[name] : undefined);
    const made = { refreshToken: text("refresh_token"), idToken: text("id_token") };
    return { grant, accessTokens: [text("access_token") ?? expect.fail(grant)], ...made };
  }

  async function codeForm(scope: string, more: Readonly<Record<string, string>> = {}): Promise<Members> {
    const page = await browser.open(`${facts.issuer}/auth?${authorizationRequest(client, scope, more)}`);
    const code = (await finishSignIn(browser, page, person)).searchParams.get("code");
    return { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI, ...more };
  }
  const code = async (scope = OFFLINE) => token("code", await codeForm(scope));

  /** Somebody who is asked is signed in already, or signs in. */
  async function approve(url: string, form: string, confirm?: string): Promise<void> {
    let page = await browser.open(url);
    if (confirm !== undefined) page = await browser.submit(page, {}, { formId: confirm });
    while (!page.text.includes(`id="${form}"`)) page = await browser.submit(page, fields, { formId: "login-form" });
    await browser.submit(page, { decision: "approve" }, { formId: form });
  }

  const obtain: EveryGrant["obtain"] = {
    code,
    "code, JWT": async (scope = OFFLINE) => {
      const granted = await token("code, JWT", await codeForm(scope, { resource: RESOURCE }));
      expect(granted.accessTokens[0]?.split(".")).toHaveLength(3);
      return granted;
    },
    async refresh() {
      const before = await code();
      const after = await token("refresh", { grant_type: "refresh_token", refresh_token: before.refreshToken });
      return { ...after, accessTokens: [...before.accessTokens, ...after.accessTokens] };
    },
    async device(scope = OFFLINE) {
      const { body } = await post(first, "/device/code", { scope }, basic(client));
      await approve(String(body.verification_uri_complete), "device-approval-form", "device-form");
      return token("device", { grant_type: TYPES.device, device_code: body.device_code });
    },
    async ciba(scope = OFFLINE) {
      const { body } = await post(first, "/bc-authorize", { scope, login_hint: person.email }, basic(client));
      const sql =
        "SELECT request_id FROM device_request WHERE client_id = $1 AND request_id IS NOT NULL ORDER BY created_at DESC";
      const [row] = await queryDatabase(facts.databaseUrl, sql, [client.id]);
      await approve(`${facts.issuer}/backchannel?request=${String(row?.request_id)}`, "backchannel-approval-form");
      return token("ciba", { grant_type: TYPES.ciba, auth_req_id: body.auth_req_id });
    },
    async exchange(scope = OFFLINE) {
      const subject = await code(scope);
      const form = { subject_token: subject.accessTokens[0], subject_token_type: TYPES.accessToken };
      const exchanged = await token("exchange", { grant_type: TYPES.exchange, ...form });
      const further = { subject_token: exchanged.accessTokens[0], subject_token_type: TYPES.accessToken };
      const twice = await token("exchange", { grant_type: TYPES.exchange, ...further });
      const accessTokens = [...subject.accessTokens, ...exchanged.accessTokens, ...twice.accessTokens];
      return { ...subject, grant: "exchange", accessTokens };
    },
    password: (scope = OFFLINE) =>
      token("password", { grant_type: "password", username: person.email, password: person.password, scope }),
    async "jwt-bearer"() {
      const jwt = new SignJWT({ iss: CI.issuer, sub: CI.subject, aud: CI.audience, jti: randomUUID() });
      const header = { alg: "ES256", kid: "ci" };
      const assertion = await jwt.setProtectedHeader(header).setIssuedAt().setExpirationTime("5m").sign(key.privateKey);
      return token("jwt-bearer", { grant_type: TYPES.jwtBearer, assertion });
    },
    client_credentials: () => token("client_credentials", { grant_type: "client_credentials" }),
  };
  return {
    ...{ client, person, browser, obtain },
    async redeemable() {
      const form = await codeForm(OFFLINE);
      const granted = await token("code", form);
      return { granted, again: async () => (await post(first, "/token", form, basic(client))).status };
    },
  };
}

/** What each of the workers makes of what was granted: every line of it that still works. */
export async function stillWorking(client: FleetClient, granted: readonly Granted[]): Promise<readonly string[]> {
  const answers = await Promise.all(
    workerOrigins.flatMap((origin, worker) =>
      granted.flatMap(({ grant, accessTokens, refreshToken }) => [
        ...accessTokens.flatMap((token, which) => [
          works(`userinfo at ${worker} with ${grant} ${which}`, () => userinfo(origin, token)),
          works(`introspection at ${worker} of ${grant} ${which}`, () => isActive(origin, client, token)),
        ]),
        ...(refreshToken === undefined
          ? []
          : [
              works(`introspection at ${worker} of ${grant}`, () => isActive(origin, client, refreshToken)),
              works(`refresh at ${worker} with ${grant}`, () => refreshes(origin, client, refreshToken)),
            ]),
      ]),
    ),
  );
  return answers.filter((one) => one !== undefined);
}

const works = async (line: string, ask: () => Promise<boolean>) => ((await ask()) ? line : undefined);

async function userinfo(origin: string, token: string): Promise<boolean> {
  const response = await fetch(at(origin, "/userinfo"), { headers: { authorization: `Bearer ${token}` } });
  await response.body?.cancel();
  return response.ok;
}

const isActive = async (origin: string, client: FleetClient, token: string) =>
  (await post(origin, "/introspect", { token }, basic(client))).body.active === true;

const refreshes = async (origin: string, client: FleetClient, token: string) =>
  (await post(origin, "/token", { grant_type: "refresh_token", refresh_token: token }, basic(client))).status === 200;
