// The generic OAuth 2.0 connector, and the rules of certificates and client authentication that it shares with others.
import type { JsonObject } from "@dex/runtime";
import { type FakeOAuth2Server, type FakeOauthPerson, startFakeOauth } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  begin,
  CALLBACK_URL,
  FAKE,
  openOAuth2,
  openOAuth2Connector,
  secondsFromNow,
  signIn,
  signInForRefresh,
} from "./oauth2-login.ts";

const ANN: FakeOauthPerson = {
  id: 1000,
  user_name: "Ann",
  preferred_username: "ann",
  email: "ann@example.com",
  email_verified: true,
  groups: ["b", { name: "a" }, "b"],
};
const ASKED = { asked: { groups: true, offlineAccess: false } };

let upstream: FakeOAuth2Server<FakeOauthPerson>;
beforeAll(async () => {
  upstream = await startFakeOauth({ ...FAKE, people: [ANN] });
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.reset();
  upstream.people.splice(0, 1, ANN);
});
afterEach(() => expect(upstream.violations).toEqual([]));

const urls = (url = upstream.url) => ({
  authorizationURL: `${url}/authorize`,
  tokenURL: `${url}/token`,
  userInfoURL: `${url}/userinfo`,
});
const connect = (config: JsonObject = {}) => openOAuth2("oauth", { ...urls(), ...config });
const signInAs = (person: FakeOauthPerson, config: JsonObject = {}, wish = {}) => {
  upstream.people.splice(0, 1, person);
  return signIn(connect(config), wish);
};

describe("claims", () => {
  test("are found by their default names; groups are names or objects with one, each once (C 210, C 211, C 213)", async () => {
    expect(await signIn(connect({ trustedEmailProvider: true }), ASKED)).toMatchObject({
      identity: {
        remoteId: "1000",
        displayName: "Ann",
        preferredUsername: "ann",
        email: "ann@example.com",
        emailVerified: true,
        groups: ["b", "a"],
      },
    });
    expect(upstream.requests[0]?.parameters).not.toHaveProperty("scope");
  });

  test("are found by configured names (C 213)", async () => {
    const claimMapping = {
      userNameKey: "full",
      preferredUsernameKey: "nick",
      emailKey: "mail",
      emailVerifiedKey: "mail_ok",
      groupsKey: "roles",
    };
    const person = { uid: "u-1", full: "Bo B.", nick: "bo", mail: "bo@example.com", mail_ok: true, roles: ["x"] };
    const config = { claimMapping, userIDKey: "uid", trustedEmailProvider: true };
    expect(await signInAs({ ...ANN, ...person }, config, ASKED)).toMatchObject({
      identity: {
        remoteId: "u-1",
        displayName: "Bo B.",
        preferredUsername: "bo",
        email: "bo@example.com",
        emailVerified: true,
        groups: ["x"],
      },
    });
  });

  const ids = [
    { id: 12345678, remoteId: "12345678" },
    { id: "abc", remoteId: "abc" },
    { id: 0, remoteId: "0" },
    { id: undefined, remoteId: undefined },
    { id: null, remoteId: undefined },
    { id: "", remoteId: undefined },
    { id: { x: 1 }, remoteId: undefined },
    { id: 1.5, remoteId: undefined },
    { id: true, remoteId: undefined },
    { id: "a\u0000", remoteId: undefined },
    { id: "x".repeat(256), remoteId: undefined },
  ];
  test.each(ids)("the id $id becomes $remoteId (C 211, C 212)", async ({ id, remoteId }) => {
    const outcome = await signInAs({ ...ANN, id });
    if (remoteId === undefined) expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
    else expect(outcome).toMatchObject({ identity: { remoteId } });
  });

  const addresses = [
    { what: "this upstream is not trusted", config: {}, person: ANN },
    { what: "it says no", config: { trustedEmailProvider: true }, person: { ...ANN, email_verified: false } },
    { what: "it says so in text", config: { trustedEmailProvider: true }, person: { ...ANN, email_verified: "true" } },
    { what: "there is none", config: { trustedEmailProvider: true }, person: { ...ANN, email: undefined } },
  ];
  test.each(addresses)("no address counts as verified when $what (OAU-1)", async ({ config, person }) => {
    expect(await signInAs(person, config)).toMatchObject({ identity: { emailVerified: false } });
  });

  test("named as members that every object has are not there", async () => {
    const outcome = await signInAs(ANN, { userIDKey: "constructor" });
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});

describe("groups", () => {
  const jwt = (claims: object) => ["e30", Buffer.from(JSON.stringify(claims)).toString("base64url"), "c2ln"].join(".");
  const tokens = [
    { token: undefined, config: {}, groups: ["b", "a"] },
    { token: jwt({ groups: ["c", "a"] }), config: {}, groups: ["b", "a"] },
    { token: jwt({ groups: ["c", "a"] }), config: { groupsFromAccessToken: true }, groups: ["b", "a", "c"] },
    { token: "opaque", config: { groupsFromAccessToken: true }, groups: ["b", "a"] },
    { token: "a.%%%.c", config: { groupsFromAccessToken: true }, groups: ["b", "a"] },
  ];
  test.each(tokens)("with $config and the token $token are $groups (C 210)", async ({ token, config, groups }) => {
    const own = await startFakeOauth({ ...FAKE, people: [ANN] });
    if (token !== undefined) own.nameTokens(() => token);
    expect(await signIn(openOAuth2("oauth", { ...urls(own.url), ...config }), ASKED)).toMatchObject({
      identity: { groups },
    });
    await own.close();
  });

  test.each([
    { sent: undefined, groups: [] },
    { sent: "one", groups: ["one"] },
    { sent: null, groups: [] },
  ])("sent as $sent are $groups", async ({ sent, groups }) => {
    expect(await signInAs({ ...ANN, groups: sent }, {}, ASKED)).toMatchObject({ identity: { groups } });
  });

  test("are not looked at unless the client asks", async () => {
    expect(await signInAs({ ...ANN, groups: 5 })).toMatchObject({ identity: { groups: undefined } });
    expect(await signInAs({ ...ANN, groups: 5 }, {}, ASKED)).toMatchObject({ kind: "refused" });
  });
});

test("scopes are sent as configured, and the userinfo URL with its query", async () => {
  const own = await startFakeOauth({ ...FAKE, people: [ANN], scope: "a b" });
  const config = { ...urls(own.url), userInfoURL: `${own.url}/userinfo?fields=id,name`, scopes: ["a", "b"] };
  expect(await signIn(openOAuth2("oauth", config))).toMatchObject({ kind: "identity" });
  expect(own.requests.at(-1)?.parameters).toEqual({ fields: "id,name" });
  expect(own.violations).toEqual([]);
  await own.close();
});

describe("somebody who is read again", () => {
  test("has the claims of now; a rotated refresh token is kept (C 31)", async () => {
    const session = await signInForRefresh(openOAuth2Connector("oauth", urls()));
    upstream.replace(ANN, { ...ANN, user_name: "Ann B.", groups: ["z"] });
    const first = session.grant();
    upstream.advance(3600);
    expect(await session.refresh(secondsFromNow(3600))).toMatchObject({
      identity: { displayName: "Ann B.", groups: ["z"] },
    });
    expect(session.kept).toHaveLength(1);
    expect(session.grant().refreshToken).not.toBe(first.refreshToken);
  });

  test("is refused with another id, or gone", async () => {
    const session = await signInForRefresh(openOAuth2Connector("oauth", urls()));
    const other = { ...ANN, id: 1001 };
    upstream.replace(ANN, other);
    expect(await session.refresh()).toMatchObject({ kind: "refused", reason: "invalid answer" });
    upstream.replace(other, undefined);
    upstream.advance(3600);
    expect(await session.refresh(secondsFromNow(3600))).toMatchObject({ kind: "refused" });
  });

  test("has a new token where the old one ended without a word of when", async () => {
    upstream.behaviours.tokenResponse = { expires_in: undefined };
    const session = await signInForRefresh(openOAuth2Connector("oauth", urls()));
    expect(session.grant()).not.toHaveProperty("expiresAt");
    upstream.endAccessTokens();
    expect(await session.refresh()).toMatchObject({ identity: { remoteId: "1000" } });
    expect(session.kept).toHaveLength(1);
    expect(upstream.violations.splice(0)).toEqual(["/userinfo: unknown access token"]);
  });

  test("is unavailable when the answer is lost, and nothing is sent twice", async () => {
    const session = await signInForRefresh(openOAuth2Connector("oauth", urls()));
    upstream.advance(3600);
    upstream.behaviours.next["/token"] = ["close"];
    const before = upstream.requests.length;
    expect(await session.refresh(secondsFromNow(3600))).toMatchObject({ kind: "unavailable" });
    expect(upstream.requests).toHaveLength(before + 1);
    expect(await session.refresh(secondsFromNow(3600))).toMatchObject({ kind: "identity" });
  });
});

describe("client authentication", () => {
  const open = async (clientAuthentication: "client_secret_basic" | "client_secret_post") => {
    const own = await startFakeOauth({ ...FAKE, people: [ANN], clientAuthentication });
    const login = openOAuth2("oauth", urls(own.url));
    const exchanges = () => own.requests.filter(({ path }) => path === "/token");
    return { own, login, exchanges };
  };

  test("is Basic at once where that is taken, both halves form-encoded (C 25, C 30)", async () => {
    const { own, login, exchanges } = await open("client_secret_basic");
    expect(await signIn(login)).toMatchObject({ kind: "identity" });
    expect(exchanges()).toHaveLength(1);
    const header = Buffer.from(exchanges()[0]?.headers.authorization?.slice(6) ?? "", "base64").toString();
    expect(header).toBe("dex%3Aclient:a+secret+%2F+with+%2B+odd+%26+characters+%25");
    expect(own.requests.at(-1)?.headers.authorization).toMatch(/^Bearer /);
    expect(own.violations).toEqual([]);
    await own.close();
  });

  test("is tried once in the body where Basic is not, and stays there (C 26)", async () => {
    const { own, login, exchanges } = await open("client_secret_post");
    expect(await signIn(login)).toMatchObject({ kind: "identity" });
    expect(exchanges()).toHaveLength(2);
    expect(await signIn(login)).toMatchObject({ kind: "identity" });
    expect(exchanges()).toHaveLength(3);
    expect(own.violations).toEqual(["token: client authentication failed"]);
    await own.close();
  });

  test("that is wrong either way is our fault, and a wrong code is not tried again (C 26)", async () => {
    const { own, exchanges } = await open("client_secret_post");
    const wrong = openOAuth2("oauth", { ...urls(own.url), clientSecret: "wrong" });
    expect(await signIn(wrong)).toMatchObject({ kind: "unavailable" });
    expect(exchanges()).toHaveLength(2);
    await own.close();
    const basic = await open("client_secret_basic");
    const outcome = await signIn(basic.login, {}, (query) => query.set("code", "nobody's"));
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(basic.exchanges()).toHaveLength(1);
    await basic.own.close();
  });
});

test("a token answer that is a form is read (C 27)", async () => {
  const own = await startFakeOauth({ ...FAKE, people: [ANN], tokenFormat: "form" });
  expect(await signIn(openOAuth2("oauth", urls(own.url)))).toMatchObject({ kind: "identity" });
  await own.close();
});

test.each([
  { redirectURI: CALLBACK_URL, sent: CALLBACK_URL },
  { redirectURI: "https://dex.example/callback", sent: "https://dex.example/callback" },
])("redirectURI $redirectURI is sent as it is (C 10)", async ({ redirectURI, sent }) => {
  const begun = await begin(connect({ redirectURI }));
  expect(new URL(begun.to).searchParams.get("redirect_uri")).toBe(sent);
});

test("another redirectURI makes it unavailable before anybody is sent anywhere (C 10, MIX-1)", async () => {
  const login = connect({ redirectURI: "https://dex.example/auth/other/callback" });
  await expect(begin(login)).rejects.toThrow(/unavailable.*redirectURI/);
  expect(upstream.requests).toEqual([]);
});

test.each(["access_denied", "login_required"])("with the error %s no token is asked for (C 11)", async (error) => {
  const outcome = await signIn(connect(), {}, (query) => {
    query.delete("code");
    query.set("error", error);
    query.set("error_description", "words for the log");
  });
  expect(outcome).toMatchObject({ reason: "denied upstream", detail: expect.stringContaining("words for the log") });
  expect(upstream.requests.map(({ path }) => path)).toEqual(["/authorize"]);
});

describe("a configuration", () => {
  const refused: { config: JsonObject; names: RegExp }[] = [
    { config: { authorizationURL: "x" }, names: /authorizationURL/ },
    { config: { tokenURL: "http://up.example/token" }, names: /tokenURL/ },
    { config: { userInfoURL: "https://up.example/#x" }, names: /userInfoURL/ },
    { config: { userInfoURL: "http://up.example/me?x" }, names: /userInfoURL/ },
    { config: { userIDKey: "email" }, names: /userIDKey/ },
    { config: { claimMapping: { userIDKey: "x" } }, names: /claimMapping/ },
    { config: { scopes: "openid" }, names: /scopes/ },
  ];
  test.each(refused)("$config is refused by name", ({ config, names }) => {
    expect(() => connect(config)).toThrow(names);
  });
});

test("a dry run finds that the server knows us, also where it takes the secret in the body alone", async () => {
  for (const clientAuthentication of ["client_secret_basic", "client_secret_post"] as const) {
    const own = await startFakeOauth({ ...FAKE, people: [ANN], clientAuthentication });
    expect(await openOAuth2Connector("oauth", urls(own.url)).check?.()).toMatchObject([
      { name: "token endpoint", ok: true, detail: "knows our client: invalid_grant" },
      { name: "clock", ok: true },
      { name: "profile", ok: true },
    ]);
    await own.close();
  }
});
