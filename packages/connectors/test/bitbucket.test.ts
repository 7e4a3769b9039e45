import type { JsonObject } from "@dex/runtime";
import { type FakeBitbucketPerson, type FakeOAuth2Server, startFakeBitbucket } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FAKE, openOAuth2, signIn } from "./oauth2-login.ts";

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
  test.each(chosen)("has the address $email, verified $verified, when $when (v1 N07, OAU-1)", async (row) => {
    bitbucket.people.splice(0, 1, { ...JANE, emails: row.emails });
    expect(await signIn(connect())).toMatchObject({ identity: { email: row.email, emailVerified: row.verified } });
  });
});

describe("workspaces", () => {
  const cases: { config: JsonObject; groups: readonly string[] | "not permitted" }[] = [
    { config: { teams: ["gamma", "delta"] }, groups: ["gamma"] },
    { config: { teams: ["delta"] }, groups: "not permitted" },
    { config: { getWorkspacePermissions: true }, groups: ["alpha", "alpha:admin", "beta", "gamma", "gamma:member"] },
    { config: { getWorkspacePermissions: true, teams: ["alpha:admin"] }, groups: ["alpha:admin"] },
    { config: { getWorkspacePermissions: true, teams: ["beta:admin"] }, groups: "not permitted" },
  ];
  test.each(cases)("with $config are $groups", async ({ config, groups }) => {
    const expected =
      groups === "not permitted" ? { kind: "refused", reason: groups } : { kind: "identity", identity: { groups } };
    expect(await signIn(connect(config))).toMatchObject(expected);
  });
});

test("the type of dex v2 leaves redirect_uri to what is registered there", async () => {
  const registered = await startFakeBitbucket({ ...FAKE, people: [JANE] }, "registered");
  const login = openOAuth2("bitbucket-cloud", { baseURL: registered.url, apiURL: registered.url });
  expect(await signIn(login)).toMatchObject({ identity: { remoteId: "{0f1e-2d}" } });
  expect(registered.violations).toEqual([]);
  await registered.close();
});
