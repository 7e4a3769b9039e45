// That the fakes take a right client, written here without any of our code, and find out a wrong one.
import { createHash } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { type FakeCrowd, startFakeCrowd } from "./fake-crowd.ts";
import { startFakeGitea } from "./fake-gitea.ts";
import { startFakeGitlab } from "./fake-gitlab.ts";
import type { FakeOAuth2Server } from "./fake-oauth2-dialect.ts";
import { startFakeOpenshift } from "./fake-openshift.ts";

const CLIENT = { clientId: "client", clientSecret: "secret", redirectUris: ["https://rp.example/cb"] };
const VERIFIER = "a".repeat(43);
const JSON_WANTED = { accept: "application/json" };

const servers = {
  gitlab: {
    start: () => startFakeGitlab({ ...CLIENT, people: [{ id: 1, username: "joe", groups: [{ id: 2, path: "g" }] }] }),
    authorize: "/oauth/authorize",
    token: "/oauth/token",
    scope: "read_user openid read_api",
    calls: [
      "/api/v4/user",
      "/oauth/userinfo",
      "/oauth/token/info",
      "/api/v4/groups?all_available=false&page=1&per_page=100",
    ],
    wrong: ["/api/v4/groups?page=1&per_page=100", "/api/v4/users", "/api/v4/groups/2/members/all/9"],
    weaker: { scope: "read_user", call: "/oauth/userinfo" },
  },
  gitea: {
    start: () => startFakeGitea({ ...CLIENT, people: [{ id: 1, login: "joe" }] }),
    authorize: "/login/oauth/authorize",
    token: "/login/oauth/access_token",
    scope: undefined,
    calls: ["/api/v1/user", "/api/v1/user/emails", "/api/v1/user/teams?page=1&limit=50"],
    wrong: ["/api/v1/user/teams?page=1&limit=1000", "/api/v1/user/teams?page=1&per_page=2", "/api/v1/users"],
    weaker: undefined,
  },
  openshift: {
    start: () => startFakeOpenshift({ ...CLIENT, people: [{ uid: "u", name: "joe" }] }),
    authorize: "/oauth/authorize",
    token: "/oauth/token",
    scope: "user:info",
    calls: ["/apis/user.openshift.io/v1/users/~"],
    wrong: ["/apis/user.openshift.io/v1/users/joe", "/apis/user.openshift.io/v1/users/~?watch=1"],
    weaker: undefined,
  },
} as const;

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});
async function start(name: keyof typeof servers): Promise<Pick<FakeOAuth2Server<unknown>, "url" | "violations">> {
  const server = await servers[name].start();
  running.push(server);
  return server;
}

/** A code for who is first. */
async function authorize(url: string, path: string, scope: string | undefined): Promise<string> {
  const to = new URL(path, url);
  const challenge = createHash("sha256").update(VERIFIER).digest("base64url");
  const [redirectUri = ""] = CLIENT.redirectUris;
  const parameters = {
    response_type: "code",
    client_id: "client",
    redirect_uri: redirectUri,
    state: "x".repeat(22),
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...(scope === undefined ? {} : { scope }),
  };
  to.search = new URLSearchParams(parameters).toString();
  const response = await fetch(to, { redirect: "manual" });
  return new URL(response.headers.get("location") ?? "").searchParams.get("code") ?? "";
}

async function redeem(url: string, path: string, form: Record<string, string>) {
  const authorization = `Basic ${Buffer.from("client:secret").toString("base64")}`;
  const response = await fetch(new URL(path, url), {
    method: "POST",
    headers: { ...JSON_WANTED, authorization },
    body: new URLSearchParams(form),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}
const codeForm = (code: string) => ({
  grant_type: "authorization_code",
  code,
  redirect_uri: CLIENT.redirectUris[0] ?? "",
  code_verifier: VERIFIER,
});

describe.each(Object.keys(servers) as (keyof typeof servers)[])("the fake %s", (name) => {
  const { authorize: authorizePath, token: tokenPath, scope, calls, wrong, weaker } = servers[name];
  async function signIn(url: string, wanted: string | undefined = scope) {
    const code = await authorize(url, authorizePath, wanted);
    return { code, ...(await redeem(url, tokenPath, codeForm(code))) };
  }
  const call = (url: string, path: string, token: string | undefined) =>
    fetch(new URL(path, url), { headers: { ...JSON_WANTED, authorization: `Bearer ${token}` } });

  test("serves a client that does everything right", async () => {
    const { url, violations } = await start(name);
    const { body } = await signIn(url);
    for (const path of calls) expect((await call(url, path, body.access_token)).status, path).toBe(200);
    expect(violations).toEqual([]);
  });

  test.each(wrong)("refuses %s and remembers it", async (path) => {
    const { url, violations } = await start(name);
    const { body } = await signIn(url);
    expect((await call(url, path, body.access_token)).status).toBeGreaterThanOrEqual(400);
    expect(violations).toHaveLength(1);
  });

  test("takes a code once, another method never, and no token that it did not issue", async () => {
    const { url, violations } = await start(name);
    const { code } = await signIn(url);
    expect((await redeem(url, tokenPath, codeForm(code))).body).toMatchObject({ error: "invalid_grant" });
    const first = calls[0];
    expect((await call(url, first, "forged")).status).toBe(401);
    expect((await fetch(new URL(first, url), { method: "DELETE" })).status).toBe(405);
    expect(violations).toHaveLength(3);
  });

  if (weaker !== undefined) {
    test("gives nothing to a token without the scope for it", async () => {
      const { url, violations } = await start(name);
      const { body } = await signIn(url, weaker.scope);
      expect((await call(url, weaker.call, body.access_token)).status).toBe(403);
      expect(violations).toHaveLength(1);
    });
  }

  if (name === "openshift") return;
  test("takes a refresh token once; twice ends its whole family", async () => {
    const { url } = await start(name);
    const { body } = await signIn(url);
    const refresh = (token = "") => redeem(url, tokenPath, { grant_type: "refresh_token", refresh_token: token });
    const second = await refresh(body.refresh_token);
    expect(second.status).toBe(200);
    expect((await refresh(body.refresh_token)).body).toMatchObject({ error: "invalid_grant" });
    expect((await refresh(second.body.refresh_token)).body).toMatchObject({ error: "invalid_grant" });
    expect((await call(url, calls[0], second.body.access_token)).status).toBe(401);
  });
});

describe("the fake crowd", () => {
  const authorization = `Basic ${Buffer.from("client:secret").toString("base64")}`;
  async function open(): Promise<FakeCrowd> {
    const people = [{ key: "1", name: "joe", password: "pw", groups: ["a", "b", "c"] }];
    const crowd = await startFakeCrowd({ ...CLIENT, people });
    running.push(crowd);
    return crowd;
  }
  const send = (crowd: FakeCrowd, path: string, init: RequestInit = {}) =>
    fetch(`${crowd.url}/crowd/rest/usermanagement/1${path}`, {
      ...init,
      headers: { ...JSON_WANTED, authorization, ...init.headers },
    });
  const post = (body: object) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

  test("serves a client that does everything right", async () => {
    const crowd = await open();
    expect((await send(crowd, "/user?username=joe")).status).toBe(200);
    expect((await send(crowd, "/session", post({ username: "joe", password: "pw" }))).status).toBe(201);
    expect((await send(crowd, "/session?validate-password=false", post({ username: "joe" }))).status).toBe(201);
    const groups = await send(crowd, "/user/group/nested?username=joe&start-index=1&max-results=1");
    expect(await groups.json()).toMatchObject({ groups: [{ name: "b" }] });
    const wrong = await send(crowd, "/session", post({ username: "joe", password: "x" }));
    expect([wrong.status, await wrong.json()]).toMatchObject([400, { reason: "INVALID_USER_AUTHENTICATION" }]);
    expect((await send(crowd, "/user?username=nobody")).status).toBe(404);
    expect(crowd.violations).toEqual([]);
  });

  const mistakes: { what: string; path: string; init: RequestInit }[] = [
    { what: "an unknown path", path: "/users", init: {} },
    { what: "another method", path: "/user?username=joe", init: { method: "DELETE" } },
    { what: "an unknown parameter", path: "/user?username=joe&expand=attributes", init: {} },
    { what: "another application", path: "/user?username=joe", init: { headers: { authorization: "Basic eDp5" } } },
    { what: "another type wanted", path: "/user?username=joe", init: { headers: { accept: "application/xml" } } },
    { what: "no password", path: "/session", init: post({ username: "joe" }) },
    { what: "a member too many", path: "/session", init: post({ username: "joe", password: "pw", x: 1 }) },
  ];
  test.each(mistakes)("refuses $what and remembers it", async ({ path, init }) => {
    const crowd = await open();
    expect((await send(crowd, path, init)).status).toBeGreaterThanOrEqual(400);
    expect(crowd.violations).toHaveLength(1);
  });
});
