import {
  type FakeBitbucketPerson,
  type FakeGithubPerson,
  type FakeOAuth2Server,
  type FakeUaaPerson,
  startFakeBitbucket,
  startFakeGithub,
  startFakeUaa,
} from "@dex/testing";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let github: FakeOAuth2Server<FakeGithubPerson>;
let bitbucket: FakeOAuth2Server<FakeBitbucketPerson>;
let uaa: FakeOAuth2Server<FakeUaaPerson>;
const REGISTRATION = { clientID: "dex", clientSecret: "upstream-secret-canary" };

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  const fake = (...ids: string[]) => ({
    clientId: REGISTRATION.clientID,
    clientSecret: REGISTRATION.clientSecret,
    redirectUris: ids.map((id) => `${worker.issuer}/auth/${id}/callback`),
  });
  const mail = (email: string, verified: boolean) => ({ email, verified, primary: true });
  github = await startFakeGithub({
    ...fake("github", "narrow"),
    people: [
      { id: 1, login: "grace", name: "Grace Hopper", emails: [mail("grace@example.com", true)], orgs: ["navy"] },
      { id: 2, login: "joan", emails: [mail("joan@example.com", false)] },
    ],
  });
  bitbucket = await startFakeBitbucket({
    ...fake("bitbucket"),
    people: [
      {
        uuid: "{b-1}",
        username: "barbara",
        emails: [{ email: "barbara@example.com", is_primary: true, is_confirmed: true }],
      },
    ],
  });
  uaa = await startFakeUaa({
    ...fake("uaa"),
    people: [{ user_id: "c-1", user_name: "ada.l", email: "ada.l@example.com" }],
  });
  const atGithub = { ...REGISTRATION, baseURL: github.url, apiURL: `${github.url}/api` };
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "github", type: "github", config: atGithub },
    { id: "narrow", type: "github", config: { ...atGithub, name: "Navy", orgs: [{ name: "navy" }] } },
    { id: "bitbucket", type: "bitbucket", config: { ...REGISTRATION, baseURL: bitbucket.url, apiURL: bitbucket.url } },
    { id: "uaa", type: "uaa", config: { ...REGISTRATION, serverURL: `${uaa.url}/uaa` } },
  ]);
});
afterAll(async () => {
  for (const server of [github, bitbucket, uaa, worker]) await server?.close();
});
beforeEach(() => {
  for (const server of [github, bitbucket, uaa]) server.reset();
});
afterEach(() => {
  for (const server of [github, bitbucket, uaa]) expect(server.violations).toEqual([]);
  expect(worker.log.join("\n")).not.toContain(REGISTRATION.clientSecret); // LOG-1
});

const via = (connectorId: string, more: Record<string, string> = {}) =>
  worker.authorizationUrl({ scope: "openid email profile", connector_id: connectorId, ...more });

/** The claims of the ID token that the sign-in ends with, its signature checked against the published keys. */
async function claimsOf(end: URL) {
  const code = end.searchParams.get("code") ?? "";
  if (code === "") throw new Error(`no code at ${end}`);
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
  const published = (await (await fetch(`${worker.issuer}/keys`)).json()) as JSONWebKeySet;
  const checks = { issuer: worker.issuer, audience: worker.client.id };
  return (await jwtVerify(body.id_token ?? "", createLocalJWKSet(published), checks)).payload;
}

describe("a sign-in through an OAuth2 connector ends with an ID token of ours", () => {
  const ways = [
    { id: "github", person: "Grace Hopper", email: "grace@example.com", verified: true },
    { id: "bitbucket", person: "barbara", email: "barbara@example.com", verified: true },
    { id: "uaa", person: "ada.l", email: "ada.l@example.com", verified: false },
  ];
  test.each(ways)("$id (v1 N06, v1 N07, v1 N08)", async ({ id, person, email, verified }) => {
    const browser = worker.browser();
    const chooser = await browser.open(worker.authorizationUrl({ scope: "openid email profile" }));
    expect(chooser.text).toContain(`id="connector-${id}"`);
    const end = await browser.open(via(id));
    const claims = await claimsOf(end.url);
    expect(claims).toMatchObject({ name: person, email, email_verified: verified });
    expect(await claimsOf((await worker.browser().open(via(id))).url)).toMatchObject({ sub: claims.sub });
  });

  test("an address that nobody vouched for is not called verified (OAU-1)", async () => {
    const end = await worker.browser().open(via("github", { login_hint: "joan" }));
    expect(await claimsOf(end.url)).toMatchObject({ email: "joan@example.com", email_verified: false });
  });
});

describe("a sign-in is refused with a page that leads back", () => {
  test("to who is in no organisation that may sign in, by its own words (C 21, C 88)", async () => {
    const page = await worker.browser().open(via("narrow", { login_hint: "joan" }));
    expect(page.status).toBe(403);
    expect(page.text).toContain("Navy");
    expect(page.text).toContain("none of the groups");
    expect(page.text).toContain("/dex/login?flow=");
  });

  const WORDS_OF_THE_UPSTREAM = "canary-description";
  const troubles = [
    {
      what: "no (C 11)",
      id: "uaa",
      behave: () => ({
        authorizationResponse: { error: "access_denied", error_description: WORDS_OF_THE_UPSTREAM, code: undefined },
      }),
      status: 403,
    },
    {
      what: "an error with status 200 (OAU-1)",
      id: "github",
      behave: () => ({ tokenResponse: { error: "bad_verification_code" } }),
      status: 403,
    },
    { what: "another token", id: "github", behave: () => ({ tokenResponse: { access_token: "forged" } }), status: 403 },
    {
      what: "status 500",
      id: "bitbucket",
      behave: () => ({ endpoints: { "/2.0/user": "status 500" as const } }),
      status: 503,
    },
    {
      what: "nothing, for too long",
      id: "uaa",
      behave: () => ({ endpoints: { "/uaa/userinfo": "hang" as const } }),
      status: 503,
    },
  ];
  test.each(troubles)("when the upstream answers $what", async ({ what, id, behave, status }) => {
    const server = { github, bitbucket, uaa }[id];
    Object.assign(server?.behaviours ?? {}, behave());
    const page = await worker.browser().open(via(id));
    expect(page.status).toBe(status);
    expect(page.text).toContain("/dex/login?flow=");
    expect(page.text).not.toContain(WORDS_OF_THE_UPSTREAM);
    if (what === "no (C 11)") expect(uaa.requests.map(({ path }) => path)).toEqual(["/uaa/oauth/authorize"]);
    if (what === "another token") server?.violations.pop(); // the fake was shown the forged one
  });

  test("while an upstream is down; the others go on (v1 N10)", async () => {
    await worker.setConnectors([
      ...(await worker.storage.connectors.list()),
      { id: "dead", type: "uaa", config: { ...REGISTRATION, serverURL: "http://127.0.0.1:1" } },
    ]);
    const browser = worker.browser();
    await browser.open(worker.authorizationUrl());
    expect((await worker.browser().open(via("bitbucket"))).url.searchParams.has("code")).toBe(true);
    const end = await worker.signIn(worker.browser(), { connector_id: "local" });
    expect(end.searchParams.has("code")).toBe(true);
  });
});
