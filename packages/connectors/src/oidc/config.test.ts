import type { JsonObject } from "@dex/runtime";
import { Secret } from "@dex/runtime";
import * as client from "openid-client";
import { describe, expect, test } from "vitest";
import { chooseClientAuthentication } from "./client-authentication.ts";
import { parseOidcSettings } from "./config.ts";

const base = { issuer: "https://idp.example", clientID: "dex", clientSecret: "s3cret" };
const parse = (config: JsonObject) => parseOidcSettings({ ...base, ...config });

function settingsOf(config: JsonObject) {
  const parsed = parse(config);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return parsed.settings;
}

test("a block of dex v2 with everything in it is taken as it is", () => {
  const settings = settingsOf({
    issuer: "https://accounts.example/realm",
    issuerAlias: "https://public.example",
    redirectURI: "https://dex.example/callback",
    providerDiscoveryOverrides: {
      tokenURL: "https://a.example/token",
      authURL: "https://a.example/auth?policy=p",
      jwksURL: "https://a.example/jwks",
      userInfoURL: "https://a.example/userinfo",
      deviceAuthURL: "https://a.example/device",
      endSessionURL: "http://a.example/logout",
    },
    basicAuthUnsupported: false,
    scopes: ["profile", "email", "groups"],
    hostedDomains: [],
    rootCAs: [""],
    insecureSkipVerify: true,
    insecureSkipEmailVerified: true,
    insecureEnableGroups: true,
    allowedGroups: ["a"],
    acrValues: ["mfa", "pwd"],
    getUserInfo: true,
    userIDKey: "oid",
    userNameKey: "nick",
    promptType: "select_account",
    pkceChallenge: "S256",
    overrideClaimMapping: true,
    claimMapping: { preferred_username: "a", email: "b", groups: "c" },
    claimModifications: {
      newGroupFromClaims: [{ claims: ["a"], delimiter: ":", clearDelimiter: true, prefix: "p" }],
      filterGroupClaims: { groupsFilter: "^x" },
      modifyGroupNames: { prefix: "p", suffix: "s" },
    },
  });
  expect(settings).toMatchObject({
    issuerAlias: "https://public.example",
    redirectUri: "https://dex.example/callback",
    discoveryOverrides: {
      authorization_endpoint: "https://a.example/auth?policy=p",
      token_endpoint: "https://a.example/token",
      jwks_uri: "https://a.example/jwks",
      userinfo_endpoint: "https://a.example/userinfo",
      end_session_endpoint: "http://a.example/logout",
    },
    tls: { insecureSkipVerify: true },
    scope: "openid profile email groups",
    acrValues: "mfa pwd",
    trustedEmailProvider: false,
  });
});

describe("client authentication (C 157)", () => {
  const metadata = {
    ...{ issuer: base.issuer, authorization_endpoint: "", token_endpoint: "", jwks_uri: "" },
    token_endpoint_auth_methods_supported: ["private_key_jwt", "client_secret_basic", "client_secret_post"],
  };
  const rows: { issuer: string; config?: JsonObject; announced?: string[] | undefined; how: "basic" | "body" }[] = [
    { issuer: "https://okta.com", how: "body" },
    { issuer: "https://foo.oktapreview.com", how: "body" },
    { issuer: "https://foo.okta.com", config: { basicAuthUnsupported: false }, how: "basic" },
    { issuer: "https://notokta.com", how: "basic" },
    { issuer: "https://okta.com.evil.example", how: "basic" },
    { issuer: "https://idp.example", config: { basicAuthUnsupported: true }, how: "body" },
    { issuer: "https://idp.example", announced: ["client_secret_post"], how: "body" },
    { issuer: "https://idp.example", announced: undefined, how: "basic" },
  ];
  test.each(rows)("at $issuer with $config, where $announced is announced, is in: $how", async (row) => {
    const { issuer, config = {}, how } = row;
    const settings = settingsOf({ issuer, ...config });
    const { token_endpoint_auth_methods_supported: methods, ...plain } = metadata;
    const announced = "announced" in row ? row.announced : methods;
    const given = announced === undefined ? plain : { ...plain, token_endpoint_auth_methods_supported: announced };
    const authenticate = await chooseClientAuthentication(given, settings, new Date(0));
    const body = new URLSearchParams();
    const headers = new Headers();
    await authenticate?.(given, { client_id: "dex" }, body, headers);
    expect([body.get("client_secret"), headers.has("authorization")]).toEqual(
      how === "body" ? ["s3cret", false] : [null, true],
    );
  });

  test("may be by an assertion, or by a secret made for the request; where nothing fits there is none", async () => {
    const settings = settingsOf({});
    const seen = async (choice: typeof settings.clientAuthentication) => {
      const body = new URLSearchParams();
      const chosen = await chooseClientAuthentication(
        metadata,
        { ...settings, clientAuthentication: choice },
        new Date(5),
      );
      await chosen?.(metadata, { client_id: "dex" }, body, new Headers());
      return Object.fromEntries(body);
    };
    expect(await seen({ secret: async (now) => `at ${now.getTime()}` })).toEqual({
      client_id: "dex",
      client_secret: "at 5",
    });
    expect(await seen({ assertion: async () => "a.b.c" })).toEqual({
      client_id: "dex",
      client_assertion: "a.b.c",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    });
    const none = { ...metadata, token_endpoint_auth_methods_supported: ["tls_client_auth"] };
    expect(await chooseClientAuthentication(none, settings, new Date(0))).toBeUndefined();
    const open = { ...settings, clientSecret: undefined };
    expect(String(await chooseClientAuthentication(none, open, new Date(0)))).toBe(String(client.None()));
    expect(settings.clientSecret).toBeInstanceOf(Secret);
  });
});

describe("a configuration is refused", () => {
  const rows: { when: string; config: JsonObject; names: RegExp }[] = [
    {
      when: "domains are to be kept out that only a google connector knows (C 162)",
      config: { hostedDomains: ["a.example"] },
      names: /hostedDomains.*google/,
    },
    {
      when: "groups are allowed that are never read (C 154)",
      config: { allowedGroups: ["a"] },
      names: /allowedGroups.*insecureEnableGroups/,
    },
    {
      when: "the filter is no regular expression (C 153)",
      config: { claimModifications: { filterGroupClaims: { groupsFilter: "(" } } },
      names: /groupsFilter/,
    },
    { when: "a modification is unknown", config: { claimModifications: { lowercase: true } }, names: /claimModific/ },
    { when: "the id is a name (C 145, ACC-14)", config: { userIDKey: "name" }, names: /userIDKey/ },
    { when: "PKCE is of an unknown kind", config: { pkceChallenge: "S512" }, names: /pkceChallenge/ },
    { when: "the prompt is none", config: { promptType: "login none" }, names: /promptType/ },
    { when: "an alias is no issuer", config: { issuerAlias: "https://a.example?x" }, names: /issuerAlias/ },
    ...["tokenURL", "authURL", "jwksURL", "userInfoURL"].map((member) => ({
      when: `${member} is plain http (SSR-1)`,
      config: { providerDiscoveryOverrides: { [member]: "http://a.example/x" } },
      names: new RegExp(member),
    })),
    {
      when: "endSessionURL is a script",
      config: { providerDiscoveryOverrides: { endSessionURL: "javascript:alert(1)" } },
      names: /endSessionURL/,
    },
    {
      when: "an endpoint is overridden that nobody knows",
      config: { providerDiscoveryOverrides: { tokenUrl: "https://a.example" } },
      names: /providerDiscoveryOverrides/,
    },
  ];
  test.each(rows)("when $when", ({ config, names }) => {
    expect(parse(config)).toMatchObject({ kind: "refused", reason: expect.stringMatching(names) });
  });
});
