import { expect, test } from "vitest";
import { renderBearerChallenge } from "../src/index.ts";
import { client, issuer, jane, now } from "./fakes.ts";
import { claimsOf, refusalOf, setUp } from "./token-endpoint.ts";

const none = new URLSearchParams();

async function signedIn(scope = "openid email profile groups offline_access") {
  const parts = setUp();
  const answer = await parts.redeem(parts.issueCode({ scope }));
  parts.store.takeRoundTrips();
  return { ...parts, answer, token: answer.access_token };
}

test("userinfo answers the claims of the scope with one round trip (OIDC Core §5.3)", async () => {
  const { askUserinfo, token, store } = await signedIn();
  expect(await askUserinfo(token)).toEqual({
    sub: jane.id,
    email: "jane@example.com",
    email_verified: true,
    name: "Jane Doe",
    preferred_username: "jane",
    groups: ["staff", "admins"],
  });
  expect(store.takeRoundTrips()).toBe(1);
});

test("the token is taken from the header, in any case of the scheme, or from the form (RFC 6750 §2)", async () => {
  const { userinfo, token } = await signedIn("openid");
  for (const authorization of [`Bearer ${token}`, `bearer ${token}`, `BEARER  ${token}`]) {
    expect(claimsOf(await userinfo.handle({ authorization, query: none }, now))).toEqual({ sub: jane.id });
  }
  const body = new URLSearchParams({ access_token: token });
  const answer = await userinfo.handle({ authorization: undefined, query: none, body }, now);
  expect(claimsOf(answer)).toEqual({ sub: jane.id });
});

const refusals = [
  { when: "no token is sent", make: () => ({}), status: 401, error: undefined },
  {
    when: "the scheme is Basic",
    make: (t: string) => ({ authorization: `Basic ${t}` }),
    status: 401,
    error: undefined,
  },
  { when: "the scheme is missing", make: (t: string) => ({ authorization: t }), status: 401, error: undefined },
  { when: "the token is empty", make: () => ({ authorization: "Bearer " }), status: 401, error: "invalid_token" },
  { when: "the token is garbage", make: () => ({ authorization: "Bearer x" }), status: 401, error: "invalid_token" },
  {
    when: "the token holds other characters",
    make: () => ({ authorization: "Bearer \u00e4 b" }),
    status: 401,
    error: "invalid_token",
  },
  {
    when: "there are two tokens in the header",
    make: (t: string) => ({ authorization: `Bearer ${t} ${t}` }),
    status: 401,
    error: "invalid_token",
  },
  {
    when: "the token is endless",
    make: () => ({ authorization: `Bearer dxa_${"A".repeat(100_000)}` }),
    status: 401,
    error: "invalid_token",
  },
  {
    when: "the token is in the URL",
    make: (t: string) => ({ query: `access_token=${t}` }),
    status: 400,
    error: "invalid_request",
  },
  {
    when: "the token is in URL and header",
    make: (t: string) => ({ query: `access_token=${t}`, authorization: `Bearer ${t}` }),
    status: 400,
    error: "invalid_request",
  },
  {
    when: "the token is in header and form",
    make: (t: string) => ({ body: `access_token=${t}`, authorization: `Bearer ${t}` }),
    status: 400,
    error: "invalid_request",
  },
  {
    when: "the token is twice in the form",
    make: (t: string) => ({ body: `access_token=${t}&access_token=${t}` }),
    status: 400,
    error: "invalid_request",
  },
];
test.each(refusals)("$status when $when (JWT-10, RFC 6750 §3.1)", async ({ make, status, error }) => {
  const { userinfo, token } = await signedIn();
  const { authorization, query, body }: { authorization?: string; query?: string; body?: string } = make(token);
  const request = {
    authorization,
    query: new URLSearchParams(query ?? ""),
    body: body === undefined ? undefined : new URLSearchParams(body),
  };
  const refusal = await refusalOf(userinfo.handle(request, now));
  expect(refusal.status).toBe(status);
  const challenge = renderBearerChallenge(refusal);
  expect(challenge).toMatch(/^Bearer realm="dex"(, error="[a-z_]+", error_description="[^"\\]+")?$/);
  expect(/error="([a-z_]+)"/.exec(challenge ?? "")?.[1]).toBe(error);
  expect(challenge).not.toContain(token);
});

test("a client's own token is refused with 403, a bad JWT with 401 (JWT-10)", async () => {
  const { post, askUserinfo, signer } = setUp();
  const { access_token } = await post({ grant_type: "client_credentials" });
  expect(await refusalOf(askUserinfo(access_token))).toMatchObject({ code: "insufficient_scope", status: 403 });
  const claims = { iss: issuer, sub: client.id, exp: now.getTime() / 1000 + 60 };
  const options = { typ: "at+jwt", algorithm: "RS256" } as const;
  const bad = [
    `${access_token}x`,
    await signer.sign({ ...claims, exp: now.getTime() / 1000 }, options),
    await signer.sign({ ...claims, iss: "https://other.example" }, options),
    await signer.sign(claims, { ...options, typ: "JWT" }),
  ];
  for (const token of bad) expect(await refusalOf(askUserinfo(token))).toMatchObject({ status: 401 });
});

test("code, refresh token and ID token are no access tokens (TOK-13, AUT-15)", async () => {
  const { askUserinfo, answer, issueCode, store } = await signedIn();
  for (const token of [issueCode(), answer.refresh_token, answer.id_token]) {
    expect(await refusalOf(askUserinfo(token))).toMatchObject({ code: "invalid_token", status: 401 });
  }
  expect(store.takeRoundTrips()).toBe(0);
});

test("an access token cut, extended or altered in any place is refused without a round trip (JWT-11)", async () => {
  const { askUserinfo, token, store } = await signedIn();
  const altered = [token.toUpperCase(), token.toLowerCase(), token.slice(4), `${token}A`, `${token}=`, `dxa_${token}`];
  for (let position = 0; position < token.length; position += 1) {
    altered.push(token.slice(0, position) + (token[position] === "A" ? "B" : "A") + token.slice(position + 1));
    altered.push(token.slice(0, position));
  }
  for (const text of altered) expect(await refusalOf(askUserinfo(text))).toMatchObject({ code: "invalid_token" });
  expect(store.takeRoundTrips()).toBe(0);
});

test("a disabled user's token is refused (TOK-16)", async () => {
  const { askUserinfo, token, store } = await signedIn();
  store.disable(jane.id);
  expect(await refusalOf(askUserinfo(token))).toMatchObject({ code: "invalid_token", status: 401 });
});

test("a token narrowed to less than openid says nothing of the user (OIDC Core §5.3)", async () => {
  const { askUserinfo, refresh, answer } = await signedIn();
  const { access_token } = await refresh(answer.refresh_token, { scope: "email" });
  expect(await refusalOf(askUserinfo(access_token))).toMatchObject({ code: "insufficient_scope", status: 403 });
});
