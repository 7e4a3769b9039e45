// What the base of OAuth2 connectors offers to providers that need more: endpoints found by discovery, answers by form,
// assertions in place of secrets.
import { silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { type FakeOAuth2Dialect, type FakeOAuth2Server, makeHandSetClock, startFakeOAuth2Server } from "@dex/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { discoverEndpoints, endpointUrl, makeOAuth2Kind, oauth2Members } from "../src/oauth2/oauth2.ts";
import { begin, callbackOf, FAKE, REGISTRATION, signIn, signInForRefresh } from "./oauth2-login.ts";

interface Person {
  readonly sub: string;
}
const METADATA = "/.well-known/oauth-authorization-server";

const kind = makeOAuth2Kind({
  type: "modern",
  title: "Modern",
  capabilities: { refresh: "yes", groups: "no", preferredUsername: "no" },
  schema: z.object({ ...oauth2Members, baseURL: endpointUrl }),
  secretAudience: ["baseURL"],
  clientSecret: "optional",
  toProvider: ({ baseURL, clientSecret }) => ({
    endpoints: (fetch) => discoverEndpoints(fetch, `${baseURL}${METADATA}`, baseURL),
    apiUrl: baseURL,
    scopes: ({ offlineAccess }) => (offlineAccess ? ["who", "later"] : ["who"]),
    clientAuthentication: clientSecret === undefined ? { assertion: async () => "signed.by.us" } : "client_secret_post",
    callback: "form",
    refresh: "access token",
    async readPerson(api, _asked, token) {
      expect(token).toMatchObject({ access_token: expect.any(String) });
      const { body } = await api.post(`${baseURL}/who`, { fields: ["sub"] }, z.object({ sub: z.string() }));
      return {
        remoteId: body.sub,
        email: undefined,
        emailVerified: false,
        displayName: undefined,
        preferredUsername: undefined,
        groups: undefined,
      };
    },
  }),
});

const dialect: FakeOAuth2Dialect<Person> = {
  authorizationPath: "/elsewhere/authorize",
  tokenPath: "/elsewhere/token",
  clientAuthentication: (form) =>
    form.client_secret === undefined &&
    form.client_assertion === "signed.by.us" &&
    form.client_assertion_type === "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  redirectUri: "sent",
  scopes: ["who", "who later"],
  authorizationParameters: [],
  tokenFormat: "json",
  errorsAsSuccess: false,
  accessTokenSeconds: 60,
  refreshTokens: { rotate: true, scope: "later" },
  responseMode: "form_post",
  documents: (url) => ({
    [METADATA]: {
      issuer: url,
      authorization_endpoint: `${url}/elsewhere/authorize`,
      token_endpoint: `${url}/elsewhere/token`,
    },
  }),
  hintOf: () => undefined,
  isHinted: () => false,
  apiHeaders: {},
  api: [{ path: /^\/who$/, method: "POST", answer: ({ person }) => ({ status: 200, body: person }) }],
};

let upstream: FakeOAuth2Server<Person>;
beforeEach(async () => {
  upstream = await startFakeOAuth2Server({ ...FAKE, people: [{ sub: "p-1" }] }, dialect);
});
afterEach(() => upstream.close());

function connect(change: { clock?: () => Date; baseURL?: string } = {}) {
  const { clientID } = REGISTRATION;
  const opened = kind.open(
    { id: "up", type: "modern", config: { clientID, baseURL: change.baseURL ?? upstream.url } },
    {
      clock: change.clock ?? systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
    },
  );
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}
const discoveries = () => upstream.requests.filter(({ path }) => path === METADATA);

test("a provider with all of it signs somebody in", async () => {
  const connector = connect();
  expect(callbackOf(connector).answersBy).toBe("form");
  expect(await signIn(callbackOf(connector))).toMatchObject({ identity: { remoteId: "p-1" } });
  expect(upstream.requests.find(({ path }) => path === "/elsewhere/authorize")?.parameters.response_mode).toBe(
    "form_post",
  );
  expect(upstream.violations).toEqual([]);
});

test("an access token alone is kept where no more is used, and read with until it ends", async () => {
  const session = await signInForRefresh(connect());
  expect(session.grant()).toEqual({ accessToken: expect.any(String) });
  expect(await session.refresh()).toMatchObject({ identity: { remoteId: "p-1" } });
  upstream.advance(60);
  expect(await session.refresh()).toMatchObject({ kind: "refused", reason: "invalid answer" });
  expect(upstream.requests.filter(({ path }) => path === "/elsewhere/token")).toHaveLength(1);
});

test("a secret is needed where nothing takes its place", () => {
  const config = { ...REGISTRATION, clientSecret: "", baseURL: "https://up.example" };
  const parts = {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    checkPassword: async () => ({ kind: "unavailable" as const, detail: "" }),
  };
  expect(kind.open({ id: "up", type: "modern", config }, parts)).toMatchObject({
    kind: "refused",
    reason: expect.stringContaining("clientSecret"),
  });
});

describe("endpoints that are found by discovery", () => {
  test("are asked for once by many at the same moment, and again after an hour", async () => {
    const clock = makeHandSetClock();
    const login = callbackOf(connect({ clock: clock.now }));
    await Promise.all([begin(login), begin(login), begin(login)]);
    expect(discoveries()).toHaveLength(1);
    clock.advance(3601);
    await begin(login);
    expect(discoveries()).toHaveLength(2);
  });

  test("are used for a day while they cannot be asked for, and make it unavailable before they were ever known", async () => {
    const clock = makeHandSetClock();
    const login = callbackOf(connect({ clock: clock.now }));
    upstream.behaviours.endpoints[METADATA] = "status 500";
    await expect(begin(login)).rejects.toThrow("unavailable");
    upstream.behaviours.endpoints = {};
    await begin(login);
    upstream.behaviours.endpoints[METADATA] = "status 500";
    clock.advance(80_000);
    await begin(login);
    clock.advance(10_000);
    await expect(begin(login)).rejects.toThrow("unavailable");
  });

  test("of another issuer are not used, nor is an answer that names another one (MIX-1)", async () => {
    const other = connect({ baseURL: upstream.url.replace("127.0.0.1", "localhost") });
    await expect(begin(callbackOf(other))).rejects.toThrow("the issuer is another one");
    const outcome = await signIn(callbackOf(connect()), {}, (query) => query.set("iss", `${upstream.url}/other`));
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(upstream.requests.filter(({ path }) => path === "/elsewhere/token")).toEqual([]);
    expect(await signIn(callbackOf(connect()), {}, (query) => query.set("iss", upstream.url))).toMatchObject({
      kind: "identity",
    });
  });

  test.each(["not json", "html", "huge body", "redirect loop", "status 404"] as const)(
    "answered with %s are unavailable",
    async (how) => {
      upstream.behaviours.endpoints[METADATA] = how;
      await expect(begin(callbackOf(connect()))).rejects.toThrow("unavailable");
    },
  );

  test("show in a dry run", async () => {
    expect(await connect().check?.()).toMatchObject([
      { name: "discovery", ok: true, detail: `${upstream.url}/elsewhere/token` },
      { name: "token endpoint", ok: true },
      { name: "clock", ok: true },
      { name: "profile", ok: true },
    ]);
    upstream.behaviours.endpoints[METADATA] = "status 404";
    expect(await connect().check?.()).toEqual([{ name: "discovery", ok: false, detail: "discovery: status 404" }]);
  });
});

describe("a dry run", () => {
  test("finds a clock that is far from ours", async () => {
    const clock = makeHandSetClock();
    expect(await connect({ clock: clock.now }).check?.()).toContainEqual({
      name: "clock",
      ok: false,
      detail: expect.stringMatching(/clock is -?\d+ s ahead/),
    });
  });

  test.each(["html", "status 500", "status 404", "close"] as const)(
    "finds a token endpoint that answers with %s",
    async (how) => {
      upstream.behaviours.endpoints["/elsewhere/token"] = how;
      expect(await connect().check?.()).toContainEqual({
        name: "token endpoint",
        ok: false,
        detail: expect.any(String),
      });
    },
  );
});
