import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeApiRoutes } from "../src/user-api/management-api.ts";
import { openTestApi, type TestApi } from "./management-api-server.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());
beforeEach(() => api.reset());

test("every change is recorded with the client that made it (ADM-6)", async () => {
  await api.call("POST", "/clients", { client: { id: "seen", redirectURIs: ["https://app.example/callback"] } });
  await api.call("DELETE", "/clients/seen");
  await api.call("PUT", "/connectors", { connectors: [{ id: "local", type: "local" }] });
  const actor = { kind: "client", id: "admin", address: "127.0.0.1" };
  expect(api.takeActors()).toEqual([actor, actor, actor]);
});

test("a client is made under a profile, shows it, and is kept to it", async () => {
  const details = { profile: "fapi2", jwks_uri: "https://bank.example/jwks" };
  const bank = { id: "bank", redirectURIs: ["https://bank.example/cb"], details };
  expect((await api.call("POST", "/clients", { client: bank })).status).toBe(201);
  const shown = { ...details, token_endpoint_auth_method: "private_key_jwt" };
  const listed = await api.call("GET", "/clients");
  expect(listed.body).toMatchObject({
    clients: expect.arrayContaining([
      expect.objectContaining({ id: "bank", details: shown, idTokenSignedResponseAlg: "ES256" }),
    ]),
  });
  const change = (changes: object) => api.call("PATCH", "/clients/bank", { client: changes });
  const device = { grantTypes: ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"] };
  for (const changes of [device, { details: { request_object_signing_alg: "none" } }]) {
    const refused = await change(changes);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("under the profile fapi2")]);
  }
  expect((await change({ details: { profile: "fapi2-message-signing" } })).status).toBe(204);
  expect((await change({ details: { profile: null } })).status).toBe(204);
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
    when: "it is an access token that calls itself an ID token",
    headers: async (one) => ({ Authorization: `Bearer ${await one.token("admin", { typ: "JWT" })}` }),
  },
  {
    when: "it is a token of another kind",
    headers: async (one) => ({ Authorization: `Bearer ${await one.token("admin", { typ: "logout+jwt" })}` }),
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
    challenge: expect.stringMatching(
      /^Bearer realm="dex", resource_metadata="[^"]+\/dex\/api\/v1"(, error="invalid_token"|, DPoP )/,
    ),
    body: {
      error: "unauthorized",
      error_description: "a valid ID token of an admin or access token of an admin client is required",
    },
  });
});

test("what is no token has no error, what is no good one has, and each scheme tells where the API describes itself (RFC 6750 §3.1, RFC 9728 §5.1)", async () => {
  const metadata = 'resource_metadata="https://dex.example/.well-known/oauth-protected-resource/dex/api/v1"';
  const dpop = `DPoP realm="dex", algs="ES256 PS256 EdDSA Ed25519", ${metadata}`;
  const challenge = async (headers: Record<string, string>) =>
    (await send(`${api.url}/clients`, { method: "GET", headers })).challenge;
  expect(await challenge({})).toBe(`Bearer realm="dex", ${metadata}, ${dpop}`);
  expect(await challenge({ Authorization: "Bearer x" })).toMatch(
    new RegExp(`^Bearer realm="dex", ${metadata}, error="invalid_token", error_description="[^"]+", ${dpop}$`),
  );
  expect(await challenge({ Authorization: "DPoP x" })).toMatch(
    new RegExp(`^Bearer realm="dex", ${metadata}, ${dpop}, error="invalid_token", error_description="[^"]+"$`),
  );
  expect(await challenge({ Authorization: `Bearer ${await api.token("ordinary")}` })).toMatch(
    new RegExp(`^Bearer realm="dex", ${metadata}, error="insufficient_scope", error_description="[^"]+", ${dpop}$`),
  );
});

test("a token in the query is not looked at (RFC 9700 §4.3.2)", async () => {
  const url = `${api.url}/clients?access_token=${await api.token("admin")}`;
  expect(await send(url, { method: "GET", headers: {} })).toMatchObject({ status: 401 });
});

test("every route but its description refuses a caller without a token and a client that is no admin (ADM-2)", async () => {
  for (const { method, path, permission } of makeApiRoutes(api.parts)) {
    if (permission === "anybody") continue;
    const url = `${api.url}${path.replaceAll(/:\w+/g, "admin")}`;
    expect((await send(url, { method, headers: {} })).status, `${method} ${path}`).toBe(401);
    const headers = { Authorization: `Bearer ${await api.token("ordinary")}` };
    expect(await send(url, { method, headers }), `${method} ${path}`).toMatchObject({
      status: 403,
      body: { error: "forbidden" },
    });
  }
});

test("without the flag every client is refused, and told its name (v1 X03)", async () => {
  await using closed = await openTestApi({ enabled: false });
  await closed.reset();
  const answer = await closed.call("GET", "/clients");
  expect(answer).toMatchObject({ status: 401, body: { error: "unauthorized" } });
  expect(answer.text).toContain("--api-use-client-credentials");
});

interface Sent {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly text: string;
  readonly body: unknown;
}

// Not fetch: it refuses or mends some of what is sent here.
function send(url: string, input: { method: string; headers: Record<string, string | string[]> }): Promise<Sent> {
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
    outgoing.end();
  });
}
