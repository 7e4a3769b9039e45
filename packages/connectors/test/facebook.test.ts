import type { JsonObject } from "@dex/runtime";
import { type FakeFacebookPerson, type FakeOAuth2Server, startFakeFacebook } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callbackOf, FAKE, openOAuth2Connector, secondsFromNow, signIn, signInForRefresh } from "./oauth2-login.ts";

const ELLA: FakeFacebookPerson = { id: "10158000000000001", name: "Ella F.", email: "ella@example.com" };

let facebook: FakeOAuth2Server<FakeFacebookPerson>;
beforeAll(async () => {
  facebook = await startFakeFacebook({ ...FAKE, people: [ELLA] });
});
afterAll(() => facebook.close());
beforeEach(() => {
  facebook.reset();
  facebook.people.splice(0, 1, ELLA);
});
afterEach(() => expect(facebook.violations).toEqual([]));

const connect = (config: JsonObject = {}) =>
  openOAuth2Connector("facebook", { baseURL: facebook.url, apiURL: facebook.url, graphVersion: "v23.0", ...config });
const signInAs = (person: FakeFacebookPerson, config: JsonObject = {}, wish = {}) => {
  facebook.people.splice(0, 1, person);
  return signIn(callbackOf(connect(config)), wish);
};

describe("a person of Facebook", () => {
  test("has our app's id, the name, and an address that proves nothing; the secret is proved (OAU-1)", async () => {
    expect(await signInAs(ELLA)).toMatchObject({
      identity: {
        remoteId: "10158000000000001",
        displayName: "Ella F.",
        preferredUsername: undefined,
        email: "ella@example.com",
        emailVerified: false,
        groups: undefined,
      },
    });
    expect(facebook.requests.at(-1)?.parameters).toEqual({
      fields: "id,name,email",
      appsecret_proof: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test("may have no address", async () => {
    expect(await signInAs({ id: "1", name: "X" })).toMatchObject({ identity: { email: undefined } });
  });

  test.each(["", "abc", "1".repeat(33)])("with the id %j is refused", async (id) => {
    expect(await signInAs({ ...ELLA, id })).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("is asked for the password again where that is wanted", async () => {
    await signInAs(ELLA, {}, { reauthenticate: true });
    expect(facebook.requests[0]?.parameters.auth_type).toBe("reauthenticate");
  });
});

test("somebody is read again with the stored token for as long as that lives", async () => {
  const session = await signInForRefresh(connect());
  expect(session.grant()).toEqual({ accessToken: expect.any(String) });
  facebook.replace(ELLA, { ...ELLA, name: "Ella G." });
  expect(await session.refresh(secondsFromNow(86_400))).toMatchObject({ identity: { displayName: "Ella G." } });
  facebook.advance(5_184_000);
  expect(await session.refresh(secondsFromNow(5_184_000))).toMatchObject({
    kind: "refused",
    detail: expect.stringContaining("OAuthException"),
  });
  expect(facebook.violations.splice(0)).toEqual(["/v23.0/me: unknown access token"]);
});

test("a dry run finds that Facebook knows our app", async () => {
  expect((await connect().check?.())?.map(({ ok }) => ok)).toEqual([true, true, true]);
  facebook.violations.splice(0);
});

test("a version that is none is refused by name", () => {
  expect(() => connect({ graphVersion: "../x" })).toThrow(/graphVersion/);
});
