import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker();
});
afterAll(() => worker.close());

interface RawAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** A request as it stands: no normalised path, any method, any header. */
function raw(method: string, target: string, headers: Record<string, string> = {}, body = ""): Promise<RawAnswer> {
  const { hostname, port } = new URL(worker.issuer);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path: target, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const basic = () =>
  `Basic ${Buffer.from(`${encodeURIComponent(worker.client.id)}:${worker.client.secret}`).toString("base64")}`;
const auth = (query: string) => `/dex/auth?${query}`;
const good = () => `client_id=${encodeURIComponent(worker.client.id)}&redirect_uri=${encodeURIComponent(REDIRECT_URI)}`;

describe("an authorization request that cannot be trusted is answered by a page, never by a redirect", () => {
  test.each([
    { what: "no parameters", query: () => "" },
    { what: "an unknown client", query: () => `client_id=nobody&redirect_uri=${encodeURIComponent(REDIRECT_URI)}` },
    { what: "a client_id twice (RED-5)", query: () => `${good()}&client_id=x` },
    { what: "a client_id shaped like an array (RED-5)", query: () => good().replace("client_id=", "client_id[]=") },
    { what: "a foreign redirect_uri (RED-10)", query: () => good().replace("127.0.0.1", "evil.example") },
    { what: "no redirect_uri (RED-4)", query: () => good().split("&")[0] ?? "" },
    { what: "a redirect_uri twice (RED-6)", query: () => `${good()}&redirect_uri=https%3A%2F%2Fevil.example` },
    {
      what: "a redirect_uri shaped like an array (RED-7)",
      query: () => good().replace("redirect_uri=", "redirect_uri[0]="),
    },
    { what: "a bad escape (AUT-10)", query: () => `${good()}&state=%zz` },
    { what: "a NUL in the client_id", query: () => good().replace("client_id=", "client_id=%00") },
    { what: "an over-long client_id", query: () => `client_id=${"x".repeat(5000)}` },
    { what: "201 parameters", query: () => `${good()}${"&a=1".repeat(200)}` },
    { what: "a v1 error bounce with words of others (BRO-11)", query: () => "error=x&error_description=canary-words" },
  ])("$what", async ({ query }) => {
    const answer = await raw("GET", auth(query()));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.location).toBeUndefined();
    expect(answer.headers["content-type"]).toContain("text/html");
    expect(answer.text).toContain(String(answer.headers["x-request-id"])); // LOG-4
    expect(answer.text).not.toContain("canary-words");
  });
});

describe("an error for a trusted redirect_uri is delivered there with state and iss", () => {
  test.each([
    { more: "response_type=token&state=s", error: "unsupported_response_type" },
    { more: "response_type=code&scope=openid&state=s&state=s", error: "invalid_request" },
    { more: "response_type=code&scope=email&state=s", error: "invalid_scope" },
    { more: "response_type=code&scope=openid&state=s&request=x", error: "request_not_supported" },
    {
      more: "response_type=code&scope=openid&state=s&request_uri=http%3A%2F%2F127.0.0.1%3A1",
      error: "request_uri_not_supported",
    },
    {
      more: "response_type=code&scope=openid&state=s&code_challenge=short&code_challenge_method=S256",
      error: "invalid_request",
    },
    { more: `response_type=code&scope=openid&state=s&code_challenge=${"a".repeat(43)}`, error: "invalid_request" },
    { more: "response_type=code&scope=openid&state=s&max_age=-1", error: "invalid_request" },
    { more: "response_type=code&scope=openid&state=s&id_token_hint=a.b.c", error: "invalid_request" },
  ])("$more -> $error (AUT-2, AUT-11, RED-6, RED-9, v1 A05, v1 T22)", async ({ more, error }) => {
    const answer = await raw("GET", auth(`${good()}&${more}`));
    expect([302, 303]).toContain(answer.status);
    const to = new URL(String(answer.headers.location));
    expect(`${to.origin}${to.pathname}`).toBe(REDIRECT_URI);
    // RFC 6749 §4.2.2.1: who asks for tokens looks for errors where tokens would be.
    const members = more.startsWith("response_type=token") ? new URLSearchParams(to.hash.slice(1)) : to.searchParams;
    expect(members.get("error")).toBe(error);
    expect(members.get("iss")).toBe(worker.issuer);
  });
});

describe("the token endpoint", () => {
  const token = (body: string, headers: Record<string, string> = {}) =>
    raw("POST", "/dex/token", { ...FORM, Authorization: basic(), ...headers }, body);

  test.each([
    { what: "an unknown grant", send: () => token("grant_type=magic"), status: 400, error: "unsupported_grant_type" },
    {
      what: "the password grant (TOK-14)",
      send: () => token("grant_type=password&username=a&password=b"),
      status: 400,
      error: "unsupported_grant_type",
    },
    { what: "no grant_type", send: () => token(""), status: 400, error: "invalid_request" },
    {
      what: "a repeated parameter (TOK-7)",
      send: () => token("grant_type=authorization_code&code=a&code=b"),
      status: 400,
      error: "invalid_request",
    },
    {
      what: "an unknown code",
      send: () => token("grant_type=authorization_code&code=dxc_nope&redirect_uri=x"),
      status: 400,
      error: "invalid_grant",
    },
    {
      what: "JSON (TOK-7)",
      send: () => token("{}", { "Content-Type": "application/json" }),
      status: 415,
      error: "invalid_request",
    },
    {
      what: "multipart (TOK-7)",
      send: () => token("", { "Content-Type": "multipart/form-data; boundary=x" }),
      status: 415,
      error: "invalid_request",
    },
    {
      what: "a gzip body (NET-6)",
      send: () => token("x", { "Content-Encoding": "gzip" }),
      status: 415,
      error: "invalid_request",
    },
    {
      what: "a body above 64 KiB (NET-6)",
      send: () => token(`a=${"x".repeat(70_000)}`),
      status: 413,
      error: "invalid_request",
    },
    {
      what: "parameters in the URL (TOK-7)",
      send: () => raw("POST", "/dex/token?grant_type=client_credentials", { ...FORM, Authorization: basic() }, ""),
      status: 400,
      error: "invalid_request",
    },
    { what: "GET (TOK-7)", send: () => raw("GET", "/dex/token"), status: 405, error: "invalid_request" },
    {
      what: "a wrong secret (TOK-5)",
      send: () => token("grant_type=client_credentials", { Authorization: `${basic()}AAAA` }),
      status: 401,
      error: "invalid_client",
    },
    {
      what: "no client (TOK-5)",
      send: () => raw("POST", "/dex/token", FORM, "grant_type=authorization_code&code=x"),
      status: 401,
      error: "invalid_client",
    },
    {
      what: "two methods at once (TOK-6)",
      send: () =>
        token(`grant_type=client_credentials&client_id=${encodeURIComponent(worker.client.id)}&client_secret=x`),
      status: 400,
      error: "invalid_request",
    },
  ])(
    "$what is refused with $status $error and never cached (TOK-12, v1 T01, v1 T03, v1 T04, v1 T21)",
    async ({ send, status, error }) => {
      const answer = await send();
      expect(answer.status).toBe(status);
      expect(JSON.parse(answer.text)).toMatchObject({ error });
      expect(answer.headers["content-type"]).toMatch(/^application\/json/);
      expect(answer.headers["cache-control"]).toBe("no-store");
      if (status !== 405) expect(answer.headers.pragma).toBe("no-cache");
      expect(answer.headers["x-content-type-options"]).toBe("nosniff");
      if (status === 401) expect(answer.headers["www-authenticate"]).toMatch(/^Basic /);
      if (status === 405) expect(answer.headers.allow).toContain("POST");
    },
  );

  test("a token is never cached either (TOK-12)", async () => {
    const answer = await token("grant_type=client_credentials");
    expect(JSON.parse(answer.text)).toHaveProperty("access_token");
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-type": expect.stringMatching(/^application\/json/),
      "cache-control": "no-store",
      pragma: "no-cache",
      "x-content-type-options": "nosniff",
    });
  });

  // RFC 6749 §5.2 has no state: it belongs to the authorization endpoint, and a client knows which request was answered.
  test("a state in the body is not given back (v1 T02)", async () => {
    const answer = await raw("POST", "/dex/token", FORM, "grant_type=authorization_code&code=x&state=s-1");
    expect(Object.keys(JSON.parse(answer.text) as object).sort()).toEqual(["error", "error_description"]);
  });

  test("sixty wrong secrets in a minute are enough: then 429 with Retry-After, also for the next one (TOK-18)", async () => {
    const client = await worker.addClient({ grantTypes: ["client_credentials"] });
    const wrong = () => worker.token({ grant_type: "client_credentials" }, { ...client, secret: "wrong" });
    const statuses: number[] = [];
    for (let n = 0; n < 62; n++) statuses.push((await wrong()).status);
    expect(statuses.slice(0, 59).every((status) => status === 401)).toBe(true);
    expect(statuses.at(-1)).toBe(429);
    // Another client is not disturbed.
    expect((await worker.token({ grant_type: "client_credentials" })).status).toBeLessThan(429);
  });
});

describe("X-Forwarded-For (NET-2, ACC-4)", () => {
  /** Whether a caller that claims another address each time ends up throttled. */
  async function isThrottled(one: TestWorker): Promise<boolean> {
    const client = await one.addClient({ grantTypes: ["client_credentials"] });
    const authorization = `Basic ${Buffer.from(`${encodeURIComponent(client.id)}:wrong`).toString("base64")}`;
    let last = 0;
    for (let n = 0; n < 62; n++) {
      const headers = { Authorization: authorization, "X-Forwarded-For": `10.0.0.9, 198.51.100.${n}` };
      const body = new URLSearchParams({ grant_type: "client_credentials" });
      last = (await fetch(`${one.issuer}/token`, { method: "POST", headers, body })).status;
    }
    return last === 429;
  }

  test("is not believed by default: throttling goes by the peer (NET-2, ACC-4)", async () => {
    expect(await isThrottled(worker)).toBe(true);
  });

  test("is believed from a listed proxy, and of it the rightmost address alone (NET-2)", async () => {
    const behindProxy = await openTestWorker(["--trusted-proxies=127.0.0.1/32"]);
    try {
      expect(await isThrottled(behindProxy)).toBe(false);
    } finally {
      await behindProxy.close();
    }
  });
});

describe("userinfo (JWT-10)", () => {
  test.each([
    { what: "no token", headers: {}, target: "/dex/userinfo", status: 401 },
    { what: "a bad token", headers: { Authorization: "Bearer dxa_nope" }, target: "/dex/userinfo", status: 401 },
    { what: "another scheme", headers: { Authorization: "Basic abc" }, target: "/dex/userinfo", status: 401 },
    { what: "a token in the query", headers: {}, target: "/dex/userinfo?access_token=x", status: 400 },
  ])("$what is refused with $status and a challenge", async ({ headers, target, status }) => {
    const answer = await raw("GET", target, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
  });
});

describe("addresses and methods", () => {
  test.each([
    "/",
    "/dex",
    "/dex/",
    "/dex/nothing",
    "/dex/AUTH",
    "/dex/token/",
    "/dex//token",
    "/dex/./keys",
    "/dex/%2e%2e/keys",
    "/dex/keys;x=1",
    "/dex/auth/local/login/",
    "/dex/auth/%00/login",
    "/dex/auth/%zz/login",
    "/dex/auth/a/b/c",
    "/auth",
    "/dex/debug/vars",
    "/metrics",
    "/dex/static/../main.ts",
    "/dex/static/x.css",
  ])("%s is not there, or is refused, without a 5xx (NET-8, LOG-5)", async (target) => {
    const answer = await raw("GET", target);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });

  test.each(["TRACE", "PUT", "DELETE", "PATCH", "PROPFIND"])(
    "%s is refused, also by header (NET-5, v1 A01, v1 D01, v1 T01, v1 K23)",
    async (method) => {
      for (const target of ["auth", "token", "keys", "userinfo", ".well-known/openid-configuration"].map(
        (path) => `/dex/${path}`,
      )) {
        expect([400, 405]).toContain((await raw(method, target)).status);
      }
      const overridden = await raw("GET", "/dex/keys", { "X-HTTP-Method-Override": method });
      expect(overridden.status).toBe(200);
    },
  );

  test.each([
    { Host: "evil.example" },
    { "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https" },
    { Forwarded: "host=evil.example;proto=https" },
  ])("discovery is the same to the byte whatever %j says (NET-1)", async (headers) => {
    const plain = await raw("GET", "/dex/.well-known/openid-configuration");
    const other = await raw("GET", "/dex/.well-known/openid-configuration", headers as Record<string, string>);
    expect(other.text).toBe(plain.text);
    expect(plain.text).not.toContain("evil");
  });
});

describe("caching and other origins", () => {
  test("discovery and JWKS may be cached and read by any page; 304 for what is known (NET-7, NET-9, v1 D01, v1 K22)", async () => {
    for (const target of ["/dex/.well-known/openid-configuration", "/dex/keys"]) {
      const answer = await raw("GET", target);
      expect(answer.headers["access-control-allow-origin"]).toBe("*");
      expect(answer.headers["content-type"]).toMatch(/^application\/json/);
      const maxAge = Number(/max-age=(\d+)/.exec(String(answer.headers["cache-control"]))?.[1]);
      expect(maxAge).toBeLessThanOrEqual(3600);
      const again = await raw("GET", target, { "If-None-Match": String(answer.headers.etag) });
      expect(again.status).toBe(304);
    }
  });

  test("token and userinfo answer only pages of a client's origin, never with credentials (NET-7)", async () => {
    const preflight = (origin: string) =>
      raw("OPTIONS", "/dex/token", { Origin: origin, "Access-Control-Request-Method": "POST" });
    const own = await preflight(new URL(REDIRECT_URI).origin);
    expect(own.headers["access-control-allow-origin"]).toBe(new URL(REDIRECT_URI).origin);
    expect(own.headers["access-control-allow-credentials"]).toBeUndefined();
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1.evil.example"]) {
      expect((await preflight(origin)).headers["access-control-allow-origin"]).toBeUndefined();
    }
    const page = await raw("GET", auth(good()), { Origin: new URL(REDIRECT_URI).origin });
    expect(page.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("every page is locked down and never stored (BRO-10, NET-9)", async () => {
    const browser = worker.browser();
    const login = await browser.open(worker.authorizationUrl());
    for (const page of [login, await browser.open(`${worker.issuer}/nothing`)]) {
      expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(page.headers.get("x-frame-options")).toBe("DENY");
      expect(page.headers.get("cache-control")).toBe("no-store");
      expect(page.headers.get("referrer-policy")).toBe("no-referrer");
      expect(page.headers.get("x-powered-by")).toBeNull();
    }
  });
});

test("health says fine or not, and no more (LOG-5)", async () => {
  for (const target of ["/dex/health", "/dex/health/live"]) {
    expect(JSON.parse((await raw("GET", target)).text)).toEqual({ status: "ok" });
  }
});

test("nothing that is secret reaches the log, whatever goes wrong with it (LOG-1, LOG-2)", async () => {
  const canary = "canary-7d1e";
  const browser = worker.browser();
  const login = await browser.open(worker.authorizationUrl({ state: `${canary}-state`, nonce: `${canary}-nonce` }));
  await browser.submit(login, { login: PERSON.email, password: `${canary}-password` });
  await raw(
    "POST",
    "/dex/token",
    { ...FORM, Authorization: `Basic ${canary}` },
    `code=${canary}&code_verifier=${canary}`,
  );
  await raw("GET", `/dex/userinfo?access_token=${canary}`, {
    Authorization: `Bearer ${canary}`,
    Cookie: `x=${canary}`,
  });
  await raw("GET", `/dex/auth/local/callback?state=${canary}&code=${canary}`);
  const log = worker.log.join("\n");
  expect(log).not.toContain(canary);
  expect(log).not.toContain(PERSON.email);
});

test("a browser's garbage cookies change nothing (BRO-15)", async () => {
  const Cookie = `__proto__=1; a; =; dex-login-x=${"y".repeat(500)}; dex-session-00000000=x; ${"c=1; ".repeat(60)}`;
  expect((await raw("GET", auth(`${good()}&response_type=code&scope=openid`), { Cookie })).status).toBe(303);
});
