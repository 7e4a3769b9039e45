import { expect, test } from "vitest";
import { client, issuer, jane, later, now, publicClient, readJwtPart, secretOfClient } from "./fakes.ts";
import { refusalOf, setUp } from "./token-endpoint.ts";

const FORM = "application/x-www-form-urlencoded";
const credentials = `client_id=client-a&client_secret=${secretOfClient}`;
const good = `grant_type=client_credentials&${credentials}`;

function send(body: string, more: { contentType?: string; query?: string } = {}) {
  const { contentType = FORM, query = "" } = more;
  return setUp().endpoint.handle(
    {
      authorization: undefined,
      contentType,
      query: new URLSearchParams(query),
      body: new URLSearchParams(body),
      source: "",
    },
    now,
  );
}

const refusals = [
  ...[
    "",
    "application/json",
    "multipart/form-data; boundary=x",
    "text/plain",
    "application/x-www-form-urlencodedx",
  ].map((contentType) => ({
    when: `the content type is ${contentType}`,
    body: good,
    more: { contentType },
    code: "invalid_request",
    by: "TOK-7",
  })),
  ...[
    "client_secret=x",
    "client_id=client-a",
    "code=x",
    "refresh_token=x",
    "grant_type=client_credentials",
    "code_verifier=",
  ].map((query) => ({
    when: `the URL holds ${query}`,
    body: good,
    more: { query },
    code: "invalid_request",
    by: "TOK-7",
  })),
  ...["grant_type", "client_id", "client_secret", "scope", "code", "redirect_uri", "refresh_token"].map((name) => ({
    when: `${name} is sent twice`,
    body: `${good}&${name}=a&${name}=a`,
    more: {},
    code: "invalid_request",
    by: "TOK-7, RFC 6749 §3.2",
  })),
  { when: "grant_type is missing", body: credentials, more: {}, code: "invalid_request", by: "RFC 6749 §5.2" },
  {
    when: "grant_type is empty",
    body: `grant_type=&${credentials}`,
    more: {},
    code: "invalid_request",
    by: "RFC 6749 §3.2",
  },
  ...["password", "implicit", "__proto__", "constructor", "refresh"].map((type) => ({
    when: `grant_type is ${type}`,
    body: `grant_type=${type}&username=jane&password=x&${credentials}`,
    more: {},
    code: "unsupported_grant_type",
    by: "TOK-14",
  })),
  ...["%00", "%0d%0a", "%ff"].map((bytes) => ({
    when: `a parameter holds ${bytes}`,
    body: `${good}&scope=a${bytes}`,
    more: {},
    code: "invalid_request",
    by: "AUT-10",
  })),
  {
    when: "there are more than 200 parameters",
    body: `${good}${"&a=b".repeat(200)}`,
    more: {},
    code: "invalid_request",
    by: "TOK-7",
  },
  { when: "the client sends a wrong secret", body: `${good}x`, more: {}, code: "invalid_client", by: "TOK-5" },
];
test.each(refusals)("$code when $when ($by, v1 T03)", async ({ body, more, code }) => {
  expect(await refusalOf(send(body, more))).toMatchObject({ code });
});

test("a grant that the client was not registered for is refused (AUT-13)", async () => {
  const codeOnly = { ...client, id: "code-only", grantTypes: ["authorization_code"] as const };
  const { post } = setUp({ clients: [codeOnly] });
  for (const grant_type of ["client_credentials", "refresh_token"]) {
    const error = await refusalOf(post({ client_id: "code-only", grant_type, refresh_token: "x" }));
    expect(error).toMatchObject({ code: "unauthorized_client", status: 400 });
  }
});

test("client_credentials gives a JWT for the client itself and nothing else, with no round trip (TOK-15, RFC 9068 §2, v1 T11)", async () => {
  const { post, store } = setUp();
  const answer = await post({ grant_type: "client_credentials", scope: "openid email profile groups" });
  expect(Object.keys(answer).sort()).toEqual(["access_token", "expires_in", "token_type"]);
  const [header, payload] = answer.access_token.split(".");
  expect(readJwtPart(header)).toMatchObject({ typ: "at+jwt" });
  const iat = now.getTime() / 1000;
  expect(readJwtPart(payload)).toEqual({
    iss: issuer,
    sub: "client-a",
    aud: "client-a",
    client_id: "client-a",
    iat,
    exp: iat + 600,
    jti: expect.stringMatching(/^[\w-]{22}$/),
  });
  expect(store.takeRoundTrips()).toBe(0);
});

test("client_credentials grants scopes of the client's list alone, and none that are about people (TOK-15)", async () => {
  const machine = { ...client, id: "machine", scopes: ["things:read", "things:write", "email"] };
  const { post } = setUp({ clients: [machine] });
  const scope = "things:read email openid";
  const answer = await post({ client_id: "machine", grant_type: "client_credentials", scope });
  expect(answer).toMatchObject({ scope: "things:read" });
  expect(readJwtPart(answer.access_token.split(".")[1])).toMatchObject({ scope: "things:read" });
});

test.each(["things:delete", "things:read offline_access", "openid shiny"])(
  "client_credentials is refused for %s, which the client cannot have (TOK-15, dex v2 166)",
  async (scope) => {
    const machine = { ...client, id: "machine", scopes: ["things:read", "offline_access"] };
    const { post } = setUp({ clients: [machine] });
    const attempt = post({ client_id: "machine", grant_type: "client_credentials", scope });
    expect(await refusalOf(attempt)).toMatchObject({ code: "invalid_scope", status: 400 });
  },
);

test("client_credentials tells what an administrator made the client, for the scope groups alone (TOK-15, dex v2 165, RFC 9068 §2.2.3.1)", async () => {
  const details = { groups: ["builders", "bots"], roles: ["deployer"] };
  const member = { ...client, id: "member", details };
  const barred = { ...member, id: "barred", scopes: ["things"] };
  const { post } = setUp({ clients: [member, barred] });
  const ask = async (client_id: string, scope?: string) => {
    const answer = await post({ client_id, grant_type: "client_credentials", scope });
    return { told: answer.scope, claims: readJwtPart(answer.access_token.split(".")[1]) };
  };
  expect(await ask("member", "openid groups")).toMatchObject({
    told: "groups",
    claims: { ...details, scope: "groups" },
  });
  for (const [who, scope] of [
    ["member"],
    ["member", "openid"],
    ["barred", "groups"],
    ["client-a", "groups"],
  ] as const) {
    const { told, claims } = await ask(who, scope);
    expect(told).toBeUndefined();
    for (const claim of ["groups", "roles", "scope"]) expect(claims).not.toHaveProperty(claim);
  }
});

test("a public client gets nothing from client_credentials, even if its row allows it (TOK-15, v1 T12)", async () => {
  const odd = { ...publicClient, id: "odd", grantTypes: ["client_credentials"] as const };
  const { post } = setUp({ clients: [odd] });
  const attempt = post({ client_id: "odd", client_secret: undefined, grant_type: "client_credentials" });
  expect(await refusalOf(attempt)).toMatchObject({ code: "unauthorized_client" });
});

test("tokens hold printable ASCII alone and no two are alike (RFC 6749 appendix A)", async () => {
  const { issueCode, redeem } = setUp();
  const scope = "openid offline_access";
  const answers = [await redeem(issueCode({ scope })), await redeem(issueCode({ scope }))];
  const tokens = answers.flatMap((answer) => [answer.access_token, String(answer.refresh_token)]);
  expect(new Set(tokens).size).toBe(4);
  for (const token of tokens) expect(token).toMatch(/^[\x21-\x7e]+$/);
});

test("an access token lives for ten minutes", async () => {
  const { issueCode, redeem, askUserinfo } = setUp();
  const { access_token } = await redeem(issueCode());
  expect(await askUserinfo(access_token, later(599))).toEqual({ sub: jane.id });
  expect(await refusalOf(askUserinfo(access_token, later(600)))).toMatchObject({ code: "invalid_token" });
});

test("while nothing can be signed, neither grant answers with a token (v1 T07, v1 T18)", async () => {
  const { issueCode, redeem, refresh, post, signer } = setUp();
  const { refresh_token } = await redeem(issueCode({ scope: "openid offline_access" }));
  signer.sign = () => Promise.reject(new Error("no key"));
  for (const attempt of [
    redeem(issueCode({ scope: "openid offline_access" })),
    refresh(refresh_token),
    post({ grant_type: "client_credentials" }),
  ]) {
    await expect(attempt).rejects.toThrow("no key"); // not an OAuthError: the worker says 500, or 503 for a missing key
  }
});

test.each(["authorization_code", "refresh_token", "client_credentials"])(
  "an unknown client is invalid_client for %s (v1 T07, v1 T12, v1 T17)",
  async (grant_type) => {
    const { issueCode, post } = setUp();
    const attempt = post({ client_id: "nobody", grant_type, code: issueCode(), redirect_uri: "https://a.example/cb" });
    expect(await refusalOf(attempt)).toMatchObject({ code: "invalid_client", status: 401 });
  },
);
