// Pushed authorization requests, RFC 9126, as openid-client and a hostile browser use them.
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

let worker: TestWorker;
let pushing: TestClient;
beforeAll(async () => {
  worker = await openTestWorker();
  pushing = await worker.addClient({ trusted: true, details: { require_pushed_authorization_requests: true } });
});
afterAll(() => worker.close());

interface Pushed {
  readonly status: number;
  readonly body: { readonly request_uri?: string; readonly expires_in?: number; readonly error?: string };
  readonly headers: Headers;
}

const basic = ({ id, secret }: TestClient) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;

async function push(more: Readonly<Record<string, string | undefined>> = {}, client = worker.client): Promise<Pushed> {
  const all = { response_type: "code", redirect_uri: REDIRECT_URI, scope: "openid", ...more };
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(all)) if (value !== undefined) body.set(name, value);
  const response = await fetch(`${worker.issuer}/par`, {
    method: "POST",
    headers: { authorization: basic(client) },
    body,
  });
  return { status: response.status, body: (await response.json()) as Pushed["body"], headers: response.headers };
}

function authorizeWith(
  requestUri = "",
  clientId = worker.client.id,
  more: Readonly<Record<string, string>> = {},
): string {
  return `${worker.issuer}/auth?${new URLSearchParams({ client_id: clientId, request_uri: requestUri, ...more })}`;
}

test("openid-client pushes its request and signs in (cert 11 par-without-duplicate-parameters)", async () => {
  const configuration = await openid.discovery(new URL(worker.issuer), pushing.id, pushing.secret, undefined, {
    execute: [openid.allowInsecureRequests],
  });
  const state = openid.randomState();
  const url = await openid.buildAuthorizationUrlWithPAR(configuration, {
    redirect_uri: REDIRECT_URI,
    scope: "openid email",
    state,
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  });
  expect([...url.searchParams.keys()].toSorted()).toEqual(["client_id", "request_uri"]);
  const browser = worker.browser();
  const answer = await browser.submit(await browser.open(url), { login: PERSON.email, password: PERSON.password });
  const tokens = await openid.authorizationCodeGrant(configuration, answer.url, {
    pkceCodeVerifier: VERIFIER,
    expectedState: state,
    idTokenExpected: true,
  });
  expect(tokens.claims()).toMatchObject({ aud: pushing.id, email: PERSON.email });
});

test("a pushed request is answered with an address that is short-lived, and nothing is written or kept (PAR-1, TOK-12)", async () => {
  await push();
  worker.takeStatements();
  const { status, body, headers } = await push();
  expect([status, body.expires_in, headers.get("cache-control")]).toEqual([201, 60, "no-store"]);
  expect(body.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:[\w.-]{100,}$/);
  expect(worker.takeStatements()).toEqual([]);
});

test("what is sent beside a request_uri does not count (PAR-2) (cert 11 state-only-outside-request-object-not-used; cert 11 ensure-different-state-inside-and-outside-request-object; cert 11 ensure-different-nonce-inside-and-outside-request-object)", async () => {
  const beside = { state: "outside", nonce: "outside", redirect_uri: "https://evil.example/", scope: "openid email" };
  const inside = await push({
    state: "inside",
    nonce: "inside",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  });
  const without = await push();
  const browser = worker.browser();
  await worker.signIn(browser);
  const { url } = await browser.open(authorizeWith(inside.body.request_uri, worker.client.id, beside));
  expect([url.href.startsWith(`${REDIRECT_URI}?`), url.searchParams.get("state")]).toEqual([true, "inside"]);
  const grant = { grant_type: "authorization_code", redirect_uri: REDIRECT_URI, code_verifier: VERIFIER };
  const tokens = await worker.token({ ...grant, code: url.searchParams.get("code") ?? "" });
  expect(JSON.parse(Buffer.from(tokens.body.id_token?.split(".")[1] ?? "", "base64url").toString())).toMatchObject({
    nonce: "inside",
  });
  expect(tokens.body.scope).toBe("openid");
  const second = await browser.open(authorizeWith(without.body.request_uri, worker.client.id, beside));
  expect(second.url.searchParams.has("state")).toBe(false);
});

test("a pushed request can be opened twice before the sign-in, and yields one code (PAR-1) (cert 11 par-ensure-reused-request-uri-prior-to-auth-completion-succeeds; cert 11 par-attempt-reuse-request_uri)", async () => {
  const { body } = await push({ state: "s" });
  const browser = worker.browser();
  await browser.open(authorizeWith(body.request_uri));
  const page = await browser.open(authorizeWith(body.request_uri));
  const answer = await browser.submit(page, { login: PERSON.email, password: PERSON.password });
  expect(answer.url.searchParams.get("code")).toBeTypeOf("string");
  for (const more of [{}, { prompt: "none" }]) {
    const again = await browser.open(authorizeWith(body.request_uri, worker.client.id, more));
    expect([again.status, again.url.origin]).toEqual([400, new URL(worker.issuer).origin]);
  }
});

test("of five at once who finish one pushed request one gets a code (PAR-1, CVE-2026-96446)", async () => {
  const { body } = await push({ prompt: "none" });
  const browser = worker.browser();
  await worker.signIn(browser);
  const answers = await Promise.all(Array.from({ length: 5 }, () => browser.open(authorizeWith(body.request_uri))));
  const codes = answers.filter(({ url }) => url.searchParams.has("code"));
  expect(codes).toHaveLength(1);
  for (const { status, url } of answers.filter((one) => !codes.includes(one))) {
    expect([status, url.origin]).toEqual([400, new URL(worker.issuer).origin]);
  }
});

test("another client cannot use it (PAR-1) (cert 11 par-attempt-to-use-request_uri-for-different-client)", async () => {
  const { body } = await push();
  const { status, url } = await worker.browser().open(authorizeWith(body.request_uri, pushing.id));
  expect([status, url.pathname]).toEqual([400, "/dex/auth"]);
});

test.each<[string, (uri: string) => string]>([
  ["altered", (uri) => `${uri.slice(0, -2)}AA`],
  ["cut", (uri) => uri.slice(0, -10)],
  ["longer", (uri) => `${uri}.x`],
  ["empty", () => "urn:ietf:params:oauth:request_uri:"],
  ["a login state's", (uri) => uri.replace(/uri:[^.]*/, "uri:AAAAAAAAAAAAAAAAAAAAAA")],
])("a request_uri that is %s stays on a page of ours (PAR-1, AUT-15)", async (_, spoil) => {
  const { body } = await push();
  const { status, url } = await worker.browser().open(authorizeWith(spoil(body.request_uri ?? "")));
  expect([status, url.pathname]).toEqual([400, "/dex/auth"]);
});

test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
  [
    "a request_uri (cert 11 par-authorization-request-containing-request_uri-form-param)",
    { request_uri: "urn:x" },
    "invalid_request",
  ],
  [
    "no redirect_uri (cert 11 ensure-request-object-without-redirect-uri-fails)",
    { redirect_uri: undefined },
    "invalid_request",
  ],
  [
    "an unregistered redirect_uri (RED-1) (cert 11 plain-fapi-tolerate-unregistered-redirect-uri)",
    { redirect_uri: "https://evil.example/" },
    "invalid_request",
  ],
  [
    "the method plain (PKC-2) (cert 11 par-plain-pkce-rejected)",
    { code_challenge: CHALLENGE, code_challenge_method: "plain" },
    "invalid_request",
  ],
  [
    "tokens (cert 11 ensure-response-type-code-idtoken-fails)",
    { response_type: "code id_token", nonce: "n" },
    "unsupported_response_type",
  ],
  ["a token (cert 11 ensure-response-type-token-fails)", { response_type: "token" }, "unsupported_response_type"],
  ["no openid", { scope: "email" }, "invalid_scope"],
  [
    "a long state (cert 11 ensure-authorization-request-with-long-state)",
    { state: "s".repeat(3_000) },
    "invalid_request",
  ],
  ["a NUL", { state: "\0" }, "invalid_request"],
])("a pushed request with %s is refused at once, in JSON", async (_, more, error) => {
  const { status, body } = await push(more);
  expect([status, body.error]).toEqual([400, error]);
});

test("who does not authenticate pushes nothing, and no other method does (cert 11 par-attempt-invalid-http-method)", async () => {
  expect(await push({}, { ...worker.client, secret: "wrong" })).toMatchObject({
    status: 401,
    body: { error: "invalid_client" },
  });
  for (const method of ["PUT", "GET", "DELETE"]) {
    expect((await fetch(`${worker.issuer}/par`, { method })).status, method).toBe(405);
  }
});

test("a client that must push is refused without (cert 11 ensure-unsigned-authorization-request-without-using-par-fails)", async () => {
  const { url } = await worker.browser().open(worker.authorizationUrl({ client_id: pushing.id }));
  expect(url.searchParams.get("error")).toBe("invalid_request");
});

test("a state and a nonce of 384 characters come through whole (cert 11 ensure-authorization-request-with-long-nonce; cert 11 ensure-authorization-request-with-64-char-nonce-success; cert 11 ensure-authorization-request-without-state-success; cert 11 ensure-authorization-request-without-nonce-success)", async () => {
  const browser = worker.browser();
  await worker.signIn(browser);
  for (const [state, nonce] of [
    ["s".repeat(384), "n".repeat(384)],
    [undefined, "n".repeat(64)],
    ["s", undefined],
  ]) {
    const { body } = await push({ state, nonce });
    const { url } = await browser.open(authorizeWith(body.request_uri));
    expect(url.searchParams.get("state")).toBe(state ?? null);
    const grant = { grant_type: "authorization_code", redirect_uri: REDIRECT_URI };
    const tokens = await worker.token({ ...grant, code: url.searchParams.get("code") ?? "" });
    const claims = JSON.parse(Buffer.from(tokens.body.id_token?.split(".")[1] ?? "", "base64url").toString());
    expect(claims.nonce).toBe(nonce);
  }
});
