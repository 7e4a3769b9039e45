// Dynamic client registration, RFC 7591, over HTTP: dex v1 §2.9.
import { randomBytes } from "node:crypto";
import { queryDatabase } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readWorkerConfig } from "../src/config.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const initialToken = randomBytes(32).toString("base64");
const bearer = { Authorization: `Bearer ${initialToken}` };
const metadata = { redirect_uris: [REDIRECT_URI], client_name: "Registered itself" };

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-client-registration", `--client-registration-tokens=${initialToken}`]);
});
afterAll(() => worker.close());

function post(body: string | undefined, headers: Readonly<Record<string, string>> = bearer): Promise<Response> {
  const init = { method: "POST", headers, ...(body === undefined ? {} : { body }) };
  return fetch(`${worker.issuer}/registration`, init);
}
const json = { ...bearer, "Content-Type": "application/json" };
const register = (wanted: unknown) => post(JSON.stringify(wanted), json);

interface Registered {
  readonly client_id: string;
  readonly client_secret?: string;
}

async function registered(wanted: unknown): Promise<Registered> {
  const response = await register(wanted);
  expect(response.status).toBe(201);
  return (await response.json()) as Registered;
}

test("a client registers with an initial access token, and is stored as the answer says (DCR-1, v1 G02)", async () => {
  const uris = [REDIRECT_URI, "https://app.example.com/cb"];
  const response = await register({
    ...metadata,
    redirect_uris: uris,
    grant_types: ["authorization_code", "refresh_token"],
    isAdmin: true,
    trusted: true,
    client_id: "chosen",
    client_secret: "chosen-by-the-caller",
  });
  expect(response.status).toBe(201);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
  const answer = (await response.json()) as Registered;
  expect(answer).toMatchObject({
    client_secret_expires_at: 0,
    redirect_uris: uris,
    grant_types: ["authorization_code", "refresh_token"],
    client_name: "Registered itself",
  });
  expect(await worker.storage.clients.find(answer.client_id)).toMatchObject({
    redirectUris: uris,
    grantTypes: ["authorization_code", "refresh_token"],
    name: "Registered itself",
    dynamic: true,
    admin: false,
    trusted: false,
    trustedPeers: [],
  });
  const events = await queryDatabase<{ event: string; actor_kind: string; actor_address: string | null }>(
    worker.databaseUrl,
    "SELECT event, actor_kind, actor_address FROM audit_event WHERE subject_id = $1",
    [answer.client_id],
  );
  expect(events).toEqual([
    { event: "client created", actor_kind: "registration", actor_address: expect.stringContaining("127.0.0.1") },
  ]);
  const log = worker.log.join("\n");
  for (const secret of [initialToken, answer.client_secret ?? "none"]) expect(log).not.toContain(secret);
});

test("discovery names the endpoint; every other method is refused with the one there is (v1 D04)", async () => {
  const discovery = await fetch(`${worker.issuer}/.well-known/openid-configuration`);
  expect(await discovery.json()).toMatchObject({ registration_endpoint: `${worker.issuer}/registration` });
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const response = await fetch(`${worker.issuer}/registration`, { method, headers: bearer });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  }
});

const refusals = [
  { when: "the body is empty (v1 G01)", body: undefined, headers: bearer, status: 400, error: "invalid_request" },
  { when: "the body is no JSON", body: "{", headers: json, status: 400, error: "invalid_request" },
  { when: "the body is no object", body: "[]", headers: json, status: 400, error: "invalid_request" },
  { when: "the body is not UTF-8", body: "\u00e9", headers: json, status: 400, error: "invalid_request" },
  {
    when: "the body is a form",
    body: "redirect_uris=x",
    headers: { ...bearer, "Content-Type": "application/x-www-form-urlencoded" },
    status: 415,
    error: "invalid_request",
  },
  {
    when: "the body is larger than 64 KiB",
    body: JSON.stringify({ ...metadata, client_name: "a".repeat(70_000) }),
    headers: json,
    status: 413,
    error: "invalid_request",
  },
  {
    when: "the body is nested ten thousand times",
    body: "[".repeat(10_000) + "]".repeat(10_000),
    headers: json,
    status: 400,
    error: "invalid_request",
  },
  {
    when: "an encrypted userinfo is wanted (v1 G03)",
    body: JSON.stringify({ ...metadata, userinfo_encrypted_response_alg: "RSA-OAEP" }),
    headers: json,
    status: 400,
    error: "invalid_client_metadata",
  },
  {
    when: "a redirect URI is http elsewhere",
    body: JSON.stringify({ redirect_uris: ["http://app.example.com/"] }),
    headers: json,
    status: 400,
    error: "invalid_redirect_uri",
  },
];
test.each(refusals)("$status $error when $when (RFC 7591 §3.2.2)", async ({ body, headers, status, error }) => {
  const response = await post(body, headers);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ error, error_description: expect.any(String) });
  expect(response.headers.get("cache-control")).toBe("no-store");
});

test("without a token, and with a wrong one, nothing is registered (DCR-1)", async () => {
  const before = (await worker.storage.clients.list()).length;
  const body = JSON.stringify(metadata);
  const missing = await post(body, { "Content-Type": "application/json" });
  expect([missing.status, missing.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="dex"']);
  const wrong = await post(body, { ...json, Authorization: `Bearer ${randomBytes(32).toString("base64")}` });
  expect(wrong.status).toBe(401);
  expect(wrong.headers.get("www-authenticate")).toContain('error="invalid_token"');
  expect(await wrong.json()).toMatchObject({ error: "invalid_token" });
  expect((await worker.storage.clients.list()).length).toBe(before);
});

test("people are always asked, and told that nobody has verified it and where it is (DCR-3)", async () => {
  const client = await registered({ ...metadata, grant_types: ["authorization_code", "refresh_token"] });
  const browser = worker.browser();
  const request = { client_id: client.client_id, scope: "openid email" };
  for (const attempt of ["first", "second"]) {
    let page = await browser.open(worker.authorizationUrl(request));
    if (attempt === "first") page = await browser.submit(page, { login: PERSON.email, password: PERSON.password });
    expect(page.text).toContain('id="unverified"');
    expect(page.text).toContain("127.0.0.1:1");
    const end = await browser.submit(page, { decision: "approve" });
    const code = end.url.searchParams.get("code") ?? "";
    const exchange = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
    const tokens = await worker.token(exchange, { id: client.client_id, secret: client.client_secret ?? "" });
    expect(tokens.status).toBe(200);
  }
  const silent = await browser.open(worker.authorizationUrl({ ...request, prompt: "none" }));
  expect(silent.url.searchParams.get("error")).toBe("consent_required");
});

test("the consent page shows what a client registered, and takes pictures from its origin alone (cert 8 oidcc-registration-logo-uri; cert 8 oidcc-registration-policy-uri; cert 8 oidcc-registration-tos-uri) (BRO-10)", async () => {
  const links = {
    logo_uri: "https://cdn.example.com/logo.png",
    policy_uri: "https://app.example.com/policy",
    tos_uri: "https://app.example.com/terms",
  };
  const policyOf = async (more: object) => {
    const client = await registered({ ...metadata, ...more });
    const browser = worker.browser();
    const login = await browser.open(worker.authorizationUrl({ client_id: client.client_id }));
    const page = await browser.submit(login, { login: PERSON.email, password: PERSON.password });
    return { text: page.text, images: /img-src [^;]*/.exec(page.headers.get("content-security-policy") ?? "")?.[0] };
  };
  const shown = await policyOf(links);
  for (const link of Object.values(links)) expect(shown.text).toContain(`"${link}"`);
  expect(shown.images).toBe("img-src 'self' https://cdn.example.com");
  expect((await policyOf({})).images).toBe("img-src 'self'");
  const hostile = await policyOf({ logo_uri: "https://a.example;script-src/logo.png" });
  expect(hostile.text).not.toContain("<img");
  expect(hostile.images).toBe("img-src 'self'");
});

test("a client that an administrator made is not called unverified", async () => {
  const { id } = await worker.addClient({ clientName: "Made by hand" });
  const page = await worker.browser().open(worker.authorizationUrl({ client_id: id }));
  expect(page.text).not.toContain("unverified");
});

describe("the settings", () => {
  const read = (...flags: readonly string[]) =>
    readWorkerConfig(flags, {
      DEX_WORKER_DB_URL: "postgres://dex@localhost/dex",
      DEX_WORKER_KEY_SECRETS: randomBytes(32).toString("base64"),
    });

  test("client registration with neither tokens nor the insecure flag does not start, and says what to do (DCR-1)", () => {
    expect(read("--enable-client-registration")).toMatchObject({
      kind: "exit",
      code: 1,
      message: expect.stringMatching(/--client-registration-tokens.*--insecure-open-client-registration/),
    });
    expect(read("--enable-client-registration", "--insecure-open-client-registration").kind).toBe("settings");
    expect(read("--enable-client-registration", `--client-registration-tokens=${initialToken}`).kind).toBe("settings");
    expect(read().kind).toBe("settings");
  });
});

describe("with the insecure flag", () => {
  let open: TestWorker;
  beforeAll(async () => {
    open = await openTestWorker(["--enable-client-registration", "--insecure-open-client-registration"]);
  });
  afterAll(() => open.close());

  test("anybody registers, 20 times in an hour from one address, and is still unverified (DCR-1, DCR-3)", async () => {
    const once = () =>
      fetch(`${open.issuer}/registration`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(metadata),
      });
    const answers = await Promise.all(Array.from({ length: 25 }, once));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(5);
    const refused = await once();
    expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([429, true]);
    const clients = (await open.storage.clients.list()).filter(({ name }) => name === metadata.client_name);
    expect(clients).toHaveLength(20);
    expect(clients.every(({ dynamic, trusted, admin }) => dynamic && !trusted && !admin)).toBe(true);
    // What nobody uses goes again, so that it does not pile up.
    const going = await queryDatabase(open.databaseUrl, "SELECT id FROM client WHERE delete_unused_after > created_at");
    expect(going).toHaveLength(20);
  });
});

describe("without the flag", () => {
  let closed: TestWorker;
  beforeAll(async () => {
    closed = await openTestWorker();
  });
  afterAll(() => closed.close());

  test("there is nothing at the address, and discovery does not name it (DCR-1, v1 D04)", async () => {
    const response = await fetch(`${closed.issuer}/registration`, { method: "POST", headers: json, body: "{}" });
    expect(response.status).toBe(404);
    const discovery = await fetch(`${closed.issuer}/.well-known/openid-configuration`);
    expect(await discovery.json()).not.toHaveProperty("registration_endpoint");
  });
});
