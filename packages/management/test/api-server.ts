// The routes on the real stores, served over HTTP to anybody: who may call is for the processes to say.
import type { StoredConnector } from "@dex/connectors";
import { openHttpServer, Secret, silentLogger, systemRandom } from "@dex/runtime";
import { migrate, openStorage } from "@dex/storage";
import { makeHandSetClock, openTestDatabase } from "@dex/testing";
import { type Actor, makePasswordHasher } from "@dex/users";
import express from "express";
import { type ApiConventions, makeJsonApi, makeManagementRoutes } from "../src/index.ts";

const ACTOR: Actor = { kind: "client", id: "admin", address: "127.0.0.1" };

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
}

export interface TestApi {
  /** Text and bytes are sent as they are, anything else as JSON. */
  call(method: string, path: string, body?: unknown, contentType?: string): Promise<Answer>;
  readonly storage: ReturnType<typeof openStorage>;
  /** No clients, and these connectors. */
  reset(connectors?: readonly StoredConnector[]): Promise<void>;
  close(): Promise<void>;
}

export async function openTestApi(conventions: ApiConventions, adminClients: "allowed" | "refused"): Promise<TestApi> {
  const hasher = makePasswordHasher({ threads: 1 });
  const database = await openTestDatabase(migrateForTests);
  const url = new Secret(database.url);
  const storage = openStorage({ url, applicationName: "dex test", namedStatements: true, logger: silentLogger });
  const { clients, connectors } = storage;
  const api = makeJsonApi({
    routes: makeManagementRoutes({
      clients,
      connectors,
      adminClients,
      httpKeys: "refused",
      fetchDocument: () => Promise.reject(new Error("nothing is fetched here")),
      hashChosenSecret: hasher.hash,
      random: systemRandom,
      permission: "anybody",
      conventions,
    }),
    permissions: ["anybody"],
    conventions,
    before: (_request, _response, next) => next(),
    authorize: async () => ({ actor: ACTOR, clients: [] }),
    clock: makeHandSetClock().now,
    logger: silentLogger,
  });
  const server = await openHttpServer({ handler: express().use(api), listen: new URL("http://127.0.0.1:0") });
  return {
    storage,
    async call(method, path, body, contentType = "application/json") {
      const raw = typeof body === "string" || body instanceof Uint8Array;
      const response = await fetch(`${server.url.origin}${path}`, {
        method,
        headers: body === undefined || contentType === "" ? {} : { "Content-Type": contentType },
        // A Blob brings no type of its own.
        ...(body === undefined ? {} : { body: new Blob([raw ? body : JSON.stringify(body)]) }),
      });
      const text = await response.text();
      return { status: response.status, text, body: text === "" ? undefined : JSON.parse(text) };
    },
    async reset(wanted = []) {
      for (const { id } of await clients.list()) await clients.delete(id, ACTOR);
      await connectors.replaceAll(wanted, ACTOR);
    },
    async close() {
      await server.close(0);
      await hasher.close();
      await storage.close();
      await database.close();
    },
  };
}

async function migrateForTests(url: string): Promise<void> {
  await migrate({ url: new Secret(url), logger: silentLogger });
}
