// The admin API on the real stores, served over HTTP.
import { openHttpServer, Secret, silentLogger, systemRandom } from "@dex/runtime";
import { migrate, openStorage, type Storage, StorageUnavailable } from "@dex/storage";
import { makeHandSetClock, openTestDatabase } from "@dex/testing";
import { makePasswordHasher } from "@dex/users";
import { makeAccessCheck } from "../src/admin-api/access.ts";
import { makeAdminApp } from "../src/admin-api/app.ts";
import { makeAdminApiRoutes } from "../src/admin-api/routes.ts";

const SECRET = Buffer.alloc(32, 9).toString("base64");

export interface StoredAdminApi {
  readonly storage: Storage;
  readonly routes: ReturnType<typeof makeAdminApiRoutes>;
  /** Calls with the secret unless `authorization` says otherwise. */
  call(method: string, path: string, body?: unknown, authorization?: string): Promise<StoredAnswer>;
  close(): Promise<void>;
}

export interface StoredAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly body: unknown;
}

export async function openStoredAdminApi(): Promise<StoredAdminApi> {
  const database = await openTestDatabase(migrateForTests);
  const url = new Secret(database.url);
  const storage = openStorage({ url, applicationName: "dex test", namedStatements: true, logger: silentLogger });
  const hasher = makePasswordHasher({ threads: 1 });
  const { administrators, users, clients, connectors } = storage;
  const routes = makeAdminApiRoutes({
    users: {
      hasAdmin: () => administrators.exists(),
      findLocal: async (id) => (await administrators.find(id))?.user,
      createLocal: (...created) => users.createLocal(...created),
    },
    clients,
    connectors,
    fetchDocument: () => Promise.reject(new Error("nothing is fetched here")),
    localConnectorId: "local",
    hasher,
    ping: () => storage.ping(),
    listen: new URL("http://127.0.0.1:5557"),
    random: systemRandom,
  });
  const app = makeAdminApp({
    routes,
    checkAccess: makeAccessCheck([new Secret(SECRET)]),
    isStorageUnavailable: (error) => error instanceof StorageUnavailable,
    clock: makeHandSetClock().now,
    random: systemRandom,
    logger: silentLogger,
  });
  const server = await openHttpServer({ handler: app, listen: new URL("http://127.0.0.1:0") });
  return {
    storage,
    routes,
    async call(method, path, body, authorization = SECRET) {
      const answer = await fetch(new URL(path, server.url), {
        method,
        headers: { authorization, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const location = answer.headers.get("location");
      return { status: answer.status, location, body: text === "" ? undefined : JSON.parse(text) };
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
