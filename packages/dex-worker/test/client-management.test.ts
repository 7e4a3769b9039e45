// A client reads, replaces and deletes its own registration over HTTP, RFC 7592.
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { queryDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const initialToken = randomBytes(32).toString("base64");

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-client-registration", `--client-registration-tokens=${initialToken}`]);
});
afterAll(() => worker.close());

interface Registered {
  readonly client_id: string;
  readonly client_secret: string;
  readonly registration_client_uri: string;
  readonly registration_access_token: string;
}
type Members = Readonly<Record<string, unknown>>;

async function send(url: string, method: string, token: string | undefined, body?: unknown): Promise<Response> {
  return fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function register(more: Members = {}): Promise<Registered & Members> {
  const metadata = { redirect_uris: [REDIRECT_URI], client_name: "Registered itself", ...more };
  const response = await send(`${worker.issuer}/registration`, "POST", initialToken, metadata);
  expect(response.status).toBe(201);
  return (await response.json()) as Registered & Members;
}

test("a client reads what it registered (RFC 7592 §2.1) (cert 9 oidcc-3rd_party-init-login)", async () => {
  const registered = await register({
    initiate_login_uri: "https://rp.example/login",
    policy_uri: "https://rp.example/policy",
    tos_uri: "https://rp.example/tos",
    logo_uri: "https://rp.example/logo.png",
    jwks: { keys: [] },
    contacts: ["ops@rp.example"],
  });
  expect(registered).toMatchObject({ initiate_login_uri: "https://rp.example/login", client_secret_expires_at: 0 });
  expect(registered.registration_client_uri).toMatch(new RegExp(`^${worker.issuer}/registration/[^/]+$`));
  const read = await send(registered.registration_client_uri, "GET", registered.registration_access_token);
  expect([read.status, read.headers.get("cache-control")]).toEqual([200, "no-store"]);
  const { client_secret: _secret, ...rest } = registered;
  expect(await read.json()).toEqual(rest);
});

test("an initiate_login_uri that is not https is refused (cert 9 oidcc-3rd_party-init-login-nohttps)", async () => {
  const metadata = { redirect_uris: [REDIRECT_URI], initiate_login_uri: "http://rp.example/login" };
  const response = await send(`${worker.issuer}/registration`, "POST", initialToken, metadata);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: "invalid_client_metadata" });
});

test("a redirect URI with a fragment is refused (oidcc-redirect-uri-regfrag)", async () => {
  const metadata = { redirect_uris: ["https://rp.example/cb#foobar"] };
  const response = await send(`${worker.issuer}/registration`, "POST", initialToken, metadata);
  expect([response.status, response.headers.get("content-type")]).toEqual([
    400,
    expect.stringMatching(/^application\/json/),
  ]);
  expect(await response.json()).toMatchObject({ error: "invalid_redirect_uri" });
});

test("a sector_identifier_uri in a private network is not called (SSR-1, oidcc-registration-sector-bad)", async () => {
  let connections = 0;
  const inside = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => inside.listen(0, "127.0.0.1", resolve));
  const address = inside.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433"]) {
    const sector = { subject_type: "pairwise", sector_identifier_uri: `https://${host}:${port}/list` };
    const metadata = { redirect_uris: [REDIRECT_URI], ...sector };
    const response = await send(`${worker.issuer}/registration`, "POST", initialToken, metadata);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: "invalid_client_metadata" });
  }
  expect(connections).toBe(0);
  inside.close();
});

test("a client replaces its registration and goes on with a new token; the old one is dead (DCR-2)", async () => {
  const registered = await register({ client_uri: "https://rp.example/" });
  const { registration_client_uri: url, registration_access_token: token, client_id } = registered;
  await worker.storage.clients.setAllowedConnectors(client_id, ["local"], {
    kind: "dexctl",
    id: undefined,
    address: undefined,
  });
  const wanted = { client_id, redirect_uris: [REDIRECT_URI, "https://rp.example/two"], client_name: "New name" };
  const replaced = await send(url, "PUT", token, wanted);
  expect(replaced.status).toBe(200);
  const answer = (await replaced.json()) as Registered & Members;
  expect(answer).toMatchObject({ ...wanted, registration_client_uri: url });
  expect(answer).not.toHaveProperty("client_uri");
  expect(answer).not.toHaveProperty("client_secret");
  expect(answer.registration_access_token).toMatch(/^[\w-]{43}$/);
  expect((await send(url, "GET", token)).status).toBe(401);
  expect((await send(url, "GET", answer.registration_access_token)).status).toBe(200);
  expect(await worker.storage.clients.find(client_id)).toMatchObject({
    name: "New name",
    redirectUris: wanted.redirect_uris,
    clientUri: undefined,
    allowedConnectors: ["local"],
    dynamic: true,
    admin: false,
    trusted: false,
  });
  const grant = { grant_type: "authorization_code", code: "x", redirect_uri: REDIRECT_URI };
  const stillItself = await worker.token(grant, { id: client_id, secret: registered.client_secret });
  expect(stillItself.body.error).toBe("invalid_grant");
});

test("of two updates with one token at once exactly one is made (DCR-2)", async () => {
  const { registration_client_uri: url, registration_access_token: token, client_id } = await register();
  const update = (name: string) =>
    send(url, "PUT", token, { client_id, redirect_uris: [REDIRECT_URI], client_name: name });
  const statuses = (await Promise.all(["a", "b", "c"].map(update))).map(({ status }) => status);
  expect(statuses.toSorted()).toEqual([200, 401, 401]);
});

test("a wrong update changes nothing and leaves the token as it was", async () => {
  const { registration_client_uri: url, registration_access_token: token, client_id } = await register();
  const before = await worker.storage.clients.find(client_id);
  for (const body of [{ client_id }, { client_id: "other", redirect_uris: [REDIRECT_URI] }, [], "x"]) {
    expect((await send(url, "PUT", token, body)).status).toBe(400);
  }
  expect(await worker.storage.clients.find(client_id)).toEqual(before);
  expect((await send(url, "GET", token)).status).toBe(200);
});

test("a client deletes itself, and everything of it is gone (RFC 7592 §2.3)", async () => {
  const { registration_client_uri: url, registration_access_token: token, client_id } = await register();
  const deleted = await send(url, "DELETE", token);
  expect([deleted.status, await deleted.text()]).toEqual([204, ""]);
  expect(await worker.storage.clients.find(client_id)).toBeUndefined();
  for (const method of ["GET", "DELETE"]) expect((await send(url, method, token)).status).toBe(401);
  const events = await queryDatabase<{ event: string; actor_kind: string; actor_id: string }>(
    worker.databaseUrl,
    "SELECT event, actor_kind, actor_id FROM audit_event WHERE subject_id = $1 ORDER BY event",
    [client_id],
  );
  const itself = { actor_kind: "registration", actor_id: client_id };
  expect(events).toEqual([
    { event: "client created", ...itself },
    { event: "client deleted", ...itself },
  ]);
});

test("whatever is wrong gets the same 401, whether or not there is such a client (DCR-2)", async () => {
  const one = await register();
  const other = await register();
  const byHand = await worker.addClient({ clientName: "Made by hand" });
  const at = (id: string) => `${worker.issuer}/registration/${encodeURIComponent(id)}`;
  const random = randomBytes(32).toString("base64url");
  const attempts = [
    [one.registration_client_uri, other.registration_access_token],
    [one.registration_client_uri, random],
    [one.registration_client_uri, initialToken.replace(/=+$/, "")],
    [one.registration_client_uri, one.client_secret],
    [at("nobody"), one.registration_access_token],
    [at("nul\0"), random],
    [at("x".repeat(3000)), random],
    [at(byHand.id), one.registration_access_token],
    [at(byHand.id), random],
    [at("dex:pages"), random],
  ] as const;
  for (const [url, token] of attempts) {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const body = { client_id: one.client_id, redirect_uris: [REDIRECT_URI] };
      const response = await send(url, method, token, method === "PUT" ? body : undefined);
      expect([response.status, await response.json()], `${method} ${url}`).toEqual([
        401,
        { error: "invalid_token", error_description: "the registration access token is not valid" },
      ]);
    }
  }
  const missing = await send(one.registration_client_uri, "GET", undefined);
  expect([missing.status, missing.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="dex"']);
  const inUrl = await send(
    `${one.registration_client_uri}?access_token=${one.registration_access_token}`,
    "GET",
    undefined,
  );
  expect(inUrl.status).toBe(400);
  const post = await send(one.registration_client_uri, "POST", one.registration_access_token);
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD, PUT, DELETE"]);
  expect(await worker.storage.clients.find(byHand.id)).toBeDefined();
});

test("only the hash of the token is kept, and no log holds it (TOK-17)", async () => {
  const { client_id, registration_access_token: token } = await register();
  const rows = await queryDatabase(worker.databaseUrl, "SELECT * FROM client WHERE id = $1", [client_id]);
  expect(JSON.stringify(rows)).not.toContain(token);
  expect(worker.log.join("\n")).not.toContain(token);
});
