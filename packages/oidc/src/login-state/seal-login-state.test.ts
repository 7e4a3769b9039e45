import { systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { later, now, sealers } from "../../test/fakes.ts";
import { matchRedirectUri } from "../clients/redirect-uri.ts";
import type { AuthorizationRequest } from "../endpoints/authorization-request.ts";
import { MAX_SEALED_LOGIN_STATE_LENGTH, makeLoginStates } from "./seal-login-state.ts";

const uri = "https://a.example/cb";
const full: AuthorizationRequest = {
  clientId: "client-a",
  redirectUri: matchRedirectUri({ public: false, redirectUris: [uri] }, uri) ?? expect.fail("registered"),
  responseType: "code",
  responseMode: "query",
  scope: ["openid", "email"],
  state: 's"\\\u00e4',
  nonce: "n",
  codeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  dpopJkt: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
  prompt: ["login", "consent"],
  maxAgeSeconds: 0,
  loginHint: "jane@example.com",
  hintedUserId: "u",
  connectorId: "google",
};
const { dpopJkt: _jkt, ...unbound } = full;
const bare: AuthorizationRequest = {
  ...unbound,
  state: undefined,
  nonce: undefined,
  codeChallenge: undefined,
  prompt: [],
  maxAgeSeconds: undefined,
  loginHint: undefined,
  hintedUserId: undefined,
  connectorId: undefined,
};
const { loginState: sealer, accessToken: foreignSealer } = sealers();
const states = makeLoginStates({ sealer, random: systemRandom });
const seal = (state: Parameters<typeof states.seal>[0]) => states.seal(state) ?? expect.fail("too large");

const hybrid: AuthorizationRequest = { ...full, responseType: "code id_token", responseMode: "form_post" };

test.each([full, bare, hybrid])("a login state comes back as it was sealed (v1 S08, v1 S09, v1 S10)", (request) => {
  const state = {
    ...states.begin(request, now),
    upstream: { connectorId: "google", data: { nonce: "x", list: [1, null, { a: true }] } },
    signedInSession: "session",
  };
  expect(states.open(state.id, seal(state), now)).toEqual(state);
});

test.each(["someone@example.com", undefined])("a proved identity comes back as it was sealed", (email) => {
  const unmatched = {
    connectorId: "google",
    remoteId: "1",
    email,
    emailVerified: true,
    displayName: email,
    preferredUsername: undefined,
    authTime: later(-5),
    amr: ["pwd"],
  };
  const begun = states.begin({ ...bare, shownConnectorIds: ["google"] }, now);
  const state = { ...begun, unmatched, intent: "register", notice: "no account yet" } as const;
  expect(states.open(state.id, seal(state), now)).toEqual(state);
});

test("what was asked for by name comes back as it was sealed (OIDC Core §5.5)", () => {
  const asked = { claims: { userinfo: ["name"], idToken: ["email"] }, subjects: ["s"], essentialAcr: ["2"] };
  const state = states.begin({ ...bare, ...asked, hintedSector: "a.example" }, now);
  expect(states.open(state.id, seal(state), now)).toEqual(state);
});

test("a new login state has an id and a form token of 128 bits each, and lives for ten minutes (v1 S01)", () => {
  const [one, two] = [states.begin(full, now), states.begin(full, now)];
  expect(new Set([one.id, two.id, one.formToken, two.formToken]).size).toBe(4);
  expect(Buffer.from(one.id, "base64url")).toHaveLength(16);
  expect(Buffer.from(one.formToken, "base64url")).toHaveLength(16);
  expect(Buffer.from(states.newFormToken(), "base64url")).toHaveLength(16);
  expect(one).toMatchObject({ expiresAt: later(600), upstream: undefined, signedInSession: undefined });
});

test("nothing of the request can be read or changed without the key (PKC-8)", () => {
  const state = states.begin(full, now);
  const text = seal(state);
  expect(Buffer.from(text, "base64url").toString("latin1")).not.toContain(full.codeChallenge);
  for (let position = 0; position < text.length; position += 1) {
    const swapped = text[position] === "A" ? "B" : "A";
    const altered = text.slice(0, position) + swapped + text.slice(position + 1);
    expect(states.open(state.id, altered, now)).toBeUndefined();
  }
});

test("a login state opens for its own id alone, until it expires (AUT-15, v1 S06, v1 S13)", () => {
  const state = states.begin(full, now);
  const text = seal(state);
  expect(states.open(states.begin(full, now).id, text, now)).toBeUndefined();
  expect(states.open(state.id, text, later(599))).toBeDefined();
  expect(states.open(state.id, text, later(600))).toBeUndefined();
});

const notStates = [
  { when: "empty", text: "" },
  { when: "short", text: "AAAA" },
  { when: "not base64url", text: "%%%" },
  { when: "endless", text: "A".repeat(100_000) },
  { when: "sealed for another purpose", text: foreignSealer.seal(Buffer.from("1{}"), "id").toString("base64url") },
  { when: "of another shape version", text: sealer.seal(Buffer.from("2{}"), "id").toString("base64url") },
  { when: "without members", text: sealer.seal(Buffer.from("1{}"), "id").toString("base64url") },
  { when: "with a member too many", text: withMember("extra", 1) },
  { when: "with a member of another type", text: withMember("formToken", 1) },
  { when: "of another id inside", text: withMember("id", "other") },
];
test.each(notStates)("a text that is $when is no login state (AUT-15, v1 S06)", ({ text }) => {
  expect(states.open("id", text, now)).toBeUndefined();
});

function withMember(name: string, value: unknown): string {
  const state = { ...states.begin(full, now), id: "id", expiresAt: later(60).getTime(), [name]: value };
  return sealer.seal(Buffer.from(`1${JSON.stringify(state)}`), "id").toString("base64url");
}

test("the largest state that a client may send still travels, and more than fits is refused (AUT-1)", () => {
  const large = states.begin({ ...full, state: '"'.repeat(2048) }, now);
  expect(seal(large).length).toBeLessThanOrEqual(MAX_SEALED_LOGIN_STATE_LENGTH);
  expect(states.seal({ ...large, upstream: { connectorId: "x", data: { blob: "b".repeat(5000) } } })).toBeUndefined();
});
