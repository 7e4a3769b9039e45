// The oidc connector on the wire: what its configuration makes of a sign-in, and what a hostile upstream makes of a refresh.
import { type JsonObject, systemClock } from "@dex/runtime";
import {
  type FakeEndpoint,
  type FakeOpenIdProvider,
  type FakeOpenIdProviderOptions,
  type Misbehaviour,
  makeHandSetClock,
  makeTestCertificates,
  startFakeOpenIdProvider,
} from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Connector, LoginOutcome, UpstreamGrant } from "../src/connector.ts";
import {
  beginFor,
  callbackLoginOf,
  callbackUrl,
  openFor,
  proved,
  signInFor,
  type Visitor,
  visitByRedirect,
} from "./connector-login.ts";

const clientSecret = "a secret / with odd & characters %";
const jane = { sub: "jane-1", claims: { email: "jane@example.com", email_verified: true, name: "Jane" } };
const SIGN_OUT = {
  ...{ remoteId: "jane-1", callbackUrl, returnTo: "https://dex.example/auth/corp/signed-out" },
  state: "a-state",
};
const OFFLINE = { groups: true, offlineAccess: true };
const visitor: Visitor = { visit: visitByRedirect };
const offline: Visitor = { ...visitor, asked: OFFLINE };

function start(options: Partial<FakeOpenIdProviderOptions> = {}): Promise<FakeOpenIdProvider> {
  const redirectUris = [callbackUrl, "https://dex.example/callback"];
  const base = { clientId: "dex", clientSecret, redirectUris, path: "/realm", refreshTokens: true, users: [jane] };
  return startFakeOpenIdProvider({ ...base, ...options });
}

let provider: FakeOpenIdProvider;
beforeAll(async () => {
  provider = await start();
});
afterAll(() => provider.close());
beforeEach(() => {
  provider.reset();
  provider.users.splice(0, provider.users.length, jane);
});

const open = (config: JsonObject = {}, { issuer } = provider) =>
  openFor("oidc", { issuer, clientID: "dex", clientSecret, ...config });
const parametersOf = async (config: JsonObject, who = visitor) =>
  new URL((await beginFor(open(config), who)).to).searchParams;

describe("the authorization request", () => {
  test("asks for consent where offline access is asked for, unless told otherwise (C 156)", async () => {
    const promptOf = async (config: JsonObject, who: Visitor) => (await parametersOf(config, who)).get("prompt");
    expect(await promptOf({}, offline)).toBe("consent");
    expect(await promptOf({ promptType: null }, offline)).toBe("consent");
    // An empty parameter and none are the same (RFC 6749 §3.1).
    expect(await promptOf({ promptType: "" }, offline)).toBeNull();
    expect(await promptOf({ promptType: "login" }, offline)).toBe("login");
    expect(await promptOf({}, visitor)).toBeNull();
    expect((await parametersOf({}, offline)).get("access_type")).toBe("offline");
    expect((await parametersOf({}, visitor)).has("access_type")).toBe(false);
  });

  test.each([{}, { pkceChallenge: "S256" }, { pkceChallenge: "plain" }])(
    "has the S256 challenge and never the verifier, with %j (C 155, MIX-2)",
    async (config) => {
      const { to, data } = await beginFor(open(config), visitor);
      const { searchParams } = new URL(to);
      expect(searchParams.get("code_challenge_method")).toBe("S256");
      const kept = JSON.stringify(data);
      const verifier = /"code_verifier":"([^"]+)"/.exec(kept)?.[1] ?? "";
      expect(verifier).toMatch(/^[\w-]{43,}$/);
      expect(to).not.toContain(verifier);
      expect(await signInFor(open(config), visitor)).toMatchObject({ kind: "identity" });
    },
  );

  test("is made for our callback, or for dex v2's, and for no other (C 10, MIX-1)", async () => {
    expect((await parametersOf({})).get("redirect_uri")).toBe(callbackUrl);
    const shared = "https://dex.example/callback";
    expect((await parametersOf({ redirectURI: shared })).get("redirect_uri")).toBe(shared);
    expect(await signInFor(open({ redirectURI: shared }), visitor)).toMatchObject({ kind: "identity" });
    provider.requests.length = 0;
    const wish = { reauthenticate: false, selectAccount: false, maxAgeSeconds: undefined, loginHint: undefined };
    const begun = await callbackLoginOf(open({ redirectURI: "https://evil.example/callback" })).begin({
      callbackUrl,
      state: "state-of-the-browser-1",
      wish: { ...wish, asked: OFFLINE },
    });
    expect(begun).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("redirectURI") });
    expect(provider.requests).toEqual([]);
  });
});

describe("the upstream's metadata", () => {
  test("is corrected by what the operator says of its endpoints (C 158)", async () => {
    const elsewhere = "https://127.0.0.1:1/nobody";
    const broken = ["authorization", "token", "userinfo", "end_session"].map((name) => [`${name}_endpoint`, elsewhere]);
    provider.behaviours.discovery = { ...Object.fromEntries(broken), jwks_uri: elsewhere };
    const { issuer } = provider;
    const connector = open({
      getUserInfo: true,
      providerDiscoveryOverrides: {
        authURL: `${issuer}/authorize`,
        tokenURL: `${issuer}/token`,
        jwksURL: `${issuer}/jwks`,
        userInfoURL: `${issuer}/userinfo`,
        deviceAuthURL: `${issuer}/device`,
        endSessionURL: `${issuer}/logout?foo=bar`,
      },
    });
    expect(await signInFor(connector, visitor)).toMatchObject({ kind: "identity", identity: { remoteId: "jane-1" } });
    expect(await connector.signOut?.(SIGN_OUT)).toMatchObject({
      to: expect.stringContaining(`${issuer}/logout?foo=bar&`),
    });
    expect(provider.violations).toEqual([]);
  });

  test("may name another issuer where the operator names it too, and tokens must (MIX-1)", async () => {
    const alias = "https://public.example";
    provider.behaviours.discovery = { issuer: alias, authorization_response_iss_parameter_supported: false };
    provider.behaviours.authorizationResponse = { iss: undefined };
    provider.behaviours.idTokenClaims = { iss: alias };
    expect(await signInFor(open({ issuerAlias: alias }), visitor)).toMatchObject({ kind: "identity" });
    provider.behaviours.idTokenClaims = {};
    expect(await signInFor(open({ issuerAlias: alias }), visitor)).toMatchObject({ kind: "refused" });
    await expect(signInFor(open(), visitor)).rejects.toThrow("the issuer is another one");
  });

  test("does not send us to addresses inside our network, unless the operator does (SSR-1)", async () => {
    const inside = new URL(provider.issuer);
    inside.hostname = "127.0.0.2";
    for (const endpoint of ["token", "userinfo"]) {
      provider.behaviours.discovery = { [`${endpoint}_endpoint`]: `${inside.href}/${endpoint}` };
      const outcome = (config: JsonObject) => signInFor(open({ getUserInfo: true, ...config }), visitor);
      const refused = { kind: "unavailable", detail: expect.stringContaining("not a public address") };
      const tried = { kind: "unavailable", detail: expect.stringContaining("ECONNREFUSED") };
      expect(await outcome({}), endpoint).toMatchObject(refused);
      expect(await outcome({ insecurePrivateEndpoints: true }), endpoint).toMatchObject(tried);
      const providerDiscoveryOverrides = { tokenURL: `${inside.href}/token`, userInfoURL: `${inside.href}/userinfo` };
      expect(await outcome({ providerDiscoveryOverrides }), endpoint).toMatchObject(tried);
    }
  });

  test("says where a person is signed out; what is in the address stays (C 161)", async () => {
    provider.behaviours.discovery = { end_session_endpoint: "https://idp.example/logout?foo=bar" };
    const departure = await open().signOut?.(SIGN_OUT);
    expect(departure?.kind).toBe("redirect");
    const to = new URL(departure?.to ?? "");
    expect(to.href.split("?")[0]).toBe("https://idp.example/logout");
    expect(Object.fromEntries(to.searchParams)).toEqual({
      foo: "bar",
      post_logout_redirect_uri: SIGN_OUT.returnTo,
      client_id: "dex",
      state: SIGN_OUT.state,
    });
    const nowhere = [undefined, "javascript:alert(1)", 5, "https://", "https://user:password@idp.example/logout"];
    for (const end_session_endpoint of nowhere) {
      provider.behaviours.discovery = { end_session_endpoint };
      expect(await open().signOut?.(SIGN_OUT)).toBeUndefined();
    }
    provider.behaviours.endpoints.discovery = "status 500";
    expect(await open().signOut?.(SIGN_OUT)).toBeUndefined();
  });
});

test("a server that knows us by credentials in the body alone is asked that way after one try (C 25, C 26)", async () => {
  const posting = await start({ clientAuthentication: "client_secret_post" });
  const tokenRequests = () => posting.requests.filter(({ endpoint }) => endpoint === "token").length;
  try {
    for (const announced of [undefined, ["client_secret_basic", "client_secret_post"]]) {
      posting.reset();
      posting.behaviours.discovery = { token_endpoint_auth_methods_supported: announced };
      const connector = open({}, posting);
      expect(await signInFor(connector, visitor)).toMatchObject({ kind: "identity" });
      expect(tokenRequests()).toBe(2);
      expect(await signInFor(connector, visitor)).toMatchObject({ kind: "identity" });
      expect(tokenRequests()).toBe(3);
    }
    // Not where the upstream says that it takes no such thing.
    posting.reset();
    posting.behaviours.discovery = { token_endpoint_auth_methods_supported: ["client_secret_basic"] };
    expect(await signInFor(open({}, posting), visitor)).toMatchObject({ kind: "unavailable" });
    expect(tokenRequests()).toBe(1);
  } finally {
    await posting.close();
  }
});

test("a claim that no address comes with is no error where none was asked for (C 148)", async () => {
  provider.behaviours.idTokenClaims = { email: undefined, email_verified: undefined };
  const outcome = await signInFor(open({ scopes: ["profile"] }), visitor);
  expect(outcome).toMatchObject({ kind: "identity", identity: { email: undefined, emailVerified: false } });
});

test("a certificate of a private authority is trusted where it is named (C 32, C 34)", async () => {
  const certificates = makeTestCertificates();
  const secure = await start({ tls: certificates.server });
  try {
    const works = async (config: JsonObject) => (await open(config, secure).check?.())?.every(({ ok }) => ok);
    expect(await works({})).toBe(false);
    expect(await works({ rootCAs: [certificates.caFile] })).toBe(true);
    expect(await works({ insecureSkipVerify: true })).toBe(true);
    expect(() => open({ rootCAs: ["", "nonsense"] }, secure)).toThrow(/rootCAs\.1/);
  } finally {
    await secure.close();
    certificates.remove();
  }
});

describe("a refresh", () => {
  interface Refreshing {
    readonly kept?: UpstreamGrant[];
    readonly keep?: (grant: UpstreamGrant) => Promise<void>;
    readonly remoteId?: string;
  }
  async function refresh(connector: Connector, grant: UpstreamGrant, more: Refreshing = {}): Promise<LoginOutcome> {
    const { kept = [], keep = async (next: UpstreamGrant) => void kept.push(next), remoteId = "jane-1" } = more;
    const outcome = await connector.refresh?.({ grant, remoteId, asked: OFFLINE, now: systemClock(), keep });
    if (outcome === undefined) throw new Error("expected a refresh");
    return outcome;
  }
  const grantOf = async (connector: Connector) => (await proved(signInFor(connector, offline))).grant;

  test("without an ID token works only with userinfo (C 159)", async () => {
    for (const config of [{}, { getUserInfo: true }]) {
      provider.reset();
      const connector = open(config);
      const grant = await grantOf(connector);
      expect(await refresh(connector, grant)).toMatchObject({ kind: "identity" });
      const again = await grantOf(connector);
      provider.behaviours.tokenResponse = { id_token: undefined };
      const expected = config.getUserInfo ? { kind: "identity" } : { kind: "refused", reason: "invalid answer" };
      expect(await refresh(connector, again)).toMatchObject(expected);
    }
  });

  test("that fails after the token was rotated has stored the new one (C 31)", async () => {
    const hostile: (() => void)[] = [
      () => Object.assign(provider.behaviours.endpoints, { jwks: "status 500" }),
      () => Object.assign(provider.behaviours, { idTokenSignature: "unknown kid" }),
      () => Object.assign(provider.behaviours.endpoints, { userinfo: "close" }),
    ];
    for (const make of hostile) {
      provider.reset();
      const grant = await grantOf(open());
      make();
      const kept: UpstreamGrant[] = [];
      // Opened anew, so that it has no keys yet.
      const outcome = await refresh(open({ getUserInfo: true }), grant, { kept });
      expect(outcome.kind).not.toBe("identity");
      provider.reset();
      expect(await refresh(open(), kept[0] ?? {})).toMatchObject({ kind: "identity" });
    }
  });

  test("does not go on when the new token cannot be stored, and the error is ours", async () => {
    const connector = open({ getUserInfo: true });
    const grant = await grantOf(connector);
    provider.requests.length = 0;
    const keep = () => Promise.reject(new Error("the database is away"));
    await expect(refresh(connector, grant, { keep })).rejects.toThrow("the database is away");
    expect(provider.requests.map(({ endpoint }) => endpoint)).toEqual(["token"]);
  });

  test("keeps the refresh token where the answer has none (C 31)", async () => {
    const connector = open();
    const grant = await grantOf(connector);
    provider.behaviours.tokenResponse = { refresh_token: undefined };
    const kept: UpstreamGrant[] = [];
    expect(await refresh(connector, grant, { kept })).toMatchObject({ kind: "identity", grant });
    expect(kept).toEqual([]);
  });

  const badTokens: { when: string; make: () => object; config?: JsonObject }[] = [
    { when: "is about somebody else", make: () => ({ idTokenClaims: { sub: "joe-2" } }) },
    { when: "was made for another client", make: () => ({ idTokenClaims: { aud: "other" } }) },
    { when: "has another issuer", make: () => ({ idTokenClaims: { iss: "https://evil.example" } }) },
    { when: "has expired", make: () => ({ idTokenClaims: { exp: 1 } }) },
    { when: "was signed by another key", make: () => ({ idTokenSignature: "foreign key" }) },
    { when: "is unsigned", make: () => ({ idTokenSignature: "alg none" }) },
    { when: "is HMACed with our secret", make: () => ({ idTokenSignature: "client secret as HMAC key" }) },
    {
      when: "comes with userinfo of somebody else (C 166)",
      make: () => ({ userInfoClaims: { sub: "joe-2" } }),
      config: { getUserInfo: true },
    },
    {
      when: "says the login was weaker than demanded",
      make: () => ({ idTokenClaims: { acr: "weak" } }),
      config: { acrValues: ["mfa"] },
    },
  ];
  test.each(badTokens)("is refused when its ID token $when (MIX-3, C 163)", async ({ make, config = {} }) => {
    const connector = open(config);
    provider.behaviours.idTokenClaims = { acr: "mfa" };
    const grant = await grantOf(connector);
    Object.assign(provider.behaviours, make());
    expect(await refresh(connector, grant)).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("is about the person it was stored for, by every name they have", async () => {
    const connector = open();
    const outcome = await refresh(connector, await grantOf(connector), { remoteId: "joe-2" });
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
    // OIDC Core §12.2: the same sub, whatever other claim is the id here.
    provider.behaviours.idTokenClaims = { oid: "o-1" };
    const byOid = open({ userIDKey: "oid" });
    const grant = await grantOf(byOid);
    provider.behaviours.idTokenClaims = { oid: "o-1", sub: "joe-2" };
    expect(await refresh(byOid, grant, { remoteId: "o-1" })).toMatchObject({ kind: "refused" });
  });

  test("tells an upstream that is down from one that says no", async () => {
    const connector = open();
    const grant = await grantOf(connector);
    provider.behaviours.endpoints.token = "status 500";
    expect(await refresh(connector, grant)).toMatchObject({ kind: "unavailable" });
    provider.reset();
    provider.users.length = 0;
    expect(await refresh(connector, grant)).toMatchObject({ kind: "refused", reason: "user gone" });
  });
});

describe("an upstream that is slow", () => {
  const rows: { endpoint: FakeEndpoint; how: Misbehaviour }[] = [
    { endpoint: "token", how: "hang" },
    { endpoint: "jwks", how: "dribble" },
    { endpoint: "userinfo", how: "hang" },
  ];
  test.concurrent.each(rows)(
    "at $endpoint ($how) ends the login in time (C 23, OAU-2)",
    async ({ endpoint, how }) => {
      const slow = await start();
      try {
        slow.behaviours.endpoints[endpoint] = how;
        const outcome = await signInFor(open({ getUserInfo: true }, slow), visitor);
        expect(outcome).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("in time") });
      } finally {
        await slow.close();
      }
    },
    15_000,
  );
});

test("an upstream whose metadata cannot be read again is known for a day, and no longer (OAU-2)", async () => {
  const clock = makeHandSetClock(systemClock());
  const login = openFor("oidc", { issuer: provider.issuer, clientID: "dex", clientSecret }, { clock: clock.now });
  expect(await signInFor(login, visitor)).toMatchObject({ kind: "identity" });
  Object.assign(provider.behaviours.endpoints, { jwks: "status 500", discovery: "status 500" });
  clock.advance(86_000);
  expect(await signInFor(login, visitor)).toMatchObject({ kind: "identity" });
  clock.advance(1_000);
  await expect(signInFor(login, visitor)).rejects.toThrow("unavailable");
});
