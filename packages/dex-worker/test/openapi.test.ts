import { makeOpenApiChecker, type OpenApiChecker, type OpenApiDocument } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeApiRoutes } from "../src/user-api/management-api.ts";
import { addUser, openTestApi, REDIRECT_URI, type TestApi } from "./management-api-server.ts";

let api: TestApi;
let document: OpenApiDocument;
let checker: OpenApiChecker;
beforeAll(async () => {
  api = await openTestApi();
  const answer = await api.callAs(undefined, "GET", "/openapi.json");
  document = answer.body as OpenApiDocument;
  checker = makeOpenApiChecker(document);
});
afterAll(() => api.close());
beforeEach(async () => {
  await api.reset();
  await api.call("PUT", "/connectors", { connectors: [{ id: "local", type: "local" }] });
});

test("the API describes itself to anybody, the same at both addresses (v1 D02)", async () => {
  const answers = await Promise.all(["/openapi.json", "/discovery"].map((path) => api.callAs(undefined, "GET", path)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(answers[0]?.text).toBe(answers[1]?.text);
  expect(document.servers).toEqual([{ url: "https://dex.example/dex/api/v1" }]);
  for (const method of ["POST", "PUT", "DELETE"]) {
    expect(await api.callAs(undefined, method, "/discovery")).toMatchObject({
      status: 405,
      body: { error: "invalid_request" },
    });
  }
});

test("the description is valid OpenAPI 3.1 and holds every route, each once", async () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(await checker.problems()).toEqual([]);
  const routes = makeApiRoutes(api.parts).map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  expect(checker.operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
  expect(new Set(checker.operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
});

test("what bodies may hold is described truly, clients and every type of connector among it", () => {
  const good = { id: "up", type: "oidc", issuerURL: "https://up.example", clientID: "dex", clientSecret: "s" };
  expect(checker.checkRequest("replaceConnectors", { connectors: [good, { id: "local", type: "local" }] })).toEqual([]);
  expect(checker.checkRequest("replaceConnectors", { connectors: [{ id: "up", type: "nope" }] })).not.toEqual([]);
  expect(checker.checkRequest("replaceConnectors", { connectors: [{ ...good, clientID: 7 }] })).not.toEqual([]);
  expect(checker.checkRequest("createClient", { client: { redirectURIs: [REDIRECT_URI] } })).toEqual([]);
  expect(checker.checkRequest("createClient", { client: { redirectURI: REDIRECT_URI } })).not.toEqual([]);
  expect(checker.checkRequest("createUser", { user: { email: "a@b.example" }, redirectURL: REDIRECT_URI })).toEqual([]);
  expect(checker.checkRequest("createUser", {})).not.toEqual([]);
  expect(checker.checkRequest("disableUser", { disable: "true" })).not.toEqual([]);
});

/** RFC 8037 Appendix A.2. */
const KEY = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid: "one" };

interface Call {
  readonly operationId: string;
  readonly path?: (id: string) => string;
  readonly body?: unknown;
  readonly status: number;
  readonly as?: "nobody" | "ordinary";
}
const everywhere = (operationId: string, path: (id: string) => string, body?: unknown): readonly Call[] => [
  { operationId, path, body, status: 401, as: "nobody" },
  { operationId, path, body, status: 403, as: "ordinary" },
];
const ofUser =
  (more = "") =>
  (id: string) =>
    `/users/${id}${more}`;
const ofNobody =
  (more = "") =>
  () =>
    `/users/nobody${more}`;
const MAIL = "00000000-0000-4000-8000-000000000000";
const newUser = { user: { email: "new@example.com", admin: true, displayName: "New" }, redirectURL: undefined };
const CALLS: readonly Call[] = [
  { operationId: "listUsers", path: () => "/users?maxResults=1", status: 200 },
  { operationId: "listUsers", path: () => "/users?maxResults=101", status: 400 },
  { operationId: "listUsers", path: () => "/users?nextPageToken=x", status: 400 },
  { operationId: "createUser", path: () => "/users", body: newUser, status: 200 },
  { operationId: "createUser", path: () => "/users", body: { user: { email: "bob@example.com" } }, status: 409 },
  { operationId: "createUser", path: () => "/users", body: { user: { email: "" } }, status: 400 },
  {
    operationId: "createUser",
    path: () => "/users",
    body: { ...newUser, redirectURL: "https://x.example/" },
    status: 400,
  },
  {
    operationId: "createUser",
    path: () => "/users",
    body: { user: { ...newUser.user, displayName: "x".repeat(70_000) } },
    status: 413,
  },
  { operationId: "getUser", path: ofUser(), status: 200 },
  { operationId: "getUser", path: ofNobody(), status: 404 },
  { operationId: "getUser", path: ofUser("%ff"), status: 400 },
  { operationId: "updateUser", path: ofUser(), body: { user: { displayName: "Bob" } }, status: 200 },
  { operationId: "updateUser", path: ofUser(), body: { user: { email: "eve@example.com" } }, status: 409 },
  { operationId: "updateUser", path: ofUser(), body: { user: { email: "eve" } }, status: 400 },
  { operationId: "updateUser", path: ofNobody(), body: { user: {} }, status: 404 },
  { operationId: "deleteUser", path: ofUser(), status: 204 },
  { operationId: "deleteUser", path: ofNobody(), status: 404 },
  { operationId: "disableUser", path: ofUser("/disable"), body: { disable: true }, status: 200 },
  { operationId: "disableUser", path: ofUser("/disable"), body: {}, status: 400 },
  { operationId: "disableUser", path: ofNobody("/disable"), body: { disable: true }, status: 404 },
  { operationId: "resendInvitation", path: ofUser("/resend-invitation"), body: {}, status: 200 },
  { operationId: "resendInvitation", path: ofNobody("/resend-invitation"), body: {}, status: 404 },
  {
    operationId: "resendInvitation",
    path: ofUser("/resend-invitation"),
    body: { redirectURL: "https://x.example/" },
    status: 400,
  },
  { operationId: "sendResetPassword", path: ofUser("/send-reset-password"), body: {}, status: 200 },
  { operationId: "sendResetPassword", path: ofNobody("/send-reset-password"), body: {}, status: 404 },
  { operationId: "listIdentities", path: ofUser("/identities"), status: 200 },
  { operationId: "listIdentities", path: ofNobody("/identities"), status: 404 },
  {
    operationId: "unlinkIdentity",
    path: ofUser("/unlink"),
    body: { connectorID: "local", remoteID: "bob" },
    status: 404,
  },
  { operationId: "unlinkIdentity", path: ofUser("/unlink"), body: { connectorID: "local" }, status: 400 },
  { operationId: "listRefreshClients", path: (id) => `/account/${id}/refresh`, status: 200 },
  { operationId: "listRefreshClients", path: () => "/account/nobody/refresh", status: 404 },
  { operationId: "revokeRefreshClient", path: (id) => `/account/${id}/refresh/console`, status: 200 },
  { operationId: "revokeRefreshClient", path: () => "/account/nobody/refresh/console", status: 404 },
  { operationId: "listRefreshTokens", path: (id) => `/account/${id}/refresh-tokens`, status: 200 },
  { operationId: "listRefreshTokens", path: () => "/account/nobody/refresh-tokens", status: 404 },
  { operationId: "revokeRefreshToken", path: (id) => `/account/${id}/refresh-tokens/${MAIL}`, status: 404 },
  { operationId: "listBackchannelRequests", path: ofUser("/backchannel-requests"), status: 200 },
  { operationId: "listBackchannelRequests", path: ofNobody("/backchannel-requests"), status: 404 },
  { operationId: "approveBackchannelRequest", path: ofUser(`/backchannel-requests/${MAIL}/approve`), status: 404 },
  { operationId: "denyBackchannelRequest", path: ofUser(`/backchannel-requests/${MAIL}/deny`), status: 404 },
  { operationId: "listMail", path: () => "/mail?state=waiting&maxResults=1", status: 200 },
  { operationId: "listMail", path: () => "/mail?state=lost", status: 400 },
  { operationId: "retryMail", path: () => `/mail/${MAIL}/retry`, status: 404 },
  { operationId: "listClients", path: () => "/clients", status: 200 },
  {
    operationId: "createClient",
    path: () => "/clients",
    body: { client: { redirectURIs: [REDIRECT_URI] } },
    status: 201,
  },
  { operationId: "createClient", path: () => "/clients", body: { client: {} }, status: 400 },
  {
    operationId: "createClient",
    path: () => "/clients",
    body: { client: { id: "console", redirectURIs: [REDIRECT_URI] } },
    status: 409,
  },
  {
    operationId: "createClient",
    path: () => "/clients",
    body: { client: { isAdmin: true, redirectURIs: [REDIRECT_URI] } },
    status: 403,
  },
  {
    operationId: "changeClient",
    path: () => "/clients/console",
    body: { client: { allowedConnectors: ["corp"] } },
    status: 204,
  },
  { operationId: "changeClient", path: () => "/clients/console", body: { client: {} }, status: 400 },
  {
    operationId: "changeClient",
    path: () => "/clients/console",
    body: { client: { details: { initiate_login_uri: "https://app.example/login", tos_uri: null } } },
    status: 204,
  },
  {
    operationId: "changeClient",
    path: () => "/clients/console",
    body: { client: { details: { jwks: { keys: [{ kty: "oct", k: "AAAA" }] } } } },
    status: 400,
  },
  {
    operationId: "changeClient",
    path: () => "/clients/console",
    body: { client: { allowedConnectors: [], trusted: true } },
    status: 400,
  },
  {
    operationId: "changeClient",
    path: () => "/clients/nobody",
    body: { client: { allowedConnectors: [] } },
    status: 404,
  },
  { operationId: "listClientSecrets", path: () => "/clients/ordinary/secrets", status: 200 },
  { operationId: "listClientSecrets", path: () => "/clients/nobody/secrets", status: 404 },
  {
    operationId: "addClientSecret",
    path: () => "/clients/ordinary/secrets",
    body: { secret: { expiresAt: "2999-01-01T00:00:00Z" } },
    status: 201,
  },
  {
    operationId: "addClientSecret",
    path: () => "/clients/ordinary/secrets",
    body: { secret: { expiresAt: "1999-01-01T00:00:00Z" } },
    status: 400,
  },
  { operationId: "addClientSecret", path: () => "/clients/ordinary/secrets", body: { secret: "x" }, status: 400 },
  { operationId: "addClientSecret", path: () => "/clients/console/secrets", body: { secret: {} }, status: 403 },
  { operationId: "addClientSecret", path: () => "/clients/nobody/secrets", body: { secret: {} }, status: 404 },
  {
    operationId: "expireClientSecret",
    path: () => "/clients/ordinary/secrets/first",
    body: { secret: { expiresAt: null } },
    status: 204,
  },
  {
    operationId: "expireClientSecret",
    path: () => "/clients/ordinary/secrets/first",
    body: { secret: { expiresAt: "soon" } },
    status: 400,
  },
  {
    operationId: "expireClientSecret",
    path: () => "/clients/console/secrets/first",
    body: { secret: { expiresAt: null } },
    status: 403,
  },
  {
    operationId: "expireClientSecret",
    path: () => "/clients/ordinary/secrets/none",
    body: { secret: { expiresAt: null } },
    status: 404,
  },
  { operationId: "removeClientSecret", path: () => "/clients/ordinary/secrets/first", status: 409 },
  { operationId: "removeClientSecret", path: () => "/clients/ordinary/secrets/none", status: 404 },
  ...["ordinary", "nobody"].map((id) => ({
    operationId: "listClientKeys",
    path: () => `/clients/${id}/keys`,
    status: id === "nobody" ? 404 : 200,
  })),
  { operationId: "addClientKey", path: () => "/clients/ordinary/keys", body: { key: KEY }, status: 201 },
  { operationId: "addClientKey", path: () => "/clients/ordinary/keys", body: { key: "x" }, status: 400 },
  { operationId: "addClientKey", path: () => "/clients/console/keys", body: { key: KEY }, status: 403 },
  { operationId: "addClientKey", path: () => "/clients/nobody/keys", body: { key: KEY }, status: 404 },
  { operationId: "removeClientKey", path: () => "/clients/console/keys/one", status: 403 },
  { operationId: "removeClientKey", path: () => "/clients/ordinary/keys/none", status: 404 },
  ...Object.entries({ ordinary: 200, console: 403, nobody: 404 }).map(([id, status]) => ({
    operationId: "changeClientAuthentication",
    path: () => `/clients/${id}/authentication`,
    body: { authentication: { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [KEY] } } },
    status,
  })),
  {
    operationId: "changeClientAuthentication",
    path: () => "/clients/ordinary/authentication",
    body: { authentication: { token_endpoint_auth_method: "private_key_jwt" } },
    status: 400,
  },
  { operationId: "deleteClient", path: () => "/clients/console", status: 204 },
  { operationId: "deleteClient", path: () => "/clients/nobody", status: 404 },
  { operationId: "listResources", path: () => "/resources", status: 200 },
  {
    operationId: "addResource",
    path: () => "/resources",
    body: { resource: { identifier: "https://api.example/", name: "The API" } },
    status: 201,
  },
  { operationId: "addResource", path: () => "/resources", body: { resource: { name: "x" } }, status: 400 },
  { operationId: "changeResource", path: () => "/resources/urn%3Ano", body: { resource: {} }, status: 404 },
  { operationId: "changeResource", path: () => "/resources/urn%3Ano", body: { resource: "x" }, status: 400 },
  { operationId: "removeResource", path: () => "/resources/urn%3Ano", status: 404 },
  { operationId: "listConnectors", path: () => "/connectors", status: 200 },
  {
    operationId: "replaceConnectors",
    path: () => "/connectors",
    body: { connectors: [{ id: "local", type: "local" }] },
    status: 200,
  },
  { operationId: "replaceConnectors", path: () => "/connectors", body: { connectors: [{}] }, status: 400 },
  {
    operationId: "saveConnector",
    path: () => "/connectors/local",
    body: { connector: { type: "local" } },
    status: 200,
  },
  { operationId: "saveConnector", path: () => "/connectors/x", body: { connector: { type: "nope" } }, status: 400 },
  { operationId: "saveConnector", path: () => "/connectors/x", body: { connector: "x" }, status: 400 },
  { operationId: "checkConnector", path: () => "/connectors/up/check", status: 200 },
  { operationId: "checkConnector", path: () => "/connectors/down/check", status: 404 },
  { operationId: "deleteConnector", path: () => "/connectors/local", status: 204 },
  { operationId: "deleteConnector", path: () => "/connectors/down", status: 404 },
  { operationId: "describeApi", path: () => "/openapi.json", status: 200 },
  { operationId: "discoverApi", path: () => "/discovery", status: 200 },
  ...everywhere("listUsers", () => "/users"),
  ...everywhere("updateUser", ofUser(), { user: {} }),
  ...everywhere("deleteUser", ofUser()),
  ...everywhere("revokeRefreshClient", (id) => `/account/${id}/refresh/console`),
  ...everywhere("replaceConnectors", () => "/connectors", { connectors: [] }),
  ...everywhere("removeResource", () => "/resources/urn%3Ano"),
  ...everywhere("retryMail", () => `/mail/${MAIL}/retry`),
];

test("every operation is called below", () => {
  const called = new Set(CALLS.map(({ operationId }) => operationId));
  expect(checker.operations.map(({ operationId }) => operationId).filter((id) => !called.has(id))).toEqual([]);
});

test.each(CALLS)("a real answer of $operationId with status $status is as described", async (call) => {
  await addUser(api, "eve", { emailVerified: true });
  const { id } = await addUser(api, "bob");
  const method = checker.operations.find(({ operationId }) => operationId === call.operationId)?.method ?? "";
  const token = call.as === "nobody" ? undefined : await api.token(call.as ?? "admin");
  const { status, body } = await api.callAs(token, method, call.path?.(id) ?? "", call.body);
  expect({ status, body }).toMatchObject({ status: call.status });
  expect(checker.checkAnswer(call.operationId, status, body)).toEqual([]);
});

test("an answer that says more than it should is found", () => {
  const user = { id: "bob", email: "bob@example.com", createdAt: "2030-01-01T00:00:00.000Z" };
  expect(checker.checkAnswer("getUser", 200, { user })).toEqual([]);
  expect(checker.checkAnswer("getUser", 200, { user: { ...user, passwordHash: "x" } })).not.toEqual([]);
  expect(checker.checkAnswer("getUser", 404, { error: "forbidden" })).not.toEqual([]);
});
