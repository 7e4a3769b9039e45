import { generateKeyPairSync } from "node:crypto";
import { type JsonObject, systemClock } from "@dex/runtime";
import { type FakeOpenIdProvider, startFakeApple } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { UpstreamGrant } from "../src/connector.ts";
import { beginFor, callbackLoginOf, callbackUrl, openFor, proved, signInFor, visitByForm } from "./connector-login.ts";

const OFFLINE = { groups: false, offlineAccess: true };
const newKey = (namedCurve = "prime256v1") =>
  generateKeyPairSync("ec", { namedCurve }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const privateKey = newKey();
const config = { clientID: "org.example.dex", teamID: "TEAM123456", keyID: "KEY1234567", privateKey };

let provider: FakeOpenIdProvider;
beforeAll(async () => {
  provider = await startFakeApple({
    clientId: config.clientID,
    teamId: config.teamID,
    keyId: config.keyID,
    privateKey,
    redirectUris: [callbackUrl],
    users: [
      { sub: "000123.jane", email: "jane@example.com", firstName: "Jane", lastName: 'Do"e & Co' },
      { sub: "000124.joe", email: "x7@privaterelay.appleid.com" },
      { sub: "000125.ann", firstName: "Ann\nRoot" },
    ],
  });
});
afterAll(() => provider.close());
beforeEach(() => provider.reset());

const open = (more: JsonObject = {}) => openFor("apple", { ...config, baseURL: provider.issuer, ...more });

test("the name of the first answer is read, and remembered for refreshes alone", async () => {
  const connector = open();
  expect(callbackLoginOf(connector).answersBy).toBe("form");
  const first = await proved(signInFor(connector, { visit: visitByForm, asked: OFFLINE }));
  expect(first.identity).toEqual({
    connectorId: "corp",
    remoteId: "000123.jane",
    email: "jane@example.com",
    emailVerified: true,
    displayName: 'Jane Do"e & Co',
    preferredUsername: undefined,
    groups: undefined,
    authTime: expect.any(Date),
    amr: [],
  });
  // Apple says it once; what is known of the person from before is kept by whoever knows it.
  const second = await proved(signInFor(connector, { visit: visitByForm, asked: OFFLINE }));
  expect(second.identity.displayName).toBeUndefined();

  const kept: UpstreamGrant[] = [];
  const refreshed = await connector.refresh?.({
    grant: first.grant,
    remoteId: "000123.jane",
    asked: OFFLINE,
    now: systemClock(),
    keep: async (grant) => void kept.push(grant),
  });
  expect(refreshed).toMatchObject({ kind: "identity", identity: { displayName: 'Jane Do"e & Co' }, grant: kept[0] });
  expect(provider.violations).toEqual([]);
});

test("an address counts as verified when Apple says so, in text, and the operator lets it", async () => {
  const visitor = { visit: visitByForm, loginHint: "000124.joe" };
  expect(await signInFor(open(), visitor)).toMatchObject({ identity: { emailVerified: true } });
  expect(await signInFor(open({ trustedEmailProvider: false }), visitor)).toMatchObject({
    identity: { emailVerified: false },
  });
  provider.behaviours.idTokenClaims = { email_verified: "false" };
  expect(await signInFor(open(), visitor)).toMatchObject({ identity: { emailVerified: false } });
});

test.each(["not json", "[]", '{"name":"Jane"}', '{"name":{"firstName":{"a":1}}}', "x".repeat(5000)])(
  "a name that is none is no name: %s",
  async (user) => {
    provider.behaviours.authorizationResponse = { user: user.slice(0, 5000) };
    expect(await signInFor(open(), { visit: visitByForm })).toMatchObject({ identity: { displayName: undefined } });
  },
);

test("a name with a newline is left out (LOG-3), and an address in the form is not believed (ACC-12)", async () => {
  const ann = await signInFor(open(), { visit: visitByForm, loginHint: "000125.ann" });
  expect(ann).toMatchObject({ identity: { displayName: undefined, email: undefined } });
  provider.behaviours.authorizationResponse = {
    user: JSON.stringify({ name: { firstName: "Mallory" }, email: "root@example.com" }),
  };
  const mallory = await signInFor(open(), { visit: visitByForm, loginHint: "000125.ann" });
  expect(mallory).toMatchObject({ identity: { displayName: "Mallory", email: undefined, emailVerified: false } });
});

test("the answer is asked for as a form, with state, nonce and PKCE (MIX-2)", async () => {
  const { searchParams } = new URL((await beginFor(open(), { visit: visitByForm, asked: OFFLINE })).to);
  expect(Object.fromEntries(searchParams)).toMatchObject({
    response_mode: "form_post",
    scope: "openid name email",
    code_challenge_method: "S256",
    state: expect.any(String),
    nonce: expect.any(String),
  });
  expect(searchParams.has("prompt")).toBe(false);
});

test("another key, or another team, is our own mistake: unavailable", async () => {
  for (const wrong of [{ privateKey: newKey() }, { teamID: "OTHER" }, { keyID: "OTHER" }]) {
    expect(await signInFor(open(wrong), { visit: visitByForm })).toMatchObject({ kind: "unavailable" });
    expect((await open(wrong).check?.())?.find(({ name }) => name === "token endpoint")).toMatchObject({ ok: false });
  }
  expect((await open().check?.())?.filter(({ ok }) => !ok)).toEqual([]);
});

test.each([
  ["nothing", ""],
  ["text", "not a key"],
  ["a key of another curve", newKey("secp384r1")],
  [
    "an RSA key",
    generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  ],
])("%s in place of the private key is refused when opened, without being shown", (_what, wrong) => {
  expect(() => open({ privateKey: wrong })).toThrow(/^privateKey: expected/);
});
