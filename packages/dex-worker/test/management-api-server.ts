import type { StoredConnector } from "@dex/connectors";
import { generateSigningKey, makeKeyRing, makeSigningKeySealer } from "@dex/keys";
import {
  ACCESS_TOKEN_JWT_TYP,
  type Client,
  makeClient,
  makeDpopNonces,
  makeEngineSealers,
  makeProveSender,
  makeReadOwnToken,
  parseNewClient,
  type Resource,
} from "@dex/oidc";
import { makeSealer, openHttpServer, Secret, silentLogger, systemRandom, toEpochSeconds } from "@dex/runtime";
import { migrate, openStorage, type Storage } from "@dex/storage";
import { type HandSetClock, makeHandSetClock, openTestDatabase } from "@dex/testing";
import { type Actor, makePasswordHasher, type User } from "@dex/users";
import express, { type ErrorRequestHandler } from "express";
import pg from "pg";
import { type ManagementApiParts, makeManagementApi } from "../src/user-api/management-api.ts";

const ISSUER = "https://dex.example/dex";
export const REDIRECT_URI = "https://app.example/callback";
const ACTOR: Actor = { kind: "dexctl", id: undefined, address: undefined };

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
}

/**
 * The management API alone, served over HTTP, with the admin clients `admin` and `console` and another client
 * `ordinary`. `console` has REDIRECT_URI, `ordinary` the same with /ordinary behind it.
 */
export interface TestApi extends AsyncDisposable {
  /** Where the API begins. */
  readonly url: string;
  readonly parts: ManagementApiParts;
  readonly storage: Storage;
  readonly clock: HandSetClock;
  /** Calls as the admin client. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Calls with this token; text is sent as it is. */
  callAs(token: string | undefined, method: string, path: string, body?: unknown): Promise<Answer>;
  /** An ID token of a user, for these clients. */
  idToken(userId: string, audience?: string | readonly string[], changes?: { exp?: number }): Promise<string>;
  /** An access token as the client credentials grant makes it, with other claims or another `typ` where given. */
  token(clientId: string, changes?: { typ?: string; exp?: number; sub?: string }): Promise<string>;
  /** Any SQL, as a superuser who is not the storage. */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Who was named as the author of each write since the last call, in order. */
  takeActors(): readonly Actor[];
  reset(): Promise<void>;
  close(): Promise<void>;
}

export async function openTestApi({ enabled = true }: { enabled?: boolean } = {}): Promise<TestApi> {
  const clock = makeHandSetClock();
  const hasher = makePasswordHasher({ threads: 1 });
  const ring = await makeSigningRing(clock.now());
  const stores = await openStores();
  const sealers = makeEngineSealers({
    secrets: [new Secret(systemRandom(32))],
    salt: systemRandom(32),
    random: systemRandom,
  });
  const { verifier } = ring;
  const parts: ManagementApiParts = {
    clients: stores.clients,
    clientSecrets: stores.storage.clientSecrets,
    clientKeys: stores.storage.clientKeys,
    clientProofs: stores.storage.clientProofs,
    connectors: stores.connectors,
    resources: stores.resources,
    checkConnector: async (id) => (id === "up" ? [{ name: "discovery", ok: true, detail: "found" }] : "unknown"),
    verifier,
    readOwnToken: makeReadOwnToken({ issuer: ISSUER, sealers, verifier }),
    families: stores.storage.families,
    proveSender: makeProveSender({
      useOnce: stores.storage.useOnce,
      nonces: makeDpopNonces(sealers.dpopNonce),
      requireNonce: false,
    }),
    readClientCertificate: () => undefined,
    signIn: {},
    resource: `${ISSUER}/api/v1`,
    accessTokens: stores.storage.revocations,
    issuer: ISSUER,
    users: stores.storage.userDirectory,
    links: stores.storage.accountLinks,
    mailQueue: stores.storage.mailQueue,
    backchannelDecisions: {
      requests: stores.storage.backchannelDecisions,
      enabled,
      connectorsWithoutOfflineAccess: () => [],
    },
    clientCredentials: enabled,
    pageSealer: makeSealer({
      secrets: [new Secret(systemRandom(32))],
      salt: systemRandom(32),
      purpose: "page-token",
      random: systemRandom,
    }),
    httpKeys: "refused",
    fetchDocument: () => Promise.reject(new Error("nothing is fetched here")),
    hashChosenSecret: (secret) => hasher.hash(secret),
    random: systemRandom,
    clock: clock.now,
    logger: silentLogger,
  };
  const app = express().use("/dex/api/v1", makeManagementApi(parts)).use(unexpected);
  const server = await openHttpServer({ handler: app, listen: new URL("http://127.0.0.1:0") });
  const url = new URL("/dex/api/v1", server.url).href;
  const token: TestApi["token"] = async (clientId, { typ = ACCESS_TOKEN_JWT_TYP, exp, sub = clientId } = {}) => {
    const issuedAt = toEpochSeconds(clock.now());
    const claims = { iss: ISSUER, sub, aud: clientId, client_id: clientId, iat: issuedAt, exp: exp ?? issuedAt + 600 };
    return await ring.signer.sign(claims, { typ, algorithm: "EdDSA" });
  };
  const idToken: TestApi["idToken"] = async (userId, audience = "console", { exp } = {}) => {
    const issuedAt = toEpochSeconds(clock.now());
    const claims = { iss: ISSUER, sub: userId, aud: audience, iat: issuedAt, exp: exp ?? issuedAt + 600 };
    return await ring.signer.sign(claims, { typ: "JWT", algorithm: "EdDSA" });
  };
  const callAs: TestApi["callAs"] = async (bearer, method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: text === "" ? undefined : JSON.parse(text) };
  };
  const close = async () => {
    await server.close(0);
    await hasher.close();
    await stores.close();
  };
  return {
    url,
    parts,
    token,
    storage: stores.storage,
    clock,
    idToken,
    callAs,
    call: async (method, path, body) => callAs(await token("admin"), method, path, body),
    query: stores.query,
    takeActors: stores.takeActors,
    async reset() {
      const { clients, connectors, userDirectory } = stores.storage;
      for (const { id } of await clients.list()) await clients.delete(id, ACTOR);
      for (const wanted of CLIENTS) await clients.create(await newClient(wanted, clock.now()), ACTOR);
      await connectors.replaceAll([], ACTOR);
      const everybody = { emailPrefix: undefined, admin: undefined, disabled: undefined, emailVerified: undefined };
      const { users } = await userDirectory.list(everybody, { after: undefined, limit: 1000 });
      for (const { id } of users) await userDirectory.delete(id, ACTOR);
      stores.takeActors();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const CLIENTS = [
  { id: "admin", isAdmin: true, grantTypes: ["client_credentials"] },
  { id: "console", clientName: "The console", isAdmin: true, redirectURIs: [REDIRECT_URI] },
  {
    id: "ordinary",
    redirectURIs: [`${REDIRECT_URI}/ordinary`],
    grantTypes: ["authorization_code", "client_credentials"],
  },
];

/** Stores a user who is as given, with the local identity of one. */
export async function addUser(api: TestApi, name: string, more: Partial<User> = {}): Promise<User> {
  const user: User = {
    // Ids are given once; tests begin anew.
    id: `${name}-${systemRandom(6).toString("hex")}`,
    email: `${name}@example.com`,
    emailVerified: false,
    displayName: undefined,
    admin: false,
    disabled: false,
    createdAt: api.clock.now(),
    ...more,
  };
  const entry = { user, localConnectorId: "local", passwordHash: "$argon2id$canary", invitation: undefined };
  if ((await api.storage.userDirectory.create(entry, ACTOR)) !== "created") throw new Error(`${name} is taken`);
  return user;
}

async function newClient(wanted: unknown, now: Date): Promise<Client> {
  const decision = parseNewClient(wanted);
  if (decision.kind === "refused") throw new Error(decision.reason);
  const hashChosenSecret = () => Promise.reject(new Error("no secret was chosen"));
  return (await makeClient(decision.metadata, { random: systemRandom, now, hashChosenSecret })).client;
}

async function makeSigningRing(now: Date) {
  const sealer = makeSigningKeySealer({
    secrets: [new Secret(systemRandom(32))],
    salt: systemRandom(32),
    random: systemRandom,
  });
  const key = await generateSigningKey({ algorithm: "EdDSA", state: "active", sealer, random: systemRandom, now });
  const ring = makeKeyRing({ sealer, logger: silentLogger });
  await ring.replace({ keys: [key], jwksMaxAgeSeconds: 300, rotationRequestedAt: undefined });
  return ring;
}

// Stands where the worker's own error handler stands: what arrives here was not foreseen.
const unexpected: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  response.status(500).json({ error: "server_error", error_description: String(error) });
};

/** The real stores on a database of their own, and who was named as the author of each change. */
async function openStores() {
  const database = await openTestDatabase(migrateForTests);
  const url = new Secret(database.url);
  const storage = openStorage({ url, applicationName: "dex test", namedStatements: true, logger: silentLogger });
  const superuser = new pg.Pool({ connectionString: database.url, max: 1 });
  let actors: Actor[] = [];
  const recorded = <T>(actor: Actor, outcome: T): T => {
    actors.push(actor);
    return outcome;
  };
  return {
    storage,
    clients: {
      ...storage.clients,
      create: async (client: Client, actor: Actor) => recorded(actor, await storage.clients.create(client, actor)),
      delete: async (id: string, actor: Actor) => recorded(actor, await storage.clients.delete(id, actor)),
    },
    connectors: {
      ...storage.connectors,
      replaceAll: async (connectors: readonly StoredConnector[], actor: Actor) =>
        recorded(actor, await storage.connectors.replaceAll(connectors, actor)),
    },
    resources: {
      ...storage.resources,
      add: async (resource: Resource, actor: Actor) => recorded(actor, await storage.resources.add(resource, actor)),
    },
    takeActors() {
      const taken = actors;
      actors = [];
      return taken;
    },
    query: async <Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> =>
      (await superuser.query(sql, [...values])).rows,
    async close() {
      await superuser.end();
      await storage.close();
      await database.close();
    },
  };
}

async function migrateForTests(url: string): Promise<void> {
  await migrate({ url: new Secret(url), logger: silentLogger });
}
