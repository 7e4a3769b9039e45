import type { StoredConnector } from "@dex/connectors";
import { generateSigningKey, makeKeyRing, makeSigningKeySealer } from "@dex/keys";
import { ACCESS_TOKEN_JWT_TYP, type Client, makeClient, parseNewClient } from "@dex/oidc";
import { openHttpServer, Secret, silentLogger, systemRandom, toEpochSeconds } from "@dex/runtime";
import { migrate, openStorage } from "@dex/storage";
import { makeHandSetClock, openTestDatabase } from "@dex/testing";
import { type Actor, makePasswordHasher } from "@dex/users";
import express, { type ErrorRequestHandler } from "express";
import { type ManagementApiParts, makeManagementApi } from "../src/user-api/management-api.ts";

const ISSUER = "https://dex.example/dex";
const ACTOR: Actor = { kind: "dexctl", id: undefined, address: undefined };

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
}

/** The management API alone, served over HTTP, with an admin client `admin` and another client `ordinary`. */
export interface TestApi extends AsyncDisposable {
  /** Where the API begins. */
  readonly url: string;
  readonly parts: ManagementApiParts;
  /** Calls as the admin client. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** An access token as the client credentials grant makes it, with other claims or another `typ` where given. */
  token(clientId: string, changes?: { typ?: string; exp?: number; sub?: string }): Promise<string>;
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
  const parts: ManagementApiParts = {
    clients: stores.clients,
    connectors: stores.connectors,
    verifier: ring.verifier,
    issuer: ISSUER,
    enabled,
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
  const close = async () => {
    await server.close(0);
    await hasher.close();
    await stores.close();
  };
  return {
    url,
    parts,
    token,
    async call(method, path, body) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { Authorization: `Bearer ${await token("admin")}`, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, text, body: text === "" ? undefined : JSON.parse(text) };
    },
    takeActors: stores.takeActors,
    async reset() {
      const { clients, connectors } = stores.storage;
      for (const { id } of await clients.list()) await clients.delete(id, ACTOR);
      for (const id of ["admin", "ordinary"]) await clients.create(await newClient(id, clock.now()), ACTOR);
      await connectors.replaceAll([], ACTOR);
      stores.takeActors();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function newClient(id: string, now: Date): Promise<Client> {
  const decision = parseNewClient({ id, isAdmin: id === "admin", grantTypes: ["client_credentials"] });
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
    takeActors() {
      const taken = actors;
      actors = [];
      return taken;
    },
    async close() {
      await storage.close();
      await database.close();
    },
  };
}

async function migrateForTests(url: string): Promise<void> {
  await migrate({ url: new Secret(url), logger: silentLogger });
}
