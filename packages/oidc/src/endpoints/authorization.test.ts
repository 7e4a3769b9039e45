import { expect, test } from "vitest";
import {
  base,
  challenge,
  decide,
  delivered,
  login,
  nativeChanges,
  pkce,
  query,
  signer,
} from "../../test/authorization-request.ts";
import { clientsOf, issuer, jane, later, now, publicClient } from "../../test/fakes.ts";
import { isWellFormedForm } from "./parameters.ts";

test("a plain code request leads to login (OIDC Core §3.1.2.1, v1 A02)", async () => {
  expect(await login(query({ nonce: "n" }))).toEqual({
    clientId: "client-a",
    redirectUri: base.redirect_uri,
    responseType: "code",
    responseMode: "query",
    scope: ["openid"],
    state: base.state,
    nonce: "n",
    codeChallenge: undefined,
    prompt: [],
    maxAgeSeconds: undefined,
    loginHint: undefined,
    hintedUserId: undefined,
    connectorId: undefined,
  });
});

const wishes = [
  { parameters: {}, wish: "sign in" },
  { parameters: { register: "1" }, wish: "register" },
  { parameters: { register: "true" }, wish: "sign in" },
  { parameters: { register: "" }, wish: "sign in" },
  { parameters: { prompt: "create" }, wish: "register" },
  { parameters: { prompt: "login create" }, wish: "register", prompt: ["login"] },
];
test.each(wishes)("$parameters is the wish to $wish (v1 A18)", async ({ parameters, wish, prompt = [] }) => {
  expect(await decide(query(parameters))).toMatchObject({ kind: "login", wish, request: { prompt } });
});

test("show_connectors limits what is offered (v1 A16)", async () => {
  expect(await login(query({ show_connectors: "google, corp,,google" }))).toMatchObject({
    shownConnectorIds: ["google", "corp"],
  });
  expect(await login(query({ show_connectors: "," }))).not.toHaveProperty("shownConnectorIds");
});

test.each(["s".repeat(2048), "\u00e4\u{1f600} +&=#%00?/\"'<>\\", "%zz", " ", "\t"])(
  "the state %j survives (AUT-1)",
  async (state) => {
    expect((await login(query({ state }))).state).toBe(state);
    for (const response_mode of ["query", "fragment", "form_post"]) {
      const decision = await decide(query({ state, response_type: "none", response_mode }));
      expect(delivered(decision)).toMatchObject({ as: response_mode });
      expect(delivered(decision).members.get("state")).toBe(state);
    }
  },
);

test("a deployment can demand PKCE of every client (PKC-1)", async () => {
  expect(await decide(query(), { requirePkce: true })).toMatchObject({
    kind: "deliver",
    error: { code: "invalid_request" },
  });
  expect(await decide(query(pkce), { requirePkce: true })).toMatchObject({ kind: "login" });
});

test("a public client needs PKCE whatever its row says (PKC-1, RFC 9700 §2.1.1)", async () => {
  const clients = clientsOf({ ...publicClient, requirePkce: false });
  expect(await decide(query(nativeChanges), { clients })).toMatchObject({
    kind: "deliver",
    error: { code: "invalid_request" },
  });
  expect(await decide(query({ ...nativeChanges, ...pkce }), { clients })).toMatchObject({ kind: "login" });
});

test("a public client with a challenge gets on, at any port of its loopback address (PKC-1, RED-2)", async () => {
  expect(await login(query({ ...nativeChanges, ...pkce }))).toMatchObject({
    codeChallenge: challenge,
    redirectUri: nativeChanges.redirect_uri,
  });
});

test("the key that a code is bound to is read (DPO-3, RFC 9449 §10)", async () => {
  expect(await login(query({ dpop_jkt: challenge }))).toMatchObject({ dpopJkt: challenge });
  expect(await login(query({ dpop_jkt: "" }))).not.toHaveProperty("dpopJkt");
});

const scopes = [
  { asked: "openid email", clientId: "client-a", granted: ["openid", "email"] },
  { asked: "email openid  email", clientId: "client-a", granted: ["openid", "email"] },
  { asked: "openid unknown __proto__ constructor", clientId: "client-a", granted: ["openid"] },
  { asked: "openid email groups profile", clientId: "limited", granted: ["openid", "email"] },
  { asked: "openid offline_access", clientId: "client-a", granted: ["openid", "offline_access"] },
  { asked: "openid offline_access", clientId: "no-refresh", granted: ["openid"] },
];
test.each(scopes)(
  "scope $asked of $clientId becomes $granted (AUT-8, REF-11, v1 A09)",
  async ({ asked, clientId, granted }) => {
    expect((await login(query({ scope: asked, client_id: clientId }))).scope).toEqual(granted);
  },
);

const inert = [
  "&display=popup&ui_locales=se&claims_locales=se&acr_values=1%202&extra=foobar",
  "&state[]=x&state[0]=y&scope[]=groups&__proto__=x&constructor=y&__proto__[scope]=groups&a[b]=c",
  "&prompt[]=none&prompt[0]=none&__proto__[prompt]=none&constructor[prototype][max_age]=0&max_age[]=0&claims[]=x",
  "&extra=1&extra=2",
  `&claims=${encodeURIComponent('{"userinfo":{"shoe_size":{"essential":true},"name#de":null,"toString":1}}')}`,
  `&claims=${encodeURIComponent(`${'{"a":'.repeat(200)}1${"}".repeat(200)}`)}`,
  "&prompt=&max_age=&nonce=&login_hint=&id_token_hint=&claims=&response_mode=",
];
test.each(inert)("%s changes nothing (AUT-7, AUT-9, RED-7, OIDC Core §3.1.2.1)", async (appended) => {
  expect(await login(query({}, appended))).toEqual(await login(query()));
});

test("prompt, max_age, login_hint and connector_id are read (OIDC Core §3.1.2.1)", async () => {
  const text = query({ prompt: "login consent", max_age: "0", login_hint: "jane@example.com", connector_id: "google" });
  expect(await login(text)).toMatchObject({
    prompt: ["login", "consent"],
    maxAgeSeconds: 0,
    loginHint: "jane@example.com",
    connectorId: "google",
  });
});

const hint = { iss: issuer, sub: jane.id, aud: "client-b", iat: now.getTime() / 1000, exp: 0 };
const sign = (claims: Readonly<Record<string, unknown>>, typ = "JWT") =>
  signer.sign(claims, { typ, algorithm: "RS256" });

test("an id_token_hint for any of our clients, expired or not, names its user (AUT-6)", async () => {
  expect(await login(query({ id_token_hint: await sign(hint) }))).toMatchObject({ hintedUserId: jane.id });
});

const badHints = [
  { when: "of another issuer", claims: { ...hint, iss: "https://other.example" }, typ: "JWT" },
  { when: "that is an access token", claims: hint, typ: "at+jwt" },
  { when: "without a subject", claims: { ...hint, sub: undefined }, typ: "JWT" },
  { when: "with a number for a subject", claims: { ...hint, sub: 1 }, typ: "JWT" },
  { when: "from the future", claims: { ...hint, iat: later(120).getTime() / 1000 }, typ: "JWT" },
];
test.each(badHints)("an id_token_hint $when is refused (AUT-6, JWT-3)", async ({ claims, typ }) => {
  const text = query({ id_token_hint: await sign(claims, typ) });
  expect(await decide(text)).toMatchObject({ kind: "deliver", error: { code: "invalid_request" } });
  expect(await decide(`${text}&prompt=none`)).toMatchObject({ kind: "deliver", error: { code: "login_required" } });
});

test.each(["a=%zz", "a=%", "a=%4", "a=%ff", "a=%ED%A0%80", "%c3=1"])(
  "the raw query %s is not well-formed (AUT-10)",
  (raw) => {
    expect(isWellFormedForm(raw)).toBe(false);
  },
);
test("an ordinary raw query is well-formed", () => {
  expect(isWellFormedForm("a=b+c&d=%C3%A4%00&e")).toBe(true);
});
