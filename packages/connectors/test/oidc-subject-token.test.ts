// Tokens of an OpenID provider that somebody else brings to the oidc connector.
import { type JsonObject, systemClock } from "@dex/runtime";
import { type FakeOpenIdProvider, startFakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Connector } from "../src/connector.ts";
import { callbackUrl, openFor, tokensOfApplication, visitByRedirect } from "./connector-login.ts";

const clientSecret = "a secret / with odd & characters %";

let provider: FakeOpenIdProvider;
beforeAll(async () => {
  provider = await startFakeOpenIdProvider({
    clientId: "dex",
    clientSecret,
    redirectUris: [callbackUrl],
    path: "/realm",
    users: [{ sub: "jane-1", claims: { email: "jane@example.com", email_verified: true, name: "Jane" } }],
  });
});
afterAll(() => provider.close());
beforeEach(() => provider.reset());

const open = (config: JsonObject = {}) =>
  openFor("oidc", { issuer: provider.issuer, clientID: "dex", clientSecret, ...config });

describe("a subject token", () => {
  const bring = async (connector: Connector, token: string, type: string) =>
    connector.tokenIdentity?.({ token, type: `urn:ietf:params:oauth:token-type:${type}`, now: systemClock() });

  const tokens = () =>
    tokensOfApplication({
      authorizationEndpoint: `${provider.issuer}/authorize`,
      tokenEndpoint: `${provider.issuer}/token`,
      clientId: "dex",
      clientSecret,
      visit: visitByRedirect,
    });

  const accessTokens: { claims: Record<string, unknown> | undefined; kind: "identity" | "refused" }[] = [
    { claims: { client_id: "dex", aud: "https://api.example" }, kind: "identity" },
    { claims: { azp: "dex", aud: "account" }, kind: "identity" },
    { claims: { client_id: "other", aud: ["https://api.example", "dex"] }, kind: "identity" },
    { claims: { client_id: "other", aud: "https://api.example" }, kind: "refused" },
    { claims: { aud: "https://api.example" }, kind: "refused" },
    { claims: { client_id: "dex", exp: 1 }, kind: "refused" },
    { claims: { client_id: "dex", iss: "https://evil.example" }, kind: "refused" },
    // Opaque, and there is no introspection endpoint: userinfo would answer for any client's.
    { claims: undefined, kind: "refused" },
  ];
  test.each(accessTokens)("that is an access token with $claims is: $kind (C 160, C 165)", async ({ claims, kind }) => {
    provider.behaviours.accessTokenClaims = claims;
    const { accessToken } = await tokens();
    expect(await bring(open({ getUserInfo: true }), accessToken, "access_token")).toMatchObject({ kind });
    provider.requests.length = 0;
    expect(await bring(open(), accessToken, "access_token")).toMatchObject({ kind: "refused" });
    expect(provider.requests).toEqual([]);
  });

  const idTokens: { when: string; make: () => object }[] = [
    { when: "was issued to another client", make: () => ({ idTokenClaims: { aud: "other" } }) },
    { when: "has several audiences and no azp", make: () => ({ idTokenClaims: { aud: ["dex", "other"] } }) },
    {
      when: "was issued to another client for us",
      make: () => ({ idTokenClaims: { aud: ["dex", "x"], azp: "other" } }),
    },
    { when: "has another issuer", make: () => ({ idTokenClaims: { iss: "https://evil.example" } }) },
    { when: "has expired", make: () => ({ idTokenClaims: { exp: 1 } }) },
    { when: "never expires", make: () => ({ idTokenClaims: { exp: undefined } }) },
    { when: "is about nobody", make: () => ({ idTokenClaims: { sub: undefined } }) },
    { when: "is a logout token", make: () => ({ idTokenClaims: { events: {} } }) },
    { when: "was signed by another key", make: () => ({ idTokenSignature: "foreign key" }) },
    { when: "was signed by an unknown key", make: () => ({ idTokenSignature: "unknown kid" }) },
    { when: "is unsigned", make: () => ({ idTokenSignature: "alg none" }) },
    { when: "is HMACed with our secret", make: () => ({ idTokenSignature: "client secret as HMAC key" }) },
  ];
  test.each(idTokens)("that is an ID token is refused when it $when (C 163, C 165, MIX-3)", async ({ make }) => {
    Object.assign(provider.behaviours, make());
    const { idToken } = await tokens();
    expect(await bring(open(), idToken, "id_token")).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("is nobody's while the keys are out of reach", async () => {
    const { idToken } = await tokens();
    for (const how of ["status 500", "close", "not json", "huge body"] as const) {
      provider.behaviours.endpoints.jwks = how;
      expect(await bring(open(), idToken, "id_token"), how).toMatchObject({ kind: "unavailable" });
    }
  });
});
