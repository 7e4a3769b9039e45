import type { JsonObject } from "@dex/runtime";
import { FAKE_GITEA_TOKEN_SECONDS, type FakeGiteaPerson, type FakeOAuth2Server, startFakeGitea } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { MappingTrace } from "../src/connector-kind.ts";
import {
  begin,
  callbackOf,
  FAKE,
  openOAuth2Connector,
  secondsFromNow,
  signIn,
  signInForRefresh,
} from "./oauth2-login.ts";

const JANE: FakeGiteaPerson = {
  id: 12345678,
  login: "some-login",
  full_name: "Jane Doe",
  email: "jane@example.com",
  emails: [
    { email: "old@example.com", verified: true, primary: false },
    { email: "jane@example.com", verified: true, primary: true },
  ],
  teams: [
    { org: "org-1", name: "owners" },
    { org: "org-1", name: "writers" },
    { org: "org-2", name: "readers" },
  ],
};

let gitea: FakeOAuth2Server<FakeGiteaPerson>;
beforeAll(async () => {
  gitea = await startFakeGitea({ ...FAKE, people: [JANE] });
});
afterAll(() => gitea.close());
beforeEach(() => {
  gitea.reset();
  only(JANE);
});
afterEach(() => expect(gitea.violations).toEqual([]));

/** The one person there is. */
function only(person: FakeGiteaPerson): void {
  gitea.people.splice(0, gitea.people.length, person);
}
const open = (config: JsonObject = {}) => openOAuth2Connector("gitea", { baseURL: `${gitea.url}/`, ...config });
const login = (config: JsonObject = {}, wish = {}) => signIn(callbackOf(open(config)), wish);
const asked = (path: string) => gitea.requests.filter((one) => one.path === path);

describe("a person of Gitea", () => {
  test("has the numeric id, the full name, the login and the verified primary address (C 203)", async () => {
    expect(await login()).toEqual({
      kind: "identity",
      identity: {
        connectorId: "up",
        remoteId: "12345678",
        email: "jane@example.com",
        emailVerified: true,
        displayName: "Jane Doe",
        preferredUsername: "some-login",
        groups: undefined,
        authTime: undefined,
        amr: [],
      },
    });
    expect(asked("/api/v1/user/teams")).toEqual([]);
  });

  test("without a full name is called by the address (C 203)", async () => {
    only({ ...JANE, full_name: "" });
    expect(await login()).toMatchObject({ identity: { displayName: "jane@example.com" } });
  });

  test("is known by login only where that was called insecure (C 203, ACC-14)", async () => {
    expect(() => open({ useLoginAsID: true })).toThrow(/useLoginAsID/);
    const config = { useLoginAsID: true, insecureUseLoginAsID: true };
    expect(await login(config)).toMatchObject({ identity: { remoteId: "some-login" } });
  });

  const addresses: { what: string; person: FakeGiteaPerson; config: JsonObject; email: string }[] = [
    {
      what: "an unverified primary address",
      person: { ...JANE, emails: [{ email: "new@example.com", verified: false, primary: true }] },
      config: {},
      email: "new@example.com",
    },
    { what: "an address in the profile alone", person: { ...JANE, emails: [] }, config: {}, email: "jane@example.com" },
    {
      what: "an instance that is not trusted",
      person: JANE,
      config: { trustedEmailProvider: false },
      email: "jane@example.com",
    },
  ];
  test.each(addresses)("with $what has no verified one (OAU-1)", async ({ person, config, email }) => {
    only(person);
    expect(await login(config)).toMatchObject({ identity: { email, emailVerified: false } });
  });

  test("is asked to allow nothing by name, with a PKCE challenge (MIX-2)", async () => {
    const { searchParams } = new URL((await begin(callbackOf(open()))).to);
    expect(searchParams.has("scope")).toBe(false);
    expect(searchParams.get("code_challenge_method")).toBe("S256");
  });

  test("is not signed in by the answer to somebody else's request (MIX-2)", async () => {
    const outcome = await signIn(callbackOf(open()), {}, (query) => query.set("state", "x"));
    expect(outcome).toMatchObject({ reason: "invalid answer" });
    expect(asked("/login/oauth/access_token")).toEqual([]);
  });
});

describe("organisations and teams", () => {
  const ALL = ["org-1", "org-1:owners", "org-1:writers", "org-2", "org-2:readers"];
  test("are all groups where that is configured, once each, from all pages (C 204)", async () => {
    expect(await login({ loadAllGroups: true })).toMatchObject({ identity: { groups: ALL } });
    expect(asked("/api/v1/user/teams").map(({ parameters }) => parameters.page)).toEqual(["1", "2", "3"]);
  });

  const restricted: { orgs: JsonObject[]; groups: readonly string[] | "not permitted" }[] = [
    { orgs: [{ name: "org-2" }], groups: ["org-2"] },
    { orgs: [{ name: "org-1", teams: ["writers"] }], groups: ["org-1", "org-1:writers"] },
    { orgs: [{ name: "org-1", teams: ["readers", "owners"] }], groups: ["org-1", "org-1:owners"] },
    { orgs: [{ name: "org-1", teams: ["nobody"] }, { name: "org-2" }], groups: ["org-2"] },
    { orgs: [{ name: "org-1", teams: ["nobody"] }], groups: "not permitted" },
    { orgs: [{ name: "org-1", teams: ["readers"] }], groups: "not permitted" },
    { orgs: [{ name: "org-3" }], groups: "not permitted" },
    { orgs: [{ name: "ORG-1" }], groups: "not permitted" },
  ];
  test.each(restricted)("$orgs give $groups (C 205)", async ({ orgs, groups }) => {
    const expected = groups === "not permitted" ? { kind: "refused", reason: groups } : { identity: { groups } };
    expect(await login({ orgs })).toMatchObject(expected);
    expect(await login({ orgs, loadAllGroups: true })).toMatchObject(expected);
  });

  test("of which there are more than fifty pages are an error", async () => {
    only({ ...JANE, teams: Array.from({ length: 120 }, (_, n) => ({ org: "org", name: `team ${n}` })) });
    expect(await login({ loadAllGroups: true })).toMatchObject({
      reason: "invalid answer",
      detail: expect.stringContaining("does not end"),
    });
    expect(asked("/api/v1/user/teams")).toHaveLength(50);
  });

  test("show in a dry run what became of them", async () => {
    const events: MappingTrace[] = [];
    const config = { baseURL: gitea.url, orgs: [{ name: "org-2" }] };
    const connector = openOAuth2Connector("gitea", config, { trace: (event) => void events.push(event) });
    await signIn(callbackOf(connector));
    expect(events.at(-1)).toEqual({ kind: "rule", rule: "orgs", before: ALL, after: ["org-2"] });
  });
});

describe("a person who is read again", () => {
  const later = () => secondsFromNow(FAKE_GITEA_TOKEN_SECONDS + 60);

  test("has the name, the address and the groups of today, and a new token pair", async () => {
    const session = await signInForRefresh(open({ loadAllGroups: true }));
    gitea.replace(JANE, { ...JANE, full_name: "Jane Roe", login: "other-login", teams: [{ org: "org-9", name: "t" }] });
    gitea.advance(FAKE_GITEA_TOKEN_SECONDS + 60);
    expect(await session.refresh(later())).toMatchObject({
      identity: { displayName: "Jane Roe", preferredUsername: "other-login", groups: ["org-9", "org-9:t"] },
      grant: session.grant(),
    });
    expect(session.kept).toHaveLength(1);
    gitea.advance(FAKE_GITEA_TOKEN_SECONDS + 60);
    const again = secondsFromNow(2 * FAKE_GITEA_TOKEN_SECONDS + 120);
    expect(await session.refresh(again)).toMatchObject({ kind: "identity" });
    expect(session.kept).toHaveLength(2);
  });

  test("is not asked about at the token endpoint while the token is good", async () => {
    const session = await signInForRefresh(open());
    gitea.requests.length = 0;
    expect(await session.refresh()).toMatchObject({ kind: "identity" });
    expect(asked("/login/oauth/access_token")).toEqual([]);
  });

  test.each([
    { what: "left the team", next: { ...JANE, teams: [{ org: "org-1", name: "readers" }] }, reason: "not permitted" },
    { what: "is gone", next: undefined, reason: "invalid answer" },
    { what: "has become somebody else", next: { ...JANE, id: 7 }, reason: "invalid answer" },
  ])("is refused when the person $what", async ({ next, reason }) => {
    const session = await signInForRefresh(open({ orgs: [{ name: "org-1", teams: ["owners"] }] }));
    gitea.replace(JANE, next);
    expect(await session.refresh()).toMatchObject({ kind: "refused", reason });
    gitea.violations.length = 0;
  });

  test("has the rotated pair kept although nothing else worked", async () => {
    const session = await signInForRefresh(open());
    gitea.advance(FAKE_GITEA_TOKEN_SECONDS + 60);
    gitea.behaviours.endpoints["/api/v1/user"] = "status 500";
    expect(await session.refresh(later())).toMatchObject({ kind: "unavailable" });
    gitea.reset();
    expect(await session.refresh(later())).toMatchObject({ kind: "identity" });
  });
});

describe("a Gitea in trouble", () => {
  const failures = [
    ...(["status 500", "close", "huge body", "many headers"] as const).map((how) => [how, "unavailable"] as const),
    ...(["not json", "status 404", "redirect loop"] as const).map((how) => [how, "refused"] as const),
  ].flatMap(([how, kind]) =>
    ["/login/oauth/access_token", "/api/v1/user", "/api/v1/user/emails", "/api/v1/user/teams"].map((path) => ({
      how,
      path,
      kind,
    })),
  );
  test.each(failures)("$how at $path is $kind (SSR-1)", async ({ how, path, kind }) => {
    gitea.behaviours.endpoints[path] = how;
    expect(await login({ loadAllGroups: true })).toMatchObject({ kind });
  });

  test("an error that comes with a token is an error (OAU-1)", async () => {
    gitea.behaviours.tokenResponse = { error: "invalid_grant" };
    expect(await login()).toMatchObject({ reason: "invalid answer" });
    expect(asked("/api/v1/user")).toEqual([]);
  });
});

test("a dry run finds that Gitea knows our application, or that it does not", async () => {
  expect(await open().check?.()).toMatchObject([
    { name: "token endpoint", ok: true },
    { name: "clock", ok: true },
    { name: "profile", ok: true },
  ]);
  const steps = await open({ clientSecret: "wrong canary" }).check?.();
  expect(steps?.[0]).toMatchObject({ name: "token endpoint", ok: false });
  expect(JSON.stringify(steps)).not.toContain("canary");
  gitea.violations.length = 0;
});

test.each([
  { config: { baseURL: "http://gitea.example" }, names: /baseURL/ },
  { config: { orgs: [{ name: "a", team: ["b"] }] }, names: /orgs\.0/ },
  { config: { orgs: [{ teams: ["b"] }] }, names: /orgs\.0\.name/ },
  { config: { rootCAs: ["nonsense"] }, names: /rootCAs\.0/ },
])("the configuration $config is refused by name", ({ config, names }) => {
  expect(() => open(config)).toThrow(names);
});
