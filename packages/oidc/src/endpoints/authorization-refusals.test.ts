import { expect, test } from "vitest";
import { base, challenge, decide, delivered, nativeChanges, pkce, query } from "../../test/authorization-request.ts";
import { issuer } from "../../test/fakes.ts";

const shown = [
  { when: "client_id is missing", text: query({ client_id: undefined }), by: "RED-5" },
  { when: "client_id is empty", text: query({ client_id: "" }), by: "RED-5" },
  { when: "client_id is unknown", text: query({ client_id: "nobody" }), by: "RED-5" },
  { when: "client_id is sent twice", text: query({}, "&client_id=client-a"), by: "RED-5, RED-6" },
  { when: "client_id is array-shaped", text: query({ client_id: undefined }, "&client_id[]=client-a"), by: "RED-5" },
  { when: "client_id is a prototype member", text: query({ client_id: "__proto__" }), by: "AUT-9" },
  { when: "client_id holds NUL", text: query({ client_id: "client-a\0" }), by: "AUT-10" },
  { when: "client_id is endless", text: query({ client_id: "a".repeat(10_000) }), by: "RED-5" },
];
test.each(shown)("nothing is sent anywhere when $when ($by, v1 A04)", async ({ text }) => {
  const decision = await decide(text);
  expect(decision).toMatchObject({
    kind: "show",
    error: { code: "invalid_request", message: "the client is unknown" },
  });
});

const untrustedTargets = [
  { when: "redirect_uri is missing", text: query({ redirect_uri: undefined }), by: "RED-4, OIDC Core §3.1.2.1" },
  { when: "redirect_uri is empty", text: query({ redirect_uri: "" }), by: "RED-4" },
  {
    when: "redirect_uri is not registered",
    text: query({ redirect_uri: "https://evil.example/cb" }),
    by: "RED-1, RED-10",
  },
  { when: "redirect_uri is another client's", text: query({ redirect_uri: "http://127.0.0.1/cb" }), by: "RED-1" },
  { when: "redirect_uri is sent twice", text: query({}, "&redirect_uri=https://a.example/cb"), by: "RED-6" },
  {
    when: "redirect_uri is sent twice, once foreign",
    text: query({}, "&redirect_uri=https://evil.example"),
    by: "RED-6",
  },
  {
    when: "redirect_uri comes as redirect_uri[] and redirect_uri[0]",
    text: query(
      { redirect_uri: undefined },
      "&redirect_uri[]=https://a.example/cb&redirect_uri[0]=https://a.example/cb",
    ),
    by: "RED-7",
  },
  {
    when: "an error would go to a foreign redirect_uri",
    text: query({ redirect_uri: "https://evil.example", response_type: "token" }),
    by: "RED-10",
  },
];
test.each(untrustedTargets)("nothing is sent anywhere when $when ($by, v1 A02, v1 A08, v1 C06)", async ({ text }) => {
  expect(await decide(text)).toMatchObject({ kind: "show", error: { code: "invalid_request", status: 400 } });
});

const refusals = [
  ...[
    "response_type",
    "scope",
    "nonce",
    "prompt",
    "max_age",
    "code_challenge",
    "dpop_jkt",
    "login_hint",
    "request",
  ].map((name) => ({
    when: `${name} is sent twice`,
    text: query({ [name]: "1" }, `&${name}=2`),
    code: "invalid_request",
    by: "RED-6, RFC 6749 §3.1",
  })),
  {
    when: "response_type is missing",
    text: query({ response_type: undefined }),
    code: "invalid_request",
    by: "RFC 6749 §4.1.2.1",
  },
  ...["token", "id_token", "code token", "code id_token", "none", "CODE", "code code"].map((type) => ({
    when: `response_type is ${type}`,
    text: query({ response_type: type }),
    code: "unsupported_response_type",
    by: "AUT-3",
  })),
  ...["jwt.jwt", "QUERY", ".jwt", "web_message"].map((mode) => ({
    when: `response_mode is ${mode}`,
    text: query({ response_mode: mode }),
    code: "invalid_request",
    by: "AUT-13",
  })),
  {
    when: "a request object is sent",
    text: query({ request: "eyJhbGciOiJub25lIn0.e30." }),
    code: "request_not_supported",
    by: "AUT-11",
  },
  {
    when: "a request_uri is sent",
    text: query({ request_uri: "http://169.254.169.254/" }),
    code: "request_uri_not_supported",
    by: "AUT-11",
  },
  {
    when: "a registration is sent",
    text: query({ registration: "{}" }),
    code: "registration_not_supported",
    by: "OIDC Core §7.2.1",
  },
  {
    when: "the client may not use the grant",
    text: query({ client_id: "machine" }),
    code: "unauthorized_client",
    by: "AUT-13",
  },
  { when: "scope is missing", text: query({ scope: undefined }), code: "invalid_scope", by: "OIDC Core §3.1.2.1" },
  {
    when: "scope lacks openid",
    text: query({ scope: "email profile" }),
    code: "invalid_scope",
    by: "OIDC Core §3.1.2.1",
  },
  { when: "scope is OPENID", text: query({ scope: "OPENID" }), code: "invalid_scope", by: "RFC 6749 §3.3" },
  {
    when: "the client may not ask for openid",
    text: query({ client_id: "no-openid" }),
    code: "invalid_scope",
    by: "AUT-8",
  },
  {
    when: "a cross-client audience is asked for",
    text: query({ scope: "openid audience:server:client_id:native" }),
    code: "invalid_scope",
    by: "TOK-19",
  },
  {
    when: "scope is endless",
    text: query({ scope: `openid ${"a".repeat(2000)}` }),
    code: "invalid_request",
    by: "AUT-10",
  },
  { when: "a public client sends no challenge", text: query(nativeChanges), code: "invalid_request", by: "PKC-1" },
  {
    when: "a client that needs PKCE sends no challenge",
    text: query({ client_id: "strict" }),
    code: "invalid_request",
    by: "PKC-1",
  },
  {
    when: "code_challenge is empty",
    text: query({ code_challenge: "", code_challenge_method: "S256" }),
    code: "invalid_request",
    by: "PKC-3",
  },
  {
    when: "the method comes without a challenge",
    text: query({ code_challenge_method: "S256" }),
    code: "invalid_request",
    by: "PKC-2",
  },
  ...["short", `${challenge}A`, `${challenge.slice(1)}+`, `${challenge}=`].map((dpop_jkt) => ({
    when: `dpop_jkt is ${dpop_jkt}`,
    text: query({ dpop_jkt }),
    code: "invalid_request",
    by: "RFC 9449 §10",
  })),
  {
    when: "code_challenge_method is absent",
    text: query({ code_challenge: challenge }),
    code: "invalid_request",
    by: "PKC-2",
  },
  ...["plain", "s256", "S512", "none"].map((method) => ({
    when: `code_challenge_method is ${method}`,
    text: query({ ...pkce, code_challenge_method: method }),
    code: "invalid_request",
    by: "PKC-2",
  })),
  ...[challenge.slice(1), `${challenge}A`, `${challenge.slice(1)}=`, `${challenge.slice(1)}+`, "short"].map(
    (value) => ({
      when: `code_challenge is ${value}`,
      text: query({ ...pkce, code_challenge: value }),
      code: "invalid_request",
      by: "PKC-3",
    }),
  ),
  ...[
    "none login",
    "login none",
    "none none consent",
    "none create",
    "Create",
    "Login",
    "login  consent",
    "login,consent",
  ].map((prompt) => ({
    when: `prompt is ${prompt}`,
    text: query({ prompt }),
    code: "invalid_request",
    by: "AUT-4, OIDC Core §3.1.2.1",
  })),
  ...["-1", "1.5", "1e3", "0x10", " 1", "abc", "99999999999", "9999999999", "\u0661"].map((maxAge) => ({
    when: `max_age is ${JSON.stringify(maxAge)}`,
    text: query({ max_age: maxAge }),
    code: "invalid_request",
    by: "AUT-5",
  })),
  ...["[]", "null", '"x"', "1", "{", "{'a':1}", "true"].map((claims) => ({
    when: `claims is ${claims}`,
    text: query({ claims }),
    code: "invalid_request",
    by: "AUT-7",
  })),
  {
    when: "claims is larger than 4 KiB",
    text: query({ claims: JSON.stringify({ a: "a".repeat(4096) }) }),
    code: "invalid_request",
    by: "AUT-7",
  },
  { when: "nonce is too long", text: query({ nonce: "n".repeat(513) }), code: "invalid_request", by: "AUT-10" },
  {
    when: "login_hint is too long",
    text: query({ login_hint: "n".repeat(321) }),
    code: "invalid_request",
    by: "AUT-10",
  },
  {
    when: "connector_id is too long",
    text: query({ connector_id: "n".repeat(256) }),
    code: "invalid_request",
    by: "AUT-10",
  },
  ...["%00", "%0d", "%0a", "%ED%A0%80", "%ff", "%c0%ae"].flatMap((bytes) =>
    ["nonce", "login_hint", "unknown"].map((name) => ({
      when: `${name} holds ${bytes}`,
      text: query({}, `&${name}=a${bytes}b`),
      code: "invalid_request",
      by: "AUT-10",
    })),
  ),
  {
    when: "a parameter's name holds a line break",
    text: query({}, "&a%0d%0ab=c"),
    code: "invalid_request",
    by: "AUT-10",
  },
  {
    when: "there are more than 200 parameters",
    text: query({}, "&a=b".repeat(200)),
    code: "invalid_request",
    by: "AUT-10",
  },
  { when: "id_token_hint is no token", text: query({ id_token_hint: "x" }), code: "invalid_request", by: "AUT-6" },
  {
    when: "id_token_hint is endless",
    text: query({ id_token_hint: "x".repeat(20_000) }),
    code: "invalid_request",
    by: "AUT-6",
  },
  {
    when: "id_token_hint is no token and prompt=none",
    text: query({ id_token_hint: "x", prompt: "none" }),
    code: "login_required",
    by: "AUT-6",
  },
];
test.each(refusals)("the client is told $code when $when ($by, v1 A05, v1 A06, v1 A09)", async ({ text, code }) => {
  const decision = await decide(text);
  expect(decision).toMatchObject({ kind: "deliver", error: { code } });
  const { to, members } = delivered(decision);
  expect(["https://a.example/cb", "http://127.0.0.1:4711/cb"]).toContain(to);
  // AUT-1, AUT-2, RFC 9207 §2
  expect(members.get("iss")).toBe(issuer);
  expect(members.get("state")).toBe(base.state);
  expect(members.get("error")).toBe(code);
  expect(members.get("error_description")).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
});

const badStates = [
  { when: "is longer than 2 KiB", text: query({ state: "s".repeat(2049) }) },
  { when: "is longer than 2 KiB in UTF-8", text: query({ state: "\u00e4".repeat(1025) }) },
  { when: "is sent twice", text: query({}, "&state=other") },
  { when: "holds CR and LF", text: query({ state: "a\r\nSet-Cookie: x" }) },
  { when: "is not UTF-8", text: query({ state: undefined }, "&state=%ff") },
];
test.each(badStates)("a state that $when is refused and not given back (AUT-1, RED-6, AUT-10)", async ({ text }) => {
  const decision = await decide(text);
  expect(decision).toMatchObject({ kind: "deliver", error: { code: "invalid_request" } });
  expect(delivered(decision).members.has("state")).toBe(false);
});
