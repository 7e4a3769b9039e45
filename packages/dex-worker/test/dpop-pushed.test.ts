// DPoP from the pushed request to the answer of userinfo: the code is bound to the key that pushed (RFC 9449 §10.1), and every
// endpoint takes the same proofs.
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formOf, type Key, type Members, makeDpopRequests, makeKey, seconds } from "./dpop-world.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let strict: TestWorker;
let client: TestClient;
let key: Key;
let other: Key;
let requests: ReturnType<typeof makeDpopRequests>;
beforeAll(async () => {
  worker = await openTestWorker();
  strict = await openTestWorker(["--require-dpop-nonce"]);
  requests = makeDpopRequests(worker);
  const details = { dpop_bound_access_tokens: true, require_pushed_authorization_requests: true };
  client = await worker.addClient({ clientName: "Pushes", trusted: true, details });
  [key, other] = [await makeKey(), await makeKey()];
});
afterAll(async () => {
  await strict?.close();
  await worker?.close();
});

const pushedForm = { response_type: "code", redirect_uri: REDIRECT_URI, scope: "openid" };

/** Pushes a request with a proof by `by`, or without one. */
async function push(
  by: Key | undefined,
  more: Readonly<Record<string, string>> = {},
  claims: Members = {},
  who: TestClient = client,
) {
  const url = `${worker.issuer}/par`;
  const proofs = by === undefined ? [] : [await requests.prove(by, { claims: { htu: url, ...claims } })];
  return requests.post({ ...pushedForm, ...more }, proofs, who, url);
}

/** Signs PERSON in with what was pushed, and gives the code. */
async function codeOf(requestUri: string, who: TestClient = client): Promise<string> {
  const query = new URLSearchParams({ client_id: who.id, request_uri: requestUri });
  const browser = worker.browser();
  const page = await browser.open(`${worker.issuer}/auth?${query}`);
  const { email, password } = PERSON;
  const { url } = await browser.submit(page, { login: email, password }, { formId: "login-form" });
  return url.searchParams.get("code") ?? expect.fail(`no code in ${url}`);
}

async function expectBoundToKey(code: string, who: TestClient = client): Promise<void> {
  const wrong = await requests.post(formOf(code), [await requests.prove(other)], who);
  expect(wrong).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  const right = await requests.post(formOf(code), [await requests.prove(key)], who);
  expect(right).toMatchObject({ status: 200, body: { token_type: "DPoP" } });
}

test.each(["none", "required"])(
  "openid-client pushes and redeems with one key, nonces being %s (cert 11 ensure-dpopproof-at-par-endpoint-binding-success)",
  async (nonces) => {
    const [at, who] = nonces === "none" ? [worker, client] : [strict, strict.client];
    const execute = [openid.allowInsecureRequests];
    const configuration = await openid.discovery(new URL(at.issuer), who.id, who.secret, undefined, { execute });
    const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair());
    const parameters = { redirect_uri: REDIRECT_URI, scope: "openid" };
    const url = await openid.buildAuthorizationUrlWithPAR(configuration, parameters, { DPoP });
    const browser = at.browser();
    const login = { login: PERSON.email, password: PERSON.password };
    const end = (await browser.submit(await browser.open(url), login, { formId: "login-form" })).url;
    const tokens = await openid.authorizationCodeGrant(configuration, end, {}, undefined, { DPoP });
    const sub = tokens.claims()?.sub ?? "";
    expect(await openid.fetchUserInfo(configuration, tokens.access_token, sub, { DPoP })).toEqual({ sub });
  },
);

test("a proof with the pushed request binds the code (DPO-3; cert 11 ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt)", async () => {
  await expectBoundToKey(await codeOf((await push(key)).body.request_uri));
  await expectBoundToKey(await codeOf((await push(key, { dpop_jkt: key.jkt })).body.request_uri));
});

test("so does dpop_jkt alone (DPO-3; cert 11 ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt)", async () => {
  await expectBoundToKey(await codeOf((await push(undefined, { dpop_jkt: key.jkt })).body.request_uri));
});

test("a proof by another key than the pushed dpop_jkt is refused (DPO-1; cert 11 ensure-mismatched-dpop-jkt-fails)", async () => {
  const answer = await push(other, { dpop_jkt: key.jkt });
  expect(answer).toMatchObject({ status: 400, body: { error: "invalid_dpop_proof" } });
});

test("a proof binds what a request object says, too, and must not say another (DPO-3)", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "one" }] };
  const signs = await worker.addClient({ trusted: true, details: { jwks, request_object_signing_alg: "ES256" } });
  const objectWith = (more: Members) =>
    new SignJWT({ ...pushedForm, client_id: signs.id, iss: signs.id, aud: worker.issuer, ...more })
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .setIssuedAt()
      .setExpirationTime("60s")
      .sign(privateKey);
  const pushed = await push(key, { request: await objectWith({}) }, {}, signs);
  await expectBoundToKey(await codeOf(pushed.body.request_uri, signs), signs);
  const request = await objectWith({ dpop_jkt: other.jkt });
  expect(await push(key, { request }, {}, signs)).toMatchObject({ status: 400, body: { error: "invalid_dpop_proof" } });
});

test("a proof is used up by a pushed request, and by nobody who is not authenticated (DPO-1)", async () => {
  const claims = { jti: crypto.randomUUID() };
  expect(await push(key, {}, claims, { id: client.id, secret: "wrong" })).toMatchObject({ status: 401 });
  expect(await push(key, {}, claims)).toMatchObject({ status: 201 });
  expect(await push(key, {}, claims)).toMatchObject({ status: 400, body: { error: "invalid_dpop_proof" } });
});

describe("a proof with", () => {
  const times: readonly (readonly [string, () => Members])[] = [
    ["iat ten seconds ago", () => ({ iat: seconds(-10) })],
    ["iat ten seconds ahead", () => ({ iat: seconds(10) })],
  ];
  test.each(times)(
    "%s is taken by every endpoint (cert 11 ensure-dpopproof-with-iat-10seconds-before-succeeds)",
    async (_when, claims) => expectTaken(claims),
  );

  test("nbf and exp is taken by every endpoint (cert 11 check-dpop-proof-nbf-exp)", async () => {
    await expectTaken(() => ({ nbf: seconds(0), exp: seconds(60) }));
  });

  async function expectTaken(claims: () => Members): Promise<void> {
    const pushed = await push(key, {}, claims());
    const form = formOf(await codeOf(pushed.body.request_uri));
    const answer = await requests.post(form, [await requests.prove(key, { claims: claims() })], client);
    const { access_token: accessToken } = answer.body;
    const proof = await requests.prove(key, { accessToken, claims: claims() });
    expect((await requests.ask(`DPoP ${accessToken}`, proof)).body).toEqual({ sub: expect.any(String) });
  }
});
