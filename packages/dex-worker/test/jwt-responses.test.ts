// Answers of the authorization endpoint in a JWT (JARM), as openid-client and oauth4webapi read them.
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let front: TestClient;
let keys: JSONWebKeySet;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-front-channel-tokens"]);
  front = await worker.addClient({
    trusted: true,
    details: { response_types: ["code", "code id_token"], authorization_signed_response_alg: "ES256" },
  });
  keys = (await (await fetch(`${worker.issuer}/keys`)).json()) as JSONWebKeySet;
});
afterAll(() => worker.close());

test("openid-client signs in with response_mode=jwt", async () => {
  const party = await openid.discovery(new URL(worker.issuer), worker.client.id, worker.client.secret, undefined, {
    execute: [openid.allowInsecureRequests, openid.useJwtResponseMode],
  });
  const state = openid.randomState();
  const url = openid.buildAuthorizationUrl(party, { redirect_uri: REDIRECT_URI, scope: "openid", state });
  expect(url.searchParams.get("response_mode")).toBe("jwt");
  const answer = await worker.signIn(worker.browser(), Object.fromEntries(url.searchParams));
  expect([...answer.searchParams.keys()]).toEqual(["response"]);
  const tokens = await openid.authorizationCodeGrant(party, answer, { expectedState: state, idTokenExpected: true });
  expect(tokens.claims()).toMatchObject({ iss: worker.issuer, aud: worker.client.id });
});

test("oauth4webapi takes the answer for one of ours", async () => {
  const insecure = { [oauth.allowInsecureRequests]: true } as const;
  const issuer = new URL(worker.issuer);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const answer = await worker.signIn(worker.browser(), { response_mode: "jwt", state: "s-1" });
  const parameters = await oauth.validateJwtAuthResponse(
    server,
    { client_id: worker.client.id },
    answer,
    "s-1",
    insecure,
  );
  expect(parameters.get("code")).toMatch(/^dxc_/);
});

async function read(jwt: string | null) {
  return jwtVerify(jwt ?? "", createLocalJWKSet(keys), { issuer: worker.issuer, typ: "oauth-authz-resp+jwt" });
}

test.each([
  { mode: "query.jwt", type: "code", at: "search" },
  { mode: "fragment.jwt", type: "code", at: "hash" },
  { mode: "jwt", type: "code id_token", at: "hash" },
] as const)(
  "$mode for $type puts one parameter there, and all else into the JWT (JARM §2.3)",
  async ({ mode, type, at }) => {
    const more = { client_id: front.id, response_type: type, response_mode: mode, nonce: "n", state: "a state" };
    const answer = await worker.signIn(worker.browser(), more);
    const members = new URLSearchParams(answer[at].slice(1));
    expect([...members.keys()]).toEqual(["response"]);
    expect(at === "hash" ? answer.search : answer.hash).toBe("");
    const { payload, protectedHeader } = await read(members.get("response"));
    expect(protectedHeader.alg).toBe("ES256");
    expect(payload).toMatchObject({ aud: front.id, state: "a state", code: expect.stringMatching(/^dxc_/) });
    expect(Number(payload.exp) - Date.now() / 1000).toBeLessThanOrEqual(600);
    expect("id_token" in payload).toBe(type === "code id_token");
  },
);

test("form_post.jwt is posted with that one field", async () => {
  const browser = worker.browser();
  await worker.signIn(browser);
  const page = await browser.open(worker.authorizationUrl({ response_mode: "form_post.jwt", state: "s" }));
  const fields = [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
  expect(fields.map(([, name]) => name)).toEqual(["response"]);
  expect((await read(fields[0]?.[2] ?? null)).payload).toMatchObject({ aud: worker.client.id, state: "s" });
});

test("errors travel the same way, and nothing beside the JWT (cert 12 response_mode=jwt)", async () => {
  const { url } = await worker
    .browser()
    .open(worker.authorizationUrl({ response_mode: "jwt", prompt: "none", state: "s" }));
  expect([...url.searchParams.keys()]).toEqual(["response"]);
  expect((await read(url.searchParams.get("response"))).payload).toMatchObject({ error: "login_required", state: "s" });
  const early = await worker
    .browser()
    .open(worker.authorizationUrl({ response_mode: "jwt", scope: "email", state: "s" }));
  expect((await read(early.url.searchParams.get("response"))).payload).toMatchObject({ error: "invalid_scope" });
});

test("such a JWT is no ID token of ours (JWT-3, AUT-6)", async () => {
  const browser = worker.browser();
  const answer = await worker.signIn(browser, { response_mode: "jwt" });
  const hint = answer.searchParams.get("response") ?? "";
  const { url } = await browser.open(worker.authorizationUrl({ id_token_hint: hint, prompt: "none" }));
  expect(url.searchParams.get("error")).toBe("login_required");
});
