// What the bootstrap admin API leaves in the database, and that it answers as it says it does.
import { makeOpenApiChecker, type OpenApiChecker, type OpenApiDocument } from "@dex/testing";
import type { Actor } from "@dex/users";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStoredAdminApi, type StoredAdminApi } from "./stored-admin-api.ts";

const BCRYPT = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
const ACTOR: Actor = { kind: "dexctl", id: undefined, address: undefined };
const CALLBACK = "https://app.example/cb";
const ADMIN = { email: "Jane@Example.com", password: BCRYPT };
const OIDC = { id: "up", type: "oidc", issuerURL: "https://up.example", clientID: "dex", clientSecret: "canary" };
const GITHUB = { id: "hub", type: "github", clientID: "dex", clientSecret: "canary" };
const LOCAL = { id: "local", type: "local" };

let api: StoredAdminApi;
beforeEach(async () => {
  api = await openStoredAdminApi();
});
afterEach(() => api.close());

describe("an admin", () => {
  beforeEach(() => api.call("PUT", "/api/v1/connectors", { connectors: [LOCAL] }));

  test("is created at an address of their own, readable again, counted, and found by the local identity (v1 F11, v1 M02, v1 M05, v1 U12)", async () => {
    expect((await api.call("GET", "/api/v1/state")).body).toEqual({});
    const created = await api.call("POST", "/api/v1/admin", ADMIN);
    const { id } = created.body as { id: string };
    expect(created).toEqual({
      status: 200,
      location: `/api/v1/admin/${id}`,
      body: { id, email: "jane@example.com" },
    });
    expect(await api.call("GET", `/api/v1/admin/${id}`)).toMatchObject({ status: 200, body: { id } });
    expect((await api.call("GET", "/api/v1/state")).body).toEqual({ AdminUserCreated: true });
    const identity = { connectorId: "local", remoteId: id, email: undefined, emailVerified: false } as const;
    const { user } = await api.storage.users.findByIdentity(
      {
        ...identity,
        displayName: undefined,
        preferredUsername: undefined,
        groups: undefined,
        amr: [],
        authTime: undefined,
      },
      "",
    );
    expect(user).toMatchObject({ id, admin: true, emailVerified: false });
  });

  test("with a password is shown, one without is not, under any id that dex v1 could give (v1 M01)", async () => {
    const ids = ["free text of v1", "ünïcode"];
    for (const [index, id] of ids.entries()) {
      const user = {
        id,
        email: `v1-${index}@example.com`,
        emailVerified: true,
        displayName: undefined,
        admin: false,
        disabled: false,
        createdAt: new Date(),
      };
      const passwordHash = index === 0 ? BCRYPT : undefined;
      const entry = { user, localConnectorId: "local", passwordHash, invitation: undefined };
      await api.storage.userDirectory.create(entry, ACTOR);
    }
    const answers = await Promise.all(ids.map((id) => api.call("GET", `/api/v1/admin/${encodeURIComponent(id)}`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 404]);
    expect(JSON.stringify(answers)).not.toContain("$2a$");
  });

  test("has an address of their own that is one, and a password or its hash (v1 M04)", async () => {
    expect((await api.call("POST", "/api/v1/admin", ADMIN)).status).toBe(200);
    expect(await api.call("POST", "/api/v1/admin", ADMIN)).toMatchObject({ status: 409 });
    for (const body of [{ password: BCRYPT }, { ...ADMIN, email: "jane" }, { email: "ada@example.com" }]) {
      expect(await api.call("POST", "/api/v1/admin", body)).toMatchObject({
        status: 400,
        body: { error: "bad_request" },
      });
    }
  });
});

test("health is served without a secret, nothing else is (v1 M03, v1 M10)", async () => {
  for (const path of ["/health", "/health/"]) {
    expect(await api.call("GET", path, undefined, "")).toMatchObject({ status: 200, body: { status: "ok" } });
  }
  for (const secret of ["", "wrong"]) {
    expect(await api.call("GET", "/api/v1/state", undefined, secret)).toMatchObject({ status: 401 });
  }
});

test("a slash at the end makes no other address", async () => {
  expect(await api.call("GET", "/api/v1/state/")).toMatchObject({ status: 200 });
  expect(await api.call("GET", "/api/v1/connectors/")).toMatchObject({ status: 200 });
});

describe("connectors", () => {
  test.each([{ connectors: [LOCAL] }, { connectors: [GITHUB, OIDC] }, { connectors: [GITHUB, LOCAL, OIDC] }])(
    "are read as they were set, with their type and without their secrets (v1 M06)",
    async ({ connectors }) => {
      expect(await api.call("PUT", "/api/v1/connectors", { connectors })).toMatchObject({
        status: 200,
        body: undefined,
      });
      const shown = connectors.map((one) => ("clientSecret" in one ? { ...one, clientSecret: "[secret]" } : one));
      expect((await api.call("GET", "/api/v1/connectors")).body).toEqual({ connectors: shown });
    },
  );

  test("without a type are refused (v1 M06)", async () => {
    expect(await api.call("PUT", "/api/v1/connectors", { connectors: [{ id: "x" }] })).toMatchObject({ status: 400 });
  });
});

describe("a client", () => {
  const good = [
    { what: "plain", client: { redirectURIs: [CALLBACK] } },
    { what: "an admin", client: { redirectURIs: [CALLBACK], isAdmin: true } },
    { what: "with several redirect URIs", client: { redirectURIs: [CALLBACK, `${CALLBACK}/2`] } },
    { what: "with peers, known or not", client: { redirectURIs: [CALLBACK], trustedPeers: ["one", "two"] } },
    { what: "public", client: { public: true, clientName: "My CLI" } },
    { what: "with an id of its own", client: { id: "mine", redirectURIs: [CALLBACK] } },
    { what: "with a secret of its own", client: { secret: "Y2FuYXJ5LXNlY3JldA==", redirectURIs: [CALLBACK] } },
    { what: "with both", client: { id: "mine", secret: "Y2FuYXJ5LXNlY3JldA", redirectURIs: [CALLBACK] } },
  ];
  test.each(good)("$what is answered as it is stored (v1 M08)", async ({ client }) => {
    const created = await api.call("POST", "/api/v1/client", { client });
    expect(created).toMatchObject({ status: 200, body: { client } });
    const { id, secret } = (created.body as { client: { id: string; secret?: string } }).client;
    expect(secret === undefined).toBe("public" in client);
    expect(await api.storage.clients.find(id)).toMatchObject({
      redirectUris: client.redirectURIs ?? [],
      admin: "isAdmin" in client,
      public: "public" in client,
      trustedPeers: "trustedPeers" in client ? client.trustedPeers : [],
    });
  });

  const refused = [
    { when: "the request is empty (v1 M07)", body: {} },
    { when: "it has no redirect URI (v1 M07)", body: { client: {} } },
    { when: "a redirect URI has no host (v1 M07)", body: { client: { redirectURIs: ["https://"] } } },
    { when: "it is public without a name (v1 M09)", body: { client: { public: true } } },
    { when: "its secret is no base64url (v1 M09)", body: { client: { secret: "!!", redirectURIs: [CALLBACK] } } },
  ];
  test.each(refused)("is refused when $when", async ({ body }) => {
    expect(await api.call("POST", "/api/v1/client", body)).toMatchObject({
      status: 400,
      body: { error: "bad_request" },
    });
    expect(await api.storage.clients.list()).toEqual([]);
  });

  test("may be public and have redirect URIs: RFC 8252 asks for that (v1 M09)", async () => {
    const client = { public: true, redirectURIs: ["http://127.0.0.1/cb"] };
    expect(await api.call("POST", "/api/v1/client", { client })).toMatchObject({ status: 200 });
  });

  test("whose id is taken is refused with 409 (v1 M09)", async () => {
    const body = { client: { id: "mine", redirectURIs: [CALLBACK] } };
    const answers = await Promise.all([1, 2].map(() => api.call("POST", "/api/v1/client", body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });
});

describe("the description", () => {
  async function openChecker(): Promise<OpenApiChecker> {
    const answer = await api.call("GET", "/api/v1/openapi.json", undefined, "");
    expect(answer).toMatchObject({ status: 200, body: { servers: [{ url: "http://127.0.0.1:5557" }] } });
    return makeOpenApiChecker(answer.body as OpenApiDocument);
  }

  test("is valid OpenAPI 3.1, open to anybody, and holds every route", async () => {
    const checker = await openChecker();
    expect(await checker.problems()).toEqual([]);
    const routes = api.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    expect(checker.operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
  });

  test("is what every operation really answers", async () => {
    const checker = await openChecker();
    const client = { id: "mine", redirectURIs: [CALLBACK] };
    const calls: readonly (readonly [id: string, method: string, path: string, status: number, body?: unknown])[] = [
      ["getHealth", "GET", "/health", 200],
      ["getState", "GET", "/api/v1/state", 200],
      ["createAdmin", "POST", "/api/v1/admin", 409, ADMIN],
      ["listConnectors", "GET", "/api/v1/connectors", 200],
      ["replaceConnectors", "PUT", "/api/v1/connectors", 200, { connectors: [LOCAL, OIDC] }],
      ["replaceConnectors", "PUT", "/api/v1/connectors", 400, { connectors: {} }],
      ["listConnectors", "GET", "/api/v1/connectors", 200],
      ["createAdmin", "POST", "/api/v1/admin", 200, ADMIN],
      ["createAdmin", "POST", "/api/v1/admin", 400, {}],
      ["createAdmin", "POST", "/api/v1/admin", 409, ADMIN],
      ["getState", "GET", "/api/v1/state", 200],
      ["getAdmin", "GET", "/api/v1/admin/nobody", 404],
      ["createClient", "POST", "/api/v1/client", 200, { client }],
      ["createClient", "POST", "/api/v1/client", 409, { client }],
      ["createClient", "POST", "/api/v1/client", 400, {}],
      ["listClients", "GET", "/api/v1/clients", 200],
      ["deleteClient", "DELETE", "/api/v1/client/mine", 204],
      ["deleteClient", "DELETE", "/api/v1/client/mine", 404],
      ["describeApi", "GET", "/api/v1/openapi.json", 200],
    ];
    for (const [operationId, method, path, status, body] of calls) {
      const answer = await api.call(method, path, body);
      expect([operationId, answer.status]).toEqual([operationId, status]);
      expect([operationId, ...checker.checkAnswer(operationId, status, answer.body)]).toEqual([operationId]);
    }
    const denied = await api.call("GET", "/api/v1/state", undefined, "wrong");
    expect(checker.checkAnswer("getState", denied.status, denied.body)).toEqual([]);
    const called = new Set(calls.map(([operationId]) => operationId));
    expect(checker.operations.filter(({ operationId }) => !called.has(operationId))).toEqual([]);
  });
});
