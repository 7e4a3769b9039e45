import type { JsonObject } from "@dex/runtime";
import { type FakeDiscordPerson, type FakeOAuth2Server, startFakeDiscord } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callbackOf, FAKE, openOAuth2Connector, secondsFromNow, signIn, signInForRefresh } from "./oauth2-login.ts";

const NEL: FakeDiscordPerson = {
  id: "80351110224678912",
  username: "nelly",
  global_name: "Nelly",
  email: "nelly@example.com",
  verified: true,
  guilds: ["197038439483310086", "81384788765712384"],
};
const ASKED = { asked: { groups: true, offlineAccess: false } };

let discord: FakeOAuth2Server<FakeDiscordPerson>;
beforeAll(async () => {
  discord = await startFakeDiscord({ ...FAKE, people: [NEL] });
});
afterAll(() => discord.close());
beforeEach(() => {
  discord.reset();
  discord.people.splice(0, 1, NEL);
});
afterEach(() => expect(discord.violations).toEqual([]));

const connect = (config: JsonObject = {}) => openOAuth2Connector("discord", { baseURL: discord.url, ...config });
const signInAs = (person: FakeDiscordPerson, config: JsonObject = {}, wish = {}) => {
  discord.people.splice(0, 1, person);
  return signIn(callbackOf(connect(config)), wish);
};

describe("a person of Discord", () => {
  test("has the id, both names and the verified address", async () => {
    expect(await signInAs(NEL)).toMatchObject({
      identity: {
        remoteId: "80351110224678912",
        displayName: "Nelly",
        preferredUsername: "nelly",
        email: "nelly@example.com",
        emailVerified: true,
        groups: undefined,
      },
    });
    expect(discord.requests[0]?.parameters).toMatchObject({ scope: "identify email", prompt: "none" });
  });

  const proofs = [
    { what: "it is not verified", person: { ...NEL, verified: false }, config: {} },
    { what: "there is none", person: { ...NEL, email: null }, config: {} },
    { what: "Discord is not trusted", person: NEL, config: { trustedEmailProvider: false } },
  ];
  test.each(proofs)("has no verified address when $what (OAU-1)", async ({ person, config }) => {
    expect(await signInAs(person, config)).toMatchObject({ identity: { emailVerified: false } });
  });

  test("without a display name is called by the user name", async () => {
    expect(await signInAs({ ...NEL, global_name: null })).toMatchObject({ identity: { displayName: "nelly" } });
  });

  test.each(["0x1", "", "1".repeat(21)])("with the id %j is refused", async (id) => {
    expect(await signInAs({ ...NEL, id })).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("is asked again where the person's request wants that", async () => {
    await signInAs(NEL, {}, { reauthenticate: true });
    expect(discord.requests[0]?.parameters.prompt).toBe("consent");
  });
});

describe("guilds", () => {
  const [one = "", other = ""] = NEL.guilds ?? [];
  const cases: { config: JsonObject; wish?: object; groups: readonly string[] | "not permitted" }[] = [
    { config: {}, wish: ASKED, groups: [other, one] },
    { config: { guilds: [one] }, groups: [one] },
    { config: { guilds: [one, "1"] }, wish: ASKED, groups: [one] },
    { config: { guilds: ["1"] }, groups: "not permitted" },
  ];
  test.each(cases)("with $config, asked $wish, are $groups (C 21)", async ({ config, wish = {}, groups }) => {
    const expected =
      groups === "not permitted" ? { kind: "refused", reason: groups } : { kind: "identity", identity: { groups } };
    expect(await signInAs(NEL, config, wish)).toMatchObject(expected);
    expect(discord.requests[0]?.parameters.scope).toBe("identify email guilds");
  });

  test("of several pages are all read", async () => {
    const guilds = Array.from({ length: 401 }, (_, n) => String(1000 + n));
    expect(await signInAs({ ...NEL, guilds }, {}, ASKED)).toMatchObject({ identity: { groups: guilds } });
    expect(discord.requests.filter(({ path }) => path.endsWith("/guilds"))).toHaveLength(3);
  });

  test("named by anything but an id are refused", () => {
    expect(() => connect({ guilds: ["My Server"] })).toThrow(/guilds\.0/);
  });
});

describe("somebody who is read again", () => {
  test("has the names of now, and is refused after leaving the guild", async () => {
    const session = await signInForRefresh(connect({ guilds: ["197038439483310086"] }));
    discord.replace(NEL, { ...NEL, global_name: "N." });
    discord.advance(604_800);
    const later = secondsFromNow(604_800);
    expect(await session.refresh(later)).toMatchObject({ identity: { displayName: "N." } });
    expect(session.kept).toHaveLength(1);
    discord.replace(discord.people[0] ?? NEL, { ...NEL, guilds: [] });
    expect(await session.refresh(later)).toMatchObject({ kind: "refused", reason: "not permitted" });
  });

  test("is unavailable while Discord says to ask later, and refused when gone", async () => {
    const session = await signInForRefresh(connect());
    discord.behaviours.next["/api/users/@me"] = ["status 429"];
    expect(await session.refresh()).toMatchObject({ kind: "unavailable" });
    discord.replace(NEL, undefined);
    expect(await session.refresh()).toMatchObject({ kind: "refused" });
    expect(discord.violations.splice(0)).toEqual(["/api/users/@me: unknown access token"]);
    discord.people.push(NEL);
  });
});

test("a dry run finds that Discord knows our client", async () => {
  expect((await connect().check?.())?.map(({ ok }) => ok)).toEqual([true, true, true]);
  discord.violations.splice(0);
});
