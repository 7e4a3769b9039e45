import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import type { JsonObject } from "@dex/runtime";
import {
  FAKE_OPENSHIFT_TOKEN_SECONDS,
  type FakeOAuth2Server,
  type FakeOpenshiftPerson,
  makePrivateAuthority,
  NOTHING_ASKED,
  PLAIN_CALLBACK,
  startFakeOpenshift,
} from "@dex/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  begin,
  CALLBACK_URL,
  callbackOf,
  FAKE,
  NO_WISH,
  openOAuth2Connector,
  STATE,
  secondsFromNow,
  signIn,
  signInForRefresh,
} from "./oauth2-login.ts";

const JANE: FakeOpenshiftPerson = { uid: "uid-1", name: "jane", groups: ["developers", "system:authenticated"] };
const ADDRESSED: FakeOpenshiftPerson = { uid: "uid-2", name: "jane@example.com" };
const METADATA = "/.well-known/oauth-authorization-server";
const USER = "/apis/user.openshift.io/v1/users/~";
const GROUPS = { asked: { groups: true, offlineAccess: false } };

let cluster: FakeOAuth2Server<FakeOpenshiftPerson>;
beforeAll(async () => {
  cluster = await startFakeOpenshift({ ...FAKE, people: [JANE] });
});
afterAll(() => cluster.close());
beforeEach(() => {
  cluster.reset();
  only(JANE);
});
afterEach(() => expect(cluster.violations).toEqual([]));

/** The one person there is. */
function only(person: FakeOpenshiftPerson): void {
  cluster.people.splice(0, cluster.people.length, person);
}
const open = (config: JsonObject = {}) => openOAuth2Connector("openshift", { issuer: `${cluster.url}/`, ...config });
const login = (config: JsonObject = {}, wish = {}) => signIn(callbackOf(open(config)), wish);
const paths = () => cluster.requests.map(({ path }) => path);

describe("a person of a cluster", () => {
  test("has the uid, and the user name for everything else; it is an address where it looks like one (C 195)", async () => {
    only(ADDRESSED);
    expect(await login()).toEqual({
      kind: "identity",
      identity: {
        connectorId: "up",
        remoteId: "uid-2",
        email: "jane@example.com",
        emailVerified: false,
        displayName: "jane@example.com",
        preferredUsername: "jane@example.com",
        groups: undefined,
        authTime: undefined,
        amr: [],
      },
    });
    expect(paths()).toEqual([METADATA, "/oauth/authorize", "/oauth/token", USER]);
    only({ ...JANE, fullName: "Jane Doe" });
    expect(await login()).toMatchObject({
      identity: { email: undefined, emailVerified: false, displayName: "Jane Doe", preferredUsername: "jane" },
    });
  });

  test.each(["jane", "a@b@example.com", "@example.com", "system:serviceaccount:x@y:z", `${"a".repeat(249)}@b.org`])(
    "called %s has no address",
    async (name) => {
      only({ ...JANE, name });
      expect(await login()).toMatchObject({ identity: { email: undefined, preferredUsername: name } });
    },
  );

  test("without a uid, as a new cluster's administrator, is nobody", async () => {
    only({ name: "kube:admin" });
    expect(await login()).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("is asked for user:info with a PKCE challenge (MIX-2)", async () => {
    const { searchParams } = new URL((await begin(callbackOf(open()))).to);
    expect(searchParams.get("scope")).toBe("user:info");
    expect(searchParams.get("code_challenge_method")).toBe("S256");
    for (const change of [
      (query: URLSearchParams) => query.set("state", "x"),
      (query: URLSearchParams) => query.delete("state"),
    ]) {
      expect(await signIn(callbackOf(open()), {}, change)).toMatchObject({ reason: "invalid answer" });
    }
    expect(paths()).not.toContain("/oauth/token");
  });
});

describe("groups of a cluster", () => {
  test("are all in the claim, also where one of them let the person in (C 196)", async () => {
    expect(await login({}, GROUPS)).toMatchObject({ identity: { groups: JANE.groups } });
    expect(await login({ groups: ["developers", "x"] })).toMatchObject({ identity: { groups: JANE.groups } });
    expect(await login()).toMatchObject({ identity: { groups: undefined } });
  });

  test.each([{ groups: ["others"] }, { groups: ["Developers"] }])(
    "$groups keep out who is in none (C 196)",
    async (config) => {
      expect(await login(config)).toMatchObject({ kind: "refused", reason: "not permitted" });
    },
  );

  test("may be null", async () => {
    only({ ...JANE, groups: null });
    expect(await login({}, GROUPS)).toMatchObject({ identity: { groups: [] } });
    expect(await login({ groups: ["developers"] })).toMatchObject({ reason: "not permitted" });
  });
});

describe("a person who is read again", () => {
  test("has the groups of today (C 197)", async () => {
    const session = await signInForRefresh(open());
    cluster.replace(JANE, { ...JANE, groups: ["admins"] });
    cluster.requests.length = 0;
    expect(await session.refresh()).toMatchObject({ identity: { remoteId: "uid-1", groups: ["admins"] } });
    expect(paths()).toEqual([USER]);
  });

  test.each([
    { what: "left the groups", next: { ...JANE, groups: [] }, reason: "not permitted" },
    { what: "is gone", next: undefined, reason: "invalid answer" },
    { what: "has become somebody else", next: { ...JANE, uid: "uid-9" }, reason: "invalid answer" },
  ])("is refused when the person $what (C 197)", async ({ next, reason }) => {
    const session = await signInForRefresh(open({ groups: ["developers"] }));
    cluster.replace(JANE, next);
    expect(await session.refresh()).toMatchObject({ kind: "refused", reason });
    cluster.violations.length = 0;
  });

  test("is refused once the token has expired, since clusters give none to renew it with (C 197)", async () => {
    const session = await signInForRefresh(open());
    cluster.advance(FAKE_OPENSHIFT_TOKEN_SECONDS + 60);
    const later = secondsFromNow(FAKE_OPENSHIFT_TOKEN_SECONDS + 60);
    expect(await session.refresh(later)).toMatchObject({ kind: "refused" });
    expect(cluster.violations.splice(0)).toHaveLength(1);
  });
});

describe("a cluster's metadata", () => {
  const lies: { what: string; metadata: Record<string, unknown> }[] = [
    { what: "no token endpoint", metadata: { token_endpoint: undefined } },
    { what: "a token endpoint in clear text", metadata: { token_endpoint: "http://oauth.example/token" } },
    { what: "a token endpoint that is no URL", metadata: { token_endpoint: "oauth/token" } },
    { what: "a script for a page", metadata: { authorization_endpoint: "javascript:alert(1)" } },
  ];
  test.each(lies)("with $what makes it unavailable", async ({ metadata }) => {
    const liar = await startFakeOpenshift({ ...FAKE, people: [JANE], metadata });
    const connector = openOAuth2Connector("openshift", { issuer: liar.url });
    const outcome = await callbackOf(connector).begin({ callbackUrl: CALLBACK_URL, state: STATE, wish: NO_WISH });
    expect(outcome).toMatchObject({ kind: "unavailable" });
    await liar.close();
  });

  test("takes our secret to no private address of another host, unless that was allowed (SSR-1)", async () => {
    const inside = await startFakeOpenshift({ ...FAKE, people: [JANE] });
    const token_endpoint = inside.url.replace("127.0.0.1", "127.0.0.2").concat("/oauth/token");
    const liar = await startFakeOpenshift({ ...FAKE, people: [JANE], metadata: { token_endpoint } });
    const outcome = await signIn(callbackOf(openOAuth2Connector("openshift", { issuer: liar.url })));
    expect(outcome).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("not a public address") });
    expect(inside.requests).toEqual([]);
    const config = { issuer: liar.url, insecurePrivateEndpoints: true };
    const allowed = await signIn(callbackOf(openOAuth2Connector("openshift", config)));
    expect(allowed).not.toMatchObject({ detail: expect.stringContaining("not a public address") });
    await Promise.all([inside.close(), liar.close()]);
  });

  test("names whom the answer must be from, where the answer says it (MIX-1)", async () => {
    const from = (iss: string) => signIn(callbackOf(open()), {}, (query) => query.set("iss", iss));
    expect(await from("https://oauth-openshift.apps.example")).toMatchObject({ kind: "identity" });
    expect(await from(cluster.url)).toMatchObject({ reason: "invalid answer" });
  });

  test("is asked for once, by however many people", async () => {
    const callback = callbackOf(open());
    await Promise.all([signIn(callback), signIn(callback), signIn(callback)]);
    await signIn(callback);
    expect(paths().filter((path) => path === METADATA)).toHaveLength(1);
  });
});

describe("a cluster in trouble", () => {
  const failures = [
    ...(["status 500", "close", "huge body", "many headers"] as const).map((how) => [how, "unavailable"] as const),
    ...(["not json", "status 404", "redirect loop"] as const).map((how) => [how, "refused"] as const),
  ].flatMap(([how, kind]) => ["/oauth/token", USER].map((path) => ({ how, path, kind })));
  test.each(failures)("$how at $path is $kind (SSR-1)", async ({ how, path, kind }) => {
    cluster.behaviours.endpoints[path] = how;
    expect(await login()).toMatchObject({ kind });
  });

  test.each(["status 500", "not json", "status 404", "redirect loop", "close"] as const)(
    "%s for metadata is unavailable, and is asked for again (SSR-1)",
    async (how) => {
      const callback = callbackOf(open());
      cluster.behaviours.endpoints[METADATA] = how;
      const start = () => callback.begin({ callbackUrl: CALLBACK_URL, state: STATE, wish: NO_WISH });
      expect(await start()).toMatchObject({ kind: "unavailable" });
      cluster.reset();
      expect(await start()).toMatchObject({ kind: "redirect" });
    },
  );

  test("an error that comes with a token is an error (OAU-1)", async () => {
    cluster.behaviours.tokenResponse = { error: "invalid_grant" };
    expect(await login()).toMatchObject({ reason: "invalid answer" });
    expect(paths()).not.toContain(USER);
  });
});

describe("a cluster with a private authority", () => {
  const authority = makePrivateAuthority();
  let own: FakeOAuth2Server<FakeOpenshiftPerson>;
  beforeAll(async () => {
    own = await startFakeOpenshift({ ...FAKE, people: [JANE], tls: authority.server });
  });
  afterAll(() => own.close());
  /** A browser that trusts the authority. */
  const visit = (to: string) =>
    new Promise<URLSearchParams>((resolve, reject) => {
      const answered = ({ headers }: IncomingMessage) => resolve(new URL(headers.location ?? "").searchParams);
      get(to, { ca: authority.ca }, answered).on("error", reject);
    });

  test.each([{ rootCA: authority.ca }, { rootCA: Buffer.from(authority.ca).toString("base64") }, { insecureCA: true }])(
    "is one that the connector may be told to trust",
    async (config) => {
      const callback = callbackOf(openOAuth2Connector("openshift", { issuer: own.url, ...config }));
      const begun = await begin(callback);
      const given = { callbackUrl: CALLBACK_URL, state: STATE, data: begun.data, asked: NOTHING_ASKED };
      const query = await visit(begun.to);
      const outcome = await callback.finish({ ...given, query, request: PLAIN_CALLBACK, now: secondsFromNow(0) });
      expect(outcome).toMatchObject({ identity: { remoteId: "uid-1" } });
    },
  );

  test("is not trusted by itself", async () => {
    const callback = callbackOf(openOAuth2Connector("openshift", { issuer: own.url }));
    const outcome = await callback.begin({ callbackUrl: CALLBACK_URL, state: STATE, wish: NO_WISH });
    expect(outcome).toMatchObject({ kind: "unavailable" });
    expect(() => open({ rootCA: "/nowhere.pem" })).toThrow(/rootCA/);
  });
});

test("a dry run finds the cluster, its authorization server and our client there", async () => {
  expect(await open().check?.()).toMatchObject([
    { name: "discovery", ok: true },
    { name: "token endpoint", ok: true },
    { name: "clock", ok: true },
    { name: "profile", ok: true },
  ]);
  const steps = await open({ clientSecret: "wrong canary" }).check?.();
  expect(steps?.[1]).toMatchObject({ name: "token endpoint", ok: false });
  expect(JSON.stringify(steps)).not.toContain("canary");
  cluster.violations.length = 0;
  expect(await open({ issuer: "http://127.0.0.1:1" }).check?.()).toMatchObject([{ name: "discovery", ok: false }]);
});
