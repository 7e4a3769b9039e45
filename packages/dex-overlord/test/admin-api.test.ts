import { makeHandSetClock } from "@dex/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type AdminAnswer,
  DatabaseAway,
  OTHER_SECRET,
  openAdminApi,
  type RunningAdminApi,
  SECRET,
} from "./admin-api.ts";

const BCRYPT = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
const PASSWORD = "a canary in a coal mine";
const clock = makeHandSetClock();
let api: RunningAdminApi;
beforeEach(async () => {
  api = await openAdminApi(clock);
});
afterEach(() => api.close());

const newClient = { id: "app", secret: "Y2FuYXJ5LXNlY3JldC1vZi1hcHA", redirectURIs: ["https://app.example/cb"] };

describe("the admin API secret", () => {
  const wrong: { when: string; headers: Record<string, string> }[] = [
    { when: "is wrong", headers: { authorization: Buffer.alloc(32, 8).toString("base64") } },
    { when: "is empty", headers: { authorization: "" } },
    { when: "is cut", headers: { authorization: SECRET.slice(0, -1) } },
    { when: "is padded", headers: { authorization: `${SECRET}=` } },
    { when: "has a NUL-like tail", headers: { authorization: `${SECRET}%00` } },
    { when: "comes as Basic", headers: { authorization: `Basic ${SECRET}` } },
    { when: "is a user's token", headers: { authorization: "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA" } },
    { when: "comes as a cookie", headers: { authorization: "", cookie: `authorization=${SECRET}` } },
  ];
  test.each(wrong)("is refused with one and the same answer when it $when (ADM-1)", async ({ headers }) => {
    for (const [method, path] of [
      ["GET", "/api/v1/state"],
      ["POST", "/api/v1/admin"],
      ["GET", "/api/v1/nothing"],
      ["GET", "/api/v1/admin/%ff"],
      ["OPTIONS", "/"],
    ] as const) {
      const { status, json, headers: sent } = await api.call(method, path, undefined, headers);
      expect({ status, json }).toEqual({ status: 401, json: { error: "access_denied" } });
      expect(sent.get("x-request-id")).toMatch(/^[\w-]{12}$/);
    }
  });

  test("is taken bare, as in dex v1, and as a bearer token", async () => {
    expect((await api.call("GET", "/api/v1/state")).status).toBe(200);
    expect((await api.call("GET", "/api/v1/state", undefined, { authorization: `Bearer ${SECRET}` })).status).toBe(200);
  });

  test("is any of those configured, so that one can be replaced (SEC-2)", async () => {
    expect((await api.call("GET", "/api/v1/state", undefined, { authorization: OTHER_SECRET })).status).toBe(200);
    const both = { authorization: `${SECRET},${OTHER_SECRET}` };
    expect((await api.call("GET", "/api/v1/state", undefined, both)).status).toBe(401);
  });

  test("cannot be guessed at speed, and guessing does not lock the operator out (ADM-1)", async () => {
    const guess = () => api.call("GET", "/api/v1/state", undefined, { authorization: "wrong" });
    for (let count = 0; count < 10; count++) expect((await guess()).status).toBe(401);
    const throttled = await guess();
    expect(throttled.status).toBe(429);
    expect(Number(throttled.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await api.call("GET", "/api/v1/state")).status).toBe(200);
    clock.advance(61);
    expect((await guess()).status).toBe(401);
  });
});

test("health is told to anybody, and nothing else (LOG-5)", async () => {
  const healthy = await api.call("GET", "/health", undefined, { authorization: "" });
  expect([healthy.status, healthy.json]).toEqual([200, { status: "ok" }]);
  api.failWith = new DatabaseAway("password authentication failed for user dex");
  const sick = await api.call("GET", "/health", undefined, { authorization: "" });
  expect([sick.status, sick.json]).toEqual([503, { status: "unavailable" }]);
});

describe("an admin", () => {
  test("is created from a password, read back without it, and counted (ADM-5)", async () => {
    expect((await api.call("GET", "/api/v1/state")).json).toEqual({});
    const created = await api.call("POST", "/api/v1/admin", { email: "Jane@Example.com", password: PASSWORD });
    const [id = ""] = [...api.users.keys()];
    expect([created.status, created.json]).toEqual([200, { id, email: "jane@example.com" }]);
    expect(created.headers.get("location")).toBe(`/api/v1/admin/${id}`);
    expect((await api.call("GET", `/api/v1/admin/${id}`)).json).toEqual({ id, email: "jane@example.com" });
    expect((await api.call("GET", "/api/v1/state")).json).toEqual({ AdminUserCreated: true });
    expect(api.users.get(id)).toMatchObject({
      passwordHash: "$argon2id$hash-of-the-canary",
      connectorId: "local",
      user: { admin: true, emailVerified: false },
    });
  });

  test("has a verified address only where the caller vouches for it", async () => {
    const body = { email: "jane@example.com", password: PASSWORD, emailVerified: true };
    expect((await api.call("POST", "/api/v1/admin", body)).status).toBe(200);
    expect([...api.users.values()][0]?.user.emailVerified).toBe(true);
  });

  test("is created from a bcrypt hash of dex v1, which is never shown (ADM-5)", async () => {
    const created = await api.call("POST", "/api/v1/admin", { email: "jane@example.com", password: BCRYPT });
    expect(created.status).toBe(200);
    expect([...api.users.values()][0]?.passwordHash).toBe(BCRYPT);
    expect(created.text).not.toContain("$2a$");
  });

  const good = { email: "jane@example.com", password: PASSWORD };
  const refused = [
    { body: { ...good, email: "" }, status: 400 },
    { body: { ...good, email: "not an address" }, status: 400 },
    { body: { ...good, email: "a@b.example,c@d.example" }, status: 400 },
    { body: { ...good, email: "jane@example.com\u0000" }, status: 400 },
    { body: { ...good, email: ["jane@example.com"] }, status: 400 },
    { body: { ...good, password: "too short" }, status: 400 },
    { body: { ...good, password: "" }, status: 400 },
    { body: { ...good, password: "$2a$10$cut" }, status: 400 },
    { body: { ...good, password: "x".repeat(1025) }, status: 400 },
    { body: { ...good, password: { $ne: "" } }, status: 400 },
    { body: { ...good, admin: true }, status: 400 },
    { body: { ...good, emailVerified: "yes" }, status: 400 },
    { body: { email: good.email }, status: 400 },
  ];
  test.each(refused)("is refused: $body", async ({ body, status }) => {
    const answer = await api.call("POST", "/api/v1/admin", body);
    expect([answer.status, answer.json]).toEqual([
      status,
      { error: "bad_request", error_description: expect.any(String) },
    ]);
    expect(api.users.size).toBe(0);
  });

  test("has an address of their own", async () => {
    await api.call("POST", "/api/v1/admin", good);
    const again = await api.call("POST", "/api/v1/admin", { ...good, email: "JANE@example.com" });
    expect([again.status, again.json]).toMatchObject([409, { error: "duplicate_email" }]);
  });

  test("needs the local connector first", async () => {
    api.connectors = [];
    const answer = await api.call("POST", "/api/v1/admin", good);
    expect([answer.status, answer.json]).toMatchObject([409, { error: "local_connector_missing" }]);
  });

  test.each(["unknown", "00000000-0000-4000-8000-000000000000", "'%20or%201=1", "%00", "..%2f..", "%f0%9f%92%a9"])(
    "with the id %s is not found",
    async (id) => {
      const answer = await api.call("GET", `/api/v1/admin/${id}`);
      expect([answer.status, answer.json]).toMatchObject([404, { error: "resource_not_found" }]);
    },
  );
});

describe("hostile requests", () => {
  const posts = ["/api/v1/admin", "/api/v1/client"];
  const bodies: { what: string; body: string | Uint8Array; headers?: Record<string, string>; status: number }[] = [
    { what: "nothing", body: "", status: 400 },
    { what: "half of an object", body: '{"email":', status: 400 },
    { what: "a form", body: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" }, status: 415 },
    { what: "compressed bytes", body: "x", headers: { "content-encoding": "gzip" }, status: 415 },
    { what: "bytes that are not UTF-8", body: new Uint8Array([0x22, 0xff, 0x22]), status: 400 },
    { what: "null", body: "null", status: 400 },
    { what: "a number", body: "1e999", status: 400 },
    { what: "a prototype", body: '{"__proto__":{"admin":true}}', status: 400 },
    { what: "deep nesting", body: `${"[".repeat(30_000)}${"]".repeat(30_000)}`, status: 400 },
    { what: "more than 64 KiB", body: `"${"x".repeat(70_000)}"`, status: 413 },
  ];
  test.each(bodies)("a body of $what is refused by name, never a 5xx", async ({ body, headers, status }) => {
    for (const path of posts) {
      const answer = await api.call("POST", path, body, headers);
      expect(answer.status).toBe(status);
      expect(answer.json).toEqual({ error: expect.any(String), error_description: expect.any(String) });
    }
    expect((await api.call("PUT", "/api/v1/connectors", body, headers)).status).toBe(status);
  });

  test("a method that is not offered is refused with those that are", async () => {
    const answer = await api.call("DELETE", "/api/v1/connectors");
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, PUT"]);
  });

  test("an address that cannot be decoded, and one that leads nowhere, are refused", async () => {
    expect((await api.call("GET", "/api/v1/admin/%ff")).status).toBe(400);
    expect((await api.call("GET", "/api/v2")).status).toBe(404);
    expect((await api.call("GET", "/debug/vars")).status).toBe(404);
  });

  test("while the database is away the answer is 503, and of an unknown error nothing is told (LOG-4, v1 D03)", async () => {
    api.failWith = new DatabaseAway("connection refused");
    const away = await api.call("GET", "/api/v1/state");
    expect([away.status, away.headers.get("retry-after")]).toEqual([503, "1"]);
    api.failWith = new Error("select canary from secrets");
    const broken = await api.call("GET", "/api/v1/state");
    expect(broken.json).toEqual({ error: "server_error", error_description: "something went wrong on our side" });
  });

  test("every answer names its request, is not stored and not sniffed", async () => {
    const answers: AdminAnswer[] = [
      await api.call("GET", "/api/v1/state"),
      await api.call("GET", "/nothing"),
      await api.call("GET", "/health"),
    ];
    for (const { headers } of answers) {
      expect(headers.get("x-request-id")).toMatch(/^[\w-]{12}$/);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-powered-by")).toBeNull();
    }
    const logged = api.log.find(({ fields }) => fields?.requestId === answers[0]?.headers.get("x-request-id"));
    expect(logged).toMatchObject({ event: "admin request", fields: { route: "/api/v1/state", status: 200 } });
  });
});

test("no secret, password, hash or address reaches the log (LOG-1, LOG-2)", async () => {
  await api.call("POST", "/api/v1/admin", { email: "canary@example.com", password: PASSWORD });
  await api.call("POST", "/api/v1/client", { client: newClient });
  await api.call("GET", "/api/v1/admin/canary-id");
  await api.call("GET", "/canary-path?secret=canary", undefined, { authorization: "canary-guess" });
  expect(api.log.length).toBeGreaterThanOrEqual(4);
  const log = JSON.stringify(api.log);
  for (const secret of [SECRET, PASSWORD, newClient.secret, "$argon2id", "canary"]) expect(log).not.toContain(secret);
});
