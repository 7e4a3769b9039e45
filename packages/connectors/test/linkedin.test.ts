import type { JsonObject } from "@dex/runtime";
import { type FakeLinkedinPerson, type FakeOAuth2Server, startFakeLinkedin } from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseConnectorConfigs } from "../src/registry.ts";
import {
  begin,
  callbackOf,
  FAKE,
  openOAuth2Connector,
  REGISTRATION,
  STATE,
  secondsFromNow,
  signIn,
  signInForRefresh,
} from "./oauth2-login.ts";

const ADA: FakeLinkedinPerson = {
  id: "a1B2",
  firstName: "Ada",
  lastName: "Lovelace",
  emails: ["old@example.com", "ada@example.com"],
  emailVerified: true,
};

let linkedin: FakeOAuth2Server<FakeLinkedinPerson>;
beforeAll(async () => {
  linkedin = await startFakeLinkedin({ ...FAKE, people: [ADA] });
});
afterAll(() => linkedin.close());
beforeEach(() => {
  linkedin.reset();
  linkedin.people.splice(0, linkedin.people.length, ADA);
});
afterEach(() => expect(linkedin.violations).toEqual([]));

const open = (config: JsonObject = {}, { url } = linkedin) =>
  openOAuth2Connector("linkedin", { baseURL: url, apiURL: `${url}/api`, ...config });
const connect = (config: JsonObject = {}) => callbackOf(open(config));

describe("by OpenID Connect", () => {
  test("sub, name, email and email_verified are taken; it is the default (C 176)", async () => {
    const identity = {
      remoteId: "oidc-a1B2",
      displayName: "Ada Lovelace",
      email: "ada@example.com",
      emailVerified: true,
      preferredUsername: undefined,
      groups: undefined,
    };
    expect(await signIn(connect())).toMatchObject({ identity });
    expect(await signIn(connect({ mode: "oidc" }))).toMatchObject({ identity });
    expect(linkedin.requests[0]?.parameters.scope).toBe("openid profile email");
  });

  const verified = [
    { said: true, trusted: true, becomes: true },
    { said: "true", trusted: true, becomes: true },
    { said: false, trusted: true, becomes: false },
    { said: "false", trusted: true, becomes: false },
    { said: undefined, trusted: true, becomes: false },
    { said: true, trusted: false, becomes: false },
  ];
  test.each(verified)("email_verified $said, trusted $trusted, becomes $becomes (OAU-1, C 176)", async (row) => {
    linkedin.people.splice(0, 1, { ...ADA, emailVerified: row.said });
    expect(await signIn(connect({ trustedEmailProvider: row.trusted }))).toMatchObject({
      identity: { emailVerified: row.becomes },
    });
  });

  test("who shows no address has none", async () => {
    linkedin.people.splice(0, 1, { ...ADA, emails: [] });
    expect(await signIn(connect())).toMatchObject({ identity: { email: undefined, emailVerified: false } });
  });
});

describe("by the older scopes", () => {
  const legacy = (config: JsonObject = {}) => connect({ mode: "legacy", ...config });

  test("the query for addresses is exactly that one, and the last address is taken (C 175)", async () => {
    // The fake compares the query byte for byte.
    expect(await signIn(legacy())).toMatchObject({
      identity: { remoteId: "a1B2", displayName: "Ada Lovelace", email: "ada@example.com", emailVerified: true },
    });
    expect(linkedin.requests[0]?.parameters.scope).toBe("r_liteprofile r_emailaddress");
  });

  test("without an address nobody signs in (C 175)", async () => {
    linkedin.people.splice(0, 1, { ...ADA, emails: [] });
    expect(await signIn(legacy())).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("without names the address is the name (C 175)", async () => {
    const { firstName: _, lastName: __, ...nameless } = ADA;
    linkedin.people.splice(0, 1, nameless);
    expect(await signIn(legacy())).toMatchObject({ identity: { displayName: "ada@example.com" } });
    linkedin.people.splice(0, 1, { ...nameless, firstName: "Ada" });
    expect(await signIn(legacy())).toMatchObject({ identity: { displayName: "Ada" } });
  });

  test("an address of somebody not trusted is not verified", async () => {
    expect(await signIn(legacy({ trustedEmailProvider: false }))).toMatchObject({ identity: { emailVerified: false } });
  });
});

test("any other mode is refused", () => {
  const given = { id: "l", type: "linkedin", ...REGISTRATION, mode: "both" };
  expect(parseConnectorConfigs([given])).toMatchObject({ kind: "refused", reason: expect.stringContaining("mode") });
});

test("no PKCE is sent, which LinkedIn would refuse; state ties the answer to the browser (MIX-2)", async () => {
  const { searchParams } = new URL((await begin(connect())).to);
  expect([...searchParams.keys()].sort()).toEqual(["client_id", "redirect_uri", "response_type", "scope", "state"]);
  expect(searchParams.get("state")).toBe(STATE);
  const another = await signIn(connect(), {}, (query) => query.set("state", "another"));
  expect(another).toMatchObject({ kind: "refused", reason: "invalid answer" });
  const none = await signIn(connect(), {}, (query) => query.delete("state"));
  expect(none).toMatchObject({ kind: "refused", reason: "invalid answer" });
  expect(linkedin.requests.filter(({ method }) => method === "POST")).toEqual([]);
});

describe.each(["oidc", "legacy"])("a refresh in mode %s", (mode) => {
  test("reads the person again with the same access token", async () => {
    const signedIn = await signInForRefresh(open({ mode }));
    linkedin.replace(ADA, { ...ADA, lastName: "King", emails: ["king@example.com"] });
    expect(await signedIn.refresh(secondsFromNow(86_400))).toMatchObject({
      identity: { remoteId: signedIn.identity.remoteId, displayName: "Ada King", email: "king@example.com" },
    });
    expect(linkedin.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  test("refuses who is gone, whose token ended, and anybody else", async () => {
    const signedIn = await signInForRefresh(open({ mode }));
    expect(await signedIn.refresh(undefined, { remoteId: "somebody else" })).toMatchObject({ kind: "refused" });
    linkedin.endAccessTokens();
    expect(await signedIn.refresh()).toMatchObject({ kind: "refused" });
    linkedin.violations.length = 0; // a token that has ended
  });
});

describe("an upstream in trouble", () => {
  const failures = [
    ...(["status 500", "hang", "close", "dribble", "endless body", "many headers"] as const).map(
      (how) => [how, "unavailable"] as const,
    ),
    ...(["redirect loop", "html", "not json"] as const).map((how) => [how, "refused"] as const),
  ].flatMap(([how, kind]) => ["/oauth/v2/accessToken", "/api/v2/userinfo"].map((path) => ({ how, kind, path })));
  test.concurrent.each(failures)(
    "$how at $path is $kind, in time (C 23, SSR-1)",
    async ({ how, kind, path }) => {
      const own = await startFakeLinkedin({ ...FAKE, people: [ADA] });
      own.behaviours.endpoints[path] = how;
      const started = performance.now();
      expect(await signIn(callbackOf(open({}, own)))).toMatchObject({ kind });
      expect(performance.now() - started).toBeLessThan(12_000);
      await own.close();
    },
    15_000,
  );

  test.each([{ error: "invalid_grant" }, { access_token: undefined }])(
    "a token answer with %j and status 200 is no login (OAU-1)",
    async (members) => {
      linkedin.behaviours.tokenResponse = members;
      expect(await signIn(connect())).toMatchObject({ kind: "refused", reason: "invalid answer" });
      expect(linkedin.requests.filter(({ path }) => path.startsWith("/api"))).toEqual([]);
    },
  );
});

test("a dry run finds everything in order, and a wrong secret", async () => {
  const failed = async (config: JsonObject) => ((await open(config).check?.()) ?? []).filter(({ ok }) => !ok);
  expect(await failed({})).toEqual([]);
  expect(await failed({ clientSecret: "wrong" })).toHaveLength(1);
  linkedin.violations.length = 0; // codes and tokens that nobody issued
});
