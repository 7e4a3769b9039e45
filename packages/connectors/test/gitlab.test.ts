import type { JsonObject } from "@dex/runtime";
import { type FakeGitlab, type FakeGitlabGroup, type FakeGitlabPerson, startFakeGitlab } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ConnectorParts } from "../src/connector-kind.ts";
import { begin, CALLBACK_URL, callbackOf, FAKE, NO_WISH, openOAuth2Connector, STATE, signIn } from "./oauth2-login.ts";

const GROUPS = { asked: { groups: true, offlineAccess: false } };
const numbered = (count: number, level?: number): FakeGitlabGroup[] =>
  Array.from({ length: count }, (_, n) => ({
    id: n + 1,
    path: `g${n}`,
    full_path: `top/g${n}`,
    ...(level === undefined ? {} : { level }),
  }));

const JOE: FakeGitlabPerson = {
  id: 12345678,
  username: "joebloggs",
  name: "Joe Bloggs",
  email: "joe@example.com",
  direct: ["team-1", "team-2"],
};
const ROLES: FakeGitlabPerson = {
  ...JOE,
  direct: ["ops", "dev", "dev2", "ops/project", "plain"],
  roles: { owner: ["ops"], maintainer: ["dev", "ops"], developer: ["ops/project", "dev"] },
};
const INHERITING: FakeGitlabPerson = {
  ...JOE,
  roles: { owner: ["owned"] },
  groups: [
    { id: 1, path: "owned", full_path: "owned", level: 10 },
    { id: 2, path: "sub", full_path: "owned/sub", level: 20 },
    { id: 3, path: "report", full_path: "report", level: 20 },
    { id: 4, path: "hidden", full_path: "hidden", level: "403" },
    { id: 5, path: "gone", full_path: "gone", level: "404" },
    { id: 6, path: "strange", full_path: "strange", level: 7 },
    { id: 7, path: "bare", level: 50 },
  ],
};

let gitlab: FakeGitlab;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ ...FAKE, people: [JOE] });
});
afterAll(() => gitlab.close());
beforeEach(() => {
  gitlab.reset();
  only(JOE);
});
afterEach(() => expect(gitlab.violations).toEqual([]));

/** The one person there is. */
function only(person: FakeGitlabPerson): void {
  gitlab.people.splice(0, gitlab.people.length, person);
}
const open = (config: JsonObject = {}, parts: Partial<ConnectorParts> = {}) =>
  openOAuth2Connector("gitlab", { baseURL: `${gitlab.url}/`, ...config }, parts);
const login = (config: JsonObject = {}, wish = {}) => signIn(callbackOf(open(config)), wish);
const asked = (path: string) => gitlab.requests.filter((one) => one.path === path);

describe("a person of GitLab", () => {
  test("has the numeric id, the name, the user name and the confirmed address (C 129)", async () => {
    expect(await login()).toEqual({
      kind: "identity",
      identity: {
        connectorId: "up",
        remoteId: "12345678",
        email: "joe@example.com",
        emailVerified: true,
        displayName: "Joe Bloggs",
        preferredUsername: "joebloggs",
        groups: undefined,
        authTime: undefined,
        amr: [],
      },
    });
  });

  test("without a name is called by the address (C 130)", async () => {
    only({ ...JOE, name: "" });
    expect(await login()).toMatchObject({ identity: { displayName: "joe@example.com" } });
  });

  test("is known by user name only where that was called insecure (C 129, ACC-14)", async () => {
    expect(() => open({ useLoginAsID: true })).toThrow(/useLoginAsID/);
    const config = { useLoginAsID: true, insecureUseLoginAsID: true };
    expect(await login(config)).toMatchObject({ identity: { remoteId: "joebloggs" } });
  });

  const addresses = [
    { what: "an address that was never confirmed", person: { ...JOE, confirmed_at: null }, config: {} },
    { what: "no address", person: { ...JOE, email: null }, config: {} },
    { what: "an instance that is not trusted", person: JOE, config: { trustedEmailProvider: false } },
  ];
  test.each(addresses)("with $what has no verified one (OAU-1)", async ({ person, config }) => {
    only(person);
    expect(await login(config)).toMatchObject({ identity: { emailVerified: false } });
  });

  const profiles: { what: string; person: FakeGitlabPerson }[] = [
    { what: "an id of 0", person: { ...JOE, id: 0 } },
    { what: "no user name", person: { ...JOE, username: "" } },
    { what: "a control character in the name", person: { ...JOE, name: "a\u0000" } },
  ];
  test.each(profiles)("with $what is an invalid answer", async ({ person }) => {
    only(person);
    expect(await login()).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});

describe("what people are asked to allow", () => {
  const rows: { config: JsonObject; wish: object; scope: string }[] = [
    { config: {}, wish: {}, scope: "read_user" },
    { config: { inheritedGroups: true, getGroupsPermission: true }, wish: {}, scope: "read_user" },
    { config: {}, wish: GROUPS, scope: "read_user openid" },
    { config: { groups: ["a"] }, wish: {}, scope: "read_user openid" },
    { config: { inheritedGroups: true }, wish: GROUPS, scope: "read_user openid read_api" },
    { config: { inheritedGroups: true, groups: ["a"] }, wish: {}, scope: "read_user openid read_api" },
  ];
  test.each(rows)("$config, asked $wish, is $scope (C 131)", async ({ config, wish, scope }) => {
    const begun = await begin(callbackOf(open(config)), wish);
    expect(new URL(begun.to).searchParams.get("scope")).toBe(scope);
  });

  test("comes with a PKCE challenge of S256, new each time (MIX-2)", async () => {
    const challenges = await Promise.all(
      [1, 2].map(async () => new URL((await begin(callbackOf(open()))).to).searchParams.get("code_challenge")),
    );
    expect(challenges[0]).toMatch(/^[\w-]{43}$/);
    expect(challenges[0]).not.toBe(challenges[1]);
  });

  const changes: { what: string; change: (query: URLSearchParams) => void }[] = [
    { what: "another state", change: (query) => query.set("state", "x") },
    { what: "no state", change: (query) => query.delete("state") },
    { what: "another server's iss", change: (query) => query.set("iss", "https://evil.example") },
  ];
  test.each(changes)("an answer with $what is not looked at (MIX-1, MIX-2)", async ({ change }) => {
    expect(await signIn(callbackOf(open()), {}, change)).toMatchObject({ reason: "invalid answer" });
    expect(asked("/oauth/token")).toEqual([]);
  });

  test("a redirectURI that is not ours is found before anything is asked (C 10)", async () => {
    const elsewhere = callbackOf(open({ redirectURI: "https://other.example/callback" }));
    const outcome = await elsewhere.begin({ callbackUrl: CALLBACK_URL, state: STATE, wish: NO_WISH });
    expect(outcome).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("redirectURI") });
    expect(gitlab.requests).toEqual([]);
  });
});

describe("groups of GitLab", () => {
  test("are those of the claims where the client asks, and not read otherwise (C 132)", async () => {
    expect(await login({}, GROUPS)).toMatchObject({ identity: { groups: ["team-1", "team-2"] } });
    gitlab.reset();
    expect(await login()).toMatchObject({ identity: { groups: undefined } });
    expect(asked("/oauth/userinfo")).toEqual([]);
  });

  test.each([GROUPS, {}])(
    "let in who is in a configured one, and nobody else, asked %j (C 133, C 21)",
    async (wish) => {
      expect(await login({ groups: ["team-1", "other"] }, wish)).toMatchObject({ identity: { groups: ["team-1"] } });
      expect(await login({ groups: ["team-3", "TEAM-1"] }, wish)).toMatchObject({
        kind: "refused",
        reason: "not permitted",
      });
    },
  );

  test("carry the role behind the name, the highest that holds there or above (C 135)", async () => {
    only(ROLES);
    expect(await login({ getGroupsPermission: true }, GROUPS)).toMatchObject({
      identity: {
        groups: ["ops", "dev", "dev2", "ops/project", "plain", "ops:owner", "dev:maintainer", "ops/project:owner"],
      },
    });
    const subgroup = { direct: ["dev2", "ops/project"], roles: { developer: ["ops/project", "dev"] } };
    only({ ...JOE, ...subgroup });
    expect(
      await login({ getGroupsPermission: true, groups: ["ops/project:developer", "dev2:developer"] }),
    ).toMatchObject({ identity: { groups: ["ops/project:developer"] } });
    expect(await login({ getGroupsPermission: true, groups: ["ops/project:owner"] })).toMatchObject({
      reason: "not permitted",
    });
  });

  test("that are inherited come from the groups API, a hundred at a time (C 134)", async () => {
    only({ ...JOE, groups: numbered(101) });
    const outcome = await login({ inheritedGroups: true }, GROUPS);
    expect(outcome).toMatchObject({ identity: { groups: numbered(101).map(({ full_path }) => full_path) } });
    expect(asked("/api/v4/groups").map(({ parameters }) => parameters)).toEqual([
      { all_available: "false", page: "1", per_page: "100" },
      { all_available: "false", page: "2", per_page: "100" },
    ]);
    expect(asked("/oauth/userinfo")).toEqual([]);
  });

  test("may be a thousand: there is one request for each page and no more", async () => {
    only({ ...JOE, groups: numbered(1000) });
    expect(await login({ inheritedGroups: true }, GROUPS)).toMatchObject({
      identity: { groups: { length: 1000 } },
    });
    expect(asked("/api/v4/groups")).toHaveLength(10);
    // The browser's visit, the token, the person, and the ten pages.
    expect(gitlab.requests).toHaveLength(13);
  });

  test("of which there are more than fifty pages are an error", async () => {
    only({ ...JOE, groups: numbered(6000) });
    expect(await login({ inheritedGroups: true }, GROUPS)).toMatchObject({
      reason: "invalid answer",
      detail: expect.stringContaining("does not end"),
    });
    expect(asked("/api/v4/groups")).toHaveLength(50);
  });

  test("that are inherited have roles by the claims, then by level; who may not know has none (C 136)", async () => {
    only(INHERITING);
    expect(await login({ inheritedGroups: true, getGroupsPermission: true }, GROUPS)).toMatchObject({
      identity: {
        groups: [
          ...["owned", "owned/sub", "report", "hidden", "gone", "strange", "bare"],
          ...["owned:owner", "owned/sub:owner", "report:reporter", "bare:owner"],
        ],
      },
    });
    expect(gitlab.requests.filter(({ path }) => path.includes("/members/all/"))).toHaveLength(5);
  });

  test("are asked for roles only where a role may matter", async () => {
    only(INHERITING);
    const config = { inheritedGroups: true, getGroupsPermission: true, groups: ["report:reporter", "hidden"] };
    expect(await login(config, GROUPS)).toMatchObject({ identity: { groups: ["hidden", "report:reporter"] } });
    expect(gitlab.requests.filter(({ path }) => path.includes("/members/all/"))).toHaveLength(1);
  });

  test("beyond two hundred have no role, and the log says so", async () => {
    only({ ...JOE, groups: numbered(250, 30) });
    const lines: unknown[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (...said: unknown[]) => void lines.push(said) };
    const connector = open({ inheritedGroups: true, getGroupsPermission: true }, { logger });
    expect(await signIn(callbackOf(connector), GROUPS)).toMatchObject({ identity: { groups: { length: 450 } } });
    expect(gitlab.requests.filter(({ path }) => path.includes("/members/all/"))).toHaveLength(200);
    expect(lines).toHaveLength(1);
  });

  test("whose role cannot be read for another reason let nobody in", async () => {
    only(INHERITING);
    gitlab.behaviours.endpoints["/api/v4/groups/3/members/all/12345678"] = "status 500";
    expect(await login({ inheritedGroups: true, getGroupsPermission: true }, GROUPS)).toMatchObject({
      kind: "unavailable",
    });
    only({ ...JOE, groups: [{ id: 0, path: "zero" }] });
    expect(await login({ inheritedGroups: true }, GROUPS)).toMatchObject({ reason: "invalid answer" });
  });
});

describe("a GitLab in trouble", () => {
  const failures = [
    ...(["status 500", "close", "huge body", "many headers"] as const).map((how) => [how, "unavailable"] as const),
    ...(["not json", "status 404", "redirect loop"] as const).map((how) => [how, "refused"] as const),
  ].flatMap(([how, kind]) => ["/oauth/token", "/api/v4/user", "/oauth/userinfo"].map((path) => ({ how, path, kind })));
  test.each(failures)("$how at $path is $kind (SSR-1)", async ({ how, path, kind }) => {
    gitlab.behaviours.endpoints[path] = how;
    expect(await login({}, GROUPS)).toMatchObject({ kind });
  });

  test("an error that comes with a token is an error (OAU-1)", async () => {
    gitlab.behaviours.tokenResponse = { error: "invalid_grant" };
    expect(await login()).toMatchObject({ reason: "invalid answer" });
    expect(asked("/api/v4/user")).toEqual([]);
  });
});

describe("a dry run", () => {
  test("finds that GitLab knows our application, without a person", async () => {
    const steps = await open().check?.();
    expect(steps).toMatchObject([
      { name: "token endpoint", ok: true },
      { name: "clock", ok: true },
      { name: "profile", ok: true },
    ]);
    gitlab.violations.length = 0;
  });

  test("finds a wrong secret", async () => {
    const steps = await open({ clientSecret: "wrong canary" }).check?.();
    expect(steps?.[0]).toMatchObject({ name: "token endpoint", ok: false });
    expect(JSON.stringify(steps)).not.toContain("canary");
    gitlab.violations.length = 0;
  });
});
