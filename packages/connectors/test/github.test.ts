import type { JsonObject } from "@dex/runtime";
import { type FakeGithubPerson, type FakeOAuth2Server, startFakeGithub } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { MappingTrace } from "../src/connector-kind.ts";
import { githubServer } from "../src/github/config.ts";
import {
  begin,
  callbackOf,
  FAKE,
  openOAuth2,
  openOAuth2Connector,
  secondsFromNow,
  signIn,
  signInForRefresh,
} from "./oauth2-login.ts";

const primary = (email: string, verified = true) => ({ email, verified, primary: true });
const other = (email: string, verified = true) => ({ email, verified, primary: false });
const team = (org: string, name: string) => ({ org, name, slug: name.toLowerCase().replaceAll(" ", "-") });
const PEOPLE: readonly FakeGithubPerson[] = [
  {
    id: 12345678,
    login: "some-login",
    name: "Joe Bloggs",
    email: null,
    emails: [
      other("joe@old.example"),
      other("joe@sub.corp.example"),
      other("x@corp.example", false),
      primary("joe@example.com"),
    ],
    orgs: ["org-1", "org-2"],
    teams: [team("org-1", "Team A"), team("org-1", "Team B"), team("org-2", "Team A")],
  },
  { id: 2, login: "public", email: "shown@example.com", emails: [] },
  {
    id: 3,
    login: "unproved",
    name: "",
    emails: [primary("mine@example.com", false)],
    orgs: ["org-3"],
    redirected: ["org-3"],
  },
  { id: 4, login: "hider", emails: [other("4+hider@users.noreply.github.com"), primary("h@example.com", false)] },
  { id: 5, login: "alone", emails: [], orgs: ["org-1"], redirected: ["org-2"] },
];

let github: FakeOAuth2Server<FakeGithubPerson>;
beforeAll(async () => {
  github = await startFakeGithub({ ...FAKE, people: PEOPLE });
});
afterAll(() => github.close());
beforeEach(() => github.reset());
afterEach(() => expect(github.violations).toEqual([]));

const connect = (config: JsonObject = {}) =>
  openOAuth2("github", { baseURL: github.url, apiURL: `${github.url}/api`, ...config });
const GROUPS_ASKED = { asked: { groups: true, offlineAccess: false } };
const as = (login: string, config: JsonObject = {}, wish = {}) =>
  signIn(connect(config), { loginHint: login, ...wish });

describe("a person of GitHub", () => {
  test("has the numeric id, the name, and the verified primary address although it is hidden (C 82, C 94, v1 N06)", async () => {
    expect(await as("some-login")).toEqual({
      kind: "identity",
      identity: {
        connectorId: "up",
        remoteId: "12345678",
        email: "joe@example.com",
        emailVerified: true,
        displayName: "Joe Bloggs",
        preferredUsername: "some-login",
        groups: undefined,
        authTime: undefined,
        amr: [],
      },
    });
    expect(github.requests[0]?.parameters.scope).toBe("user:email");
  });

  test("without a name is called by the login (C 83)", async () => {
    expect(await as("unproved")).toMatchObject({ identity: { displayName: "unproved" } });
    expect(await as("public")).toMatchObject({ identity: { displayName: "public" } });
  });

  const addresses = [
    { who: "some-login", config: { preferredEmailDomain: "old.example" }, email: "joe@old.example", verified: true },
    {
      who: "some-login",
      config: { preferredEmailDomain: "*.corp.example" },
      email: "joe@sub.corp.example",
      verified: true,
    },
    { who: "some-login", config: { preferredEmailDomain: "corp.example" }, email: "joe@example.com", verified: true },
    { who: "some-login", config: { trustedEmailProvider: false }, email: "joe@example.com", verified: false },
    { who: "public", config: {}, email: "shown@example.com", verified: false },
    { who: "unproved", config: {}, email: "mine@example.com", verified: false },
    { who: "hider", config: {}, email: "4+hider@users.noreply.github.com", verified: true },
    { who: "alone", config: {}, email: undefined, verified: false },
  ];
  test.each(addresses)(
    "$who with $config has the address $email, verified $verified (C 94, C 95, C 96, C 97, OAU-1)",
    async (row) => {
      expect(await as(row.who, row.config)).toMatchObject({
        identity: { email: row.email, emailVerified: row.verified },
      });
    },
  );

  test("is known by login only where that was called insecure (C 84, ACC-14)", async () => {
    expect(() => connect({ useLoginAsID: true })).toThrow(/useLoginAsID/);
    const config = { useLoginAsID: true, insecureUseLoginAsID: true };
    expect(await as("some-login", config)).toMatchObject({ identity: { remoteId: "some-login" } });
  });
});

describe("organisations and teams", () => {
  const cases: { who: string; config: JsonObject; groups: readonly string[] | "not permitted" }[] = [
    { who: "some-login", config: { orgs: [{ name: "org-2" }], teamNameField: "slug" }, groups: ["org-2:team-a"] },
    {
      who: "some-login",
      config: { orgs: [{ name: "org-2" }], teamNameField: "both" },
      groups: ["org-2:Team A", "org-2:team-a"],
    },
    { who: "some-login", config: { orgs: [{ name: "org-1", teams: ["Team B"] }] }, groups: ["org-1:Team B"] },
    { who: "some-login", config: { orgs: [{ name: "org-1", teams: ["Team C"] }] }, groups: "not permitted" },
    { who: "some-login", config: { orgs: [{ name: "org-9" }] }, groups: "not permitted" },
    { who: "alone", config: { orgs: [{ name: "org-1" }] }, groups: [] },
    { who: "alone", config: { orgs: [{ name: "org-1", teams: ["Team A"] }] }, groups: "not permitted" },
    { who: "alone", config: { orgs: [{ name: "org-2" }] }, groups: "not permitted" },
    { who: "unproved", config: { orgs: [{ name: "org-3" }] }, groups: [] },
    { who: "some-login", config: { org: "org-1" }, groups: ["Team A", "Team B"] },
    { who: "public", config: { org: "org-1" }, groups: "not permitted" },
  ];
  test.each(cases)("$who with $config has $groups (C 87, C 88, C 89, C 90, C 103)", async ({ who, config, groups }) => {
    const expected =
      groups === "not permitted" ? { kind: "refused", reason: groups } : { kind: "identity", identity: { groups } };
    expect(await as(who, config)).toMatchObject(expected);
    expect(github.requests[0]?.parameters.scope).toBe("user:email read:org");
  });

  const ALL = ["org-1", "org-1:Team A", "org-1:Team B", "org-2", "org-2:Team A"];
  const asking = [
    { who: "some-login", config: { loadAllGroups: true }, wish: GROUPS_ASKED, groups: ALL },
    { who: "some-login", config: { loadAllGroups: true }, wish: {}, groups: undefined },
    { who: "some-login", config: {}, wish: GROUPS_ASKED, groups: undefined },
    { who: "public", config: { loadAllGroups: true }, wish: GROUPS_ASKED, groups: [] },
  ];
  test.each(asking)(
    "$who with $config, asked $wish, has $groups (C 85, C 86)",
    async ({ who, config, wish, groups }) => {
      expect(await as(who, config, wish)).toMatchObject({ identity: { groups } });
      const scope = groups === undefined ? "user:email" : "user:email read:org";
      expect(github.requests[0]?.parameters.scope).toBe(scope);
    },
  );

  test("a list that names no last page is read to its end (C 104)", async () => {
    const before = github.people[0] as FakeGithubPerson;
    github.replace(before, { ...before, nextLinkAlone: true });
    expect(await as("some-login", { loadAllGroups: true }, GROUPS_ASKED)).toMatchObject({ identity: { groups: ALL } });
    github.replace(github.people[0] as FakeGithubPerson, before);
  });

  test("a thousand groups cost one request for each page of a hundred, each with GitHub's version (C 93)", async () => {
    const teams = Array.from({ length: 999 }, (_, n) => team("org-1", `Team ${n}`));
    const person = { id: 9, login: "many", emails: [primary("many@example.com")], orgs: ["org-1"], teams };
    const own = await startFakeGithub({ ...FAKE, people: [person], pageSize: 100 });
    const login = openOAuth2("github", { baseURL: own.url, apiURL: `${own.url}/api`, loadAllGroups: true });
    const outcome = await signIn(login, GROUPS_ASKED);
    expect(outcome.kind === "identity" ? outcome.identity.groups : outcome).toHaveLength(1000);
    const asked = own.requests.map(({ path }) => path).filter((path) => path !== "/login/oauth/authorize");
    expect(asked.filter((path) => path === "/api/user/teams")).toHaveLength(10);
    const calls = own.requests.filter(({ path }) => path.startsWith("/api/"));
    expect(new Set(calls.map(({ headers }) => headers["x-github-api-version"]))).toEqual(new Set(["2022-11-28"]));
    expect(asked).toHaveLength(1 + 1 + 1 + 10 + 1); // token, person, addresses, teams, organisations
    await own.close();
  });

  test("a membership that cannot be read lets nobody in (C 90)", async () => {
    github.behaviours.endpoints["/api/orgs/org-1/members/some-login"] = "status 500";
    expect(await as("some-login", { orgs: [{ name: "org-1" }] })).toMatchObject({ kind: "unavailable" });
  });
});

test("the account is chosen again where the person's request wants that", async () => {
  await signIn(connect(), { selectAccount: true });
  expect(github.requests[0]?.parameters.prompt).toBe("select_account");
});

describe("a configuration", () => {
  const refused: { config: JsonObject; names: RegExp }[] = [
    { config: { org: "a", orgs: [{ name: "b" }] }, names: /org: / },
    { config: { orgs: [{ name: "../x" }] }, names: /orgs.0.name/ },
    { config: { orgs: [{ name: "a", team: ["b"] }] }, names: /orgs.0/ },
    { config: { rootCA: "-----BEGIN CERTIFICATE-----", orgs: [] }, names: /rootCA: needs hostName/ },
    { config: { hostName: "ghe.example/x" }, names: /hostName/ },
    { config: { rootCA: "x" }, names: /rootCA: needs hostName/ },
    { config: { rootCA: "/nowhere.pem", hostName: "ghe.example" }, names: /rootCA: the file cannot be read/ },
    { config: { preferredEmailDomain: "example.*" }, names: /preferredEmailDomain/ },
    { config: { teamNameField: "id" }, names: /teamNameField/ },
    { config: { baseURL: "http://github.example" }, names: /baseURL/ },
    { config: { clientSecret: "" }, names: /clientSecret/ },
    { config: { clientID: "" }, names: /clientID/ },
  ];
  test.each(refused)("$config is refused by name (C 91, C 92, C 98)", ({ config, names }) => {
    expect(() => openOAuth2("github", config)).toThrow(names);
  });

  test("of an Enterprise server leads to its own host (C 92)", async () => {
    const begun = await begin(openOAuth2("github", { hostName: "ghe.example" }));
    expect(begun).toMatchObject({ to: expect.stringMatching(/^https:\/\/ghe\.example\/login\/oauth\/authorize\?/) });
    expect(githubServer({ clientID: "x", hostName: "ghe.example" }).api).toBe("https://ghe.example/api/v3");
  });
});

describe("somebody who is read again", () => {
  const connector = (config: JsonObject = {}, url = github.url) =>
    openOAuth2Connector("github", { baseURL: url, apiURL: `${url}/api`, ...config });
  const tokenCalls = (server = github) => server.requests.filter(({ path }) => path === "/login/oauth/access_token");
  const joe = () => github.people[0] as FakeGithubPerson;

  test("has the name and groups of now, and keeps nothing unless offline access was asked for (C 101)", async () => {
    const login = callbackOf(connector());
    expect(await signIn(login, GROUPS_ASKED)).not.toHaveProperty("grant");
    const before = joe();
    const session = await signInForRefresh(connector({ loadAllGroups: true }), "some-login");
    expect(session.grant()).toEqual({ accessToken: expect.any(String) });
    github.replace(before, { ...before, name: "Joe B.", orgs: ["org-2"] });
    expect(await session.refresh(secondsFromNow(10 * 365 * 86_400))).toMatchObject({
      identity: { remoteId: "12345678", displayName: "Joe B.", groups: ["org-2", "org-2:Team A"] },
    });
    expect(tokenCalls()).toHaveLength(2); // one for each sign-in
    expect(session.kept).toEqual([]);
    github.replace(joe(), before);
  });

  test("is refused after leaving the only organisation that may sign in (C 102)", async () => {
    const before = joe();
    const session = await signInForRefresh(connector({ orgs: [{ name: "org-1" }] }), "some-login");
    github.replace(before, { ...before, orgs: [] });
    expect(await session.refresh()).toMatchObject({ kind: "refused", reason: "not permitted" });
    github.replace(joe(), before);
  });

  test("is refused when the token is not taken any more, and unavailable when GitHub is busy or down", async () => {
    const session = await signInForRefresh(connector(), "some-login");
    for (const how of ["status 429", "status 500"] as const) {
      github.behaviours.endpoints["/api/user"] = how;
      expect(await session.refresh()).toMatchObject({ kind: "unavailable" });
    }
    github.reset();
    github.endAccessTokens();
    expect(await session.refresh()).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(github.violations.splice(0)).toEqual(["/api/user: unknown access token"]);
  });

  describe("with tokens that end", () => {
    let app: FakeOAuth2Server<FakeGithubPerson>;
    beforeEach(async () => {
      app = await startFakeGithub({ ...FAKE, people: PEOPLE, app: "GitHub app" });
    });
    afterEach(async () => {
      expect(app.violations).toEqual([]);
      await app.close();
    });

    test("is read with the stored token until ten seconds before its end, then with new ones (C 99, C 100)", async () => {
      const session = await signInForRefresh(connector({}, app.url));
      const first = session.grant();
      expect(first).toEqual({
        accessToken: expect.any(String),
        refreshToken: expect.any(String),
        expiresAt: expect.any(String),
      });
      const end = new Date(String(first.expiresAt)).getTime();
      expect(await session.refresh(new Date(end - 10_001))).not.toHaveProperty("grant");
      expect(tokenCalls(app)).toHaveLength(1);
      app.advance(8 * 3600 - 10);
      const outcome = await session.refresh(new Date(end - 10_000));
      expect(tokenCalls(app)).toHaveLength(2);
      expect(session.kept).toHaveLength(1);
      expect(session.grant()).not.toEqual(first);
      expect(outcome).toMatchObject({ identity: { remoteId: "12345678" }, grant: session.grant() });
      app.advance(8 * 3600);
      await session.refresh(secondsFromNow(20 * 3600));
      expect(tokenCalls(app)).toHaveLength(3);
    });

    test("loses no rotated token when the profile cannot be read afterwards", async () => {
      const session = await signInForRefresh(connector({}, app.url));
      app.advance(9 * 3600);
      app.behaviours.endpoints["/api/user"] = "status 500";
      expect(await session.refresh(secondsFromNow(9 * 3600))).toMatchObject({ kind: "unavailable" });
      expect(session.kept).toHaveLength(1);
      app.behaviours.endpoints = {};
      expect(await session.refresh(secondsFromNow(9 * 3600))).toMatchObject({ kind: "identity" });
    });

    test("is not asked for with the new token before it is kept", async () => {
      const session = await signInForRefresh(connector({}, app.url));
      app.advance(9 * 3600);
      const before = app.requests.length;
      const keep = async () => {
        expect(app.requests.slice(before).map(({ path }) => path)).toEqual(["/login/oauth/access_token"]);
        throw new Error("the database is away");
      };
      await expect(session.refresh(secondsFromNow(9 * 3600), { keep })).rejects.toThrow("the database is away");
      expect(app.requests).toHaveLength(before + 1);
    });

    test("is refused when gone, or when the refresh token was used by somebody else", async () => {
      const session = await signInForRefresh(connector({}, app.url));
      const stolen = session.grant();
      app.advance(9 * 3600);
      await session.refresh(secondsFromNow(9 * 3600));
      app.advance(9 * 3600);
      expect(await session.refresh(secondsFromNow(18 * 3600), { grant: stolen })).toMatchObject({ kind: "refused" });
      expect(app.violations.splice(0)).toEqual(["token: the refresh token was used before"]);
      expect(await session.refresh(secondsFromNow(18 * 3600))).toMatchObject({ kind: "refused" });
      const other = await signInForRefresh(connector({}, app.url), "public");
      app.replace(app.people[1] as FakeGithubPerson, undefined);
      expect(await other.refresh()).toMatchObject({ kind: "refused", reason: "invalid answer" });
      expect(app.violations.splice(0)).toEqual(["/api/user: unknown access token"]);
    });

    test.each([
      { what: "somebody else", change: { remoteId: "999" } },
      { what: "nobody", change: { grant: { accessToken: 5 } } },
    ])("as $what is refused", async ({ change }) => {
      const session = await signInForRefresh(connector({}, app.url));
      expect(await session.refresh(undefined, change)).toMatchObject({ kind: "refused", reason: "invalid answer" });
    });
  });
});

describe("a dry run", () => {
  const check = (config: JsonObject = {}) =>
    openOAuth2Connector("github", { baseURL: github.url, apiURL: `${github.url}/api`, ...config }).check?.();

  test("finds that GitHub knows our app, tells the time, and refuses a token of nobody's", async () => {
    expect(await check()).toEqual([
      { name: "token endpoint", ok: true, detail: "knows our client: bad_verification_code" },
      { name: "clock", ok: true, detail: expect.stringMatching(/clock is -?\d s ahead/) },
      { name: "profile", ok: true, detail: expect.stringContaining("401") },
    ]);
    expect(github.violations.splice(0)).toEqual([
      "token: the code is unknown or was used",
      "/api/user: unknown access token",
    ]);
  });

  test("finds a wrong secret, without showing it", async () => {
    const steps = await check({ clientSecret: "wrong-canary" });
    expect(steps?.[0]).toMatchObject({ name: "token endpoint", ok: false });
    expect(JSON.stringify(steps)).not.toContain("canary");
    github.violations.splice(0);
  });

  test("finds that nobody is there", async () => {
    const steps = await check({ baseURL: "http://127.0.0.1:1", apiURL: "http://127.0.0.1:1" });
    expect(steps?.map(({ ok }) => ok)).toEqual([false, false]);
  });
});

test("a trace has what GitHub said and which address was taken, and no token", async () => {
  const events: MappingTrace[] = [];
  const parts = { trace: (event: MappingTrace) => events.push(event) };
  const config = { baseURL: github.url, apiURL: `${github.url}/api` };
  await signIn(callbackOf(openOAuth2Connector("github", config, parts)), { loginHint: "some-login" });
  expect(events).toEqual(
    expect.arrayContaining([
      { kind: "claims", source: "/api/user", claims: expect.objectContaining({ login: "some-login" }) },
      expect.objectContaining({ kind: "rule", after: primary("joe@example.com") }),
    ]),
  );
  expect(JSON.stringify(events)).not.toMatch(/token|Bearer/);
});
