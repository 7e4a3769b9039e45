import { randomBytes } from "node:crypto";
import { type JsonObject, silentLogger, systemClock } from "@dex/runtime";
import { type RunningKeystone, startKeystone } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ConnectorParts } from "../src/connector-kind.ts";
import { toDomain } from "../src/keystone/config.ts";
import { parseConnectorConfigs } from "../src/registry.ts";
import { ALL_ASKED, makeAdmission, openPasswordConnector, refresh, signInToRefresh, verify } from "./password-login.ts";

const PASSWORD = "right & proper ü";
const GROUPS = { groups: true, offlineAccess: false };
const TOKENS = "/v3/auth/tokens";

let keystone: RunningKeystone;
/** Ids by what they are of. */
const ids: Record<string, string> = {};
beforeAll(async () => {
  keystone = await startKeystone();
  ids.domain = await make("domain", { name: "Cloud Users" });
  ids.staff = await make("group", { name: "staff", domain_id: "default" });
  ids.crew = await make("group", { name: "crew", domain_id: "default" });
  ids.jane = await addUser("jane", { email: "jane@example.com" });
  ids.bare = await addUser("bare");
  ids.odd = await addUser("a&b/ü c#?", { email: 5 });
  ids.elsewhere = await addUser("elsewhere", { domain_id: ids.domain });
  await addUser("off", { enabled: false });
  await keystone.call("PUT", `/v3/groups/${ids.staff}/users/${ids.jane}`);
}, 120_000);
afterAll(() => keystone?.close());
beforeEach(() => keystone.reset());

async function make(what: "domain" | "group" | "user", members: JsonObject): Promise<string> {
  const made = await keystone.call("POST", `/v3/${what}s`, { [what]: members });
  return String(made[what]?.id);
}
const addUser = (name: string, more: JsonObject = {}) =>
  make("user", { name, password: PASSWORD, domain_id: "default", ...more });
/** Somebody of whom only one test knows. */
async function addStranger(more: JsonObject = {}) {
  const login = `stranger-${randomBytes(6).toString("hex")}`;
  return { login, id: await addUser(login, more), password: PASSWORD };
}

const open = (config: JsonObject = {}, parts: Partial<ConnectorParts> = {}) =>
  openPasswordConnector("keystone", { keystoneHost: `${keystone.url}/`, domain: "default", ...config }, parts);
const withAdmin = (config: JsonObject = {}, parts: Partial<ConnectorParts> = {}) =>
  open({ keystoneUsername: keystone.admin.name, keystonePassword: keystone.admin.password, ...config }, parts);
const as = (login: string, password = PASSWORD) => ({ login, password });
const asked = () => keystone.requests.map(({ method, path }) => `${method} ${path}`);
/** Sign-ins that Keystone was asked for in somebody's name. */
const signIns = (name: string) =>
  keystone.requests.filter(({ path, body }) => path === TOKENS && JSON.stringify(body).includes(`"name":"${name}"`));

describe("a person of Keystone", () => {
  test("has the id and the name, and the address that the record has (C 206)", async () => {
    expect(await verify(open(), as("jane"))).toEqual({
      kind: "identity",
      identity: {
        connectorId: "up",
        remoteId: ids.jane,
        email: "jane@example.com",
        emailVerified: true,
        displayName: "jane",
        preferredUsername: undefined,
        groups: undefined,
        authTime: expect.any(Date),
        amr: ["pwd"],
      },
    });
    expect(asked()).toEqual([`POST ${TOKENS}`, `GET /v3/users/${ids.jane}`]);
  });

  test.each(["bare", "a&b/ü c#?"])(
    "called %s has no address where the record has none, or none that is text (C 206)",
    async (name) => {
      for (const connector of [open(), withAdmin()]) {
        expect(await verify(connector, as(name))).toMatchObject({
          identity: { displayName: name, email: undefined, emailVerified: false },
        });
      }
    },
  );

  test("has no verified address where the cloud is not trusted", async () => {
    expect(await verify(open({ trustedEmailProvider: false }), as("jane"))).toMatchObject({
      identity: { email: "jane@example.com", emailVerified: false },
    });
  });

  test("has the groups where the client asks", async () => {
    expect(await verify(open(), as("jane"), GROUPS)).toMatchObject({ identity: { groups: ["staff"] } });
    expect(await verify(open(), as("bare"), GROUPS)).toMatchObject({ identity: { groups: [] } });
  });

  test("whose record is hidden from them signs in without an address", async () => {
    keystone.behaviours[`/v3/users/${ids.jane}`] = { status: 403, body: '{"error":{"message":"no"}}' };
    expect(await verify(open(), as("jane"))).toMatchObject({
      identity: { remoteId: ids.jane, displayName: "jane", email: undefined, emailVerified: false },
    });
  });
});

describe("the domain", () => {
  test.each([
    ["default", { id: "default" }],
    ["6a94fe0c7a3b4b5d8c6f1e2d3c4b5a69", { id: "6a94fe0c7a3b4b5d8c6f1e2d3c4b5a69" }],
    ["6a94fe0c-7a3b-4b5d-8c6f-1e2d3c4b5a69", { id: "6a94fe0c-7a3b-4b5d-8c6f-1e2d3c4b5a69" }],
    ["Default", { name: "Default" }],
    ["Cloud Users", { name: "Cloud Users" }],
  ])("%s is sent as %j (C 207)", async (domain, sent) => {
    expect(toDomain(domain)).toEqual(sent);
    await verify(open({ domain }), as("jane"));
    expect(keystone.requests[0]?.body).toMatchObject({
      auth: { identity: { methods: ["password"], password: { user: { name: "jane", domain: sent } } } },
    });
  });

  test("is where people are looked for, and nowhere else (C 207)", async () => {
    for (const domain of ["Cloud Users", ids.domain ?? ""]) {
      expect(await verify(open({ domain }), as("elsewhere"))).toMatchObject({ identity: { remoteId: ids.elsewhere } });
      expect(await verify(open({ domain }), as("jane"))).toMatchObject({ reason: "invalid credentials" });
    }
    expect(await verify(open({ domain: "nowhere" }), as("jane"))).toMatchObject({ reason: "invalid credentials" });
  });
});

describe("a wrong password", () => {
  test.each([
    { login: "jane", password: "wrong" },
    { login: "nobody", password: PASSWORD },
    { login: "off", password: PASSWORD },
    { login: "jane", password: `${PASSWORD} ` },
  ])("of $login is invalid credentials (C 209)", async (typed) => {
    for (const connector of [open(), withAdmin()]) {
      expect(await verify(connector, typed)).toMatchObject({ kind: "refused", reason: "invalid credentials" });
    }
  });

  test.each([as("jane", ""), as(" "), as("a".repeat(256)), as("jane\u0000")])(
    "that nobody can have is not sent",
    async (typed) => {
      expect(await verify(open(), typed)).toMatchObject({ reason: "invalid credentials" });
      expect(keystone.requests).toEqual([]);
    },
  );

  test("is counted on the person before Keystone hears it, where an administrator can say who it is (ACC-3)", async () => {
    const { attempts, admitAttempt } = makeAdmission(2);
    const connector = withAdmin({}, { admitAttempt });
    for (let n = 0; n < 2; n += 1) await verify(connector, as("jane", "wrong"));
    expect(await verify(connector, as("jane"))).toEqual({ kind: "throttled", retryAfterSeconds: 7 });
    expect(new Set(attempts)).toEqual(new Set([`up ${ids.jane} 192.0.2.7`]));
    expect(signIns("jane")).toHaveLength(2);
    await verify(connector, as("nobody"));
    expect(attempts.at(-1)).toBe("up nobody called nobody 192.0.2.7");
  });

  test("is counted on the name, however it is written, where nobody can say who it is (ACC-3)", async () => {
    const { attempts, admitAttempt } = makeAdmission(4);
    const connector = open({}, { admitAttempt });
    for (const login of ["Jane", "JANE", " jane ", "jäne"]) await verify(connector, as(login, "wrong"));
    expect(await verify(connector, as("jane"))).toMatchObject({ kind: "throttled" });
    expect(new Set(attempts)).toEqual(new Set(["up nobody called jane 192.0.2.7"]));
    expect(keystone.requests).toHaveLength(4);
  });

  test("of 100 guesses at once, none reaches Keystone that was not admitted (ACC-5)", async () => {
    const { admitAttempt } = makeAdmission(5);
    const connector = open({}, { admitAttempt });
    await Promise.all(Array.from({ length: 100 }, (_, n) => verify(connector, as("jane", `guess ${n}`))));
    expect(signIns("jane").length).toBeGreaterThan(0);
    expect(signIns("jane").length).toBeLessThanOrEqual(5);
  });
});

describe("a person who is read again", () => {
  test("has the name, the address and the groups of today (C 208)", async () => {
    const { login, id, password } = await addStranger({ email: "old@example.com" });
    const connector = withAdmin();
    const signedIn = await signInToRefresh(connector, { login, password });
    expect(signedIn.grant).toEqual({ userId: id });
    expect(signedIn.identity.groups).toEqual([]);
    await keystone.call("PUT", `/v3/groups/${ids.crew}/users/${id}`);
    await keystone.call("PATCH", `/v3/users/${id}`, { user: { name: `${login}-2`, email: "new@example.com" } });
    expect(await refresh(connector, signedIn)).toMatchObject({
      kind: "identity",
      identity: { remoteId: id, displayName: `${login}-2`, email: "new@example.com", groups: ["crew"] },
    });
    expect(await refresh(connector, signedIn, { groups: false, offlineAccess: true })).toMatchObject({
      identity: { groups: undefined },
    });
  });

  test("is refused when the person was disabled, and when they are gone (C 208)", async () => {
    const { login, id, password } = await addStranger();
    const connector = withAdmin();
    const signedIn = await signInToRefresh(connector, { login, password });
    await keystone.call("PATCH", `/v3/users/${id}`, { user: { enabled: false } });
    expect(await refresh(connector, signedIn)).toMatchObject({ kind: "refused", reason: "not permitted" });
    await keystone.call("DELETE", `/v3/users/${id}`);
    expect(await refresh(connector, signedIn)).toMatchObject({ kind: "refused", reason: "user gone" });
    expect(await refresh(connector, { ...signedIn, remoteId: "other" })).toMatchObject({ kind: "refused" });
    expect(await refresh(connector, { ...signedIn, grant: { userId: "../x" } })).toMatchObject({
      reason: "invalid answer",
    });
  });

  test("of another id than was signed in is refused", async () => {
    const signedIn = await signInToRefresh(withAdmin(), as("jane"));
    expect(await refresh(withAdmin(), { ...signedIn, remoteId: ids.bare ?? "" })).toMatchObject({ kind: "refused" });
  });

  test("cannot be where there is no administrator", async () => {
    expect(open().refresh).toBeUndefined();
    expect(await verify(open(), as("jane"), ALL_ASKED)).not.toHaveProperty("grant");
  });
});

describe("the administrator", () => {
  test("signs in once for many people, and again once the token is not taken any more", async () => {
    const boss = await addStranger();
    const roles = await keystone.call("GET", "/v3/roles?name=admin");
    const [role] = Object.values(roles.roles ?? {}) as { id: string }[];
    await keystone.call("PUT", `/v3/system/users/${boss.id}/roles/${role?.id}`);
    const connector = withAdmin({ keystoneUsername: boss.login, keystonePassword: boss.password });
    const signedIn = await signInToRefresh(connector, as("jane"));
    await Promise.all([1, 2, 3].map(() => refresh(connector, signedIn)));
    // Without a default project first, then in the system.
    expect(signIns(boss.login)).toHaveLength(2);
    // A new password ends the tokens of the old one.
    await keystone.call("PATCH", `/v3/users/${boss.id}`, { user: { email: "x@example.com" } });
    const revoke = { user: { password: "another password", enabled: true } };
    await keystone.call("PATCH", `/v3/users/${boss.id}`, revoke);
    expect(await refresh(connector, signedIn)).toMatchObject({ kind: "unavailable" });
    expect(signIns(boss.login)).toHaveLength(3);
  });

  test("with a default project needs no other role", async () => {
    const projects = await keystone.call("GET", "/v3/projects?name=admin");
    const roles = await keystone.call("GET", "/v3/roles?name=admin");
    const [project] = Object.values(projects.projects ?? {}) as { id: string }[];
    const [role] = Object.values(roles.roles ?? {}) as { id: string }[];
    const boss = await addStranger({ default_project_id: project?.id ?? "" });
    await keystone.call("PUT", `/v3/projects/${project?.id}/users/${boss.id}/roles/${role?.id}`);
    const connector = withAdmin({ keystoneUsername: boss.login, keystonePassword: boss.password });
    expect(await signInToRefresh(connector, as("jane"))).toMatchObject({ remoteId: ids.jane });
    expect(signIns(boss.login)).toHaveLength(1);
  });

  test("may be one of the domain alone, and is signed in again when the token has expired", async () => {
    const roles = await keystone.call("GET", "/v3/roles?name=admin");
    const [role] = Object.values(roles.roles ?? {}) as { id: string }[];
    const boss = await addStranger({ domain_id: ids.domain ?? "" });
    await keystone.call("PUT", `/v3/domains/${ids.domain}/users/${boss.id}/roles/${role?.id}`);
    let hours = 0;
    const clock = () => new Date(systemClock().getTime() + hours * 3_600_000);
    const config = { domain: "Cloud Users", keystoneUsername: boss.login, keystonePassword: boss.password };
    const connector = withAdmin(config, { clock });
    const signedIn = await signInToRefresh(connector, as("elsewhere"));
    expect(signIns(boss.login)).toHaveLength(3);
    hours = 2;
    expect(await refresh(connector, signedIn)).toMatchObject({ kind: "identity" });
    // The scope that gave a role is remembered.
    expect(signIns(boss.login)).toHaveLength(4);
  });

  test("with a wrong password keeps nobody out, is not tried with every login, and can refresh nobody", async () => {
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (...said: unknown[]) => void warnings.push(said) };
    const connector = withAdmin({ keystonePassword: "wrong canary" }, { logger });
    for (let n = 0; n < 3; n += 1) {
      expect(await verify(connector, as("jane"))).toMatchObject({ kind: "identity" });
    }
    expect(signIns("admin")).toHaveLength(1);
    expect(warnings).toHaveLength(3);
    expect(JSON.stringify(warnings)).not.toContain("canary");
    const signedIn = { grant: { userId: ids.jane ?? "" }, remoteId: ids.jane ?? "" };
    expect(await refresh(connector, signedIn)).toMatchObject({ kind: "unavailable" });
  });

  test("without any role is of no use", async () => {
    const nobody = await addStranger();
    const connector = withAdmin({ keystoneUsername: nobody.login, keystonePassword: nobody.password });
    const signedIn = { grant: { userId: ids.jane ?? "" }, remoteId: ids.jane ?? "" };
    expect(await refresh(connector, signedIn)).toMatchObject({
      kind: "unavailable",
      detail: expect.stringContaining("no role"),
    });
  });
});

describe("a Keystone in trouble", () => {
  const failures = [
    "status 500",
    "status 404",
    "close",
    "huge body",
    "many headers",
    "not json",
    "redirect loop",
  ] as const;
  test.each(failures)("that answers a sign-in with %s signs nobody in (SSR-1)", async (how) => {
    keystone.behaviours[TOKENS] = how;
    for (const connector of [open(), withAdmin()]) {
      const outcome = await verify(connector, as("jane"));
      expect(outcome.kind).toBe("unavailable");
    }
  });

  test.each(["status 500", "close", "huge body", "not json"] as const)(
    "that answers about a person with %s signs nobody in (SSR-1)",
    async (how) => {
      keystone.behaviours[`/v3/users/${ids.jane}`] = how;
      const outcome = await verify(open(), as("jane"), GROUPS);
      expect(["unavailable", "refused"]).toContain(outcome.kind);
      expect(outcome).not.toMatchObject({ reason: "invalid credentials" });
    },
  );

  const token = (change: object) =>
    JSON.stringify({
      token: {
        user: { id: "abc", name: "jane", domain: { id: "default", name: "Default" } },
        expires_at: "2099-01-01T00:00:00.000000Z",
        ...change,
      },
    });
  test.each([
    { what: "a token without its header", status: 201, body: token({}) },
    {
      what: "a user of another domain",
      status: 201,
      body: token({ user: { id: "a", name: "j", domain: { id: "b", name: "c" } } }),
    },
    {
      what: "an id that is a path",
      status: 201,
      body: token({ user: { id: "../x", name: "j", domain: { id: "default", name: "c" } } }),
    },
    { what: "another success", status: 200, body: token({}) },
    { what: "a list", status: 201, body: "[]" },
  ])("that answers with $what signs nobody in", async ({ status, body }) => {
    keystone.behaviours[TOKENS] = { status, body };
    const outcome = await verify(open(), as("jane"));
    expect(["unavailable", "refused"]).toContain(outcome.kind);
  });

  test("is left alone after five failures", async () => {
    const connector = open();
    keystone.behaviours[TOKENS] = "status 500";
    for (let n = 0; n < 6; n += 1) await verify(connector, as("jane"));
    expect(keystone.requests).toHaveLength(5);
  });
});

describe("a dry run", () => {
  test("finds the service and the administrator, without a person", async () => {
    expect(await withAdmin().check?.()).toMatchObject([
      { name: "identity service", ok: true },
      { name: "clock", ok: true },
      { name: "administrator", ok: true },
    ]);
    expect(await open().check?.()).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
  });

  test("says what is wrong, without the secret", async () => {
    const steps = await withAdmin({ keystonePassword: "wrong canary" }).check?.();
    expect(steps?.at(-1)).toMatchObject({ name: "administrator", ok: false });
    expect(JSON.stringify(steps)).not.toContain("canary");
    expect(await open({ keystoneHost: "http://127.0.0.1:1" }).check?.()).toMatchObject([{ ok: false }]);
    keystone.behaviours[TOKENS] = "status 404";
    expect(await open().check?.()).toMatchObject([{ name: "identity service", ok: false }]);
  });

  test("finds a clock that is far off", async () => {
    const clock = () => new Date(systemClock().getTime() + 600_000);
    expect(await open({}, { clock }).check?.()).toContainEqual(expect.objectContaining({ name: "clock", ok: false }));
  });
});

describe("a configuration", () => {
  const parse = (config: JsonObject) => parseConnectorConfigs([{ id: "up", type: "keystone", ...config }]);
  test.each([
    { config: { domain: "default" }, names: /keystoneHost/ },
    { config: { keystoneHost: "http://cloud.example:5000", domain: "default" }, names: /keystoneHost/ },
    { config: { keystoneHost: "https://cloud.example:5000" }, names: /domain/ },
  ])("$config is refused by name", ({ config, names }) => {
    expect(parse(config)).toMatchObject({ kind: "refused", reason: expect.stringMatching(names) });
  });

  test("with an administrator without a password does not open", () => {
    expect(() => open({ keystoneUsername: "admin" })).toThrow(/keystonePassword/);
  });
});
