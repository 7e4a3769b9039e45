import { type JsonObject, systemClock } from "@dex/runtime";
import {
  type FakeBehaviours,
  type FakeOpenIdProvider,
  NOTHING_ASKED,
  PLAIN_CALLBACK,
  startFakeOpenIdProvider,
} from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as browser from "../../test/oidc-login.ts";
import type { UpstreamWish } from "../connector.ts";

const { begin, callbackUrl, clientSecret, signIn, state, visit } = browser;

let provider: FakeOpenIdProvider;
beforeAll(async () => {
  provider = await browser.startProvider();
});
afterAll(() => provider.close());
beforeEach(() => provider.reset());

const openLogin = (config: JsonObject = {}) => browser.openLogin(provider.issuer, config);

function parametersOf(endpoint: string): Readonly<Record<string, string>> {
  return provider.requests.find((request) => request.endpoint === endpoint)?.parameters ?? {};
}

describe("a sign-in that goes well", () => {
  test("gives the identity, and a strict provider finds nothing wrong with us", async () => {
    expect(await signIn(openLogin())).toEqual({
      kind: "identity",
      identity: {
        connectorId: "corp",
        remoteId: "jane-1",
        email: "jane@example.com",
        emailVerified: false,
        displayName: "Jane",
        preferredUsername: undefined,
        groups: undefined,
        authTime: expect.any(Date),
        amr: [],
      },
    });
    expect(provider.violations).toEqual([]);
  });

  test("sends PKCE, our state and a nonce of its own each time (MIX-2, C 155)", async () => {
    const login = openLogin();
    const [first, second] = [new URL((await begin(login)).to), new URL((await begin(login)).to)];
    for (const url of [first, second]) {
      expect(url.searchParams.get("code_challenge_method")).toBe("S256");
      expect(url.searchParams.get("state")).toBe(state);
    }
    for (const name of ["nonce", "code_challenge"]) {
      expect(first.searchParams.get(name)).not.toBe(second.searchParams.get(name));
    }
  });

  test("asks for exactly what is configured and wished for (v1 N04)", async () => {
    const always = ["client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "response_type"];
    const membersOf = async (config: JsonObject, wish: Partial<UpstreamWish>) =>
      [...new URL((await begin(openLogin(config), wish)).to).searchParams.keys()].sort();
    expect(await membersOf({}, {})).toEqual([...always, "scope", "state"]);
    expect(await membersOf({ scopes: [] }, { reauthenticate: true })).toEqual(
      [...always, "prompt", "scope", "state"].sort(),
    );
    const { searchParams } = new URL((await begin(openLogin({ scopes: [] }))).to);
    expect(searchParams.get("scope")).toBe("openid");
    expect(searchParams.get("state")).toBe(state);
  });

  test("two logins of one connector at the same moment do not mix", async () => {
    const login = openLogin();
    const outcomes = await Promise.all(["jane-1", "joe-2", "jane-1"].map((loginHint) => signIn(login, { loginHint })));
    expect(outcomes.map((outcome) => outcome.kind === "identity" && outcome.identity.remoteId)).toEqual([
      "jane-1",
      "joe-2",
      "jane-1",
    ]);
  });

  test("passes on what the person's request asks of the upstream (AUT-5)", async () => {
    await signIn(openLogin({ promptType: "consent" }), {
      reauthenticate: true,
      selectAccount: true,
      maxAgeSeconds: 60,
      loginHint: "jane-1",
    });
    expect(parametersOf("authorization")).toMatchObject({
      prompt: "login select_account consent",
      max_age: "60",
      login_hint: "jane-1",
      scope: "openid profile email",
    });
  });

  test("keeps nothing in the login state but what the second half needs", async () => {
    const { data } = await begin(openLogin(), { maxAgeSeconds: 60 });
    expect(data).toEqual({
      oidc: { code_verifier: expect.any(String), nonce: expect.any(String), state },
      startedAt: expect.any(Number),
      reauthenticate: false,
      maxAgeSeconds: 60,
    });
    expect(JSON.stringify(data)).not.toContain(clientSecret);
  });

  test("groups come from the claim when enabled (C 150)", async () => {
    const outcome = await signIn(openLogin({ insecureEnableGroups: true }));
    expect(outcome).toMatchObject({ identity: { groups: ["staff", "dev"] } });
  });

  test("userinfo is merged over the ID token when asked for", async () => {
    provider.behaviours.userInfoClaims = {
      email: "new@example.com",
      email_verified: false,
      iss: "https://evil.example",
    };
    const outcome = await signIn(openLogin({ getUserInfo: true, trustedEmailProvider: true }));
    expect(outcome).toMatchObject({ identity: { email: "new@example.com", emailVerified: false } });
  });

  test("a public client authenticates by PKCE alone, one with body credentials in the body", async () => {
    for (const [clientAuthentication, config] of [
      ["none", { clientSecret: "" }],
      ["client_secret_post", {}],
      ["client_secret_post", { basicAuthUnsupported: true }],
    ] as const) {
      const other = await startFakeOpenIdProvider({
        clientId: "dex:client",
        clientSecret,
        redirectUris: [callbackUrl],
        clientAuthentication,
        users: [{ sub: "x", claims: {} }],
      });
      const outcome = await signIn(browser.openLogin(other.issuer, config));
      await other.close();
      expect(outcome, clientAuthentication).toMatchObject({ kind: "identity" });
    }
  });

  test("the token's times are compared with the time handed in, not with the host's", async () => {
    const login = openLogin();
    const begun = await begin(login);
    const query = await visit(begun.to);
    const later = new Date(systemClock().getTime() + 400_000); // the fake token lives 300 s
    const outcome = await login.finish({
      callbackUrl,
      query,
      state,
      data: begun.data,
      asked: NOTHING_ASKED,
      request: PLAIN_CALLBACK,
      now: later,
    });
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});

const now = () => Math.floor(systemClock().getTime() / 1000);
const badTokens: { when: string; by: string; make: () => Partial<FakeBehaviours> }[] = [
  { when: "iss is another one", by: "MIX-1", make: () => ({ idTokenClaims: { iss: "https://evil.example" } }) },
  { when: "aud is another client", by: "MIX-3", make: () => ({ idTokenClaims: { aud: "other" } }) },
  { when: "aud is empty", by: "MIX-3", make: () => ({ idTokenClaims: { aud: [] } }) },
  { when: "azp is another client", by: "MIX-3", make: () => ({ idTokenClaims: { azp: "other" } }) },
  {
    when: "aud has two members and azp is missing",
    by: "MIX-3",
    make: () => ({ idTokenClaims: { aud: ["dex:client", "other"] } }),
  },
  {
    when: "nonce is another one (C 164)",
    by: "MIX-3",
    make: () => ({ idTokenClaims: { nonce: "another-nonce-of-somebody" } }),
  },
  { when: "nonce is missing (C 164)", by: "MIX-3", make: () => ({ idTokenClaims: { nonce: undefined } }) },
  { when: "it has expired", by: "MIX-3", make: () => ({ idTokenClaims: { exp: now() - 120 } }) },
  { when: "exp is missing", by: "MIX-3", make: () => ({ idTokenClaims: { exp: undefined } }) },
  { when: "exp is text", by: "MIX-3", make: () => ({ idTokenClaims: { exp: "9999999999" } }) },
  { when: "iat is missing", by: "MIX-3", make: () => ({ idTokenClaims: { iat: undefined } }) },
  { when: "iat is in the future", by: "MIX-3", make: () => ({ idTokenClaims: { iat: now() + 600 } }) },
  { when: "sub is missing", by: "MIX-3", make: () => ({ idTokenClaims: { sub: undefined } }) },
  { when: "sub is too long", by: "ACC-14", make: () => ({ idTokenClaims: { sub: "x".repeat(256) } }) },
  { when: "sub is a list", by: "ACC-14", make: () => ({ idTokenClaims: { sub: ["jane-1"] } }) },
  { when: "it is unsigned", by: "MIX-3, alg none", make: () => ({ idTokenSignature: "alg none" }) },
  { when: "another key signed it", by: "MIX-3", make: () => ({ idTokenSignature: "foreign key" }) },
  { when: "its key is not published", by: "MIX-3", make: () => ({ idTokenSignature: "unknown kid" }) },
  { when: "its signature is broken", by: "MIX-3", make: () => ({ idTokenSignature: "broken" }) },
  {
    when: "the client secret is its HMAC key",
    by: "MIX-3, JWTBCP",
    make: () => ({ idTokenSignature: "client secret as HMAC key" }),
  },
  {
    when: "it is unsigned and the metadata allows that",
    by: "MIX-3",
    make: () => ({
      idTokenSignature: "alg none",
      discovery: { id_token_signing_alg_values_supported: ["none", "RS256"] },
    }),
  },
  { when: "there is none", by: "MIX-3", make: () => ({ tokenResponse: { id_token: undefined } }) },
  {
    when: "the answer is an error with status 200",
    by: "OAU-1",
    make: () => ({ tokenResponse: { access_token: undefined, error: "invalid_grant" } }),
  },
  { when: "email is a list", by: "ACC-14", make: () => ({ idTokenClaims: { email: ["jane@example.com"] } }) },
  { when: "email_verified is a number", by: "ACC-12", make: () => ({ idTokenClaims: { email_verified: 1 } }) },
];

describe("a hostile answer", () => {
  test.each(badTokens)("an ID token is refused when $when ($by) (C 163)", async ({ make }) => {
    Object.assign(provider.behaviours, make());
    expect(await signIn(openLogin())).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("claims named like members of every object are no claims (AUT-9)", async () => {
    const hostile: Record<string, unknown> = JSON.parse('{"__proto__":{"email":"admin@example.com","name":"Root"}}');
    provider.behaviours.idTokenClaims = { ...hostile, email: undefined, name: undefined };
    const outcome = await signIn(openLogin({ userNameKey: "constructor" }));
    expect(outcome).toMatchObject({ kind: "identity", identity: { email: undefined, displayName: undefined } });
  });

  test("userinfo of another person is refused (C 166, OIDC Core §5.3.2)", async () => {
    provider.behaviours.userInfoClaims = { sub: "joe-2" };
    expect(await signIn(openLogin({ getUserInfo: true }))).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  const badResponses = [
    { when: "iss is another one", change: { iss: "https://evil.example" }, by: "MIX-1, RFC 9207 §2.4" },
    { when: "iss is missing although announced", change: { iss: undefined }, by: "MIX-1, RFC 9207 §2.4" },
    { when: "state is another one", change: { state: "state-of-another-browser" }, by: "MIX-2" },
    { when: "state is missing", change: { state: undefined }, by: "MIX-2" },
    { when: "code is missing", change: { code: undefined }, by: "RFC 6749 §4.1.2" },
    { when: "it carries an ID token as well", change: { id_token: "a.b.c" }, by: "RFC 9700 §2.1.2" },
    { when: "it is wrapped in a JWT nobody asked for", change: { response: "a.b.c" }, by: "RFC 6749 §4.1.2" },
    { when: "the code is not the provider's", change: { code: "guessed" }, by: "RFC 6749 §4.1.3" },
  ];
  test.each(badResponses)("an authorization response is refused when $when ($by)", async ({ change }) => {
    provider.behaviours.authorizationResponse = change;
    expect(await signIn(openLogin())).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(provider.requests.filter(({ endpoint }) => endpoint === "userinfo")).toEqual([]);
  });

  test("a repeated parameter is refused (RED-6)", async () => {
    const login = openLogin();
    const begun = await begin(login);
    for (const name of ["code", "state", "iss"]) {
      const query = await visit(begun.to);
      query.append(name, query.get(name) ?? "");
      const outcome = await login.finish({
        callbackUrl,
        query,
        state,
        data: begun.data,
        asked: NOTHING_ASKED,
        request: PLAIN_CALLBACK,
        now: systemClock(),
      });
      expect(outcome, name).toMatchObject({ kind: "refused", reason: "invalid answer" });
    }
  });

  test("the data of another round trip is refused before the upstream is asked (MIX-2)", async () => {
    const login = openLogin();
    const begun = await begin(login);
    const query = await visit(begun.to);
    provider.requests.length = 0;
    for (const data of [{}, { ...begun.data, oidc: { code_verifier: "x", nonce: "y", state: "other" } }]) {
      const outcome = await login.finish({
        callbackUrl,
        query,
        state,
        data,
        asked: NOTHING_ASKED,
        request: PLAIN_CALLBACK,
        now: systemClock(),
      });
      expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
    }
    expect(provider.requests).toEqual([]);
  });

  test("a code works once, also for two callers at the same moment (RFC 6749 §4.1.2)", async () => {
    const login = openLogin();
    const begun = await begin(login);
    const query = await visit(begun.to);
    const given = { asked: NOTHING_ASKED, request: PLAIN_CALLBACK, now: systemClock() };
    const input = { callbackUrl, query, state, data: begun.data, ...given };
    const outcomes = await Promise.all([login.finish(input), login.finish(input)]);
    expect(outcomes.filter(({ kind }) => kind === "identity")).toHaveLength(1);
  });

  const errors = [
    { error: "access_denied", outcome: { kind: "refused", reason: "denied upstream" } },
    { error: "login_required", outcome: { kind: "refused", reason: "denied upstream" } },
    { error: "temporarily_unavailable", outcome: { kind: "unavailable" } },
    { error: "server_error", outcome: { kind: "unavailable" } },
    { error: "invalid_scope", outcome: { kind: "refused", reason: "invalid answer" } },
  ];
  test.each(errors)(
    "the error $error ends the login without a call to the token endpoint (C 11)",
    async ({ error, outcome }) => {
      provider.behaviours.authorizationResponse = { code: undefined, error, error_description: "x".repeat(5000) };
      const result = await signIn(openLogin());
      expect(result).toMatchObject(outcome);
      expect("detail" in result && result.detail.length).toBeLessThan(500);
      expect(provider.requests.some(({ endpoint }) => endpoint === "token")).toBe(false);
    },
  );

  test("an error without our state is not believed (MIX-2)", async () => {
    provider.behaviours.authorizationResponse = { code: undefined, error: "access_denied", state: "other" };
    expect(await signIn(openLogin())).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("a refused client registration shows as unavailable: the person can do nothing about it", async () => {
    expect(await signIn(openLogin({ clientSecret: "wrong" }))).toMatchObject({ kind: "unavailable" });
  });

  test("an old auth_time is refused after fresh credentials were asked for (AUT-5)", async () => {
    const anHourAgo = { auth_time: now() - 3600 };
    provider.behaviours.idTokenClaims = anHourAgo;
    expect(await signIn(openLogin(), { reauthenticate: true })).toMatchObject({ kind: "refused" });
    expect(await signIn(openLogin(), { maxAgeSeconds: 600 })).toMatchObject({ kind: "refused" });
    expect(await signIn(openLogin(), { maxAgeSeconds: 7200 })).toMatchObject({ kind: "identity" });
    expect(await signIn(openLogin())).toMatchObject({ kind: "identity" });
  });
});
