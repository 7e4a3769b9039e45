import type { JsonObject } from "@dex/runtime";
import { type FakeGithubPerson, type FakeOAuth2Server, NOTHING_ASKED, startFakeGithub } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FAKE, openOAuth2, signIn } from "./oauth2-login.ts";

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
const as = (login: string, config: JsonObject = {}) => signIn(connect(config), { loginHint: login });

describe("a person of GitHub", () => {
  test("has the numeric id, the name, and the verified primary address although it is hidden (v1 N06)", async () => {
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

  test("without a name is called by the login", async () => {
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
  test.each(addresses)("$who with $config has the address $email, verified $verified (OAU-1)", async (row) => {
    expect(await as(row.who, row.config)).toMatchObject({
      identity: { email: row.email, emailVerified: row.verified },
    });
  });

  test("is known by login only where that was called insecure (ACC-14)", async () => {
    expect(() => connect({ useLoginAsID: true })).toThrow(/useLoginAsID/);
    const config = { useLoginAsID: true, insecureUseLoginAsID: true };
    expect(await as("some-login", config)).toMatchObject({ identity: { remoteId: "some-login" } });
  });
});

describe("organisations and teams", () => {
  const cases: { who: string; config: JsonObject; groups: readonly string[] | "not permitted" }[] = [
    {
      who: "some-login",
      config: { loadAllGroups: true },
      groups: ["org-1", "org-1:Team A", "org-1:Team B", "org-2", "org-2:Team A"],
    },
    { who: "public", config: { loadAllGroups: true }, groups: [] },
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
  test.each(cases)("$who with $config has $groups", async ({ who, config, groups }) => {
    const expected =
      groups === "not permitted" ? { kind: "refused", reason: groups } : { kind: "identity", identity: { groups } };
    expect(await as(who, config)).toMatchObject(expected);
    expect(github.requests[0]?.parameters.scope).toBe("user:email read:org");
  });

  test("a membership that cannot be read lets nobody in", async () => {
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
    { config: { hostName: "ghe.example/x" }, names: /hostName/ },
    { config: { rootCA: "x" }, names: /rootCA: needs hostName/ },
    { config: { rootCA: "/nowhere.pem", hostName: "ghe.example" }, names: /rootCA: the file cannot be read/ },
    { config: { preferredEmailDomain: "example.*" }, names: /preferredEmailDomain/ },
    { config: { teamNameField: "id" }, names: /teamNameField/ },
    { config: { baseURL: "http://github.example" }, names: /baseURL/ },
    { config: { clientSecret: "" }, names: /clientSecret/ },
    { config: { clientID: "" }, names: /clientID/ },
  ];
  test.each(refused)("$config is refused by name", ({ config, names }) => {
    expect(() => openOAuth2("github", config)).toThrow(names);
  });

  test("of an Enterprise server leads to its own host", async () => {
    const login = openOAuth2("github", { hostName: "ghe.example" });
    const begun = await login.begin({
      callbackUrl: "https://dex.example/cb",
      state: "s",
      wish: {
        reauthenticate: false,
        selectAccount: false,
        maxAgeSeconds: undefined,
        loginHint: undefined,
        asked: NOTHING_ASKED,
      },
    });
    expect(begun).toMatchObject({ to: expect.stringMatching(/^https:\/\/ghe\.example\/login\/oauth\/authorize\?/) });
  });
});
