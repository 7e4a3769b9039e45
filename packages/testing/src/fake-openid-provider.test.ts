import { createHash } from "node:crypto";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FakeOpenIdProvider, startFakeOpenIdProvider } from "./fake-openid-provider.ts";

const redirectUri = "https://dex.example/callback";
const verifier = "v".repeat(43);
const good = {
  client_id: "dex",
  redirect_uri: redirectUri,
  response_type: "code",
  scope: "openid email",
  state: "state-state-state",
  nonce: "nonce-nonce-nonce",
  code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  code_challenge_method: "S256",
};
let provider: FakeOpenIdProvider;
beforeAll(async () => {
  provider = await startFakeOpenIdProvider({
    clientId: "dex",
    clientSecret: "secret",
    redirectUris: [redirectUri],
    users: [
      { sub: "jane", claims: { email: "jane@example.com" } },
      { sub: "joe", claims: { email: "joe@example.com" } },
    ],
  });
});
afterAll(() => provider.close());
beforeEach(() => provider.reset());

function authorize(change: Record<string, string> = {}, more = ""): Promise<Response> {
  const query = new URLSearchParams({ ...good, ...change });
  return fetch(`${provider.issuer}/authorize?${query}${more}`, { redirect: "manual" });
}
async function newCode(): Promise<string> {
  const location = (await authorize()).headers.get("location") ?? "";
  return new URL(location).searchParams.get("code") ?? "";
}
function redeem(form: Record<string, string>, basic = "dex:secret"): Promise<Response> {
  return fetch(`${provider.issuer}/token`, {
    method: "POST",
    headers: basic === "" ? {} : { authorization: `Basic ${Buffer.from(basic).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "authorization_code", redirect_uri: redirectUri, ...form }),
  });
}

async function memberOf(response: Response, name: string): Promise<string> {
  const body: unknown = await response.json();
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
  if (typeof value !== "string") throw new Error(`the answer has no ${name}`);
  return value;
}

test("a well-behaved client gets a token that its published key verifies", async () => {
  const response = await redeem({ code: await newCode(), code_verifier: verifier });
  const keys = createRemoteJWKSet(new URL(`${provider.issuer}/jwks`));
  const { payload } = await jwtVerify(await memberOf(response, "id_token"), keys, {
    issuer: provider.issuer,
    audience: "dex",
  });
  expect(payload).toMatchObject({ sub: "jane", nonce: good.nonce, email: "jane@example.com" });
  expect(provider.violations).toEqual([]);
});

test("login_hint chooses who signs in", async () => {
  const location = (await authorize({ login_hint: "joe@example.com" })).headers.get("location") ?? "";
  const code = new URL(location).searchParams.get("code") ?? "";
  const response = await redeem({ code, code_verifier: verifier });
  const headers = { authorization: `Bearer ${await memberOf(response, "access_token")}` };
  expect(await (await fetch(`${provider.issuer}/userinfo`, { headers })).json()).toMatchObject({ sub: "joe" });
});

describe("an authorization request is refused without a redirect", () => {
  const rows = [
    { when: "client_id is another one", change: { client_id: "other" } },
    { when: "redirect_uri is another one", change: { redirect_uri: `${redirectUri}/` } },
    { when: "openid is not in the scope", change: { scope: "email" } },
    { when: "response_type is token", change: { response_type: "token" } },
    { when: "PKCE is plain", change: { code_challenge_method: "plain" } },
    { when: "the challenge is no SHA-256", change: { code_challenge: "short" } },
    { when: "state is guessable", change: { state: "1" } },
    { when: "nonce is guessable", change: { nonce: "1" } },
    { when: "it carries the client secret", change: { client_secret: "secret" } },
    { when: "a parameter is repeated", change: {}, more: "&scope=openid" },
  ];
  test.each(rows)("when $when", async ({ change, more }) => {
    const response = await authorize({ ...change }, more);
    expect(response.status).toBe(400);
    expect(response.headers.get("location")).toBeNull();
    expect(provider.violations).toHaveLength(1);
  });
});

describe("a token request is refused", () => {
  const rows = [
    { when: "the secret is wrong", form: {}, basic: "dex:wrong" },
    { when: "no method is used", form: {}, basic: "" },
    { when: "two methods are used at once", form: { client_secret: "secret" }, basic: "dex:secret" },
    { when: "another method is used", form: { client_id: "dex", client_secret: "secret" }, basic: "" },
    { when: "the verifier does not fit", form: { code_verifier: "w".repeat(43) }, basic: "dex:secret" },
    { when: "redirect_uri changed", form: { redirect_uri: "https://dex.example/other" }, basic: "dex:secret" },
    { when: "the grant is another one", form: { grant_type: "password" }, basic: "dex:secret" },
  ];
  test.each(rows)("when $when", async ({ form, basic }) => {
    const response = await redeem({ code: await newCode(), code_verifier: verifier, ...form }, basic);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(provider.violations).toHaveLength(1);
  });

  test("when the code was used before", async () => {
    const form = { code: await newCode(), code_verifier: verifier };
    const statuses = (await Promise.all([redeem(form), redeem(form)])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 400]);
  });
});

test("a wrong method or path is recorded and refused", async () => {
  expect((await fetch(`${provider.issuer}/token`)).status).toBe(400);
  expect((await fetch(`${provider.issuer}/elsewhere`)).status).toBe(404);
  expect(provider.violations).toHaveLength(2);
});

describe("with refresh tokens, posted answers and known scopes", () => {
  let strict: FakeOpenIdProvider;
  beforeAll(async () => {
    strict = await startFakeOpenIdProvider({
      clientId: "dex",
      clientSecret: "secret",
      redirectUris: [redirectUri],
      users: [{ sub: "jane", claims: {} }],
      path: "/",
      refreshTokens: true,
      responseMode: "form_post",
      scopes: ["openid", "email"],
    });
  });
  afterAll(() => strict.close());
  beforeEach(() => strict.reset());
  const ask = (change: Record<string, string>) =>
    fetch(`${strict.url}/authorize?${new URLSearchParams({ ...good, response_mode: "form_post", ...change })}`);
  const post = (form: Record<string, string>) =>
    fetch(`${strict.url}/token`, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from("dex:secret").toString("base64")}` },
      body: new URLSearchParams(form),
    });
  const refresh = (token: string) => post({ grant_type: "refresh_token", refresh_token: token });

  test("the answer is a form for the redirect_uri, and nothing else is taken", async () => {
    const page = await (await ask({})).text();
    expect(page).toContain(`action="${redirectUri}"`);
    expect(page).toContain(`name="state" value="${good.state}"`);
    expect((await ask({ response_mode: "query" })).status).toBe(400);
    expect((await ask({ scope: "openid phone" })).status).toBe(400);
    expect(strict.violations).toHaveLength(2);
  });

  test("a refresh token is used once; its reuse ends what came of it", async () => {
    const code = /name="code" value="([^"]+)"/.exec(await (await ask({})).text())?.[1] ?? "";
    const form = { grant_type: "authorization_code", redirect_uri: redirectUri, code_verifier: verifier };
    const first = await memberOf(await post({ ...form, code }), "refresh_token");
    const second = await memberOf(await refresh(first), "refresh_token");
    expect((await refresh(first)).status).toBe(400);
    expect((await refresh(second)).status).toBe(400);
    expect((await refresh("guessed")).status).toBe(400);
  });
});
