import { type JsonObject, silentLogger } from "@dex/runtime";
import { type FakeBitbucketPerson, type FakeOAuth2Server, startFakeBitbucket } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FAKE, openOAuth2, openOAuth2Connector, secondsFromNow, signIn, signInForRefresh } from "./oauth2-login.ts";

const address = (email: string, is_primary: boolean, is_confirmed: boolean) => ({ email, is_primary, is_confirmed });
const JANE: FakeBitbucketPerson = {
  uuid: "{0f1e-2d}",
  username: "jane",
  display_name: "Jane Doe",
  emails: [
    address("old@example.com", false, true),
    address("new@example.com", false, false),
    address("jane@example.com", true, true),
  ],
  workspaces: { alpha: "admin", beta: undefined, gamma: "member" },
};

let bitbucket: FakeOAuth2Server<FakeBitbucketPerson>;
beforeAll(async () => {
  bitbucket = await startFakeBitbucket({ ...FAKE, people: [JANE] });
});
afterAll(() => bitbucket.close());
beforeEach(() => {
  bitbucket.reset();
  bitbucket.people.splice(0, 1, JANE);
});
afterEach(() => expect(bitbucket.violations).toEqual([]));

const connect = (config: JsonObject = {}) =>
  openOAuth2("bitbucket", { baseURL: bitbucket.url, apiURL: bitbucket.url, ...config });

describe("a person of Bitbucket", () => {
  test("has the uuid, the display name and the confirmed primary address of the second page (v1 N07)", async () => {
    expect(await signIn(connect())).toMatchObject({
      identity: {
        remoteId: "{0f1e-2d}",
        displayName: "Jane Doe",
        preferredUsername: "jane",
        email: "jane@example.com",
        emailVerified: true,
        groups: undefined,
      },
    });
  });

  test("without a display name is called by the user name (v1 N07)", async () => {
    const { display_name: _, ...nameless } = JANE;
    bitbucket.people.splice(0, 1, nameless);
    expect(await signIn(connect())).toMatchObject({ identity: { displayName: "jane" } });
  });

  const chosen = [
    {
      when: "the primary one is not confirmed",
      emails: [address("a@x.example", true, false), address("b@x.example", false, true)],
      email: "b@x.example",
      verified: true,
    },
    {
      when: "none is confirmed",
      emails: [address("b@x.example", false, false), address("a@x.example", true, false)],
      email: "a@x.example",
      verified: false,
    },
    { when: "there is none", emails: [], email: undefined, verified: false },
  ];
  test.each(chosen)("has the address $email, verified $verified, when $when (C 193, v1 N07, OAU-1)", async (row) => {
    bitbucket.people.splice(0, 1, { ...JANE, emails: row.emails });
    expect(await signIn(connect())).toMatchObject({ identity: { email: row.email, emailVerified: row.verified } });
  });
});

describe("workspaces", () => {
  const ALL = ["alpha", "beta", "gamma"];
  const PERMITTED = ["alpha", "alpha:admin", "beta", "gamma", "gamma:member"];
  const cases: { config: JsonObject; asked?: boolean; groups: readonly string[] | "not permitted" | undefined }[] = [
    { config: {}, groups: undefined },
    { config: {}, asked: true, groups: ALL },
    { config: { getWorkspacePermissions: true }, groups: undefined },
    { config: { getWorkspacePermissions: true }, asked: true, groups: PERMITTED },
    { config: { teams: ["gamma", "delta"] }, groups: ["gamma"] },
    { config: { teams: ["Gamma"] }, groups: "not permitted" },
    { config: { teams: ["delta"] }, groups: "not permitted" },
    { config: { teams: ["delta"], includeTeamGroups: true }, asked: true, groups: "not permitted" },
    { config: { getWorkspacePermissions: true, teams: ["alpha:admin"] }, groups: ["alpha:admin"] },
    { config: { getWorkspacePermissions: true, teams: ["beta:admin"] }, groups: "not permitted" },
  ];
  test.each(cases)(
    "with $config, asked $asked, are $groups (C 191, C 192)",
    async ({ config, asked = false, groups }) => {
      const expected =
        groups === "not permitted" ? { kind: "refused", reason: groups } : { kind: "identity", identity: { groups } };
      const outcome = await signIn(connect(config), { asked: { groups: asked, offlineAccess: false } });
      expect(outcome).toMatchObject(expected);
    },
  );

  test("whose permissions a server in trouble does not tell keep nobody out and let nobody in", async () => {
    bitbucket.behaviours.endpoints["/2.0/user/workspaces/alpha/permission"] = "status 500";
    const config = { getWorkspacePermissions: true, teams: ["alpha:admin"] };
    expect(await signIn(connect(config))).toMatchObject({ kind: "unavailable" });
  });

  test("as dex v2's dead option has them are warned of", () => {
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => warned.push(message) };
    openOAuth2Connector("bitbucket", { includeTeamGroups: true }, { logger });
    expect(warned).toEqual(["includeTeamGroups does nothing"]);
  });
});

describe("somebody who is read again", () => {
  const again = (config: JsonObject = {}) =>
    signInForRefresh(openOAuth2Connector("bitbucket", { baseURL: bitbucket.url, apiURL: bitbucket.url, ...config }));

  test("has the names and groups of now; the refresh token that is not sent anew is kept (C 31)", async () => {
    const session = await again();
    const { refreshToken } = session.grant();
    bitbucket.replace(JANE, { ...JANE, username: "janet", workspaces: { delta: "member" } });
    bitbucket.advance(7200);
    expect(await session.refresh(secondsFromNow(7200))).toMatchObject({
      identity: { remoteId: JANE.uuid, preferredUsername: "janet", groups: ["delta"] },
      grant: { refreshToken },
    });
    expect(session.kept).toEqual([session.grant()]);
    expect(session.grant()).toMatchObject({ refreshToken, expiresAt: expect.any(String) });
  });

  test("is refused after leaving the only workspace that may sign in", async () => {
    const session = await again({ teams: ["alpha"] });
    bitbucket.replace(JANE, { ...JANE, workspaces: { beta: "member" } });
    expect(await session.refresh()).toMatchObject({ kind: "refused", reason: "not permitted" });
  });

  test("is refused when gone", async () => {
    const session = await again();
    bitbucket.replace(JANE, undefined);
    bitbucket.advance(7200);
    expect(await session.refresh(secondsFromNow(7200))).toMatchObject({ kind: "refused", reason: "invalid answer" });
    bitbucket.people.push(JANE);
  });
});

test("a dry run finds that Bitbucket knows our client", async () => {
  const config = { baseURL: bitbucket.url, apiURL: bitbucket.url };
  expect(await openOAuth2Connector("bitbucket-cloud", config).check?.()).toMatchObject([
    { name: "token endpoint", ok: true },
    { name: "clock", ok: true },
    { name: "profile", ok: true },
  ]);
  bitbucket.violations.splice(0);
});

test("the type of dex v2 leaves redirect_uri to what is registered there (C 194)", async () => {
  const registered = await startFakeBitbucket({ ...FAKE, people: [JANE] }, "registered");
  const login = openOAuth2("bitbucket-cloud", { baseURL: registered.url, apiURL: registered.url });
  expect(await signIn(login)).toMatchObject({ identity: { remoteId: "{0f1e-2d}" } });
  const sent = registered.requests.filter(({ parameters }) => "redirect_uri" in parameters);
  expect([sent, registered.violations]).toEqual([[], []]);
  await registered.close();
});
