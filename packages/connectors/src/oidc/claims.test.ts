import type { JsonObject } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { type Claims, decideClaims } from "./claims.ts";
import { parseOidcSettings } from "./config.ts";

const now = new Date("2030-01-01T12:00:00Z");
const seconds = now.getTime() / 1000;
const token: Claims = { sub: "jane-1", iat: seconds, email: "jane@example.com", email_verified: true, name: "Jane" };

function decide(claims: Claims, config: JsonObject = {}, userInfo?: Claims) {
  const parsed = parseOidcSettings({ issuer: "https://idp.example", clientID: "dex", ...config });
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return decideClaims(claims, userInfo, parsed.settings, {
    connectorId: "corp",
    startedAt: now,
    reauthenticate: false,
    maxAgeSeconds: undefined,
    now,
  });
}

describe("an address counts as verified", () => {
  const trusted = { trustedEmailProvider: true };
  const rows: { claim: unknown; config: JsonObject; verified: boolean }[] = [
    { claim: true, config: trusted, verified: true },
    { claim: "true", config: trusted, verified: true },
    { claim: true, config: {}, verified: false },
    { claim: true, config: { insecureSkipEmailVerified: true }, verified: false },
    { claim: undefined, config: trusted, verified: false },
    { claim: null, config: trusted, verified: false },
    { claim: undefined, config: { ...trusted, insecureSkipEmailVerified: true }, verified: true },
    { claim: false, config: { ...trusted, insecureSkipEmailVerified: true }, verified: false },
    { claim: "false", config: { ...trusted, insecureSkipEmailVerified: true }, verified: false },
  ];
  test.each(rows)("$verified for email_verified $claim with $config (ACC-12, C 144)", ({ claim, config, verified }) => {
    const decision = decide({ ...token, email_verified: claim }, config);
    expect(decision).toMatchObject({ kind: "identity", identity: { emailVerified: verified } });
  });

  test("never without an address", () => {
    const decision = decide({ ...token, email: undefined }, trusted);
    expect(decision).toMatchObject({ identity: { email: undefined, emailVerified: false } });
  });

  test("never by the word of one document about the address of another (ACC-12)", () => {
    const decision = decide(token, { ...trusted, getUserInfo: true }, { sub: "jane-1", email: "root@example.com" });
    expect(decision).toMatchObject({ identity: { email: "root@example.com", emailVerified: false } });
  });
});

test('a word about the address in "email" says nothing of another one (ACC-12)', () => {
  const config = { trustedEmailProvider: true, overrideClaimMapping: true, claimMapping: { email: "mail" } };
  const mapped = (claims: Claims, more: JsonObject = {}) => decide({ ...token, ...claims }, { ...config, ...more });
  const unverified = { identity: { email: "root@example.com", emailVerified: false } };
  expect(mapped({ mail: "root@example.com" })).toMatchObject(unverified);
  expect(mapped({ mail: "jane@example.com" })).toMatchObject({ identity: { emailVerified: true } });
  expect(mapped({ mail: "root@example.com", email: undefined })).toMatchObject({ identity: { emailVerified: true } });
  expect(mapped({ mail: "root@example.com" }, { insecureSkipEmailVerified: true })).toMatchObject({
    identity: { emailVerified: true },
  });
});

test("a mapping looks at both documents as one (C 143)", () => {
  const override = { overrideClaimMapping: true, claimMapping: { preferred_username: "login" } };
  const idToken = { ...token, login: "jj" };
  const userInfo = { sub: "jane-1", preferred_username: "jane" };
  expect(decide(idToken, override, userInfo)).toMatchObject({ identity: { preferredUsername: "jj" } });
  const plain = { claimMapping: { preferred_username: "login" } };
  const both = decide({ ...token, preferred_username: "jane" }, plain, { sub: "jane-1", login: "jj" });
  expect(both).toMatchObject({ identity: { preferredUsername: "jane" } });
});

describe("claims are found", () => {
  const rows: { config: JsonObject; claims: object; expected: object }[] = [
    { config: { emailClaim: "mail" }, claims: { mail: "m@example.com" }, expected: { email: "m@example.com" } },
    {
      config: { claimMapping: { email: "mail" } },
      claims: { email: undefined, mail: "m@example.com" },
      expected: { email: "m@example.com" },
    },
    {
      config: { claimMapping: { email: "mail" } },
      claims: { mail: "m@example.com" },
      expected: { email: "jane@example.com" },
    },
    {
      config: { claimMapping: { email: "mail" }, overrideClaimMapping: true },
      claims: { mail: "m@example.com" },
      expected: { email: "m@example.com" },
    },
    { config: { userIDKey: "oid" }, claims: { oid: "o-1" }, expected: { remoteId: "o-1" } },
    { config: { userNameKey: "nick" }, claims: { nick: "J" }, expected: { displayName: "J" } },
    // A person without a name is a person.
    { config: { userNameKey: "nick" }, claims: {}, expected: { displayName: undefined } },
    {
      config: { claimMapping: { preferred_username: "login" } },
      claims: { login: "jj", preferred_username: "jane" },
      expected: { preferredUsername: "jane" },
    },
    {
      config: { insecureEnableGroups: true, claimMapping: { groups: "cognito:groups" } },
      claims: { groups: ["a"], "cognito:groups": ["b"] },
      expected: { groups: ["a"] },
    },
    {
      config: { insecureEnableGroups: true, overrideClaimMapping: true, claimMapping: { groups: "cognito:groups" } },
      claims: { groups: ["a"], "cognito:groups": ["b"] },
      expected: { groups: ["b"] },
    },
    {
      config: { claimMapping: { preferred_username: "login" } },
      claims: { login: "jj" },
      expected: { preferredUsername: "jj" },
    },
    {
      config: { insecureEnableGroups: true, claimMapping: { groups: "cognito:groups" } },
      claims: { "cognito:groups": ["a", "b", "a"] },
      expected: { groups: ["a", "b"] },
    },
    { config: { insecureEnableGroups: true }, claims: { groups: "one" }, expected: { groups: ["one"] } },
    { config: {}, claims: { groups: ["a"] }, expected: { groups: undefined } },
    { config: {}, claims: { auth_time: seconds - 5 }, expected: { authTime: new Date((seconds - 5) * 1000) } },
    { config: {}, claims: { amr: ["pwd", "otp"] }, expected: { amr: ["pwd", "otp"] } },
  ];
  test.each(rows)(
    "with $config in $claims (C 142, C 143, C 145, C 146, C 147, C 149)",
    ({ config, claims, expected }) => {
      expect(decide({ ...token, ...claims }, config)).toMatchObject({ kind: "identity", identity: expected });
    },
  );
});

describe("claims are refused", () => {
  const groups = { insecureEnableGroups: true };
  const rows: { when: string; claims: Claims; config?: JsonObject }[] = [
    { when: "the chosen id claim is missing (C 145)", claims: token, config: { userIDKey: "oid" } },
    { when: "the chosen id claim is only inherited", claims: token, config: { userIDKey: "toString" } },
    { when: "sub is empty", claims: { ...token, sub: "" } },
    { when: "sub holds a NUL", claims: { ...token, sub: "jane\0" } },
    { when: "sub holds a lone surrogate", claims: { ...token, sub: "jane\ud800" } },
    { when: "an address is too long", claims: { ...token, email: `${"a".repeat(250)}@b.example` } },
    { when: "a name is an object", claims: { ...token, name: { first: "Jane" } } },
    { when: "a name holds a newline (LOG-3)", claims: { ...token, name: "Jane\nROOT" } },
    { when: "groups hold a number", claims: { ...token, groups: ["a", 1] }, config: groups },
    { when: "there are 1001 groups", claims: { ...token, groups: Array(1001).fill("a") }, config: groups },
    { when: "amr is text", claims: { ...token, amr: "pwd" } },
    { when: "auth_time is in the future", claims: { ...token, auth_time: seconds + 120 } },
    { when: "auth_time is text", claims: { ...token, auth_time: "now" } },
    { when: "azp is another client", claims: { ...token, azp: "other" } },
    { when: "acr was asked for and is missing", claims: token, config: { acrValues: ["mfa"] } },
    { when: "acr is none of those asked for", claims: { ...token, acr: "pwd" }, config: { acrValues: ["mfa"] } },
  ];
  test.each(rows)("when $when (MIX-3)", ({ claims, config }) => {
    expect(decide(claims, config ?? {})).toMatchObject({ kind: "refused" });
  });
});
