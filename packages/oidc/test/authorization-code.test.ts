import { sha256 } from "@dex/runtime";
import { expect, test } from "vitest";
import { client, issuer, jane, later, now, publicClient, readJwtPart } from "./fakes.ts";
import { challengeOfVerifier, refusalOf, setUp, verifier } from "./token-endpoint.ts";

const claimsOf = (idToken: unknown) => readJwtPart(String(idToken).split(".")[1]);

test("a code becomes tokens with one round trip and one signature (JWT-7, RFC 6749 §4.1.4, OIDC Core §3.1.3.3, v1 T05, v1 S11)", async () => {
  const { issueCode, redeem, store, signer } = setUp();
  const nonce = " N-1 +%2B\u00e4 "; // back as it came, to the byte
  const answer = await redeem(issueCode({ scope: "openid email", nonce }));
  expect(answer).toEqual({
    access_token: expect.stringMatching(/^dxa_[\w-]+$/),
    token_type: "Bearer",
    expires_in: 600,
    scope: "openid email",
    id_token: expect.any(String),
  });
  expect(store.takeRoundTrips()).toBe(1);
  expect(signer.signatures).toBe(1);
  const seconds = now.getTime() / 1000;
  expect(claimsOf(answer.id_token)).toEqual({
    iss: issuer,
    sub: jane.id,
    aud: "client-a",
    iat: seconds,
    exp: seconds + 3600,
    auth_time: seconds - 300,
    sid: expect.stringMatching(/^[\w-]{22}$/),
    nonce,
    amr: ["pwd"],
    acr: "1",
    at_hash: expect.stringMatching(/^[\w-]{22}$/),
    email: "jane@example.com",
    email_verified: true,
  });
});

const scopes = [
  { scope: "openid", claims: {} },
  { scope: "openid email", claims: { email: jane.email, email_verified: true } },
  { scope: "openid profile", claims: { name: "Jane Doe", preferred_username: "jane" } },
  { scope: "openid groups", claims: { groups: ["staff", "admins"] } },
];
test.each(scopes)("the ID token for $scope says no more of the user than that (JWT-7)", async ({ scope, claims }) => {
  const { issueCode, redeem } = setUp();
  const protocol = ["iss", "sub", "aud", "iat", "exp", "auth_time", "sid", "amr", "acr", "at_hash"];
  const { id_token } = await redeem(issueCode({ scope }));
  const found = Object.entries(claimsOf(id_token)).filter(([name]) => !protocol.includes(name));
  expect(Object.fromEntries(found)).toEqual(claims); // and no nonce, since none was sent
});

const offline = [
  { when: "offline_access was granted", scope: "openid offline_access", grantTypes: client.grantTypes, expected: true },
  { when: "offline_access was not granted", scope: "openid", grantTypes: client.grantTypes, expected: false },
  {
    when: "the client may not refresh",
    scope: "openid offline_access",
    grantTypes: ["authorization_code"],
    expected: false,
  },
] as const;
test.each(offline)(
  "a refresh token when $when: $expected (REF-11, OIDC Core §11, v1 T06)",
  async ({ scope, grantTypes, expected }) => {
    const owner = { ...client, id: "owner", grantTypes };
    const { issueCode, redeem } = setUp({ clients: [owner] });
    const answer = await redeem(issueCode({ scope, client: owner }), { client_id: "owner" });
    expect("refresh_token" in answer).toBe(expected);
  },
);

test("a spent code is refused and what it produced dies (TOK-1, RFC 6749 §4.1.2, v1 S03)", async () => {
  const { issueCode, redeem, refresh, askUserinfo, store } = setUp();
  const code = issueCode({ scope: "openid offline_access" });
  const first = await redeem(code);
  const second = await refresh(first.refresh_token);
  expect(await askUserinfo(first.access_token)).toMatchObject({ sub: jane.id });
  expect(await refusalOf(redeem(code, {}, later(30)))).toMatchObject({ code: "invalid_grant" });
  expect(store.revocations).toMatchObject([{ reason: "code replayed" }]);
  expect(await refusalOf(askUserinfo(first.access_token))).toMatchObject({ code: "invalid_token" });
  expect(await refusalOf(askUserinfo(second.access_token))).toMatchObject({ code: "invalid_token" });
  expect(await refusalOf(refresh(second.refresh_token))).toMatchObject({ code: "invalid_grant" });
});

test.each([2, 12, 100])(
  "of %i simultaneous exchanges of one code exactly one succeeds (TOK-2, v1 S12)",
  async (count) => {
    const { issueCode, redeem } = setUp();
    const code = issueCode();
    const outcomes = await Promise.allSettled(Array.from({ length: count }, () => redeem(code)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "invalid_grant" });
    }
  },
);

test("another client cannot spend or spoil a code, not even with six wrong verifiers (TOK-4, PKC-7)", async () => {
  const { issueCode, redeem, store } = setUp();
  const code = issueCode({ codeChallenge: challengeOfVerifier });
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const stolen = redeem(code, { client_id: "client-b", code_verifier: "x".repeat(43) });
    expect(await refusalOf(stolen)).toMatchObject({ code: "invalid_grant" });
  }
  expect(store.revocations).toEqual([]);
  expect(await redeem(code, { code_verifier: verifier })).toHaveProperty("access_token");
});

test("a wrong client secret leaves the code good (TOK-5, v1 T04)", async () => {
  const { issueCode, redeem } = setUp();
  const code = issueCode();
  expect(await refusalOf(redeem(code, { client_secret: "wrong" }))).toMatchObject({
    code: "invalid_client",
    status: 401,
  });
  expect(await redeem(code)).toHaveProperty("access_token");
});

test("the right verifier fits its challenge, for a public client without a secret (RFC 7636 §4.6, PKC-1)", async () => {
  const { issueCode, redeem } = setUp();
  const code = issueCode({ client: publicClient, codeChallenge: challengeOfVerifier });
  const fields = { client_id: "native", client_secret: undefined, redirect_uri: "http://127.0.0.1/cb" };
  expect(await redeem(code, { ...fields, code_verifier: verifier })).toHaveProperty("id_token");
});

const badVerifiers = [
  { when: "missing", code_verifier: undefined, by: "PKC-4" },
  { when: "empty", code_verifier: "", by: "PKC-4" },
  { when: "the challenge itself", code_verifier: challengeOfVerifier, by: "PKC-4" },
  { when: "wrong", code_verifier: "x".repeat(43), by: "PKC-4" },
  { when: "of another case", code_verifier: verifier.toLowerCase(), by: "PKC-4" },
  { when: "too short", code_verifier: verifier.slice(1), by: "PKC-6" },
  { when: "too long", code_verifier: "x".repeat(129), by: "PKC-6" },
  { when: "of other characters", code_verifier: `${verifier.slice(1)}+`, by: "PKC-6" },
];
test.each(badVerifiers)("a verifier that is $when is refused ($by, RFC 7636 §4.6)", async ({ code_verifier }) => {
  const { issueCode, redeem } = setUp();
  const code = issueCode({ codeChallenge: challengeOfVerifier });
  expect(await refusalOf(redeem(code, { code_verifier }))).toMatchObject({ code: "invalid_grant" });
});

test.each(["short", "a".repeat(42), "a".repeat(129), `${"a".repeat(42)}/`])(
  "the verifier %s is refused although its hash fits (PKC-6, RFC 7636 §4.1)",
  async (code_verifier) => {
    const { issueCode, redeem, store } = setUp();
    const code = issueCode({ codeChallenge: sha256(code_verifier).toString("base64url") });
    expect(await refusalOf(redeem(code, { code_verifier }))).toMatchObject({ code: "invalid_grant" });
    expect(store.takeRoundTrips()).toBe(0);
  },
);

test("after five wrong verifiers of the right client the code is dead (PKC-7)", async () => {
  const { issueCode, redeem } = setUp();
  const code = issueCode({ codeChallenge: challengeOfVerifier });
  for (let attempt = 0; attempt < 5; attempt += 1) await refusalOf(redeem(code, { code_verifier: "x".repeat(43) }));
  expect(await refusalOf(redeem(code, { code_verifier: verifier }))).toMatchObject({ code: "invalid_grant" });
});

test("a verifier for a code without a challenge is refused, not ignored (PKC-5, RFC 9700 §4.8.2)", async () => {
  const { issueCode, redeem } = setUp();
  expect(await refusalOf(redeem(issueCode(), { code_verifier: verifier }))).toMatchObject({ code: "invalid_grant" });
});

test.each([undefined, "", "https://a.example/cb/", "https://b.example/cb"])(
  "the redirect_uri %s is not the request's (TOK-3, RFC 6749 §4.1.3)",
  async (redirect_uri) => {
    const { issueCode, redeem } = setUp();
    expect(await refusalOf(redeem(issueCode(), { redirect_uri }))).toMatchObject({ code: "invalid_grant" });
  },
);

test("a code is dead after 60 seconds and when its user was disabled (TOK-16, v1 S05, v1 T24)", async () => {
  const { issueCode, redeem, store } = setUp();
  expect(await redeem(issueCode(), {}, later(59))).toHaveProperty("id_token");
  expect(await refusalOf(redeem(issueCode(), {}, later(60)))).toMatchObject({ code: "invalid_grant" });
  store.disable(jane.id);
  expect(await refusalOf(redeem(issueCode()))).toMatchObject({ code: "invalid_grant" });
});

test("no other token is a code, and no altered code is one (TOK-13, AUT-15, v1 S04, v1 T03, v1 T08)", async () => {
  const { issueCode, redeem } = setUp();
  const code = issueCode({ scope: "openid offline_access" });
  const { access_token, refresh_token, id_token } = await redeem(code);
  const fresh = issueCode();
  const altered = [fresh.slice(0, -1), `${fresh}A`, fresh.toUpperCase(), fresh.slice(4), ` ${fresh}`, `${fresh}=`];
  for (const text of [access_token, refresh_token, id_token, "x", ...altered]) {
    expect(await refusalOf(redeem(String(text)))).toMatchObject({ code: "invalid_grant" });
  }
  expect(await redeem(fresh)).toHaveProperty("access_token");
  expect(await refusalOf(redeem(""))).toMatchObject({ code: "invalid_request" });
});
