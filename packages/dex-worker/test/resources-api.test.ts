// Resources by the management API.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openTestApi, type TestApi } from "./management-api-server.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());
beforeEach(() => api.reset());

const IDENTIFIER = "https://api.example/v1?a=b/c%20d";
const PATH = `/resources/${encodeURIComponent(IDENTIFIER)}`;

test("a resource is added, listed, changed and removed by its identifier in the address, and each change is recorded (ADM-6)", async () => {
  const resource = { identifier: IDENTIFIER, name: "The API", scopes: ["read"] };
  const stored = {
    ...{ ...resource, tokenFormat: "jwt", signingAlg: "RS256" },
    ...{ introspectedBy: [], authorizationDetailsTypes: [] },
  };
  const added = await api.call("POST", "/resources", { resource });
  expect([added.status, added.body]).toEqual([201, { resource: stored }]);
  expect((await api.call("POST", "/resources", { resource })).status).toBe(409);
  expect((await api.call("GET", "/resources")).body).toEqual({ resources: [stored] });
  const changed = await api.call("PATCH", PATH, { resource: { name: "Renamed", accessTokenLifetime: 60 } });
  expect(changed.body).toEqual({ resource: { ...stored, name: "Renamed", accessTokenLifetime: 60 } });
  expect((await api.call("DELETE", PATH)).status).toBe(204);
  for (const method of ["PATCH", "DELETE"]) {
    expect((await api.call(method, PATH, method === "PATCH" ? { resource: {} } : undefined)).status).toBe(404);
  }
  const sql = "SELECT event, actor_id FROM audit_event WHERE subject_id = $1 ORDER BY id";
  expect(await api.query(sql, [IDENTIFIER])).toEqual([
    { event: "resource added", actor_id: "admin" },
    { event: "resource changed", actor_id: "admin" },
    { event: "resource removed", actor_id: "admin" },
  ]);
});

const wrong = [
  {},
  { identifier: "relative", name: "x" },
  { identifier: "urn:x", name: "x", scopes: ["openid"] },
  { identifier: "urn:x", name: "x", accessTokenLifetime: 0 },
  { identifier: "urn:x", name: "x", accessTokenLifetime: 1e9 },
  { identifier: "urn:x", name: "x", surprise: true },
  { identifier: "urn:x", name: "\u0000" },
];
test.each(wrong)("what is no resource is refused: %j", async (resource) => {
  expect((await api.call("POST", "/resources", { resource })).status).toBe(400);
});

test("nobody registers one without being an admin (ADM-2)", async () => {
  const ordinary = await api.token("ordinary");
  for (const [token, status] of [
    [undefined, 401],
    [ordinary, 403],
  ] as const) {
    expect((await api.callAs(token, "GET", "/resources")).status).toBe(status);
    expect((await api.callAs(token, "DELETE", PATH)).status).toBe(status);
  }
});
