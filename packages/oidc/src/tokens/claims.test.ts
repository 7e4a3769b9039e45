import type { JsonObject } from "@dex/runtime";
import { expect, test } from "vitest";
import { jane, now } from "../../test/fakes.ts";
import { acrOf } from "./acr.ts";
import { USER_CLAIMS, userClaims } from "./claims.ts";
import { type IdTokenInput, idTokenClaims } from "./id-token.ts";

const profile: JsonObject = {
  given_name: "Jane",
  family_name: "Doe",
  middle_name: "Q",
  nickname: "jd",
  profile: "https://jane.example/",
  picture: "https://jane.example/me.png",
  website: "https://jane.example/blog",
  gender: "female",
  birthdate: "1990-02-28",
  zoneinfo: "Europe/Berlin",
  locale: "de-DE",
  updated_at: 1_760_000_000,
  phone_number: "+49 30 1234567",
  phone_number_verified: true,
  address: { formatted: "1 High St", country: "DE" },
};
const full = { ...jane, profile };
const FOURTEEN = [
  ...["name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website", "gender"],
  ...["birthdate", "zoneinfo", "locale", "updated_at", "preferred_username"],
];

const scopes = [
  { scope: "profile", claims: FOURTEEN, module: "oidcc-scope-profile" },
  { scope: "email", claims: ["email", "email_verified"], module: "oidcc-scope-email" },
  { scope: "address", claims: ["address"], module: "oidcc-scope-address" },
  { scope: "phone", claims: ["phone_number", "phone_number_verified"], module: "oidcc-scope-phone" },
  { scope: "groups", claims: ["groups"], module: "dex v2 138" },
  { scope: "openid offline_access", claims: [], module: "JWT-7" },
  { scope: "groups phone address email profile", claims: USER_CLAIMS, module: "oidcc-scope-all" },
];
test.each(scopes)("the scope $scope releases all of its claims and no other ($module)", ({ scope, claims }) => {
  expect(Object.keys(userClaims(full, scope.split(" "))).sort()).toEqual([...claims].sort());
});

test("a claim that is asked for by name comes without its scope, and nothing else with it (oidcc-claims-essential)", () => {
  expect(userClaims(full, ["email"], ["name", "address", "unknown"])).toEqual({
    email: jane.email,
    email_verified: true,
    name: "Jane Doe",
    address: profile.address,
  });
});

test("what is empty, or not a claim, is left out", () => {
  const sparse = { ...jane, preferredUsername: undefined, profile: { ...EMPTY, secret: "s", sub: "other" } };
  expect(userClaims(sparse, ["profile", "address", "phone"])).toEqual({ name: "Jane Doe" });
});
const EMPTY: JsonObject = { nickname: " ", gender: "", address: {}, locale: null, phone_number_verified: true };

test("without a user name from the connector that of the profile is told", () => {
  const user = { ...jane, preferredUsername: undefined, profile: { preferred_username: "jd" } };
  expect(userClaims(user, ["profile"])).toMatchObject({ preferred_username: "jd" });
  expect(userClaims({ ...jane, profile: { preferred_username: "jd" } }, ["profile"])).toMatchObject({
    preferred_username: "jane",
  });
});

const order: IdTokenInput = {
  issuer: "https://id.example",
  subject: "s",
  grant: {
    clientId: "c",
    user: full,
    connectorId: "local",
    sessionHash: Buffer.alloc(32),
    scope: ["openid", "profile", "address"],
    nonce: undefined,
    authTime: now,
    amr: [],
  },
  scope: ["openid", "profile", "address"],
  nonce: undefined,
  userClaims: "by scope",
  beside: { accessToken: "t" },
  algorithm: "RS256",
  lifetimeSeconds: 60,
};
const told = (more: Partial<IdTokenInput>) => {
  const claims = Object.keys(idTokenClaims({ ...order, ...more }, now));
  return USER_CLAIMS.filter((claim) => claims.includes(claim));
};

test("beside an access token the profile is left to userinfo; without one the ID token tells it all (OIDC Core §5.4)", () => {
  expect(told({})).toEqual(["name", "preferred_username"]);
  expect(told({ userClaims: "none" })).toEqual([]);
  expect(told({ beside: {} }).sort()).toEqual([...FOURTEEN, "address"].sort());
});

test("what was asked for in the ID token is in it, whatever else is (OIDC Core §5.5)", () => {
  const grant = { ...order.grant, claims: { idToken: ["nickname"], userinfo: ["gender"] } };
  expect(told({ grant })).toEqual(["name", "nickname", "preferred_username"]);
  expect(told({ grant, userClaims: "none" })).toEqual(["nickname"]);
});

const sureness = [
  { amr: ["pwd"], acr: "1" },
  { amr: [], acr: "1" },
  { amr: ["otp"], acr: "1" },
  { amr: ["pwd", "otp"], acr: "2" },
  { amr: ["mfa"], acr: "2" },
];
test.each(sureness)(
  "a sign-in by $amr has acr $acr (oidcc-ensure-request-with-acr-values-succeeds)",
  ({ amr, acr }) => {
    expect(acrOf(amr)).toBe(acr);
  },
);
