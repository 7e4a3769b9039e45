// What a relying party learns of a person, and how: OIDC Core §5, §8, §10.2.
import { generateKeyPairSync } from "node:crypto";
import { compactDecrypt, createRemoteJWKSet, decodeJwt, importJWK, type JWK, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changePerson } from "./person.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let userId: string;
const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const PROFILE = {
  ...{ given_name: "Ada", family_name: "Lovelace", middle_name: "King", nickname: "ada", preferred_username: "ada" },
  ...{ profile: "https://ada.example/", picture: "https://ada.example/me.png", website: "https://ada.example/blog" },
  ...{ gender: "female", birthdate: "1815-12-10", zoneinfo: "Europe/London", locale: "en-GB" },
  ...{ phone_number: "+44 20 7946 0000", phone_number_verified: true },
  address: { street_address: "12 St James's Square", locality: "London", country: "GB" },
};

beforeAll(async () => {
  worker = await openTestWorker();
  userId = await changePerson(worker, { profile: PROFILE });
});
afterAll(() => worker.close());

type Asked = Readonly<Record<string, string | undefined>>;

/** Signs PERSON in to the client and gives its tokens. */
async function tokensFor(asked: Asked, client: TestClient = worker.client) {
  const end = await worker.signIn(worker.browser(), { client_id: client.id, ...asked });
  const code = end.searchParams.get("code") ?? expect.fail(`no code in ${end.search}`);
  worker.takeStatements();
  const { body, status } = await worker.token(
    { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI },
    client,
  );
  expect(status, JSON.stringify(body)).toBe(200);
  expect(worker.takeStatements()).toHaveLength(1);
  return { ...body, idToken: body.id_token?.split(".").length === 3 ? decodeJwt(body.id_token) : {} };
}

async function userinfo(accessToken: string | undefined): Promise<Response> {
  worker.takeStatements();
  const response = await fetch(`${worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } });
  expect(worker.takeStatements()).toHaveLength(1);
  return response;
}
const claimsAt = async (accessToken: string | undefined) =>
  (await (await userinfo(accessToken)).json()) as Readonly<Record<string, unknown>>;

test("userinfo answers GET, POST with the header and POST with a form alike (oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body)", async () => {
  const { access_token = "" } = await tokensFor({ scope: "openid email" });
  const headers = { Authorization: `Bearer ${access_token}` };
  const answers = await Promise.all([
    fetch(`${worker.issuer}/userinfo`, { headers }),
    fetch(`${worker.issuer}/userinfo`, { headers, method: "POST" }),
    fetch(`${worker.issuer}/userinfo`, { method: "POST", body: new URLSearchParams({ access_token }) }),
  ]);
  for (const answer of answers) {
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect(await answer.json()).toEqual({ sub: userId, email: PERSON.email, email_verified: true });
  }
});

test("all scopes at once release every claim that the user has (oidcc-scope-all)", async () => {
  const { access_token, idToken } = await tokensFor({ scope: "phone address email profile openid" });
  expect(await claimsAt(access_token)).toEqual({
    ...PROFILE,
    sub: userId,
    name: "Ada Lovelace",
    email: PERSON.email,
    email_verified: true,
    updated_at: expect.any(Number),
  });
  for (const claim of ["address", "phone_number", "birthdate"]) expect(idToken).not.toHaveProperty(claim);
});

const CLAIMS = JSON.stringify({
  userinfo: { name: { essential: true }, shoe_size: null },
  id_token: { phone_number: null, acr: { values: ["2", "1"] } },
});

test("claims asked for by name are told where they were asked for, and still after a refresh (oidcc-claims-essential)", async () => {
  const first = await tokensFor({ scope: "openid offline_access", claims: CLAIMS });
  const { body } = await worker.token({ grant_type: "refresh_token", refresh_token: first.refresh_token ?? "" });
  for (const { access_token, id_token } of [first, body]) {
    expect(await claimsAt(access_token)).toEqual({ sub: userId, name: "Ada Lovelace" });
    const idToken = decodeJwt(id_token ?? "");
    expect(idToken).toMatchObject({ sub: userId, phone_number: PROFILE.phone_number, acr: "1" });
    expect(idToken).not.toHaveProperty("name");
  }
});

test("what is asked for by name needs the consent of its scope, once", async () => {
  const client = await worker.addClient({ clientName: "Asks for more" });
  const browser = worker.browser();
  const asked = { client_id: client.id, claims: '{"userinfo":{"address":null}}' };
  const login = await browser.open(worker.authorizationUrl(asked));
  const consent = await browser.submit(
    login,
    { login: PERSON.email, password: PERSON.password },
    { formId: "login-form" },
  );
  expect(consent.text).toContain("See your postal address");
  const answered = await browser.submit(consent, { decision: "approve" }, { formId: "consent-form" });
  expect(answered.url.searchParams.get("code")).toBeTruthy();
  const silent = await browser.open(worker.authorizationUrl({ ...asked, prompt: "none" }));
  expect(silent.url.searchParams.get("code")).toBeTruthy();
});

test("a subject that claims name and somebody else signs in with is refused (AUT-7, OIDC Core §5.5.1)", async () => {
  const claims = JSON.stringify({ id_token: { sub: { value: "somebody-else" } } });
  const refused = await worker.signIn(worker.browser(), { claims });
  expect(refused.searchParams.get("error")).toBe("login_required");
  const own = await tokensFor({ claims: JSON.stringify({ id_token: { sub: { value: userId } } }) });
  expect(own.idToken.sub).toBe(userId);
});

const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });

const registered = (details: object, redirectURIs: readonly string[] = [REDIRECT_URI]) =>
  worker.addClient({ clientName: "Registered", trusted: true, redirectURIs, details });

test("signed userinfo verifies with our keys, for this client alone, and is no ID token (oidcc-userinfo-rs256, TOK-13)", async () => {
  const client = await registered({ userinfo_signed_response_alg: "RS256" });
  const { access_token } = await tokensFor({ scope: "openid email" }, client);
  const answer = await userinfo(access_token);
  expect(answer.headers.get("content-type")).toBe("application/jwt");
  const jwt = await answer.text();
  const keys = createRemoteJWKSet(new URL(`${worker.issuer}/keys`));
  const { payload, protectedHeader } = await jwtVerify(jwt, keys, { issuer: worker.issuer, audience: client.id });
  expect(protectedHeader).toMatchObject({ alg: "RS256", typ: "userinfo+jwt", kid: expect.any(String) });
  expect(payload).toEqual({
    ...{ iss: worker.issuer, aud: client.id, sub: userId },
    ...{ email: PERSON.email, email_verified: true },
  });
  const hinted = await worker.browser().open(worker.authorizationUrl({ id_token_hint: jwt, prompt: "none" }));
  expect(hinted.url.searchParams.get("error")).toBe("login_required");
});

test("the relying party alone can read its ID token and userinfo, whatever it registered (OIDC Core §10.2)", async () => {
  const x25519 = generateKeyPairSync("x25519");
  const pairs = [
    { alg: "RSA-OAEP-256", enc: "A128CBC-HS256", ...RSA },
    { alg: "ECDH-ES", enc: "A256GCM", ...generateKeyPairSync("ec", { namedCurve: "P-256" }) },
    { alg: "ECDH-ES+A256KW", enc: "A256CBC-HS512", ...x25519 },
  ];
  for (const { alg, enc, publicKey, privateKey } of pairs) {
    const jwks = { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "mine", use: "enc" }] };
    const client = await registered({
      ...{ id_token_encrypted_response_alg: alg, id_token_encrypted_response_enc: enc },
      ...{ userinfo_encrypted_response_alg: alg, userinfo_encrypted_response_enc: enc, jwks },
    });
    const { access_token, id_token = "" } = await tokensFor({ scope: "openid", nonce: "n" }, client);
    const sealedClaims = await (await userinfo(access_token)).text();
    const key = await importJWK(privateKey.export({ format: "jwk" }) as JWK, alg);
    const outer = await compactDecrypt(id_token, key);
    expect(outer.protectedHeader).toMatchObject({ alg, enc, kid: "mine", cty: "JWT" });
    const keys = createRemoteJWKSet(new URL(`${worker.issuer}/keys`));
    const inner = await jwtVerify(Buffer.from(outer.plaintext).toString(), keys, { audience: client.id });
    expect(inner.payload).toMatchObject({ sub: userId, nonce: "n" });
    const claims: unknown = JSON.parse(Buffer.from((await compactDecrypt(sealedClaims, key)).plaintext).toString());
    expect(claims).toEqual({ sub: userId });
  }
});

test("a pairwise client meets one name for a person everywhere, and another sector another (OIDC Core §8.1)", async () => {
  const other = "http://127.0.0.2:1/callback";
  const [a, sibling, b] = await Promise.all([
    registered({ subject_type: "pairwise" }),
    registered({ subject_type: "pairwise" }),
    registered({ subject_type: "pairwise", sector_identifier_uri: "https://sector.example/uris.json" }, [
      REDIRECT_URI,
      other,
    ]),
  ]);
  const subs = [];
  for (const client of [a, sibling, b]) {
    const { access_token, idToken } = await tokensFor({}, client);
    expect((await claimsAt(access_token)).sub).toBe(idToken.sub);
    subs.push(idToken.sub);
  }
  expect(subs[0]).toBe(subs[1]);
  expect(new Set([...subs, userId]).size).toBe(3);
});

test("a pairwise client's own ID token is a good hint for it, and not for somebody else (oidcc-id-token-hint, AUT-6)", async () => {
  const client = await registered({ subject_type: "pairwise" });
  const browser = worker.browser();
  const end = await worker.signIn(browser, { client_id: client.id });
  const code = end.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, client);
  const hint = { id_token_hint: body.id_token, prompt: "none" };
  for (const client_id of [client.id, worker.client.id]) {
    const again = await browser.open(worker.authorizationUrl({ ...hint, client_id }));
    expect(again.url.searchParams.get("code")).toBeTruthy();
  }
  const other = await worker.browser().open(worker.authorizationUrl({ ...hint, client_id: client.id }));
  expect(other.url.searchParams.get("error")).toBe("login_required");
});

test("federated:id tells who the person is at the connector, as dex v2 did (dex v2 138)", async () => {
  const { access_token, idToken } = await tokensFor({ scope: "openid federated:id" });
  const federated_claims = { connector_id: "local", user_id: userId };
  expect(idToken).toMatchObject({ federated_claims });
  expect(await claimsAt(access_token)).toEqual({ sub: userId, federated_claims });
});

test("acr is one of those that discovery lists, and an essential one that cannot be had fails (oidcc-ensure-request-with-acr-values-succeeds)", async () => {
  const discovery = await fetch(`${worker.issuer}/.well-known/openid-configuration`);
  const { acr_values_supported } = (await discovery.json()) as { acr_values_supported: readonly string[] };
  const { idToken } = await tokensFor({ acr_values: acr_values_supported.join(" ") });
  expect(acr_values_supported).toContain(idToken.acr);
  const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ["2"] } } });
  const refused = await worker.signIn(worker.browser(), { claims });
  expect(refused.searchParams.get("error")).toBe("login_required");
});

test("a client's default_max_age asks for the password again when the session is older (OIDC Registration §2)", async () => {
  const strict = await registered({ default_max_age: 0 });
  const browser = worker.browser();
  await worker.signIn(browser);
  const page = await browser.open(worker.authorizationUrl({ client_id: strict.id }));
  expect(page.text).toContain("login-form");
});

test("a new name moves updated_at of a profile (OIDC Core §5.1)", async () => {
  await worker.storage.userDirectory.update(userId, { profile: { gender: "female" } }, ACTOR, new Date(1000));
  const updatedAt = async () => (await worker.storage.userDirectory.find(userId))?.profile?.updated_at;
  expect(await updatedAt()).toBe(1);
  const browser = worker.browser();
  await worker.signIn(browser);
  const page = await browser.open(`${worker.issuer}/account`);
  await browser.submit(page, { display_name: "Ada Lovelace" }, { formId: "account-form" });
  expect(await updatedAt()).toBeGreaterThan(1);
  await worker.storage.userDirectory.update(userId, { displayName: "Ada Lovelace" }, ACTOR, new Date(2000));
  expect(await updatedAt()).toBe(2);
});

test("the account page shows people what is known of them", async () => {
  const browser = worker.browser();
  await worker.signIn(browser);
  const page = await browser.open(`${worker.issuer}/account`);
  for (const text of ["12 St James", "London", "+44 20 7946 0000", "1815-12-10"]) expect(page.text).toContain(text);
});
