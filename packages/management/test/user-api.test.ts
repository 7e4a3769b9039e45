import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { USER_API } from "../src/index.ts";
import { openTestApi, type TestApi } from "./api-server.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi(USER_API, "refused");
});
afterAll(() => api.close());
beforeEach(async () => {
  await api.reset();
  await api.call("POST", "/clients", { client: { id: "ordinary", redirectURIs: [REDIRECT] } });
});

const REDIRECT = "https://app.example/callback";

test("a client is created, listed and deleted; its secret is shown once (ADM-5, TOK-17)", async () => {
  const created = await api.call("POST", "/clients", { client: { redirectURIs: [REDIRECT], clientName: "App" } });
  expect(created).toMatchObject({
    status: 201,
    body: { client: { redirectURIs: [REDIRECT], clientName: "App", isAdmin: false, public: false } },
  });
  const { client } = created.body as { client: { id: string; secret: string } };
  expect(client.secret).toMatch(/^[\w-]{43}$/);

  const listed = await api.call("GET", "/clients");
  expect(listed.status).toBe(200);
  expect(listed.body).toMatchObject({ clients: [{ id: client.id }, { id: "ordinary" }].sort(byId) });
  expect(listed.text).not.toContain(client.secret);
  expect(listed.text).not.toContain("secret");

  expect(await api.call("DELETE", `/clients/${encodeURIComponent(client.id)}`)).toMatchObject({
    status: 204,
    text: "",
  });
  expect(await api.call("DELETE", `/clients/${encodeURIComponent(client.id)}`)).toMatchObject({
    status: 404,
    body: { error: "resource_not_found" },
  });
});

test("a chosen id and secret are taken, and only a slow hash of that secret is kept", async () => {
  const secret = "a-secret-that-somebody-chose";
  const request = { client: { id: "mine", secret, redirectURIs: [REDIRECT] } };
  expect(await api.call("POST", "/clients", request)).toMatchObject({ status: 201, body: { client: { secret } } });
  expect((await api.storage.clients.find("mine"))?.secret).toMatchObject({ kind: "argon2id" });
  expect(await api.call("POST", "/clients", request)).toMatchObject({ status: 409, body: { error: "duplicate_id" } });
});

test("of two requests that create one id, exactly one does", async () => {
  const request = { client: { id: "twice", redirectURIs: [REDIRECT] } };
  const answers = await Promise.all([api.call("POST", "/clients", request), api.call("POST", "/clients", request)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
});

test("no admin client is created over the API: a stolen token must not outlive itself (ADM-2)", async () => {
  const answer = await api.call("POST", "/clients", { client: { redirectURIs: [REDIRECT], isAdmin: true } });
  expect(answer).toMatchObject({ status: 403, body: { error: "forbidden" } });
  expect(answer.text).toContain("dexctl");
});

const OIDC = {
  id: "google",
  type: "oidc",
  issuerURL: "https://accounts.google.com",
  clientID: "dex",
  clientSecret: "canary-connector-secret",
};

test("connectors are replaced and listed, and their secrets never come out (ADM-5)", async () => {
  const saved = await api.call("PUT", "/connectors", { connectors: [{ id: "local", type: "local" }, OIDC] });
  expect(saved).toMatchObject({ status: 200, body: { connectors: [{ id: "local" }, { id: "google" }] } });
  const listed = await api.call("GET", "/connectors");
  expect(listed).toMatchObject({
    status: 200,
    body: { connectors: [{ id: "google", type: "oidc" }, { id: "local" }] },
  });
  expect(saved.text + listed.text).not.toContain("canary");
});

test("what was listed can be put back: secrets that are not shown keep their values", async () => {
  await api.call("PUT", "/connectors", { connectors: [OIDC] });
  const listed = await api.call("GET", "/connectors");
  expect(await api.call("PUT", "/connectors", listed.body)).toMatchObject({ status: 200 });
  const { clientSecret: _, ...without } = OIDC;
  expect(await api.call("PUT", "/connectors", { connectors: [without] })).toMatchObject({ status: 200 });
  expect(await api.storage.connectors.list()).toMatchObject([
    { id: "google", config: { clientSecret: OIDC.clientSecret } },
  ]);
});

test("a list with one mistake changes nothing, and the reason names it without a value", async () => {
  await api.call("PUT", "/connectors", { connectors: [OIDC] });
  const answer = await api.call("PUT", "/connectors", {
    connectors: [
      { id: "local", type: "local" },
      { id: "x", type: "nope", clientSecret: "canary" },
    ],
  });
  expect(answer).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  expect(answer.text).toMatch(/connector \\"x\\": type/);
  expect(answer.text).not.toContain("canary");
  expect(await api.storage.connectors.list()).toHaveLength(1);
});

const deep = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
const post = { method: "POST", path: "/clients", status: 400 };
const put = { method: "PUT", path: "/connectors", status: 400 };
interface HostileRequest {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string | Buffer;
  readonly type?: string;
  readonly status: number;
}
const HOSTILE: readonly HostileRequest[] = [
  { what: "an unknown address", method: "GET", path: "/nothing", status: 404 },
  { what: "a trailing slash", method: "GET", path: "/clients/", status: 404 },
  { what: "an address that does not decode", method: "DELETE", path: "/clients/%ff", status: 400 },
  { what: "a NUL in an id", method: "DELETE", path: "/clients/%00", status: 404 },
  { what: "an id of 4 KiB", method: "DELETE", path: `/clients/${"a".repeat(4096)}`, status: 404 },
  { what: "SQL in an id", method: "DELETE", path: `/clients/${encodeURIComponent("' OR 1=1 --")}`, status: 404 },
  { what: "__proto__ as an id", method: "DELETE", path: "/clients/__proto__", status: 404 },
  { what: "another method", method: "PATCH", path: "/clients", status: 405 },
  { ...post, what: "no body", body: "" },
  { ...post, what: "no JSON", body: "{" },
  { ...post, what: "null", body: "null" },
  { ...post, what: "an array", body: "[]" },
  { ...post, what: "no client member", body: "{}" },
  { ...post, what: "a client that is null", body: `{"client":null}` },
  { ...post, what: "a client without anything", body: `{"client":{}}` },
  { ...post, what: "wrong types", body: `{"client":{"redirectURIs":"x"}}` },
  { ...post, what: "a script as redirect URI (RED-8)", body: `{"client":{"redirectURIs":["javascript:alert(1)"]}}` },
  { ...post, what: "a NUL in the name", body: `{"client":{"redirectURIs":["${REDIRECT}"],"clientName":"\\u0000"}}` },
  {
    ...post,
    what: "a lone surrogate in the name",
    body: `{"client":{"redirectURIs":["${REDIRECT}"],"clientName":"\\ud800"}}`,
  },
  { ...post, what: "a chosen creation date", body: `{"client":{"redirectURIs":["${REDIRECT}"],"createdAt":"x"}}` },
  { ...post, what: "a polluted prototype", body: `{"__proto__":{"client":{}}}` },
  { ...post, what: "deep nesting", body: `{"client":${deep}}` },
  {
    ...put,
    what: "deep nesting in a connector",
    body: `{"connectors":[{"id":"x","type":"oidc","issuerURL":${deep}}]}`,
  },
  { ...post, what: "more than 64 KiB", body: `"${"x".repeat(70_000)}"`, status: 413 },
  { ...post, what: "wrong UTF-8", body: Buffer.from([0x22, 0xff, 0x22]) },
  { ...post, what: "a form", body: "client=x", type: "application/x-www-form-urlencoded", status: 415 },
  { ...post, what: "no content type", body: "{}", type: "", status: 415 },
  { ...put, what: "connectors that are null", body: `{"connectors":null}` },
  { ...put, what: "connectors that are an object", body: `{"connectors":{}}` },
  { ...put, what: "a connector that is null", body: `{"connectors":[null]}` },
  { ...put, what: "one connector twice", body: `{"connectors":[{"id":"a","type":"local"},{"id":"a","type":"local"}]}` },
  { ...put, what: "a connector called __proto__", body: `{"connectors":[{"id":"__proto__","type":"local"}]}` },
  { ...put, what: "a type called constructor", body: `{"connectors":[{"id":"a","type":"constructor"}]}` },
];
test.each(HOSTILE)("$what: $method gets $status and changes nothing", async ({ method, path, body, type, status }) => {
  const before = await listEverything();
  const answer = await api.call(method, path, body, type);
  expect(answer.status).toBe(status);
  const error = status === 404 ? "resource_not_found" : "invalid_request";
  expect(answer.body).toEqual({ error, error_description: expect.any(String) });
  expect(answer.text).not.toMatch(/ {4}at |node_modules/);
  expect(await listEverything()).toEqual(before);
});

async function listEverything() {
  return { clients: (await api.call("GET", "/clients")).body, connectors: await api.storage.connectors.list() };
}

function byId(left: { id: string }, right: { id: string }): number {
  return left.id < right.id ? -1 : 1;
}
