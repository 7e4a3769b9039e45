import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openTestApi, type TestApi } from "../../test/management-api-server.ts";
import { makeApiRoutes } from "./management-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());
beforeEach(() => api.reset());

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
  expect(listed.body).toMatchObject({ clients: [{ id: "admin" }, { id: client.id }, { id: "ordinary" }].sort(byId) });
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
  expect((await api.findClient("mine"))?.secret).toMatchObject({ kind: "argon2id" });
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
  expect(await api.listConnectors()).toMatchObject([{ id: "google", config: { clientSecret: OIDC.clientSecret } }]);
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
  expect(await api.listConnectors()).toHaveLength(1);
});

test("every change is recorded with the client that made it (ADM-6)", async () => {
  await api.call("POST", "/clients", { client: { id: "seen", redirectURIs: [REDIRECT] } });
  await api.call("DELETE", "/clients/seen");
  await api.call("PUT", "/connectors", { connectors: [{ id: "local", type: "local" }] });
  const actor = { kind: "client", id: "admin", address: "127.0.0.1" };
  expect(api.takeActors()).toEqual([actor, actor, actor]);
});

const TOKENS: readonly { when: string; headers: (api: TestApi) => Promise<Record<string, string | string[]>> }[] = [
  { when: "there is no header", headers: async () => ({}) },
  { when: "the scheme is Basic", headers: async () => ({ Authorization: "Basic YWRtaW46c2VjcmV0" }) },
  { when: "it is the bare token", headers: async (one) => ({ Authorization: await one.token("admin") }) },
  {
    when: "the token is cut",
    headers: async (one) => ({ Authorization: `Bearer ${(await one.token("admin")).slice(0, -1)}` }),
  },
  { when: "the token is padded", headers: async (one) => ({ Authorization: `Bearer ${await one.token("admin")}=` }) },
  { when: "something follows it", headers: async (one) => ({ Authorization: `Bearer ${await one.token("admin")} x` }) },
  {
    when: "it is an ID token",
    headers: async (one) => ({ Authorization: `Bearer ${await one.token("admin", { typ: "JWT" })}` }),
  },
  {
    when: "it has expired",
    headers: async (one) => ({ Authorization: `Bearer ${await one.token("admin", { exp: 1 })}` }),
  },
  {
    when: "it is about a user",
    headers: async (one) => ({ Authorization: `Bearer ${await one.token("admin", { sub: "user" })}` }),
  },
  { when: "its client is unknown", headers: async (one) => ({ Authorization: `Bearer ${await one.token("nobody")}` }) },
  {
    when: "its client id holds a NUL",
    headers: async (one) => ({ Authorization: `Bearer ${await one.token("a\0b")}` }),
  },
  { when: "there is a session cookie instead", headers: async () => ({ Cookie: "dex-session-00000000=x" }) },
  {
    when: "there are two headers",
    headers: async (one) => ({ Authorization: [`Bearer ${await one.token("admin")}`, "Bearer x"] }),
  },
  { when: "it is 16 KiB long", headers: async () => ({ Authorization: `Bearer ${"a".repeat(9000)}` }) },
];
test.each(TOKENS)("401 with the challenge and the same body when $when (ADM-1, RFC 6750 §3)", async ({ headers }) => {
  const answer = await send(`${api.url}/clients`, { method: "GET", headers: await headers(api) });
  expect(answer).toMatchObject({
    status: 401,
    challenge: "Bearer",
    body: {
      error: "unauthorized",
      error_description: "a valid access token of an admin client is required",
    },
  });
});

test("a token in the query is not looked at (RFC 9700 §4.3.2)", async () => {
  const url = `${api.url}/clients?access_token=${await api.token("admin")}`;
  expect(await send(url, { method: "GET", headers: {} })).toMatchObject({ status: 401 });
});

test("every route refuses a caller without a token and a client that is no admin (ADM-2)", async () => {
  for (const { method, path } of makeApiRoutes(api.parts)) {
    const url = `${api.url}${path.replace(":id", "admin")}`;
    expect((await send(url, { method, headers: {} })).status, `${method} ${path}`).toBe(401);
    const headers = { Authorization: `Bearer ${await api.token("ordinary")}` };
    expect(await send(url, { method, headers }), `${method} ${path}`).toMatchObject({
      status: 403,
      body: { error: "forbidden" },
    });
  }
});

test("without the flag every client is refused, and told its name", async () => {
  await using closed = await openTestApi({ enabled: false });
  await closed.reset();
  const answer = await closed.call("GET", "/clients");
  expect(answer).toMatchObject({ status: 403, body: { error: "forbidden" } });
  expect(answer.text).toContain("--api-use-client-credentials");
});

const deep = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
const HOSTILE: readonly {
  what: string;
  method: string;
  path: string;
  body?: string | Buffer;
  type?: string;
  status: number;
}[] = [
  { what: "an unknown address", method: "GET", path: "/nothing", status: 404 },
  { what: "a trailing slash", method: "GET", path: "/clients/", status: 404 },
  { what: "an address that does not decode", method: "DELETE", path: "/clients/%ff", status: 400 },
  { what: "a NUL in an id", method: "DELETE", path: "/clients/%00", status: 404 },
  { what: "an id of 4 KiB", method: "DELETE", path: `/clients/${"a".repeat(4096)}`, status: 404 },
  { what: "SQL in an id", method: "DELETE", path: `/clients/${encodeURIComponent("' OR 1=1 --")}`, status: 404 },
  { what: "__proto__ as an id", method: "DELETE", path: "/clients/__proto__", status: 404 },
  { what: "another method", method: "PATCH", path: "/clients", status: 405 },
  { what: "no body", method: "POST", path: "/clients", body: "", status: 400 },
  { what: "no JSON", method: "POST", path: "/clients", body: "{", status: 400 },
  { what: "null", method: "POST", path: "/clients", body: "null", status: 400 },
  { what: "an array", method: "POST", path: "/clients", body: "[]", status: 400 },
  { what: "no client member", method: "POST", path: "/clients", body: "{}", status: 400 },
  { what: "a client that is null", method: "POST", path: "/clients", body: `{"client":null}`, status: 400 },
  { what: "a client without anything", method: "POST", path: "/clients", body: `{"client":{}}`, status: 400 },
  { what: "wrong types", method: "POST", path: "/clients", body: `{"client":{"redirectURIs":"x"}}`, status: 400 },
  {
    what: "a script as redirect URI (RED-8)",
    method: "POST",
    path: "/clients",
    body: `{"client":{"redirectURIs":["javascript:alert(1)"]}}`,
    status: 400,
  },
  {
    what: "a NUL in the name",
    method: "POST",
    path: "/clients",
    body: `{"client":{"redirectURIs":["${REDIRECT}"],"clientName":"\\u0000"}}`,
    status: 400,
  },
  {
    what: "a lone surrogate in the name",
    method: "POST",
    path: "/clients",
    body: `{"client":{"redirectURIs":["${REDIRECT}"],"clientName":"\\ud800"}}`,
    status: 400,
  },
  {
    what: "a chosen creation date",
    method: "POST",
    path: "/clients",
    body: `{"client":{"redirectURIs":["${REDIRECT}"],"createdAt":"x"}}`,
    status: 400,
  },
  { what: "a polluted prototype", method: "POST", path: "/clients", body: `{"__proto__":{"client":{}}}`, status: 400 },
  { what: "deep nesting", method: "POST", path: "/clients", body: `{"client":${deep}}`, status: 400 },
  {
    what: "deep nesting in a connector",
    method: "PUT",
    path: "/connectors",
    body: `{"connectors":[{"id":"x","type":"oidc","issuerURL":${deep}}]}`,
    status: 400,
  },
  { what: "more than 64 KiB", method: "POST", path: "/clients", body: `"${"x".repeat(70_000)}"`, status: 413 },
  { what: "wrong UTF-8", method: "POST", path: "/clients", body: Buffer.from([0x22, 0xff, 0x22]), status: 400 },
  {
    what: "a form",
    method: "POST",
    path: "/clients",
    body: "client=x",
    type: "application/x-www-form-urlencoded",
    status: 415,
  },
  { what: "no content type", method: "POST", path: "/clients", body: "{}", type: "", status: 415 },
  { what: "connectors that are null", method: "PUT", path: "/connectors", body: `{"connectors":null}`, status: 400 },
  { what: "connectors that are an object", method: "PUT", path: "/connectors", body: `{"connectors":{}}`, status: 400 },
  { what: "a connector that is null", method: "PUT", path: "/connectors", body: `{"connectors":[null]}`, status: 400 },
  {
    what: "one connector twice",
    method: "PUT",
    path: "/connectors",
    body: `{"connectors":[{"id":"a","type":"local"},{"id":"a","type":"local"}]}`,
    status: 400,
  },
  {
    what: "a connector called __proto__",
    method: "PUT",
    path: "/connectors",
    body: `{"connectors":[{"id":"__proto__","type":"local"}]}`,
    status: 400,
  },
  {
    what: "a type called constructor",
    method: "PUT",
    path: "/connectors",
    body: `{"connectors":[{"id":"a","type":"constructor"}]}`,
    status: 400,
  },
];
test.each(HOSTILE)("$what: $method gets $status and changes nothing", async ({ method, path, body, type, status }) => {
  const before = await listEverything();
  const headers: Record<string, string> = { Authorization: `Bearer ${await api.token("admin")}` };
  if (body !== undefined && type !== "") headers["Content-Type"] = type ?? "application/json";
  const answer = await send(`${api.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ error: expect.any(String), error_description: expect.any(String) });
  expect(answer.text).not.toMatch(/ {4}at |node_modules/);
  expect(await listEverything()).toEqual(before);
});

async function listEverything() {
  return { clients: (await api.call("GET", "/clients")).body, connectors: await api.listConnectors() };
}

interface Sent {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly text: string;
  readonly body: unknown;
}

// Not fetch: it refuses or mends some of what is sent here.
function send(
  url: string,
  input: { method: string; headers: Record<string, string | string[]>; body?: string | Buffer },
): Promise<Sent> {
  const { origin } = new URL(url);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      origin,
      { method: input.method, path: url.slice(origin.length), headers: input.headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const body: unknown = text === "" ? undefined : JSON.parse(text);
          resolve({ status: response.statusCode ?? 0, challenge: response.headers["www-authenticate"], text, body });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(input.body);
  });
}

function byId(left: { id: string }, right: { id: string }): number {
  return left.id < right.id ? -1 : 1;
}
