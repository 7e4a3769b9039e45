// Logout tokens of an upstream, OIDC Back-Channel Logout §2.6: which are believed.
import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import type { FakeOpenIdProvider } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Connector } from "../src/connector.ts";
import { openConnector } from "../src/registry.ts";
import { clientSecret, startProvider } from "./oidc-login.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
type Members = Readonly<Record<string, unknown>>;
type Signature = Parameters<FakeOpenIdProvider["sign"]>[1];

let provider: FakeOpenIdProvider;
beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.close());
beforeEach(() => provider.reset());

function open(config: JsonObject = {}, type = "oidc"): Connector {
  const common = { clientID: "dex:client", clientSecret, ...config };
  const stored = { id: "corp", type, config: { ...(type === "oidc" ? { issuer: provider.issuer } : {}), ...common } };
  const opened = openConnector(stored, {
    ...{ clock: systemClock, random: systemRandom, logger: silentLogger },
    checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
  });
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}

const now = new Date();
const seconds = Math.floor(now.getTime() / 1000);
const claimsOf = (changes: Members = {}): Members => ({
  ...{ iss: provider.issuer, aud: "dex:client", iat: seconds, exp: seconds + 120, jti: "1", sub: "jane-1", sid: "s-1" },
  ...{ events: { [EVENT]: {} }, ...changes },
});
const read = async (token: string, config?: JsonObject) =>
  (await open(config).readLogoutToken?.(token, now)) ?? expect.fail("this kind reads no logout tokens");
const sign = (changes: Members = {}, how: Signature = "good", typ = "logout+jwt") =>
  provider.sign(claimsOf(changes), how, typ);

test.each<[string, Members, string, Members]>([
  ["both names", {}, "logout+jwt", { sid: "s-1", remoteId: "jane-1" }],
  ["a session alone", { sub: undefined }, "logout+jwt", { sid: "s-1", remoteId: undefined }],
  ["a person alone", { sid: undefined }, "logout+jwt", { sid: undefined, remoteId: "jane-1" }],
  ["us among its audiences", { aud: ["other", "dex:client"] }, "logout+jwt", { sid: "s-1" }],
  ["the type of providers of before", {}, "JWT", { sid: "s-1" }],
  ["more in its event", { events: { [EVENT]: { a: 1 }, other: {} } }, "logout+jwt", { sid: "s-1" }],
])("one with %s is believed (OIDC Back-Channel Logout §2.4)", async (_when, changes, typ, expected) => {
  expect(await read(await sign(changes, "good", typ))).toMatchObject({ kind: "logout", jti: "1", ...expected });
});

test("it is to be remembered for as long as one of its age is taken", async () => {
  const logout = await read(await sign());
  expect(logout).toMatchObject({ until: new Date((seconds + 3_660) * 1000) });
  const aged = sign({ iat: seconds - 3_700, exp: seconds + 60 });
  expect(await read(await aged)).toMatchObject({ kind: "refused" });
});

const refused: readonly { when: string; changes?: Members; how?: Signature; typ?: string }[] = [
  { when: "another's signature", how: "foreign key" },
  { when: "no signature", how: "alg none" },
  { when: "a MAC made with our secret", how: "client secret as HMAC key" },
  { when: "a key that nobody published", how: "unknown kid" },
  { when: "an altered signature", how: "broken" },
  { when: "another issuer", changes: { iss: "https://other.example" } },
  { when: "no issuer", changes: { iss: undefined } },
  { when: "another audience", changes: { aud: "other" } },
  { when: "no audience", changes: { aud: undefined } },
  { when: "no iat", changes: { iat: undefined } },
  { when: "an iat that is no number", changes: { iat: "1" } },
  { when: "an iat of tomorrow", changes: { iat: seconds + 86_400, exp: seconds + 90_000 } },
  { when: "no exp", changes: { exp: undefined } },
  { when: "an exp that is over", changes: { iat: seconds - 600, exp: seconds - 300 } },
  { when: "no jti", changes: { jti: undefined } },
  { when: "an endless jti", changes: { jti: "j".repeat(256) } },
  { when: "no event", changes: { events: undefined } },
  { when: "another event", changes: { events: { "https://other.example": {} } } },
  { when: "an event that is no object", changes: { events: { [EVENT]: "yes" } } },
  { when: "a nonce, as an ID token has", changes: { nonce: "n" } },
  { when: "neither sid nor sub", changes: { sid: undefined, sub: undefined } },
  { when: "a sid that is no text", changes: { sid: 1 } },
  { when: "the type of an access token", typ: "at+jwt" },
];
test.each(refused)(
  "one with $when is refused (OIDC Back-Channel Logout §2.6; JWT-1, JWT-3)",
  async ({ changes, how, typ }) => {
    expect(await read(await sign(changes, how, typ))).toMatchObject({ kind: "refused", reason: "invalid answer" });
  },
);

test.each(["", "a.b", "a.b.c", `${"a".repeat(9_000)}.b.c`, "é.é.é"])("text such as %s is refused", async (token) => {
  expect(await read(token)).toMatchObject({ kind: "refused" });
});

test("what is for somebody else makes us ask the upstream for nothing", async () => {
  expect(await read(await sign({ aud: "other" }, "foreign key"))).toMatchObject({ kind: "refused" });
  expect(provider.requests).toEqual([]);
});

test("without its keys there is no saying, and it may be sent again", async () => {
  const token = await sign();
  provider.behaviours.endpoints = { jwks: "status 500" };
  expect(await read(token)).toMatchObject({ kind: "unavailable" });
});

test("where people are known by another claim, sub alone says nothing of whose sessions end", async () => {
  const config = { userIDKey: "oid" };
  expect(await read(await sign({ sid: undefined }), config)).toMatchObject({ kind: "refused" });
  expect(await read(await sign(), config)).toMatchObject({ sid: "s-1", remoteId: undefined });
});

test("Keycloak and other presets read them, Google does not", () => {
  const keycloak = open({ baseURL: "https://sso.example", realm: "r" }, "keycloak");
  expect(keycloak.readLogoutToken).toBeTypeOf("function");
  expect(open({}, "google").readLogoutToken).toBeUndefined();
});
