// GitLab's tokens: those that are stored and renewed, those that somebody else brings, and whom they are shown to.
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import type { JsonObject } from "@dex/runtime";
import {
  FAKE_GITLAB_TOKEN_SECONDS,
  type FakeGitlab,
  type FakeGitlabPerson,
  makePrivateAuthority,
  NOTHING_ASKED,
  PLAIN_CALLBACK,
  startFakeGitlab,
} from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  begin,
  CALLBACK_URL,
  callbackOf,
  FAKE,
  openOAuth2Connector,
  STATE,
  secondsFromNow,
  signInForRefresh,
} from "./oauth2-login.ts";

const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JOE: FakeGitlabPerson = {
  id: 12345678,
  username: "joebloggs",
  name: "Joe Bloggs",
  email: "joe@example.com",
  direct: ["team-1", "team-2"],
};

let gitlab: FakeGitlab;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ ...FAKE, people: [JOE] });
});
afterAll(() => gitlab.close());
beforeEach(() => {
  gitlab.reset();
  only(JOE);
});
afterEach(() => expect(gitlab.violations).toEqual([]));

/** The one person there is. */
function only(person: FakeGitlabPerson): void {
  gitlab.people.splice(0, gitlab.people.length, person);
}
const open = (config: JsonObject = {}) => openOAuth2Connector("gitlab", { baseURL: `${gitlab.url}/`, ...config });
const asked = (path: string) => gitlab.requests.filter((one) => one.path === path);

describe("a person who is read again", () => {
  const later = () => secondsFromNow(FAKE_GITLAB_TOKEN_SECONDS + 60);

  test("comes with a new token pair, which is kept before it is used (C 137)", async () => {
    const session = await signInForRefresh(open({ groups: ["team-1", "team-2"] }));
    const first = session.grant();
    gitlab.replace(JOE, { ...JOE, direct: ["team-2"], name: "Joe B." });
    gitlab.advance(FAKE_GITLAB_TOKEN_SECONDS + 60);
    gitlab.requests.length = 0;
    const outcome = await session.refresh(later());
    expect(outcome).toMatchObject({
      identity: { remoteId: "12345678", groups: ["team-2"], displayName: "Joe B." },
      grant: session.grant(),
    });
    expect(session.kept).toHaveLength(1);
    expect(session.grant()).not.toEqual(first);
    expect(asked("/oauth/token")).toHaveLength(1);
  });

  test("has the rotated pair kept also for a client that narrows its scopes, and after a failure", async () => {
    const session = await signInForRefresh(open());
    gitlab.advance(FAKE_GITLAB_TOKEN_SECONDS + 60);
    gitlab.behaviours.next["/api/v4/user"] = ["close", "close"];
    const narrow = { asked: { groups: false, offlineAccess: false } };
    expect(await session.refresh(later(), narrow)).toMatchObject({ kind: "unavailable" });
    expect(session.kept).toHaveLength(1);
    expect(await session.refresh(later(), narrow)).toMatchObject({ kind: "identity" });
  });

  test("with a refresh token that was used before is refused, and so is an empty grant (C 137)", async () => {
    const session = await signInForRefresh(open());
    const stale = session.grant();
    gitlab.advance(FAKE_GITLAB_TOKEN_SECONDS + 60);
    expect(await session.refresh(later())).toMatchObject({ kind: "identity" });
    expect(await session.refresh(later(), { grant: stale })).toMatchObject({ kind: "refused" });
    expect(gitlab.violations.splice(0)).toHaveLength(1);
    expect(await session.refresh(later(), { grant: {} })).toMatchObject({ reason: "invalid answer" });
  });

  test.each([
    { what: "left the groups", next: { ...JOE, direct: [] }, reason: "not permitted" },
    { what: "is gone", next: undefined, reason: "invalid answer" },
    { what: "has become somebody else", next: { ...JOE, id: 7 }, reason: "invalid answer" },
  ])("is refused when the person $what", async ({ next, reason }) => {
    const session = await signInForRefresh(open({ groups: ["team-1"] }));
    gitlab.replace(JOE, next);
    const narrow = { asked: { groups: false, offlineAccess: true } };
    expect(await session.refresh(undefined, narrow)).toMatchObject({ kind: "refused", reason });
    gitlab.violations.length = 0;
  });
});

describe("a token that somebody brings", () => {
  async function tokenOf(config: JsonObject = {}): Promise<string> {
    return String((await signInForRefresh(open(config))).grant().accessToken);
  }
  const bring = (token: string, config: JsonObject = {}, type = ACCESS_TOKEN) =>
    open(config).tokenIdentity?.({ token, type, now: secondsFromNow(0) });

  test("of our own application is the person, as a login would have it (C 139)", async () => {
    const { identity } = await signInForRefresh(open());
    expect(await bring(await tokenOf())).toEqual({ kind: "identity", identity });
  });

  test("of another application is refused, unless that one is named (C 140)", async () => {
    const token = await tokenOf();
    gitlab.issuedTo.set(token, "another application");
    gitlab.requests.length = 0;
    expect(await bring(token)).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(gitlab.requests.map(({ path }) => path)).toEqual(["/oauth/token/info"]);
    expect(await bring(token, { tokenApplications: ["another application"] })).toMatchObject({ kind: "identity" });
    expect(await bring(token, { tokenApplications: ["a third"] })).toMatchObject({ kind: "refused" });
  });

  test("of who is in none of the configured groups is refused", async () => {
    expect(await bring(await tokenOf(), { groups: ["others"] })).toMatchObject({ reason: "not permitted" });
  });

  test.each([
    { what: "is unknown", token: "nobodys-token", type: ACCESS_TOKEN, heard: 1 },
    { what: "has a line break", token: "a\r\nx: y", type: ACCESS_TOKEN, heard: 0 },
    { what: "is called an ID token", token: "abc", type: "urn:ietf:params:oauth:token-type:id_token", heard: 0 },
  ])("that $what is refused", async ({ token, type, heard }) => {
    expect(await bring(token, {}, type)).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(gitlab.requests).toHaveLength(heard);
    gitlab.violations.length = 0;
  });

  test("that GitLab says nothing of is refused", async () => {
    const token = await tokenOf();
    for (const how of ["not json", "status 404", "redirect loop"] as const) {
      gitlab.behaviours.endpoints["/oauth/token/info"] = how;
      expect(await bring(token)).toMatchObject({ kind: "refused" });
    }
  });
});

describe("an instance with a private authority", () => {
  const authority = makePrivateAuthority();
  const base64 = Buffer.from(authority.ca).toString("base64");
  let own: FakeGitlab;
  beforeAll(async () => {
    own = await startFakeGitlab({ ...FAKE, people: [JOE], tls: authority.server });
  });
  afterAll(() => own.close());

  /** A browser that trusts the authority. */
  const visit = (to: string) =>
    new Promise<URLSearchParams>((resolve, reject) => {
      const answered = ({ headers }: IncomingMessage) => resolve(new URL(headers.location ?? "").searchParams);
      get(to, { ca: authority.ca }, answered).on("error", reject);
    });
  const trust: { config: JsonObject; kind: string }[] = [
    { config: { rootCAData: base64 }, kind: "identity" },
    { config: { rootCAs: [authority.ca] }, kind: "identity" },
    { config: { rootCAs: [base64] }, kind: "identity" },
    { config: { insecureSkipVerify: true }, kind: "identity" },
    { config: {}, kind: "unavailable" },
    { config: { rootCAData: Buffer.from(makePrivateAuthority().ca).toString("base64") }, kind: "unavailable" },
  ];
  test.each(trust)("gives $kind (C 138)", async ({ config, kind }) => {
    const callback = callbackOf(openOAuth2Connector("gitlab", { baseURL: own.url, ...config }));
    const begun = await begin(callback);
    const outcome = await callback.finish({
      callbackUrl: CALLBACK_URL,
      query: await visit(begun.to),
      state: STATE,
      data: begun.data,
      asked: NOTHING_ASKED,
      request: PLAIN_CALLBACK,
      now: secondsFromNow(0),
    });
    expect(outcome).toMatchObject({ kind });
  });

  test("whose certificate is no PEM does not open (C 138)", () => {
    expect(() => open({ rootCAData: "nonsense" })).toThrow(/rootCAData/);
    expect(() => open({ rootCAData: Buffer.from("-----BEGIN CERTIFICATE-----").toString("base64") })).toThrow(
      /rootCAData/,
    );
    expect(() => open({ rootCAs: [authority.ca, "/nowhere.pem"] })).toThrow(/rootCAs\.1/);
  });
});
