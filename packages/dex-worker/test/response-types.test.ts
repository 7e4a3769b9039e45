// Six response types, three response modes: OIDC Core §3.1 to §3.3, OAuth 2.0 Multiple Response Types, Form Post Response Mode.
import { createHash } from "node:crypto";
import { readForm } from "@dex/testing";
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openAnswerReceiver, RESPONSE_TYPES } from "./answer-receiver.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let receiver: Awaited<ReturnType<typeof openAnswerReceiver>>;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-front-channel-tokens"]);
  receiver = await openAnswerReceiver(worker);
});
afterAll(async () => {
  await receiver.close();
  await worker.close();
});

const STATE = `"'><script>alert(1)</script>&amp;=+ %41 \u00e4\u{1f600} ${"x".repeat(100)}`;
const halfHash = (value = "", algorithm = "sha256") => {
  const digest = createHash(algorithm).update(value).digest();
  return digest.subarray(0, digest.length / 2).toString("base64url");
};

async function verified(idToken: string | undefined, audience: string, algorithm = "RS256"): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL(`${worker.issuer}/keys`));
  const expected = { issuer: worker.issuer, audience, typ: "JWT", algorithms: [algorithm] };
  const { payload, protectedHeader } = await jwtVerify(idToken ?? "", keys, expected);
  expect(protectedHeader.kid).toBeTypeOf("string");
  return payload;
}

const userinfo = (accessToken = "") =>
  fetch(`${worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } });
const redeem = (code = "") =>
  worker.token({ grant_type: "authorization_code", code, redirect_uri: receiver.redirectUri }, receiver.client);

const tokensOf = (type: string) => type.split(" ").filter((word) => word !== "code");
const answers = RESPONSE_TYPES.flatMap((type) =>
  [undefined, ...(tokensOf(type).length === 0 ? ["query"] : []), "fragment", "form_post"].map((mode) => ({
    type,
    mode,
    as: mode ?? (tokensOf(type).length === 0 ? "query" : "fragment"),
  })),
);

describe.each(answers)("response_type $type with response_mode $mode", ({ type, mode, as }) => {
  const words = type.split(" ");
  const has = (word: string) => words.includes(word);
  const ask = (more: Readonly<Record<string, string | undefined>> = {}) =>
    receiver.answer(receiver.browser(), {
      ...{ response_type: type, response_mode: mode, nonce: "n-1", state: STATE, scope: "openid email" },
      ...more,
    });

  test("is answered with just that, and all of it is right (oidcc-server)", async () => {
    const answer = await ask();
    expect(answer.as).toBe(as);
    const { members } = answer;
    const names = [
      ...(has("code") ? ["code"] : []),
      ...(has("token") ? ["access_token", "token_type", "expires_in", "scope"] : []),
      ...(has("id_token") ? ["id_token"] : []),
    ];
    expect(Object.keys(members).sort()).toEqual([...names, "session_state", "state", "iss"].sort());
    expect(members).toMatchObject({ state: STATE, iss: worker.issuer }); // AUT-1, AUT-2
    if (has("token")) {
      expect(members).toMatchObject({ token_type: "Bearer", expires_in: "600", scope: "openid email" });
      expect(await (await userinfo(members.access_token)).json()).toMatchObject({ email: PERSON.email });
    }
    if (has("id_token")) {
      const claims = await verified(members.id_token, receiver.client.id);
      expect(claims).toMatchObject({ nonce: "n-1", auth_time: expect.any(Number), sub: expect.any(String) });
      expect(claims.c_hash).toBe(has("code") ? halfHash(members.code) : undefined);
      expect(claims.at_hash).toBe(has("token") ? halfHash(members.access_token) : undefined);
      expect(claims.s_hash).toBe(halfHash(STATE));
      // OIDC Core §5.4: in the ID token where there is no access token, else at userinfo.
      expect(claims.email).toBe(type === "id_token" ? PERSON.email : undefined);
      expect(claims).not.toHaveProperty("name");
    }
    if (!has("code")) return;
    const { status, body } = await redeem(members.code);
    expect(status).toBe(200);
    const second = await verified(body.id_token, receiver.client.id);
    expect(second).toMatchObject({ nonce: "n-1", at_hash: halfHash(body.access_token) });
    if (has("id_token")) expect(second.sub).toBe((await verified(members.id_token, receiver.client.id)).sub);
    for (const token of [body.access_token, ...(has("token") ? [members.access_token] : [])]) {
      expect((await userinfo(token)).status).toBe(200);
    }
    // TOK-1: the second use ends what came with the code and what came for it.
    expect(await redeem(members.code)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    for (const token of [body.access_token, ...(has("token") ? [members.access_token] : [])]) {
      expect((await userinfo(token)).status).toBe(401);
    }
  });

  test("is refused in the same way, with nothing but the error (oidcc-prompt-none-not-logged-in)", async () => {
    for (const more of [{ prompt: "none" }, { scope: "email" }, { max_age: "x" }]) {
      const answer = await ask(more);
      expect(answer.as).toBe(as);
      // Of a request that is wrong in itself nothing is said but that.
      const session = "prompt" in more ? ["session_state"] : [];
      expect(Object.keys(answer.members).sort()).toEqual(["error", "error_description", "iss", ...session, "state"]);
      expect(answer.members).toMatchObject({ state: STATE, iss: worker.issuer });
    }
  });

  test("needs a nonce exactly where an ID token travels with the browser (oidcc-ensure-request-without-nonce-fails, oidcc-ensure-request-without-nonce-succeeds-for-code-flow)", async () => {
    const { members, as: way } = await ask({ nonce: undefined });
    expect(way).toBe(as);
    if (has("id_token")) expect(members).toMatchObject({ error: "invalid_request", state: STATE });
    else expect(members).not.toHaveProperty("error");
  });
});

const offers = [
  { type: "id_token", use: openid.useIdTokenResponseType },
  { type: "code id_token", use: openid.useCodeIdTokenResponseType },
].flatMap((row) => ["fragment", "form_post"].map((mode) => ({ ...row, mode })));
test.each(offers)("openid-client takes $type by $mode and finds every hash right (oidcc-server)", async (row) => {
  const { id, secret } = receiver.client;
  const execute = [openid.allowInsecureRequests, row.use];
  if (row.type !== "id_token") execute.push(openid.enableDetachedSignatureResponseChecks);
  const issuer = new URL(worker.issuer);
  const configuration = await openid.discovery(issuer, id, secret, openid.ClientSecretBasic(secret), { execute });
  const checks = { expectedState: "state-of-the-client", expectedNonce: openid.randomNonce() };
  const verifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(configuration, {
    redirect_uri: receiver.redirectUri,
    scope: "openid email",
    response_mode: row.mode,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...(row.type === "id_token"
      ? {}
      : { code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" }),
  });
  expect(url.searchParams.get("response_type")).toBe(row.type);
  const { request } = await receiver.answer(receiver.browser(), Object.fromEntries(url.searchParams));
  if (row.type === "id_token") {
    const { expectedNonce, expectedState } = checks;
    const claims = await openid.implicitAuthentication(configuration, request, expectedNonce, { expectedState });
    expect(claims).toMatchObject({ email: PERSON.email });
    return;
  }
  const tokens = await openid.authorizationCodeGrant(configuration, request, { ...checks, pkceCodeVerifier: verifier });
  const sub = tokens.claims()?.sub ?? "";
  expect(await openid.fetchUserInfo(configuration, tokens.access_token, sub)).toMatchObject({ email: PERSON.email });
});

test.each([
  { algorithm: "ES256", hash: "sha256" },
  { algorithm: "EdDSA", hash: "sha512" },
])("c_hash and at_hash are made with the hash of $algorithm (OIDC Core §3.3.2.11)", async ({ algorithm, hash }) => {
  const client = await worker.addClient({
    clientName: algorithm,
    trusted: true,
    redirectURIs: [receiver.redirectUri],
    idTokenSignedResponseAlg: algorithm,
    details: { response_types: ["code id_token token"] },
  });
  const asked = { client_id: client.id, response_type: "token id_token code", nonce: "n" };
  const { members } = await receiver.answer(receiver.browser(), asked);
  expect(await verified(members.id_token, client.id, algorithm)).toMatchObject({
    c_hash: halfHash(members.code, hash),
    at_hash: halfHash(members.access_token, hash),
  });
});

describe("what a client may ask for", () => {
  const refusals = [
    { what: { response_type: "token" }, error: "unsupported_response_type", as: "fragment" },
    { what: { response_type: undefined }, error: "invalid_request", as: "query" },
    { what: { response_type: undefined, response_mode: "form_post" }, error: "invalid_request", as: "form_post" },
    { what: { response_type: "id_token", response_mode: "query" }, error: "invalid_request", as: "fragment" },
    { what: { response_type: "code token", response_mode: "query" }, error: "invalid_request", as: "fragment" },
    {
      what: { response_type: "code id_token", response_mode: "web_message" },
      error: "invalid_request",
      as: "fragment",
    },
  ];
  test.each(refusals)("$what is answered $error in the $as (oidcc-response-type-missing, AUT-3)", async (row) => {
    const { members, as } = await receiver.answer(receiver.browser(), { nonce: "n", state: "s", ...row.what });
    expect(as).toBe(row.as);
    expect(members).toMatchObject({ error: row.error, state: "s", iss: worker.issuer });
  });

  test.each(RESPONSE_TYPES.slice(1))(
    "%s only when it is registered for it: unauthorized_client (AUT-13, TOK-14)",
    async (response_type) => {
      const browser = worker.browser();
      await worker.signIn(browser);
      const end = await browser.open(worker.authorizationUrl({ response_type, nonce: "n", state: "s" }));
      expect(end.url.href.startsWith(`${REDIRECT_URI}#`)).toBe(true);
      const members = new URLSearchParams(end.url.hash.slice(1));
      expect(Object.fromEntries(members)).toMatchObject({ error: "unauthorized_client", state: "s" });
    },
  );
});

describe("claims", () => {
  const essential = JSON.stringify({
    userinfo: { name: { essential: true } },
    id_token: { name: { essential: true } },
  });
  const inUserinfo = JSON.stringify({ userinfo: { name: { essential: true } } });

  test("asked for by name come in the ID token where there is nothing else (oidcc-claims-essential)", async () => {
    const asked = { response_type: "id_token", nonce: "n", scope: "openid", claims: essential };
    const { members } = await receiver.answer(receiver.browser(), asked);
    expect(await verified(members.id_token, receiver.client.id)).toMatchObject({ name: "Ada Lovelace" });
  });

  test.each(["id_token token", "code token", "code id_token token"])(
    "asked for by name at userinfo come there to the access token of %s, and not into an ID token (oidcc-claims-essential)",
    async (response_type) => {
      const asked = { response_type, nonce: "n", scope: "openid", claims: inUserinfo };
      const { members } = await receiver.answer(receiver.browser(), asked);
      expect(await (await userinfo(members.access_token)).json()).toMatchObject({ name: "Ada Lovelace" });
      if (members.id_token === undefined) return;
      expect(await verified(members.id_token, receiver.client.id)).not.toHaveProperty("name");
    },
  );

  test.each([
    { scope: "openid email", claim: "email" },
    { scope: "email openid", claim: "email_verified" },
    { scope: "openid profile", claim: "name" },
    { scope: "openid profile email address phone", claim: "email" },
  ])("of $scope are in the ID token of id_token, and at userinfo for id_token token (oidcc-scope-all)", async (row) => {
    const browser = receiver.browser();
    const alone = await receiver.answer(browser, { response_type: "id_token", nonce: "n", scope: row.scope });
    expect(await verified(alone.members.id_token, receiver.client.id)).toHaveProperty(row.claim);
    const both = await receiver.answer(browser, { response_type: "id_token token", nonce: "n", scope: row.scope });
    expect(await verified(both.members.id_token, receiver.client.id)).not.toHaveProperty(row.claim);
    expect(await (await userinfo(both.members.access_token)).json()).toHaveProperty(row.claim);
  });
});

describe("a browser that is signed in", () => {
  const tokenTypes = RESPONSE_TYPES.filter((type) => type.includes("id_token"));
  test.each(tokenTypes)(
    "is answered %s at once with prompt=none, of the same sign-in (oidcc-prompt-none-logged-in, oidcc-id-token-hint)",
    async (response_type) => {
      const browser = receiver.browser();
      const first = (await receiver.answer(browser, { response_type, nonce: "n-1" })).members;
      const hint = first.id_token;
      const asked = { response_type, nonce: "n-2", prompt: "none", max_age: "10000", id_token_hint: hint };
      const second = (await receiver.answer(browser, asked)).members;
      const [before, after] = await Promise.all(
        [first, second].map(({ id_token }) => verified(id_token, receiver.client.id)),
      );
      expect(after).toMatchObject({ sub: before?.sub, auth_time: before?.auth_time, nonce: "n-2" });
    },
  );
});

test.each(["id_token token", "code id_token token"])(
  "of five answers at once to one sign-in for %s the client gets one (BRO-6)",
  async (response_type) => {
    const browser = receiver.browser();
    const { id } = receiver.client;
    const asked = { client_id: id, redirect_uri: receiver.redirectUri, response_type, nonce: "n", prompt: "consent" };
    const page = await browser.open(worker.authorizationUrl(asked));
    const { email, password } = PERSON;
    const consent = await browser.submit(page, { login: email, password }, { formId: "login-form" });
    const form = readForm(consent);
    const body = new URLSearchParams([...form.fields, ["decision", "approve"]]);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => browser.request(form.action, { method: "POST", body })),
    );
    expect(answers.filter((one) => one.headers.get("location")?.includes("access_token="))).toHaveLength(1);
    expect(answers.map((one) => one.status).filter((status) => status >= 500)).toEqual([]);
  },
);

describe("what an answer costs (round trips to the database)", () => {
  test.each(RESPONSE_TYPES)(
    "%s: two with a session, as a code does, and at most three with a password",
    async (type) => {
      const browser = receiver.browser();
      const parameters = { response_type: type, nonce: "n", scope: "openid offline_access" };
      worker.takeStatements();
      await receiver.answer(browser, parameters);
      const once = worker.takeStatements().filter((name) => !name.includes("change"));
      expect(once.length).toBeLessThanOrEqual(3);
      await receiver.answer(browser, parameters);
      const again = worker.takeStatements().filter((name) => !name.includes("change"));
      expect(again).toEqual(["session.find", "signIn.issueCode"]);
    },
  );
});

test("a client whose key cannot be had is told so where its answer would be (OIDC Core §10.2)", async () => {
  const client = await worker.addClient({
    clientName: "Sealed",
    trusted: true,
    redirectURIs: [receiver.redirectUri],
    details: {
      response_types: ["id_token"],
      id_token_encrypted_response_alg: "RSA-OAEP-256",
      jwks_uri: "https://127.0.0.1:1/keys",
    },
  });
  const asked = { client_id: client.id, response_type: "id_token", response_mode: "form_post", nonce: "n", state: "s" };
  const { members, as } = await receiver.answer(receiver.browser(), asked);
  expect(as).toBe("form_post");
  expect(members).toMatchObject({ error: "server_error", state: "s", iss: worker.issuer });
  expect(worker.log.filter((line) => line.includes("answer not made"))).toHaveLength(1);
});

test("nothing that was handed out stands in the log", async () => {
  const asked = { response_type: "code id_token token", nonce: "n", state: "a-state-of-the-client" };
  const { members } = await receiver.answer(receiver.browser(), asked);
  const log = worker.log.join("\n");
  for (const name of ["code", "access_token", "id_token", "state"]) expect(log).not.toContain(members[name]);
});

describe("an access token from the authorization endpoint", () => {
  const ask = (browser = receiver.browser()) =>
    receiver.answer(browser, { response_type: "id_token token", nonce: "n", scope: "openid email offline_access" });

  test("brings no offline access, since no refresh token can follow (OIDC Core §11)", async () => {
    expect((await ask()).members.scope).toBe("openid email");
  });

  test("ends when the person takes the client's access away", async () => {
    const { members } = await ask();
    const claims = await verified(members.id_token, receiver.client.id);
    expect((await userinfo(members.access_token)).status).toBe(200);
    const actor = { kind: "dexctl", id: undefined, address: undefined } as const;
    await worker.storage.userDirectory.revokeRefresh(claims.sub ?? "", receiver.client.id, actor, new Date());
    expect((await userinfo(members.access_token)).status).toBe(401);
  });
});
