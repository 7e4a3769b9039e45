// The oidc connector against a certified provider that is not ours.
import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { NOTHING_ASKED, PLAIN_CALLBACK, type RunningOidcProvider, startOidcProvider } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AskedOfUpstream, Connector, LoginOutcome, ProvedIdentity, UpstreamGrant } from "../src/connector.ts";
import type { MappingTrace } from "../src/connector-kind.ts";
import { openConnector } from "../src/registry.ts";
import { tokensOfApplication } from "./connector-login.ts";

const callbackUrl = "https://dex.example/auth/corp/callback";
const signedOut = "https://dex.example/signed-out";
const state = "state-of-the-browser-1";
const OFFLINE = { groups: true, offlineAccess: true };
const scopes = ["profile", "email", "groups", "offline_access"];
const jane = {
  sub: "jane-1",
  claims: { email: "jane@example.com", email_verified: true, name: "Jane", preferred_username: "jj", groups: ["dev"] },
};
const joe = { sub: "joe-2", claims: { email: "joe@example.com", email_verified: false, name: "Joe", groups: ["ops"] } };

let provider: RunningOidcProvider;
beforeAll(async () => {
  provider = await start("RS256");
});
afterAll(() => provider.close());
beforeEach(() => {
  provider.users.splice(0, provider.users.length, jane, joe);
  provider.refusals.length = 0;
});

function start(signingAlgorithm: "RS256" | "ES256", idTokenClaims: "all" | "protocol only" = "all") {
  const client = { redirectUris: [callbackUrl], postLogoutRedirectUris: [signedOut] };
  return startOidcProvider({
    clients: [
      { ...client, clientId: "dex", clientSecret: "a secret / with odd % characters" },
      { ...client, clientId: "other", clientSecret: "secret of another application" },
      {
        ...client,
        clientId: "posting",
        clientSecret: "secret in the body",
        clientAuthentication: "client_secret_post",
      },
    ],
    users: [jane, joe],
    signingAlgorithm,
    idTokenClaims,
  });
}

function open(config: JsonObject = {}, trace?: (event: MappingTrace) => void): Connector {
  const given = { issuer: provider.issuer, clientID: "dex", clientSecret: "a secret / with odd % characters", scopes };
  const opened = openConnector(
    { id: "corp", type: "oidc", config: { ...given, ...config } },
    {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
      ...(trace === undefined ? {} : { trace }),
    },
  );
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}

async function signIn(
  { login }: Connector,
  { asked = NOTHING_ASKED, loginHint }: { asked?: AskedOfUpstream; loginHint?: string } = {},
): Promise<LoginOutcome> {
  if (login.kind !== "callback") throw new Error("expected a callback login");
  const wish = { reauthenticate: false, selectAccount: false, maxAgeSeconds: undefined, loginHint, asked };
  const begun = await login.begin({ callbackUrl, state, wish });
  if (begun.kind !== "redirect") throw new Error(JSON.stringify(begun));
  const { searchParams: query } = await provider.visit(begun.to);
  const { data } = begun;
  return login.finish({ callbackUrl, query, state, data, asked, request: PLAIN_CALLBACK, now: systemClock() });
}

async function proved(outcome: Promise<LoginOutcome>): Promise<ProvedIdentity & { grant: UpstreamGrant }> {
  const found = await outcome;
  if (found.kind !== "identity") throw new Error(JSON.stringify(found));
  return { ...found, grant: found.grant ?? {} };
}

function refresh(connector: Connector, grant: UpstreamGrant, kept: UpstreamGrant[] = []): Promise<LoginOutcome> {
  const keep = async (next: UpstreamGrant) => void kept.push(next);
  const given = { grant, remoteId: "jane-1", asked: OFFLINE, now: systemClock(), keep };
  return connector.refresh?.(given) ?? Promise.reject(new Error("expected a refresh"));
}

describe("a sign-in", () => {
  test("maps claims one to one, and the provider finds nothing wrong with us (C 141)", async () => {
    const outcome = await signIn(open({ insecureEnableGroups: true, trustedEmailProvider: true }));
    expect(outcome).toEqual({
      kind: "identity",
      identity: {
        connectorId: "corp",
        remoteId: "jane-1",
        email: "jane@example.com",
        emailVerified: true,
        displayName: "Jane",
        preferredUsername: "jj",
        groups: ["dev"],
        authTime: expect.any(Date),
        amr: ["pwd"],
      },
    });
    expect(provider.refusals).toEqual([]);
  });
});

test("ID tokens signed with ES256 are taken, and forged by nobody (MIX-3)", async () => {
  const rsa = provider;
  provider = await start("ES256");
  try {
    expect(await signIn(open())).toMatchObject({ kind: "identity", identity: { remoteId: "jane-1" } });
  } finally {
    await provider.close();
    provider = rsa;
  }
});

test("a client that is registered for body credentials is known by them", async () => {
  const posting = { clientID: "posting", clientSecret: "secret in the body" };
  expect(await signIn(open({ ...posting, basicAuthUnsupported: true }))).toMatchObject({ kind: "identity" });
  expect(await signIn(open({ ...posting, clientSecret: "wrong" }))).toMatchObject({ kind: "unavailable" });
});

test("claims that only userinfo tells are found with getUserInfo", async () => {
  const talkative = provider;
  provider = await start("RS256", "protocol only");
  try {
    expect(await signIn(open())).toMatchObject({ identity: { remoteId: "jane-1", email: undefined } });
    const outcome = await signIn(open({ getUserInfo: true, insecureEnableGroups: true, allowedGroups: ["dev"] }));
    expect(outcome).toMatchObject({ identity: { email: "jane@example.com", displayName: "Jane", groups: ["dev"] } });
  } finally {
    await provider.close();
    provider = talkative;
  }
});

test("acrValues are asked for, and found in the token (MIX-3)", async () => {
  expect(await signIn(open({ acrValues: ["urn:test:mfa"] }))).toMatchObject({ kind: "identity" });
  expect(await signIn(open({ acrValues: ["urn:test:hardware"] }))).toMatchObject({ kind: "refused" });
});

test("who is in none of the allowed groups is not permitted (C 154)", async () => {
  const config = { insecureEnableGroups: true, allowedGroups: ["dev"] };
  expect(await signIn(open(config), { loginHint: "joe-2" })).toMatchObject({
    kind: "refused",
    reason: "not permitted",
  });
  expect(await signIn(open(config))).toMatchObject({ kind: "identity", identity: { groups: ["dev"] } });
});

describe("a refresh", () => {
  test("reads the person again, and keeps the rotated refresh token first (C 159)", async () => {
    const connector = open({ insecureEnableGroups: true });
    const { grant } = await proved(signIn(connector, { asked: OFFLINE }));
    provider.users[0] = { sub: "jane-1", claims: { ...jane.claims, name: "Jane Doe", groups: ["ops"] } };
    const kept: UpstreamGrant[] = [];
    const first = await proved(refresh(connector, grant, kept));
    expect(first.identity).toMatchObject({ displayName: "Jane Doe", groups: ["ops"] });
    expect(kept).toEqual([first.grant]);
    expect(first.grant).not.toEqual(grant);
    // The spent one is refused, and everything that came of it with it: this is what keeping is for.
    expect(await refresh(connector, first.grant)).toMatchObject({ kind: "identity" });
    expect(await refresh(connector, grant)).toMatchObject({ kind: "refused", reason: "user gone" });
  });

  test("works with userinfo as well (C 159)", async () => {
    const connector = open({ getUserInfo: true });
    const { grant } = await proved(signIn(connector, { asked: OFFLINE }));
    expect(await refresh(connector, grant)).toMatchObject({ kind: "identity", identity: { remoteId: "jane-1" } });
  });

  test("is refused for who is gone, or left the group", async () => {
    const connector = open({ insecureEnableGroups: true, allowedGroups: ["dev"] });
    const { grant } = await proved(signIn(connector, { asked: OFFLINE }));
    provider.users[0] = { sub: "jane-1", claims: { ...jane.claims, groups: ["ops"] } };
    const kept: UpstreamGrant[] = [];
    expect(await refresh(connector, grant, kept)).toMatchObject({ kind: "refused", reason: "not permitted" });
    provider.users.splice(0, 1);
    const rotated = kept[0] ?? {};
    expect(await refresh(connector, rotated)).toMatchObject({ kind: "refused", reason: "user gone" });
  });

  test("needs a grant, and there is none where offline access was not asked for", async () => {
    const { grant } = await proved(signIn(open()));
    expect(grant).toEqual({});
    expect(await refresh(open(), {})).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});

describe("a token that somebody brings", () => {
  const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
  const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
  const bring = async (connector: Connector, token: string, type: string) =>
    (await connector.tokenIdentity?.({ token, type, now: systemClock() })) ?? { kind: "none" };

  const tokensOf = (clientId: string, clientSecret: string) =>
    tokensOfApplication({
      authorizationEndpoint: `${provider.issuer}/auth`,
      tokenEndpoint: `${provider.issuer}/token`,
      clientId,
      clientSecret,
      visit: async (to) => (await provider.visit(to)).searchParams,
    });

  test("says who it is about when it was issued to us (C 160)", async () => {
    const { idToken, accessToken } = await tokensOf("dex", "a secret / with odd % characters");
    const expected = { kind: "identity", identity: { remoteId: "jane-1", displayName: "Jane" } };
    expect(await bring(open(), idToken, ID_TOKEN)).toMatchObject(expected);
    // Userinfo takes no ID tokens: it is not asked.
    expect(await bring(open({ getUserInfo: true }), idToken, ID_TOKEN)).toMatchObject(expected);
    expect(await bring(open({ getUserInfo: true }), accessToken, ACCESS_TOKEN)).toMatchObject(expected);
    expect(provider.refusals).toEqual([]);
    expect(await bring(open(), accessToken, ACCESS_TOKEN)).toMatchObject({ kind: "refused" });
    expect(await bring(open(), idToken, "urn:ietf:params:oauth:token-type:saml2")).toMatchObject({ kind: "refused" });
  });

  test("is refused when it was issued to another client, unless that is listed (C 165, MIX-3)", async () => {
    const { idToken, accessToken } = await tokensOf("other", "secret of another application");
    const config = { getUserInfo: true };
    expect(await bring(open(config), idToken, ID_TOKEN)).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(await bring(open(config), accessToken, ACCESS_TOKEN)).toMatchObject({ kind: "refused" });
    const listing = open({ ...config, subjectTokenAudiences: ["other"] });
    expect(await bring(listing, idToken, ID_TOKEN)).toMatchObject({ kind: "identity" });
    expect(await bring(listing, accessToken, ACCESS_TOKEN)).toMatchObject({ kind: "identity" });
  });

  test("is refused when it is no token of the provider", async () => {
    const { idToken, accessToken } = await tokensOf("dex", "a secret / with odd % characters");
    const connector = open({ getUserInfo: true });
    const [header = "", payload = "", signature = ""] = idToken.split(".");
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
    for (const token of ["", "a.b.c", `${header}.${payload}.${signature.slice(4)}AAAA`, unsigned, "x".repeat(20_000)]) {
      expect(await bring(connector, token, ID_TOKEN), token).toMatchObject({ kind: "refused" });
      expect(await bring(connector, token, ACCESS_TOKEN), token).toMatchObject({ kind: "refused" });
    }
    expect(await bring(connector, accessToken, ID_TOKEN)).toMatchObject({ kind: "refused" });
    expect(await bring(connector, idToken, ACCESS_TOKEN)).toMatchObject({ kind: "refused" });
  });
});

test("a person is signed out there and sent back (C 161)", async () => {
  const asked = { remoteId: "jane-1", callbackUrl, returnTo: signedOut, state: "a-state" };
  const departure = await open().signOut?.(asked);
  expect((await provider.visit(departure?.to ?? "")).href).toBe(`${signedOut}?state=a-state`);
  expect(provider.refusals).toEqual([]);
});

test("a dry run tries everything that needs no person", async () => {
  const names = ["discovery", "keys", "clock", "token endpoint"];
  const steps = await open().check?.();
  expect(steps?.map(({ name }) => name)).toEqual(names);
  expect(steps?.filter(({ ok }) => !ok)).toEqual([]);
  const wrong = await open({ clientSecret: "wrong" }).check?.();
  expect(wrong?.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["token endpoint"]);
  expect(JSON.stringify([steps, wrong])).not.toMatch(/wrong"|odd %/);
});

test("a dry run shows the claims and what rules made of them", async () => {
  const events: MappingTrace[] = [];
  const claimModifications = { filterGroupClaims: { groupsFilter: "^d" }, modifyGroupNames: { prefix: "x-" } };
  provider.users[0] = { sub: "jane-1", claims: { ...jane.claims, groups: ["dev", "ops"] } };
  await signIn(open({ insecureEnableGroups: true, claimModifications }, (event) => events.push(event)));
  expect(events).toMatchObject([
    { kind: "claims", source: "idToken", claims: { sub: "jane-1" } },
    { kind: "rule", rule: "filterGroupClaims", before: ["dev", "ops"], after: ["dev"] },
    { kind: "rule", rule: "modifyGroupNames", before: ["dev"], after: ["x-dev"] },
    { kind: "rule", rule: "trustedEmailProvider", before: true, after: false },
  ]);
});
