// Whatever is sent, the answer is never a 5xx and never leads to an address that nobody registered.
import { connect } from "node:net";
import { expect, inject, test } from "vitest";

const { facts } = inject("sharedFleet");
const evil = "https://evil.example";
const redirectUri = facts.client.redirectUris[0] ?? "";
const good = { client_id: facts.client.id, redirect_uri: redirectUri, response_type: "code", scope: "openid" };

interface Hostile {
  readonly what: string;
  readonly path: string;
  readonly init?: RequestInit;
}

const query = (parameters: Readonly<Record<string, string>>) => new URLSearchParams(parameters).toString();
const authorize = (what: string, parameters: string): Hostile => ({ what, path: `/auth?${parameters}` });
const form = (
  what: string,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Hostile => ({
  what,
  path,
  init: { method: "POST", body, headers: { "content-type": "application/x-www-form-urlencoded", ...headers } },
});

const HOSTILE: readonly Hostile[] = [
  authorize("no parameter", ""),
  authorize("an unknown client", query({ ...good, client_id: "nobody" })),
  authorize("a foreign redirect_uri (RED-10)", query({ ...good, redirect_uri: `${evil}/cb` })),
  authorize(
    "a redirect_uri with user info",
    query({ ...good, redirect_uri: redirectUri.replace("http://", "http://evil.example@") }),
  ),
  authorize(
    "a redirect_uri with a longer host",
    query({ ...good, redirect_uri: redirectUri.replace("127.0.0.1", "127.0.0.1.evil.example") }),
  ),
  authorize("a script as redirect_uri", query({ ...good, redirect_uri: "javascript:alert(1)" })),
  authorize("two redirect_uris (RED-6)", `${query(good)}&redirect_uri=${encodeURIComponent(evil)}`),
  authorize("an array for redirect_uri (RED-7)", `${query(good)}&redirect_uri[]=${encodeURIComponent(evil)}`),
  authorize("two client_ids", `${query(good)}&client_id=other`),
  authorize("a line break in state", `${query(good)}&state=a%0d%0aLocation:%20${encodeURIComponent(evil)}`),
  authorize("a NUL in state", `${query(good)}&state=%00`),
  authorize("broken percent signs (AUT-10)", `${query(good)}&state=%zz%&nonce=%c3%28`),
  authorize("lone surrogates", `${query(good)}&login_hint=%ed%a0%80`),
  authorize("prototype names (AUT-9)", `${query(good)}&__proto__[x]=1&constructor=1&hasOwnProperty=1&toString=1`),
  authorize(
    "a thousand parameters",
    `${query(good)}&${Array.from({ length: 1000 }, (_, index) => `p${index}=1`).join("&")}`,
  ),
  authorize("a state of 5 KiB", `${query(good)}&state=${"s".repeat(5_000)}`),
  authorize("an unknown response_type", query({ ...good, response_type: "banana" })),
  authorize("prompt none with login", query({ ...good, prompt: "none login" })),
  authorize("a negative max_age", query({ ...good, max_age: "-1" })),
  authorize("a max_age beyond all numbers", query({ ...good, max_age: "9".repeat(400) })),
  authorize("a request_uri (AUT-11)", query({ ...good, request_uri: `${evil}/request` })),
  authorize(
    "SQL in every place (SQL-1)",
    query({ ...good, client_id: "'; select pg_sleep(9); --", login_hint: "' or 1=1 --" }),
  ),
  authorize(
    "markup in every place (BRO-11)",
    query({ ...good, client_id: "<script>alert(1)</script>", state: "<svg onload=1>" }),
  ),
  { what: "the authorization endpoint by PUT", path: `/auth?${query(good)}`, init: { method: "PUT", body: "x" } },
  { what: "a flow that does not exist", path: "/login?flow=aaaaaaaaaaaaaaaaaaaaaa" },
  { what: "a flow of 9,000 characters", path: `/login?flow=${"a".repeat(9_000)}` },
  { what: "a consent to nothing", path: "/consent?flow=x" },
  { what: "a callback out of the blue", path: "/auth/local/callback?code=x&state=y" },
  { what: "a callback of nobody", path: "/auth/%2e%2e%2f%00/callback?state=y" },
  {
    what: "an upstream's error with markup",
    path: "/auth/local/callback?error=x&error_description=<script>alert(1)</script>",
  },
  { what: "a path of dots (NET-8)", path: "/./auth/../token/%2e%2e/keys" },
  { what: "a path of broken percent signs", path: "/auth/%zz/login" },
  { what: "a next that leads away (BRO-13)", path: `/login?flow=x&next=${evil}&back=//evil.example` },
  form("a login without a flow (BRO-2)", "/auth/local/login", query({ login: "a", password: "b" })),
  form("a login from another site (BRO-3)", "/auth/local/login?flow=x", query({ login: "a", password: "b" }), {
    origin: evil,
  }),
  form("an empty token request", "/token", ""),
  form("an unknown grant", "/token", query({ grant_type: "password", username: "a", password: "b" })),
  form("a token request of 20,000 parameters (NET-6)", "/token", "a=1&".repeat(20_000)),
  form("a token request of 1 MiB (NET-6)", "/token", `grant_type=${"x".repeat(1 << 20)}`),
  form("a token request that claims to be gzip", "/token", new Uint8Array([31, 139, 8, 0, 1]), {
    "content-encoding": "gzip",
  }),
  form("a token request of a strange charset", "/token", "grant_type=x", {
    "content-type": "application/x-www-form-urlencoded; charset=utf-7",
  }),
  form("a token request in JSON (TOK-7)", "/token", '{"grant_type":"client_credentials"}', {
    "content-type": "application/json",
  }),
  form("a token request in binary", "/token", new Uint8Array([0, 255, 254, 37, 0])),
  form("a Basic header that is none (TOK-9)", "/token", "grant_type=client_credentials", {
    authorization: "Basic %%%",
  }),
  form("a Basic header of 10 KiB", "/token", "grant_type=client_credentials", {
    authorization: `Basic ${"A".repeat(10_000)}`,
  }),
  form("a code with a NUL", "/token", "grant_type=authorization_code&code=%00&redirect_uri=x"),
  { what: "credentials in the URL (TOK-7)", path: `/token?grant_type=client_credentials&client_id=x&client_secret=y` },
  { what: "userinfo without a token (JWT-10)", path: "/userinfo" },
  { what: "userinfo with rubbish (JWT-11)", path: "/userinfo", init: { headers: { authorization: "Bearer %00..''" } } },
  { what: "userinfo with the token in the query", path: "/userinfo?access_token=x" },
  {
    what: "seven kilobytes of cookies (BRO-15)",
    path: `/auth?${query(good)}`,
    init: { headers: { cookie: `__Host-dex=${"x".repeat(7_000)}` } },
  },
  {
    what: "three hundred cookies",
    path: `/auth?${query(good)}`,
    init: { headers: { cookie: Array.from({ length: 300 }, (_, i) => `c${i}=${i}`).join("; ") } },
  },
  {
    what: "cookies with prototype names",
    path: `/auth?${query(good)}`,
    init: { headers: { cookie: "__proto__=1; constructor=2; =; ;;; a" } },
  },
  { what: "the management API without a token", path: "/api/v1/clients" },
];

const ACCOUNT_PATHS = [
  ...["/register", "/identity", "/link", "/oob", "/registration", "/resend-verify-email", "/send-reset-password"],
  ...["/verify-email", "/reset-password", "/accept-invitation", "/change-email"],
  ...["", "/profile", "/password", "/email", "/verify-email", "/link", "/unlink", "/revoke-application"].map(
    (page) => `/account${page}`,
  ),
  ...["/account/end-session", "/account/end-other-sessions", "/account/sign-out"],
  ...["/api/v1/users", "/api/v1/users/%00", "/api/v1/users/'/disable", "/api/v1/account/x/refresh/%2e%2e"],
  ...["/api/v1/mail", "/api/v1/mail/x/retry", "/api/v1/openapi.json"],
];
/** What the pages and APIs of accounts read, filled with what nobody should believe. */
const WORDS = ["flow", "token", "email", "client_id", "redirect_uri", "password", "login", "connector", "session"];
const filled = (value: string) => WORDS.map((word) => `${word}=${encodeURIComponent(value)}`).join("&");
const ACCOUNT_QUERIES = [
  "",
  filled("<script>alert(1)</script>"),
  filled("'; select pg_sleep(9); --"),
  `${filled(evil)}&next=${encodeURIComponent(evil)}&return_to=//evil.example`,
  `${filled("x")}&${filled("y")}`,
  "token=%00&flow=%c3%28&notice=%zz",
  `token=${"a".repeat(7_000)}`,
  "__proto__[x]=1&constructor=1&maxResults=-1&nextPageToken=AAAA&state=toString",
];
const ACCOUNT_HOSTILE: readonly Hostile[] = ACCOUNT_PATHS.flatMap((path) =>
  ACCOUNT_QUERIES.flatMap((query, number) => [
    { what: `GET ${path} with query ${number}`, path: `${path}?${query}` },
    form(`POST ${path} with form ${number}`, path, query),
    form(`POST ${path} with JSON ${number}`, path, JSON.stringify({ user: [query], client: query, token: null }), {
      "content-type": "application/json",
    }),
  ]),
);

test("hundreds of hostile requests to accounts are answered without a 5xx, a stranger's address or markup (ACC-8, BRO-11)", async () => {
  for (const { what, path, init } of ACCOUNT_HOSTILE) {
    const response = await fetch(facts.issuer + path, { redirect: "manual", ...init });
    const text = await response.text();
    expect(response.status, what).toBeLessThan(500);
    const location = response.headers.get("location");
    if (location !== null) expect(new URL(location, facts.issuer).origin, what).toBe(new URL(facts.issuer).origin);
    expect(text, what).not.toContain("<script>alert(1)</script>");
    expect(text, what).not.toMatch(/\bat \/|node_modules|select .* from/i);
  }
}, 120_000);

test.each(HOSTILE)("$what is answered without a 5xx and without a redirect to a stranger", async ({ path, init }) => {
  const response = await fetch(facts.issuer + path, { redirect: "manual", ...init });
  const text = await response.text();
  expect(response.status).toBeLessThan(500);
  const location = response.headers.get("location");
  if (location !== null) {
    const origin = new URL(location, facts.issuer).origin;
    expect([new URL(facts.issuer).origin, new URL(redirectUri).origin]).toContain(origin);
  }
  expect(text).not.toContain("<script>alert(1)</script>");
  expect(text).not.toMatch(/\bat \/|node_modules|select .* from/i);
});

const RAW: readonly { what: string; lines: readonly string[] }[] = [
  {
    what: "two lengths",
    lines: ["POST /dex/token HTTP/1.1", "Host: x", "Content-Length: 3", "Content-Length: 4", "", "a=1"],
  },
  {
    what: "a length and chunks",
    lines: ["POST /dex/token HTTP/1.1", "Host: x", "Content-Length: 3", "Transfer-Encoding: chunked", "", "0", "", ""],
  },
  {
    what: "a header of 100 kB",
    lines: ["GET /dex/keys HTTP/1.1", "Host: x", `X-Long: ${"a".repeat(100_000)}`, "", ""],
  },
  { what: "TRACE", lines: ["TRACE /dex/keys HTTP/1.1", "Host: x", "", ""] },
  { what: "a space in a header's name", lines: ["GET /dex/keys HTTP/1.1", "Host : x", "", ""] },
  { what: "no HTTP at all", lines: ["\u0016\u0003\u0001", "", ""] },
];

test.each(RAW)("$what is refused by balancer or worker, and not with a 5xx (NET-5)", async ({ lines }) => {
  const answer = await sendRaw(lines.join("\r\n"));
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(answer)?.[1] ?? 0);
  // No answer at all, a closed connection, is a refusal too.
  if (status !== 0) expect(status).toSatisfy((value: number) => value >= 400 && value < 500);
});

function sendRaw(text: string): Promise<string> {
  const { hostname, port } = new URL(facts.issuer);
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on("data", (chunk) => {
      answer += chunk;
      if (/^HTTP\/1\.\d \d{3}/.test(answer)) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}
