import { type JsonObject, silentLogger } from "@dex/runtime";
import { type FakeCrowd, type FakeCrowdPerson, NOTHING_ASKED, startFakeCrowd } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ConnectorParts } from "../src/connector-kind.ts";
import { parseConnectorConfigs } from "../src/registry.ts";
import { ALL_ASKED, makeAdmission, openPasswordConnector, refresh, signInToRefresh, verify } from "./password-login.ts";

const APPLICATION = { clientID: "dex app", clientSecret: "secret: of dex ü" };
const ADA: FakeCrowdPerson = {
  key: "32769:1001",
  name: "ada",
  password: "right & proper ü",
  email: "ada@example.com",
  groups: ["staff", "crew", "Staff"],
};
const ODD: FakeCrowdPerson = { key: "32769:1002", name: "a&b c", password: "pw" };
const GONE: FakeCrowdPerson = { key: "32769:1003", name: "gone", password: "pw", active: false };
const BUSY: FakeCrowdPerson = {
  key: "32769:1004",
  name: "busy",
  password: "pw",
  groups: Array.from({ length: 1200 }, (_, n) => `group ${n}`),
};
const ada = { login: "ada", password: ADA.password };
const ASK_GROUPS = { groups: true, offlineAccess: false };

let crowd: FakeCrowd;
beforeAll(async () => {
  const people = [ADA, ODD, GONE, BUSY];
  crowd = await startFakeCrowd({ clientId: APPLICATION.clientID, clientSecret: APPLICATION.clientSecret, people });
});
afterAll(() => crowd.close());
beforeEach(() => crowd.reset());
afterEach(() => expect(crowd.violations).toEqual([]));

const open = (config: JsonObject = {}, parts: Partial<ConnectorParts> = {}) =>
  openPasswordConnector("atlassian-crowd", { ...APPLICATION, baseURL: `${crowd.url}/crowd/`, ...config }, parts);
const asked = () => crowd.requests.map(({ method, path }) => `${method} ${path.slice(path.indexOf("/1/") + 2)}`);

describe("a person of Crowd", () => {
  test("has the key, the name and the address, and the groups where the client asks (C 198)", async () => {
    const identity = {
      connectorId: "up",
      remoteId: "32769:1001",
      email: "ada@example.com",
      emailVerified: true,
      displayName: "ada",
      preferredUsername: undefined,
      groups: undefined,
      authTime: expect.any(Date),
      amr: ["pwd"],
    };
    expect(await verify(open(), ada)).toEqual({ kind: "identity", identity });
    expect(asked()).toEqual(["GET /user", "POST /session"]);
    expect(await verify(open(), ada, ASK_GROUPS)).toMatchObject({ identity: { groups: ["staff", "crew", "Staff"] } });
    expect(asked().slice(2)).toEqual(["GET /user", "POST /session", "GET /user/group/nested"]);
  });

  test("without an address, or where addresses are not trusted, has no verified one", async () => {
    expect(await verify(open(), { login: ODD.name, password: "pw" })).toMatchObject({
      identity: { email: undefined, emailVerified: false },
    });
    expect(await verify(open({ trustedEmailProvider: false }), ada)).toMatchObject({
      identity: { email: "ada@example.com", emailVerified: false },
    });
  });

  const fields = [
    { field: "key", expected: "32769:1001" },
    { field: "name", expected: "ada" },
    { field: "email", expected: "ada@example.com" },
    { field: "", expected: undefined },
    { field: "nick", expected: undefined },
  ];
  test.each(fields)("has preferred_username $expected for the field '$field' (C 200)", async ({ field, expected }) => {
    const lines: string[] = [];
    const logger = { ...silentLogger, warn: (...said: unknown[]) => void lines.push(JSON.stringify(said)) };
    const outcome = await verify(open({ preferredUsernameField: field }, { logger }), ada);
    expect(outcome).toMatchObject({ identity: { preferredUsername: expected } });
    expect(lines.some((line) => line.includes("preferredUsernameField"))).toBe(field === "nick");
  });

  test("may have any name: it is encoded (C 201)", async () => {
    expect(await verify(open(), { login: "a&b c", password: "pw" }, ASK_GROUPS)).toMatchObject({
      identity: { remoteId: ODD.key, displayName: "a&b c", groups: [] },
    });
    expect(
      crowd.requests.filter(({ method }) => method === "GET").map(({ parameters }) => parameters.username),
    ).toEqual(["a&b c", "a&b c"]);
  });

  test("who was switched off is refused although the password is right (C 202)", async () => {
    expect(await verify(open(), { login: "gone", password: "pw" })).toMatchObject({ reason: "not permitted" });
  });

  test("in more groups than Crowd gives at once has all of them", async () => {
    const outcome = await verify(open(), { login: "busy", password: "pw" }, ASK_GROUPS);
    expect(outcome).toMatchObject({ identity: { groups: BUSY.groups } });
    expect(asked().filter((one) => one === "GET /user/group/nested")).toHaveLength(3);
  });
});

describe("configured groups", () => {
  const cases: { groups: readonly string[]; expected: readonly string[] | "not permitted" }[] = [
    { groups: ["crew", "captains"], expected: ["crew"] },
    { groups: ["staff", "crew", "Staff"], expected: ["staff", "crew", "Staff"] },
    { groups: ["CREW"], expected: "not permitted" },
    { groups: ["captains"], expected: "not permitted" },
  ];
  test.each(cases)("$groups give $expected, whether or not the client asks (C 22, C 198)", async (row) => {
    const wanted =
      row.expected === "not permitted"
        ? { kind: "refused", reason: "not permitted" }
        : { identity: { groups: row.expected } };
    for (const wish of [NOTHING_ASKED, ASK_GROUPS]) {
      expect(await verify(open({ groups: [...row.groups] }), ada, wish)).toMatchObject(wanted);
    }
  });
});

describe("a wrong password", () => {
  test.each([
    { login: "ada", password: "wrong" },
    { login: "nobody", password: "right & proper ü" },
  ])("of $login is invalid credentials, found out by the same calls (C 199, ACC-1)", async (typed) => {
    expect(await verify(open(), typed)).toMatchObject({ kind: "refused", reason: "invalid credentials" });
    expect(asked()).toEqual(["GET /user", "POST /session"]);
  });

  test.each([
    { login: "ada", password: "" },
    { login: "  ", password: "pw" },
    { login: "a".repeat(256), password: "pw" },
    { login: "ada\n", password: "pw" },
    { login: "ada\ud800", password: "pw" },
    { login: "ada", password: "x".repeat(1025) },
  ])("that nobody can have is not sent anywhere: $login", async (typed) => {
    expect(await verify(open(), typed)).toMatchObject({ reason: "invalid credentials" });
    expect(crowd.requests).toEqual([]);
  });

  test.each(["INACTIVE_ACCOUNT", "EXPIRED_CREDENTIAL"])("is what %s looks like too", async (reason) => {
    crowd.behaviours["/session"] = { status: 400, body: JSON.stringify({ reason, message: "no" }) };
    expect(await verify(open(), ada)).toMatchObject({ reason: "invalid credentials" });
  });

  test("is counted on the person, in whatever case the name is written, before Crowd hears it (ACC-3)", async () => {
    const { attempts, admitAttempt } = makeAdmission(3);
    const connector = open({}, { admitAttempt });
    for (const login of ["ada", "ADA", "Ada"]) {
      expect(await verify(connector, { login, password: "wrong" })).toMatchObject({ reason: "invalid credentials" });
    }
    expect(await verify(connector, ada)).toEqual({ kind: "throttled", retryAfterSeconds: 7 });
    expect(new Set(attempts)).toEqual(new Set(["up 32769:1001 192.0.2.7"]));
    expect(asked().filter((one) => one === "POST /session")).toHaveLength(3);
    await verify(connector, { login: "nobody", password: "x" });
    expect(attempts.at(-1)).toBe("up nobody called nobody 192.0.2.7");
  });

  test("of 100 guesses at once, none reaches Crowd that was not admitted (ACC-5)", async () => {
    const { admitAttempt } = makeAdmission(5);
    const connector = open({}, { admitAttempt });
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => verify(connector, { login: "ada", password: `guess ${n}` })),
    );
    const evaluated = asked().filter((one) => one === "POST /session").length;
    expect(evaluated).toBeGreaterThan(0);
    expect(evaluated).toBeLessThanOrEqual(5);
  });
});

describe("a person who is read again", () => {
  test("has the groups of today, without a password (C 198)", async () => {
    const connector = open({ groups: ["staff", "crew"] });
    const signedIn = await signInToRefresh(connector, ada);
    expect(signedIn.grant).toEqual({ name: "ada" });
    crowd.people.splice(0, 1, { ...ADA, groups: ["crew"], email: "new@example.com" });
    crowd.requests.length = 0;
    expect(await refresh(connector, signedIn)).toMatchObject({
      kind: "identity",
      identity: { remoteId: ADA.key, groups: ["crew"], email: "new@example.com", authTime: undefined },
    });
    expect(asked()).toEqual(["GET /user", "GET /user/group/nested", "POST /session"]);
    const session = crowd.requests.find(({ path }) => path.endsWith("/session"));
    expect(session).toMatchObject({ parameters: { "validate-password": "false" }, body: { username: "ada" } });
  });

  const changes: { what: string; now: FakeCrowdPerson | undefined; reason: string }[] = [
    { what: "left the groups", now: { ...ADA, groups: ["others"] }, reason: "not permitted" },
    { what: "was switched off", now: { ...ADA, active: false }, reason: "not permitted" },
    { what: "is gone", now: undefined, reason: "user gone" },
    { what: "gave the name to somebody else", now: { ...ADA, key: "32769:2000" }, reason: "not permitted" },
  ];
  test.each(changes)("is refused when the person $what", async ({ now, reason }) => {
    const connector = open({ groups: ["staff"] });
    const signedIn = await signInToRefresh(connector, ada);
    crowd.people.splice(0, 1, ...(now === undefined ? [] : [now]));
    const narrower = { groups: false, offlineAccess: false };
    expect(await refresh(connector, signedIn, narrower)).toMatchObject({ kind: "refused", reason });
  });

  test("is refused when Crowd opens no session for them", async () => {
    const connector = open();
    const signedIn = await signInToRefresh(connector, ada);
    crowd.behaviours["/session"] = { status: 400, body: '{"reason":"INACTIVE_ACCOUNT"}' };
    expect(await refresh(connector, signedIn)).toMatchObject({ kind: "refused", reason: "not permitted" });
    expect(await refresh(connector, { ...signedIn, grant: { other: 1 } })).toMatchObject({ reason: "invalid answer" });
  });

  test("leaves nothing behind unless the client asked for that", async () => {
    expect(await verify(open(), ada, ASK_GROUPS)).not.toHaveProperty("grant");
    expect(await verify(open(), ada, ALL_ASKED)).toMatchObject({ grant: { name: "ada" } });
  });
});

describe("a Crowd in trouble", () => {
  const answers: { what: string; status: number; body: string; detail: RegExp }[] = [
    {
      what: "our address is not allowed",
      status: 403,
      body: "The server understood the request but refuses to authorize it.",
      detail: /our address/,
    },
    { what: "another 403", status: 403, body: '{"reason":"APPLICATION_ACCESS_DENIED"}', detail: /APPLICATION_ACCESS/ },
    { what: "a wrong path", status: 404, body: "<html>", detail: /404/ },
    { what: "too many requests", status: 429, body: "", detail: /429/ },
  ];
  test.each(answers)("$what is ours to fix, whichever call it was (C 199)", async ({ status, body, detail }) => {
    for (const path of ["/user", "/session", "/user/group/nested"]) {
      crowd.reset();
      crowd.behaviours[path] = { status, body };
      const outcome = await verify(open(), ada, ASK_GROUPS);
      expect(outcome).toMatchObject({ kind: "unavailable", detail: expect.stringMatching(detail) });
    }
  });

  test("a wrong application password is ours to fix (C 199)", async () => {
    expect(await verify(open({ clientSecret: "wrong" }), ada)).toMatchObject({
      kind: "unavailable",
      detail: expect.stringContaining("application's name or password"),
    });
    expect(crowd.violations.splice(0)).toEqual(["the application is unknown"]);
  });

  const failures = (
    ["status 500", "close", "huge body", "many headers", "not json", "redirect loop", "status 404"] as const
  ).flatMap((how) => ["/user", "/session", "/user/group/nested"].map((path) => ({ how, path })));
  test.each(failures)("$how at $path gives nobody (SSR-1)", async ({ how, path }) => {
    crowd.behaviours[path] = how;
    const outcome = await verify(open(), ada, ASK_GROUPS);
    expect(["unavailable", "refused"]).toContain(outcome.kind);
    expect(outcome).not.toMatchObject({ reason: "invalid credentials" });
  });

  test("an answer that never ends is given up in time (C 23, SSR-1)", async () => {
    crowd.behaviours["/user"] = "dribble";
    const started = performance.now();
    expect(await verify(open(), ada)).toMatchObject({ kind: "unavailable" });
    expect(performance.now() - started).toBeLessThan(12_000);
  }, 15_000);

  test("after five failures Crowd is left alone, and the answer comes at once", async () => {
    const connector = open();
    crowd.behaviours["/user"] = "status 500";
    for (let n = 0; n < 6; n += 1) await verify(connector, ada);
    expect(crowd.requests).toHaveLength(5);
  });

  const people: { what: string; body: unknown }[] = [
    { what: "no key", body: { name: "ada", active: true } },
    { what: "a number as key", body: { key: 5, name: "ada", active: true } },
    { what: "an active that is text", body: { key: "1", name: "ada", active: "true" } },
    { what: "a control character in the name", body: { key: "1", name: "a\u0000", active: true } },
  ];
  test.each(people)("a user with $what is an invalid answer", async ({ body }) => {
    crowd.behaviours["/user"] = { status: 200, body: JSON.stringify(body) };
    expect(await verify(open(), ada)).toMatchObject({ reason: "invalid answer" });
    expect(asked()).not.toContain("POST /session");
  });

  test("a list of groups that does not end is an error (C 24)", async () => {
    const groups = Array.from({ length: 500 }, (_, n) => ({ name: `g${n}` }));
    crowd.behaviours["/user/group/nested"] = { status: 200, body: JSON.stringify({ groups }) };
    expect(await verify(open(), ada, ASK_GROUPS)).toMatchObject({
      reason: "invalid answer",
      detail: expect.stringContaining("does not end"),
    });
    expect(asked().filter((one) => one === "GET /user/group/nested")).toHaveLength(50);
  });
});

describe("a dry run", () => {
  test("finds that Crowd knows the application, without a person", async () => {
    const steps = await open().check?.();
    expect(steps).toMatchObject([
      { name: "application", ok: true },
      { name: "clock", ok: true },
    ]);
    expect(asked()).toEqual(["GET /user"]);
  });

  test("says what is wrong, without the secret", async () => {
    const steps = await open({ clientSecret: "wrong canary" }).check?.();
    expect(steps).toMatchObject([{ name: "application", ok: false, detail: expect.stringContaining("401") }]);
    expect(JSON.stringify(steps)).not.toContain("canary");
    crowd.violations.length = 0;
    const nowhere = await open({ baseURL: "http://127.0.0.1:1/crowd" }).check?.();
    expect(nowhere).toMatchObject([{ ok: false }]);
  });

  test("shows what Crowd said, and what became of it", async () => {
    const events: unknown[] = [];
    const connector = open({ groups: ["crew"] }, { trace: (event) => events.push(event) });
    await verify(connector, ada);
    expect(events).toMatchObject([
      { kind: "claims", source: "crowd user", claims: { key: ADA.key } },
      { kind: "claims", source: "crowd groups", claims: ADA.groups },
      { kind: "rule", rule: "groups", after: ["crew"] },
    ]);
  });
});

describe("a configuration", () => {
  const parse = (config: JsonObject) =>
    parseConnectorConfigs([{ id: "up", type: "atlassian-crowd", ...APPLICATION, ...config }]);
  test.each([
    { config: {}, names: /baseURL/ },
    { config: { baseURL: "http://crowd.example" }, names: /baseURL/ },
    { config: { baseURL: "https://crowd.example", clientID: "a:b" }, names: /clientID/ },
    { config: { baseURL: "https://crowd.example", groups: "staff" }, names: /groups/ },
  ])("$config is refused by name", ({ config, names }) => {
    expect(parse(config)).toMatchObject({ kind: "refused", reason: expect.stringMatching(names) });
  });

  test("names the field of the form", () => {
    const label = (config: JsonObject) => {
      const { login } = open(config);
      return login.kind === "password" ? login.loginLabel : undefined;
    };
    expect(label({})).toBe("user name");
    expect(label({ usernamePrompt: "Crowd name" })).toBe("Crowd name");
  });

  test("without the application's password does not open", () => {
    expect(() => open({ clientSecret: "" })).toThrow(/clientSecret/);
  });
});
