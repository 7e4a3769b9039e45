// Clients that sign: their assertions at the token endpoint and their request objects at the authorization endpoint, with keys
// by value and behind an address.
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenedAddress, openAddress } from "./client-address.ts";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

let worker: TestWorker;
let address: OpenedAddress;
beforeAll(async () => {
  worker = await openTestWorker(["--insecure-private-client-addresses"]);
  address = await openAddress();
});
afterAll(async () => {
  await address.close();
  await worker.close();
});

async function makeKey(kid: string, alg = "RS256") {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}
type Key = Awaited<ReturnType<typeof makeKey>>;

const signing = { token_endpoint_auth_method: "private_key_jwt" } as const;
const addSigningClient = (details: Readonly<Record<string, unknown>>) =>
  worker.addClient({ clientName: "Signs", trusted: true, details: { ...signing, ...details } });

const signed = (
  claims: Readonly<Record<string, unknown>>,
  { privateKey, alg, kid }: Key,
  key: CryptoKey = privateKey,
) => new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(key);

let counter = 0;
function assertionOf(client: TestClient, key: Key, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  counter += 1;
  const claims = { iss: client.id, sub: client.id, aud: worker.issuer, iat, exp: iat + 60, jti: `jti ${counter}` };
  return signed({ ...claims, ...changes }, key);
}

async function post(assertion: string, more: Readonly<Record<string, string>> = {}, url = `${worker.issuer}/token`) {
  const form = { grant_type: "client_credentials", client_assertion_type: JWT_BEARER, client_assertion: assertion };
  const response = await fetch(url, { method: "POST", body: new URLSearchParams({ ...form, ...more }) });
  return { status: response.status, body: (await response.json()) as { error?: string; refresh_token?: string } };
}

async function configure(client: TestClient, authentication: openid.ClientAuth) {
  return openid.discovery(new URL(worker.issuer), client.id, undefined, authentication, {
    execute: [openid.allowInsecureRequests],
  });
}

describe("private_key_jwt", () => {
  const algorithms = ["RS256", "PS256", "ES256", "EdDSA"];
  test.each(algorithms)(
    "openid-client signs in and refreshes with %s, its keys registered by value (oidcc-server)",
    async (alg) => {
      const key = await makeKey("one", alg);
      const client = await addSigningClient({ jwks: { keys: [key.jwk] }, token_endpoint_auth_signing_alg: alg });
      expect(client.secret).toBe("");
      const configuration = await configure(client, openid.PrivateKeyJwt({ key: key.privateKey, kid: key.kid }));
      const scope = "openid offline_access";
      const end = await worker.signIn(worker.browser(), { client_id: client.id, scope, prompt: undefined });
      const tokens = await openid.authorizationCodeGrant(configuration, end);
      expect(tokens.claims()).toMatchObject({ aud: client.id });
      const refreshed = await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "");
      expect(refreshed.access_token).toBeTypeOf("string");
    },
  );

  test("a code exchange is one round trip and the one that writes the jti down", async () => {
    const key = await makeKey("one");
    const client = await addSigningClient({ jwks: { keys: [key.jwk] } });
    const exchange = async () => {
      const end = await worker.signIn(worker.browser(), { client_id: client.id });
      const assertion = await assertionOf(client, key);
      const code = end.searchParams.get("code") ?? "";
      worker.takeStatements();
      const answer = await post(assertion, { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
      expect(answer.status).toBe(200);
      return worker.takeStatements().filter((name) => !name.includes("change"));
    };
    await exchange();
    expect(await exchange()).toEqual(["usedOnce.use", expect.stringContaining("redeem")]);
  });

  test("of parallel uses on two workers one succeeds, and a wrong signature spends no jti (TOK-10)", async () => {
    const key = await makeKey("one");
    const other = await makeKey("one");
    const client = await addSigningClient({ jwks: { keys: [key.jwk] } });
    const elsewhere = await worker.openAnother();
    const jti = "the same for all";
    expect(await post(await assertionOf(client, other, { jti }))).toMatchObject({ status: 401 });
    const assertion = await assertionOf(client, key, { jti });
    const attempts = [1, 2, 3, 4].flatMap(() => [post(assertion), post(assertion, {}, elsewhere)]);
    const statuses = (await Promise.all(attempts)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 401, 401, 401, 401, 401, 401, 401]);
    expect(await post(assertion, {}, elsewhere)).toEqual({
      status: 401,
      body: { error: "invalid_client", error_description: "client authentication failed" },
    });
  });

  test("keys behind jwks_uri are fetched, and again when a new one signs (cert 8 oidcc-registration-jwks-uri)", async () => {
    const [first, second] = [await makeKey("first"), await makeKey("second")];
    const published = address.publish(JSON.stringify({ keys: [first.jwk] }));
    const client = await addSigningClient({ jwks_uri: published.url });
    expect(await post(await assertionOf(client, first))).toMatchObject({ status: 200 });
    expect(await post(await assertionOf(client, first))).toMatchObject({ status: 200 });
    expect(published.visits()).toBe(1);
    published.replace(JSON.stringify({ keys: [second.jwk] }));
    await expect
      .poll(async () => (await post(await assertionOf(client, second))).status, { timeout: 15_000, interval: 500 })
      .toBe(200);
    expect(published.visits()).toBe(2);
    expect(await post(await assertionOf(client, first))).toMatchObject({ status: 401 });
  }, 30_000);

  test("without the setting no private address is ever asked for keys (SSR-1)", async () => {
    const strict = await openTestWorker();
    const key = await makeKey("one");
    const published = address.publish(JSON.stringify({ keys: [key.jwk] }));
    const client = await strict.addClient({ details: { ...signing, jwks_uri: published.url } });
    const assertion = await assertionOf(client, key, { aud: strict.issuer });
    expect(await post(assertion, {}, `${strict.issuer}/token`)).toMatchObject({ status: 401 });
    expect(published.visits()).toBe(0);
    await strict.close();
  });
});

describe("request objects", () => {
  const requestClaims = (client: TestClient, changes: Readonly<Record<string, unknown>> = {}) => ({
    iss: client.id,
    aud: worker.issuer,
    client_id: client.id,
    response_type: "code",
    redirect_uri: REDIRECT_URI,
    scope: "openid",
    state: "inside",
    nonce: "inside",
    ...changes,
  });
  const outside = (client: TestClient) => ({
    client_id: client.id,
    response_type: "code",
    scope: "openid",
    redirect_uri: undefined,
  });

  test("openid-client sends a signed one, and signs in (AUT-12)", async () => {
    const key = await makeKey("one");
    const client = await addSigningClient({ jwks: { keys: [key.jwk] }, request_object_signing_alg: "RS256" });
    const configuration = await configure(client, openid.PrivateKeyJwt({ key: key.privateKey, kid: key.kid }));
    const parameters = { redirect_uri: REDIRECT_URI, scope: "openid", state: "of-the-client" };
    const url = await openid.buildAuthorizationUrlWithJAR(configuration, parameters, {
      key: key.privateKey,
      kid: "one",
    });
    expect([...url.searchParams.keys()].sort()).toEqual(["client_id", "request"]);
    const end = await worker.signIn(worker.browser(), {
      ...{ redirect_uri: undefined, response_type: undefined, scope: undefined },
      ...Object.fromEntries(url.searchParams),
    });
    const tokens = await openid.authorizationCodeGrant(configuration, end, { expectedState: "of-the-client" });
    expect(tokens.claims()).toMatchObject({ aud: client.id });
  });

  test("one by reference is fetched without its fragment, and its state is the one that counts (cert 8 oidcc-request-uri-signed-rs256)", async () => {
    const key = await makeKey("one");
    const published = address.publish("");
    const uri = `${published.url}#GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM`;
    const client = await addSigningClient({
      jwks: { keys: [key.jwk] },
      request_object_signing_alg: "RS256",
      request_uris: [uri],
    });
    published.replace(await signed(requestClaims(client), key));
    const end = await worker.signIn(worker.browser(), { ...outside(client), request_uri: uri });
    expect(end.searchParams.get("state")).toBe("inside");
    expect(end.searchParams.get("code")).not.toBeNull();
    const otherwise = { ...outside(client), redirect_uri: REDIRECT_URI, request_uri: published.url };
    const refused = (await worker.browser().open(worker.authorizationUrl(otherwise))).url;
    expect(refused.searchParams.get("error")).toBe("invalid_request_uri");
    expect(published.visits()).toBe(1);
  });

  test("an unsigned one works for who registered none (oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported)", async () => {
    const client = await worker.addClient({ trusted: true, details: { request_object_signing_alg: "none" } });
    const request = new UnsecuredJWT(requestClaims(client)).encode();
    const end = await worker.signIn(worker.browser(), {
      ...outside(client),
      redirect_uri: "https://x.example",
      request,
    });
    expect(end.searchParams.get("state")).toBe("inside");
    const plain = new UnsecuredJWT(requestClaims(worker.client)).encode();
    const refused = (await worker.browser().open(worker.authorizationUrl({ request: plain, state: "outside" }))).url;
    expect(Object.fromEntries(refused.searchParams)).toMatchObject({
      error: "request_not_supported",
      state: "outside",
    });
  });

  test("an address that holds too much is refused, and asked once in a while alone (AUT-12)", async () => {
    const published = address.publish("a".repeat(70_000));
    const client = await worker.addClient({ details: { request_uris: [published.url] } });
    const parameters = { ...outside(client), redirect_uri: REDIRECT_URI, request_uri: published.url };
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const refused = (await worker.browser().open(worker.authorizationUrl(parameters))).url;
      expect(refused.searchParams.get("error")).toBe("invalid_request_uri");
    }
    expect(published.visits()).toBe(1);
  });
});

test("discovery tells what works, and no more (OIDC Discovery §3)", async () => {
  const document = await (await fetch(`${worker.issuer}/.well-known/openid-configuration`)).json();
  expect(document).toMatchObject({
    token_endpoint_auth_methods_supported: expect.arrayContaining(["private_key_jwt"]),
    token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(["RS256", "PS256", "ES256", "EdDSA"]),
    request_parameter_supported: true,
    request_uri_parameter_supported: true,
    require_request_uri_registration: true,
    request_object_signing_alg_values_supported: ["RS256", "PS256", "ES256", "EdDSA", "none"],
  });
});

describe("a client that registers itself", () => {
  const register = async (metadata: Readonly<Record<string, unknown>>) => {
    const response = await fetch(`${open.issuer}/registration`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ redirect_uris: [REDIRECT_URI], client_name: "Registered itself", ...metadata }),
    });
    return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
  };
  let open: TestWorker;
  beforeAll(async () => {
    open = await openTestWorker(["--enable-client-registration", "--insecure-open-client-registration"]);
  });
  afterAll(() => open.close());

  test("with keys gets no secret, and authenticates with them (oidcc-server)", async () => {
    const key = await makeKey("one");
    const metadata = {
      ...signing,
      jwks: { keys: [key.jwk] },
      grant_types: ["authorization_code", "client_credentials"],
    };
    const { status, body } = await register({ ...metadata, request_uris: ["https://a.example/r#one"] });
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...signing, jwks: metadata.jwks, request_uris: ["https://a.example/r#one"] });
    expect(body).not.toHaveProperty("client_secret");
    const client = { id: String(body.client_id), secret: "" };
    const assertion = await assertionOf(client, key, { aud: `${open.issuer}/token` });
    expect(await post(assertion, {}, `${open.issuer}/token`)).toMatchObject({ status: 200 });
    const reply = await open.token({ grant_type: "client_credentials" }, { ...client, secret: "guessed" });
    expect(reply).toMatchObject({ status: 401, body: { error: "invalid_client" } });
  });

  test.each([
    signing,
    { ...signing, jwks: { keys: [] } },
    { ...signing, jwks: { keys: [{ kty: "oct", k: "AAAA" }] } },
    { ...signing, jwks_uri: "http://a.example/jwks" },
    { token_endpoint_auth_method: "client_secret_jwt", token_endpoint_auth_signing_alg: "RS256" },
    { token_endpoint_auth_signing_alg: "RS256" },
    { request_object_signing_alg: "RS256" },
    { request_object_signing_alg: "HS256" },
    { request_uris: ["http://a.example/r"] },
  ])("with %j is refused (OIDC Registration §2)", async (metadata) => {
    expect(await register(metadata)).toMatchObject({ status: 400, body: { error: "invalid_client_metadata" } });
  });
});
