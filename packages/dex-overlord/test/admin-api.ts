// The admin API on stores that fulfil its ports in memory, served over HTTP.
import type { StoredConnector } from "@dex/connectors";
import type { Client } from "@dex/oidc";
import { type LogFields, type Logger, openHttpServer, Secret, systemRandom } from "@dex/runtime";
import type { HandSetClock } from "@dex/testing";
import type { NewUser } from "@dex/users";
import { makeAccessCheck } from "../src/admin-api/access.ts";
import { makeAdminApp } from "../src/admin-api/app.ts";
import { makeAdminApiRoutes } from "../src/admin-api/routes.ts";

export const SECRET = Buffer.alloc(32, 9).toString("base64");
/** The other one of two that are taken while one is being replaced. */
export const OTHER_SECRET = Buffer.alloc(32, 10).toString("base64");

export class DatabaseAway extends Error {}

export interface RunningAdminApi {
  readonly url: URL;
  readonly log: { event: string; fields: LogFields | undefined }[];
  readonly users: Map<string, { user: NewUser; passwordHash: string; connectorId: string }>;
  readonly clients: Map<string, Client>;
  connectors: readonly StoredConnector[];
  failWith: Error | undefined;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<AdminAnswer>;
  close(): Promise<void>;
}

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

export async function openAdminApi(clock: HandSetClock): Promise<RunningAdminApi> {
  const state: Pick<RunningAdminApi, "log" | "users" | "clients" | "connectors" | "failWith"> = {
    log: [],
    users: new Map(),
    clients: new Map(),
    connectors: [{ id: "local", type: "local", config: {} }],
    failWith: undefined,
  };
  const failing = () => {
    if (state.failWith !== undefined) throw state.failWith;
  };
  const write = (event: string, fields?: LogFields) => void state.log.push({ event, fields });
  const logger: Logger = { debug: write, info: write, warn: write, error: write };
  const routes = makeAdminApiRoutes({
    fetchDocument: () => Promise.reject(new Error("nothing is fetched here")),
    localConnectorId: "local",
    random: systemRandom,
    hasher: { hash: async () => "$argon2id$hash-of-the-canary" },
    ping: async () => failing(),
    listen: new URL("http://127.0.0.1:5557"),
    users: {
      hasAdmin: async () => {
        failing();
        return [...state.users.values()].some(({ user }) => user.admin);
      },
      async findLocal(id) {
        const found = state.users.get(id);
        return found === undefined ? undefined : { id, email: found.user.email };
      },
      async createLocal(user, passwordHash, connectorId) {
        if ([...state.users.values()].some((one) => one.user.email === user.email)) return "email taken";
        state.users.set(user.id, { user, passwordHash, connectorId });
        return "created";
      },
    },
    clients: {
      list: async () => [...state.clients.values()],
      async create(client) {
        if (state.clients.has(client.id)) return "id taken";
        state.clients.set(client.id, client);
        return "created";
      },
      delete: async (id) => state.clients.delete(id),
    },
    connectors: {
      list: async () => state.connectors,
      async replaceAll(connectors) {
        state.connectors = connectors;
      },
      async replaceRead(_read, connectors) {
        state.connectors = connectors;
        return "replaced";
      },
    },
  });
  const app = makeAdminApp({
    routes,
    checkAccess: makeAccessCheck([new Secret(SECRET), new Secret(OTHER_SECRET)]),
    isStorageUnavailable: (error) => error instanceof DatabaseAway,
    clock: clock.now,
    random: systemRandom,
    logger,
  });
  const server = await openHttpServer({ handler: app, listen: new URL("http://127.0.0.1:0") });
  return Object.assign(state, {
    url: server.url,
    close: () => server.close(0),
    async call(
      method: string,
      path: string,
      body?: unknown,
      headers: Record<string, string> = {},
    ): Promise<AdminAnswer> {
      const raw = typeof body === "string" || body instanceof Uint8Array;
      const answer = await fetch(new URL(path, server.url), {
        method,
        headers: {
          authorization: SECRET,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: raw ? new Blob([body]) : JSON.stringify(body) }),
      });
      const text = await answer.text();
      const json: unknown = answer.headers.get("content-type")?.startsWith("application/json")
        ? JSON.parse(text)
        : undefined;
      return { status: answer.status, headers: answer.headers, text, json };
    },
  });
}
