// What the fake OAuth 2.0 providers refuse, seen by a client that is not ours.
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startFakeBitbucket } from "./fake-bitbucket.ts";
import { startFakeDiscord } from "./fake-discord.ts";
import { type FakeGithubPerson, startFakeGithub } from "./fake-github.ts";
import type { FakeOAuth2Server } from "./fake-oauth2-server.ts";

const CALLBACK = "https://client.example/callback";
const OPTIONS = { clientId: "client", clientSecret: "secret", redirectUris: [CALLBACK] };
const VERIFIER = "a".repeat(43);
const PERSON: FakeGithubPerson = {
  id: 1,
  login: "ann",
  emails: ["a", "b", "c"].map((name) => ({ email: `${name}@example.com`, verified: true, primary: name === "a" })),
};

let github: FakeOAuth2Server<FakeGithubPerson>;
beforeAll(async () => {
  github = await startFakeGithub({ ...OPTIONS, people: [PERSON], app: "GitHub app" });
});
afterAll(() => github.close());
afterEach(() => github.reset());

async function authorize(change: Record<string, string | undefined> = {}) {
  const wanted = {
    response_type: "code",
    client_id: "client",
    redirect_uri: CALLBACK,
    scope: "user:email",
    state: "0123456789abcdef",
    code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"),
    code_challenge_method: "S256",
    ...change,
  };
  const given = Object.entries(wanted).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const response = await fetch(`${github.url}/login/oauth/authorize?${new URLSearchParams(given)}`, {
    redirect: "manual",
  });
  return { status: response.status, code: new URL(response.headers.get("location") ?? "x:").searchParams.get("code") };
}

async function token(form: Record<string, string>, headers: Record<string, string> = {}): Promise<URLSearchParams> {
  const client = { client_id: "client", client_secret: "secret" };
  const body = new URLSearchParams({ ...client, ...form });
  const response = await fetch(`${github.url}/login/oauth/access_token`, { method: "POST", body, headers });
  const text = await response.text();
  return text.startsWith("{") ? new URLSearchParams(Object.entries(JSON.parse(text))) : new URLSearchParams(text);
}
const redeem = async (change: Record<string, string> = {}) =>
  token({
    grant_type: "authorization_code",
    code: (await authorize()).code ?? "",
    redirect_uri: CALLBACK,
    code_verifier: VERIFIER,
    ...change,
  });
const refresh = (refreshToken: string) => token({ grant_type: "refresh_token", refresh_token: refreshToken });
const API = { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" };
const call = (path: string, accessToken: string, init: RequestInit = {}) =>
  fetch(`${github.url}/api${path}`, { ...init, headers: { ...API, authorization: `Bearer ${accessToken}` } });

describe("the authorization endpoint", () => {
  test.each([
    { change: { client_id: "other" } },
    { change: { redirect_uri: "https://evil.example" } },
    { change: { redirect_uri: undefined } },
    { change: { scope: "repo" } },
    { change: { state: "short" } },
    { change: { code_challenge_method: "plain" } },
    { change: { code_challenge: undefined } },
    { change: { response_type: "token" } },
    { change: { response_mode: "form_post" } },
    { change: { nonce: "x" } },
  ])("refuses $change and remembers it", async ({ change }) => {
    expect(await authorize(change)).toEqual({ status: 400, code: null });
    expect(github.violations).toHaveLength(1);
  });
});

describe("the token endpoint", () => {
  test("answers a form unless asked for JSON, and errors with status 200, as GitHub does", async () => {
    expect((await redeem()).get("access_token")).toMatch(/^[\w-]{32}$/);
    expect((await token({ grant_type: "authorization_code", code: "x" })).get("error")).toBe("bad_verification_code");
    const { code } = await authorize();
    const form = {
      grant_type: "authorization_code",
      code: code ?? "",
      redirect_uri: CALLBACK,
      code_verifier: VERIFIER,
    };
    expect((await token(form, { accept: "application/json" })).get("expires_in")).toBe("28800");
  });

  test.each([
    { change: { code_verifier: "b".repeat(43) }, error: "invalid_grant" },
    { change: { redirect_uri: "https://client.example/other" }, error: "invalid_grant" },
    { change: { client_secret: "wrong" }, error: "invalid_client" },
    { change: { grant_type: "password" }, error: "unsupported_grant_type" },
  ])("refuses $change", async ({ change, error }) => {
    expect((await redeem(change)).get("error")).toBe(error);
    expect(github.violations).toHaveLength(1);
  });

  test("takes a code once, and for a minute", async () => {
    const { code } = await authorize();
    expect((await redeem({ code: code ?? "" })).has("access_token")).toBe(true);
    expect((await redeem({ code: code ?? "" })).get("error")).toBe("bad_verification_code");
    const { code: old } = await authorize();
    github.advance(60);
    expect((await redeem({ code: old ?? "" })).get("error")).toBe("bad_verification_code");
  });

  test("rotates refresh tokens; one that comes again ends all that came of it", async () => {
    const first = await redeem();
    const second = await refresh(first.get("refresh_token") ?? "");
    expect((await call("/user", second.get("access_token") ?? "")).status).toBe(200);
    expect((await refresh(first.get("refresh_token") ?? "")).get("error")).toBe("invalid_grant");
    expect((await refresh(second.get("refresh_token") ?? "")).get("error")).toBe("invalid_grant");
    expect((await call("/user", second.get("access_token") ?? "")).status).toBe(401);
  });
});

describe("the API", () => {
  test("wants a token that lives, the right headers and methods, known paths and parameters, and the scope", async () => {
    const accessToken = (await redeem()).get("access_token") ?? "";
    expect((await call("/user", accessToken)).status).toBe(200);
    expect((await call("/user", "other")).status).toBe(401);
    expect((await call("/user?x=1", accessToken)).status).toBe(400);
    expect((await call("/nowhere", accessToken)).status).toBe(404);
    expect((await call("/user", accessToken, { method: "DELETE" })).status).toBe(405);
    expect((await call("/user/teams", accessToken)).status).toBe(403);
    const bare = { headers: { authorization: `Bearer ${accessToken}` } };
    expect((await fetch(`${github.url}/api/user`, bare)).status).toBe(400);
    expect(github.violations).toHaveLength(6);
    github.advance(8 * 3600);
    expect((await call("/user", accessToken)).status).toBe(401);
  });

  test("gives lists in pages, whose links are absolute", async () => {
    const accessToken = (await redeem()).get("access_token") ?? "";
    const first = await call("/user/emails?per_page=100", accessToken);
    expect(await first.json()).toHaveLength(2);
    const next = /<([^>]*)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
    expect(next).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/user\/emails\?/);
    expect(await (await call(next.slice(`${github.url}/api`.length), accessToken)).json()).toHaveLength(1);
  });

  test("knows somebody as they are now, and nobody who is gone", async () => {
    const accessToken = (await redeem()).get("access_token") ?? "";
    github.replace(PERSON, { ...PERSON, name: "Ann" });
    expect(await (await call("/user", accessToken)).json()).toMatchObject({ name: "Ann" });
    github.replace(github.people[0] ?? PERSON, undefined);
    expect((await call("/user", accessToken)).status).toBe(401);
    github.people.push(PERSON);
  });
});

test("providers differ in what they take: Bitbucket no secret in the body, Discord either", async () => {
  const bitbucket = await startFakeBitbucket({ ...OPTIONS, people: [] });
  const discord = await startFakeDiscord({ ...OPTIONS, people: [] });
  const ask = async (url: string, headers: Record<string, string>, form: Record<string, string>) => {
    const body = new URLSearchParams({ grant_type: "authorization_code", code: "x", ...form });
    const response = await fetch(url, { method: "POST", headers, body });
    return [response.status, ((await response.json()) as { error: string }).error];
  };
  const basic = { authorization: `Basic ${btoa("client:secret")}` };
  const inBody = { client_id: "client", client_secret: "secret" };
  expect(await ask(`${bitbucket.url}/site/oauth2/access_token`, {}, inBody)).toEqual([401, "invalid_client"]);
  expect(await ask(`${bitbucket.url}/site/oauth2/access_token`, basic, {})).toEqual([400, "invalid_grant"]);
  expect(await ask(`${discord.url}/api/oauth2/token`, {}, inBody)).toEqual([400, "invalid_grant"]);
  expect(await ask(`${discord.url}/api/oauth2/token`, basic, {})).toEqual([400, "invalid_grant"]);
  expect(await ask(`${discord.url}/api/oauth2/token`, basic, inBody)).toEqual([401, "invalid_client"]);
  await Promise.all([bitbucket.close(), discord.close()]);
});
