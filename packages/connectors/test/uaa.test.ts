// The base of OAuth2 connectors, driven through its smallest one.
import type { JsonObject } from "@dex/runtime";
import { type FakeOAuth2Server, type FakeUaaPerson, startFakeUaa } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseConnectorConfigs } from "../src/registry.ts";
import {
  begin,
  FAKE,
  openOAuth2,
  openOAuth2Connector,
  REGISTRATION,
  secondsFromNow,
  signIn,
  signInForRefresh,
} from "./oauth2-login.ts";

const ADA: FakeUaaPerson = {
  user_id: "u-1",
  user_name: "ada",
  name: "Ada Lovelace",
  email: "ada@example.com",
  email_verified: true,
};

let uaa: FakeOAuth2Server<FakeUaaPerson>;
beforeAll(async () => {
  uaa = await startFakeUaa({ ...FAKE, people: [ADA, { user_id: "u-2", user_name: "joe" }] });
});
afterAll(() => uaa.close());
beforeEach(() => uaa.reset());

const connect = (config: JsonObject = {}) => openOAuth2("uaa", { serverURL: `${uaa.url}/uaa/`, ...config });

describe("a person of a UAA server", () => {
  test("has user_id, name and an address that proves nothing, as in dex v1 (C 223, v1 N08)", async () => {
    uaa.behaviours.tokenResponse = { id_token: "e30.e30.e30", expires_in: "3600" }; // neither is looked at
    expect(await signIn(connect())).toMatchObject({
      identity: { remoteId: "u-1", displayName: "Ada Lovelace", email: "ada@example.com", emailVerified: false },
    });
    expect(uaa.violations).toEqual([]);
  });

  test("without a name is called by user_name; the address counts where the server is trusted and says so (C 223, OAU-1)", async () => {
    expect(await signIn(connect(), { loginHint: "joe" })).toMatchObject({ identity: { displayName: "joe" } });
    expect(await signIn(connect({ trustedEmailProvider: true }))).toMatchObject({ identity: { emailVerified: true } });
    uaa.people.unshift({ ...ADA, email_verified: false });
    expect(await signIn(connect({ trustedEmailProvider: true }))).toMatchObject({ identity: { emailVerified: false } });
    uaa.people.shift();
  });

  test("is asked for the password again where that is wanted", async () => {
    await signIn(connect(), { reauthenticate: true });
    expect(uaa.requests[0]?.parameters.prompt).toBe("login");
  });
});

test.each([
  "",
  "uaa.example",
  "/uaa",
  "ftp://uaa.example",
  "http://uaa.example",
  "https://a:b@uaa.example",
  "https://uaa.example?x",
  5,
])("the serverURL %j is refused by name, an absolute one is taken (C 224, v1 N08)", (serverURL) => {
  const parse = (url: unknown) => parseConnectorConfigs([{ id: "u", type: "uaa", ...REGISTRATION, serverURL: url }]);
  expect(parse(serverURL)).toMatchObject({ kind: "refused", reason: expect.stringMatching(/serverURL/) });
  expect(parse("https://uaa.example/path")).toMatchObject({ kind: "connectors" });
});

describe("the authorization request", () => {
  test("has exactly what it needs, a new PKCE challenge each time, and no secret (MIX-2)", async () => {
    const [first, second] = await Promise.all([begin(connect()), begin(connect())]);
    const { searchParams } = new URL(first.to);
    expect(Object.fromEntries(searchParams)).toEqual({
      response_type: "code",
      client_id: REGISTRATION.clientID,
      redirect_uri: FAKE.redirectUris[0],
      scope: "openid",
      state: "state-of-the-browser-1",
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: "S256",
    });
    expect(first.data).not.toEqual(second.data);
    expect(first.to).not.toContain(String(first.data.codeVerifier));
  });
});

describe("somebody who is read again", () => {
  test("has the names of now, by the stored token and then by the refresh token", async () => {
    const session = await signInForRefresh(openOAuth2Connector("uaa", { serverURL: `${uaa.url}/uaa` }));
    const next = { ...ADA, name: "Ada King" };
    uaa.replace(ADA, next);
    expect(await session.refresh()).toMatchObject({ identity: { displayName: "Ada King" } });
    uaa.advance(43_200);
    expect(await session.refresh(secondsFromNow(43_200))).toMatchObject({ identity: { displayName: "Ada King" } });
    expect(session.kept).toHaveLength(1);
    uaa.replace(next, undefined);
    expect(await session.refresh(secondsFromNow(43_200))).toMatchObject({ kind: "refused" });
    expect(uaa.violations.splice(0)).toEqual(["/uaa/userinfo: unknown access token"]);
    uaa.people.unshift(ADA);
  });
});

test("a dry run finds that the server knows our client", async () => {
  const connector = openOAuth2Connector("uaa", { serverURL: `${uaa.url}/uaa` });
  expect((await connector.check?.())?.map(({ ok }) => ok)).toEqual([true, true, true]);
});

describe("answers that give no identity", () => {
  type Refused = "invalid answer" | "denied upstream" | "unavailable";
  const outcomeOf = async (expected: Refused, outcome: unknown) =>
    expect(outcome).toMatchObject(
      expected === "unavailable" ? { kind: expected } : { kind: "refused", reason: expected },
    );

  const callbacks: { what: string; change: (query: URLSearchParams) => void; expected: Refused }[] = [
    { what: "another state", change: (query) => query.set("state", "x"), expected: "invalid answer" },
    { what: "no state", change: (query) => query.delete("state"), expected: "invalid answer" },
    { what: "no code", change: (query) => query.delete("code"), expected: "invalid answer" },
    { what: "a code of somebody else's", change: (query) => query.set("code", "x"), expected: "invalid answer" },
    { what: "a huge code", change: (query) => query.set("code", "x".repeat(3000)), expected: "invalid answer" },
    {
      what: "another server's iss",
      change: (query) => query.set("iss", "https://evil.example"),
      expected: "invalid answer",
    },
    {
      what: "access_denied beside a code",
      change: (query) => query.set("error", "access_denied"),
      expected: "denied upstream",
    },
    { what: "server_error", change: (query) => query.set("error", "server_error"), expected: "unavailable" },
    { what: "an unknown error", change: (query) => query.set("error", "nonsense"), expected: "invalid answer" },
  ];
  test.each(callbacks)("$what in the callback (MIX-1, MIX-2)", async ({ change, expected }) => {
    await outcomeOf(expected, await signIn(connect(), {}, change));
    expect(uaa.requests.filter(({ path }) => path === "/uaa/userinfo")).toEqual([]);
  });

  const tokens: { what: string; members: Record<string, unknown>; expected: Refused }[] = [
    { what: "an error beside a token", members: { error: "invalid_grant" }, expected: "invalid answer" },
    { what: "our secret called wrong", members: { error: "incorrect_client_credentials" }, expected: "unavailable" },
    { what: "no access token", members: { access_token: undefined }, expected: "invalid answer" },
    { what: "an access token that is a list", members: { access_token: ["a"] }, expected: "invalid answer" },
    { what: "an access token with a line break", members: { access_token: "a\r\nx: y" }, expected: "invalid answer" },
    { what: "a token of another type", members: { token_type: "mac" }, expected: "invalid answer" },
    { what: "another person's old token", members: { access_token: "forged" }, expected: "invalid answer" },
  ];
  test.each(tokens)("$what with status 200 (OAU-1)", async ({ members, expected }) => {
    uaa.behaviours.tokenResponse = members;
    await outcomeOf(expected, await signIn(connect()));
  });

  test("a wrong client secret is our fault", async () => {
    await outcomeOf("unavailable", await signIn(connect({ clientSecret: "wrong" })));
  });

  const profiles: { what: string; person: Record<string, unknown> }[] = [
    { what: "no id", person: { user_id: undefined } },
    { what: "a number as id", person: { user_id: 5 } },
    { what: "an empty id", person: { user_id: "" } },
    { what: "a control character in the id", person: { user_id: "a\u0000b" } },
    { what: "a name of a megabyte", person: { name: "x".repeat(1_000_000) } },
    { what: "a list as address", person: { email: ["a@example.com"] } },
  ];
  test.each(profiles)("a profile with $what", async ({ person }) => {
    uaa.people.unshift({ ...ADA, ...person });
    await outcomeOf("invalid answer", await signIn(connect()));
    uaa.people.shift();
  });

  const failures = [
    ...(
      ["status 500", "status 429", "close", "hang", "dribble", "huge body", "endless body", "many headers"] as const
    ).map((how) => [how, "unavailable"] as const),
    ...(["not json", "html", "status 404", "redirect loop"] as const).map((how) => [how, "invalid answer"] as const),
  ].flatMap(([how, expected]) => ["/uaa/oauth/token", "/uaa/userinfo"].map((path) => ({ how, path, expected })));
  test.concurrent.each(failures)(
    "$how at $path, within the time one call may take (C 23, SSR-1)",
    async ({ how, path, expected }) => {
      const own = await startFakeUaa({ ...FAKE, people: [ADA] });
      own.behaviours.endpoints[path] = how;
      const started = performance.now();
      await outcomeOf(expected, await signIn(openOAuth2("uaa", { serverURL: `${own.url}/uaa` })));
      expect(performance.now() - started).toBeLessThan(12_000);
      // A code is good once: it is never sent again, whatever became of the first time.
      expect(own.requests.filter((request) => request.path === "/uaa/oauth/token")).toHaveLength(1);
      await own.close();
    },
    15_000,
  );

  test("a profile that got lost on the way is asked for once more", async () => {
    for (const how of ["close", "status 502", "status 503"] as const) {
      uaa.behaviours.next["/uaa/userinfo"] = [how];
      expect(await signIn(connect())).toMatchObject({ kind: "identity" });
      uaa.behaviours.next["/uaa/userinfo"] = [how, how];
      await outcomeOf("unavailable", await signIn(connect()));
    }
  });

  test("after an upstream stopped answering, the next login is told so at once, and another connector works", async () => {
    const broken = await startFakeUaa({ ...FAKE, people: [ADA] });
    const login = openOAuth2("uaa", { serverURL: `${broken.url}/uaa` });
    broken.behaviours.endpoints["/uaa/oauth/token"] = "close";
    for (let n = 0; n < 5; n += 1) await outcomeOf("unavailable", await signIn(login));
    const started = performance.now();
    await outcomeOf("unavailable", await signIn(login));
    expect(performance.now() - started).toBeLessThan(200);
    expect(await signIn(connect())).toMatchObject({ kind: "identity" });
    await broken.close();
  });

  test("of a crowd at a server that does not answer, twenty wait and the others are told at once", async () => {
    const silent = await startFakeUaa({ ...FAKE, people: [ADA] });
    const login = openOAuth2("uaa", { serverURL: `${silent.url}/uaa` });
    silent.behaviours.endpoints["/uaa/oauth/token"] = "hang";
    const asked = () => silent.requests.filter(({ path }) => path === "/uaa/oauth/token");
    const crowd = Array.from({ length: 60 }, () => signIn(login));
    const told = await Promise.race(crowd);
    expect(told).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("too many requests") });
    await expect.poll(() => asked().length).toBe(20);
    await silent.close();
    expect(new Set((await Promise.all(crowd)).map(({ kind }) => kind))).toEqual(new Set(["unavailable"]));
    expect(asked()).toHaveLength(20);
  });

  test("after five failures the server is left alone, and the answer comes at once", async () => {
    const login = connect();
    uaa.behaviours.endpoints["/uaa/userinfo"] = "status 500";
    for (let n = 0; n < 5; n += 1) await signIn(login);
    const asked = uaa.requests.length;
    expect(await signIn(login)).toMatchObject({
      kind: "unavailable",
      detail: expect.stringContaining("circuit is open"),
    });
    expect(uaa.requests).toHaveLength(asked + 1); // the browser's visit, nothing of ours
  });
});
