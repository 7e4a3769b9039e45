// Tokens that are bound to a client's key, RFC 9449, over HTTP: as clients of others' making ask for them, and as somebody does
// who has the token without the key.
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formOf, type Key, type Members, makeDpopRequests, makeKey } from "./dpop-world.ts";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const initialAccessToken = Buffer.alloc(32, 7).toString("base64");
const insecure = { [oauth.allowInsecureRequests]: true } as const;

let worker: TestWorker;
let strict: TestWorker;
let bound: TestClient;
let key: Key;
let other: Key;
let requests: ReturnType<typeof makeDpopRequests>;
beforeAll(async () => {
  worker = await openTestWorker([
    ...["--enable-client-registration", `--client-registration-tokens=${initialAccessToken}`],
    ...["--enable-front-channel-tokens", "--api-use-client-credentials"],
  ]);
  requests = makeDpopRequests(worker);
  strict = await openTestWorker(["--require-dpop-nonce"]);
  bound = await worker.addClient({ clientName: "Bound", trusted: true, details: { dpop_bound_access_tokens: true } });
  [key, other] = [await makeKey(), await makeKey()];
});
afterAll(async () => {
  await strict?.close();
  await worker?.close();
});

function configure(issuer: string, client: TestClient): Promise<openid.Configuration> {
  const authentication = client.secret === "" ? openid.None() : openid.ClientSecretBasic(client.secret);
  const execute = [openid.allowInsecureRequests];
  return openid.discovery(new URL(issuer), client.id, undefined, authentication, { execute });
}

describe("a relying party", () => {
  test.each(["ES256", "PS256", "Ed25519"])(
    "of openid-client signs in, asks userinfo and refreshes with a key of %s (cert 11 ensure-dpop-auth-code-binding-success)",
    async (alg) => {
      const configuration = await configure(worker.issuer, bound);
      expect(configuration.serverMetadata().dpop_signing_alg_values_supported).toContain(alg);
      const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair(alg));
      const dpop_jkt = await DPoP.calculateThumbprint();
      const end = await worker.signIn(worker.browser(), {
        client_id: bound.id,
        scope: "openid offline_access",
        dpop_jkt,
      });
      const tokens = await openid.authorizationCodeGrant(configuration, end, {}, undefined, { DPoP });
      expect(tokens.token_type).toBe("dpop");
      const sub = tokens.claims()?.sub ?? "";
      expect(await openid.fetchUserInfo(configuration, tokens.access_token, sub, { DPoP })).toEqual({ sub });
      const refreshed = await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "", {}, { DPoP });
      expect(await openid.fetchUserInfo(configuration, refreshed.access_token, sub, { DPoP })).toEqual({ sub });
      const own = await openid.clientCredentialsGrant(configuration, {}, { DPoP });
      expect(own.token_type).toBe("dpop");
    },
  );

  test("of openid-client is given a nonce where one is demanded, and goes on with it (RFC 9449 §8)", async () => {
    const configuration = await configure(strict.issuer, strict.client);
    const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair());
    const end = await strict.signIn(strict.browser());
    const tokens = await openid.authorizationCodeGrant(configuration, end, {}, undefined, { DPoP });
    const sub = tokens.claims()?.sub ?? "";
    // Another handle of the same key knows no nonce: userinfo gives it one.
    expect(await openid.fetchUserInfo(configuration, tokens.access_token, sub, { DPoP })).toEqual({ sub });
  });

  test("of oauth4webapi is told at both endpoints that it needs a nonce (RFC 9449 §8, §9)", async () => {
    const issuer = new URL(strict.issuer);
    const found = await oauth.discoveryRequest(issuer, insecure);
    const server = await oauth.processDiscoveryResponse(issuer, found);
    const client: oauth.Client = { client_id: strict.client.id };
    const keys = await oauth.generateKeyPair("ES256", { extractable: true });
    const end = await strict.signIn(strict.browser());
    const answer = oauth.validateAuthResponse(server, client, end, oauth.expectNoState);
    const authentication = oauth.ClientSecretBasic(strict.client.secret);
    const DPoP = oauth.DPoP(client, keys);
    const redeem = async () => {
      const options = { DPoP, ...insecure };
      const arguments_ = [server, client, authentication, answer, REDIRECT_URI, oauth.nopkce, options] as const;
      const response = await oauth.authorizationCodeGrantRequest(...arguments_);
      return oauth.processAuthorizationCodeResponse(server, client, response);
    };
    expect(oauth.isDPoPNonceError(await redeem().catch((error: unknown) => error))).toBe(true);
    const tokens = await redeem();
    expect(tokens.token_type).toBe("dpop");
    const subject = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? "";
    const fresh = oauth.DPoP(client, keys);
    const userinfo = async () => {
      const response = await oauth.userInfoRequest(server, client, tokens.access_token, { DPoP: fresh, ...insecure });
      return oauth.processUserInfoResponse(server, client, subject, response);
    };
    const refusal: unknown = await userinfo().catch((error: unknown) => error);
    expect(oauth.isDPoPNonceError(refusal)).toBe(true);
    expect(refusal).toMatchObject({ status: 401 });
    expect(await userinfo()).toEqual({ sub: subject });
  });

  test("that is public goes on with the key that it began with, and with no other (REF-7)", async () => {
    const open = await worker.addClient({ clientName: "Open", public: true });
    const configuration = await configure(worker.issuer, open);
    const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair());
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const challenge = await openid.calculatePKCECodeChallenge(pkceCodeVerifier);
    const browser = worker.browser();
    const url = worker.authorizationUrl({
      ...{ client_id: open.id, scope: "openid offline_access" },
      ...{ code_challenge: challenge, code_challenge_method: "S256" },
    });
    const login = { login: "ada@example.com", password: "correct horse battery staple" };
    const consent = await browser.submit(await browser.open(url), login, { formId: "login-form" });
    const end = (await browser.submit(consent, { decision: "approve" }, { formId: "consent-form" })).url;
    const tokens = await openid.authorizationCodeGrant(configuration, end, { pkceCodeVerifier }, undefined, { DPoP });
    const form = { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" };
    for (const proofs of [[], [await requests.prove(other)]]) {
      expect(await requests.post(form, proofs, open)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    }
    const refreshed = await openid.refreshTokenGrant(configuration, form.refresh_token, {}, { DPoP });
    expect(refreshed.token_type).toBe("dpop");
  });
});

describe("the token endpoint", () => {
  test("redeems a code with no other key than it was bound to (DPO-3; cert 11 ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt)", async () => {
    const code = await requests.codeFor(worker.client, { dpop_jkt: key.jkt });
    for (const proofs of [[], [await requests.prove(other)]]) {
      expect(await requests.post(formOf(code), proofs)).toMatchObject({
        status: 400,
        body: { error: "invalid_grant" },
      });
    }
    expect(await requests.post(formOf(code), [await requests.prove(key)])).toMatchObject({
      status: 200,
      body: { token_type: "DPoP" },
    });
  });

  test("refuses at the authorization endpoint what can be no thumbprint (RFC 9449 §10)", async () => {
    for (const dpop_jkt of ["x", `${key.jkt}A`, "*".repeat(43)]) {
      const end = (await worker.browser().open(worker.authorizationUrl({ dpop_jkt }))).url;
      expect(end.searchParams.get("error")).toBe("invalid_request");
    }
  });

  test("writes a proof down and spends the code, and bearer tokens cost what they did", async () => {
    const exchange = async (proofs: readonly string[]) => {
      const form = formOf(await requests.codeFor(worker.client));
      worker.takeStatements();
      const { body } = await requests.post(form, proofs);
      return { statements: statements(), token: body.access_token };
    };
    await exchange([]);
    expect((await exchange([])).statements).toEqual(["code.redeem"]);
    const { statements: written, token } = await exchange([await requests.prove(key)]);
    expect(written).toEqual(["usedOnce.use", "code.redeem"]);
    expect((await requests.ask(`DPoP ${token}`, await requests.prove(key, { accessToken: token }))).status).toBe(200);
    expect(statements()).toEqual(["usedOnce.use", "family.findLive"]);
  });

  const statements = () => worker.takeStatements().filter((name) => !name.includes("change"));

  test("takes one of many uses of a proof, wherever they arrive (DPO-1)", async () => {
    const elsewhere = await worker.openAnother();
    const proof = await requests.prove(key);
    const form = { grant_type: "client_credentials" };
    const attempts = [1, 2, 3, 4].flatMap(() => [
      requests.post(form, [proof]),
      requests.post(form, [proof], worker.client, elsewhere),
    ]);
    const answers = await Promise.all(attempts);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(400)]);
    const refused = answers.filter(({ status }) => status === 400).map(({ body }) => body.error);
    expect(new Set(refused)).toEqual(new Set(["invalid_dpop_proof"]));
  });

  test("refreshes for who authenticates and proves any key, and for nobody else (REF-7; cert 11 refresh-token)", async () => {
    const { refresh_token } = await requests.boundTokens(key, bound);
    const form = { grant_type: "refresh_token", refresh_token };
    const stranger = await worker.addClient({ clientName: "Stranger", details: { dpop_bound_access_tokens: true } });
    expect(await requests.post(form, [await requests.prove(key)], { id: bound.id, secret: "" })).toMatchObject({
      status: 401,
    });
    expect(await requests.post(form, [], bound)).toMatchObject({ status: 400, body: { error: "invalid_dpop_proof" } });
    const foreign = await requests.post(form, [await requests.prove(key)], stranger);
    expect(foreign).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    const answer = await requests.post(form, [await requests.prove(other)], bound);
    expect(answer).toMatchObject({ status: 200, body: { token_type: "DPoP" } });
    const { access_token: accessToken } = answer.body;
    expect((await requests.ask(`DPoP ${accessToken}`, await requests.prove(other, { accessToken }))).status).toBe(200);
  });
});

test("a page may send a proof and read the nonce (NET-7)", async () => {
  const { origin } = new URL(REDIRECT_URI);
  for (const [path, method] of [
    ["/token", "POST"],
    ["/userinfo", "GET"],
  ] as const) {
    const preflight = await fetch(`${strict.issuer}${path}`, {
      method: "OPTIONS",
      headers: { Origin: origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "dpop" },
    });
    expect(preflight.headers.get("access-control-allow-headers")).toContain("DPoP");
    const answer = await fetch(`${strict.issuer}${path}`, { method, headers: { Origin: origin } });
    expect(answer.headers.get("access-control-expose-headers")).toContain("DPoP-Nonce");
  }
});

test("a nonce comes back in a header, and every worker takes it (RFC 9449 §8)", async () => {
  const elsewhere = await strict.openAnother();
  const claims = { htu: `${strict.issuer}/token` };
  const form = { grant_type: "client_credentials" };
  const first = await requests.post(
    form,
    [await requests.prove(key, { claims })],
    strict.client,
    `${strict.issuer}/token`,
  );
  expect(first).toMatchObject({ status: 400, body: { error: "use_dpop_nonce" } });
  const nonce = first.headers.get("dpop-nonce") ?? "";
  const proof = await requests.prove(key, { claims: { ...claims, nonce } });
  expect(await requests.post(form, [proof], strict.client, elsewhere)).toMatchObject({
    status: 200,
    body: { token_type: "DPoP" },
  });
  // Who has no key is not asked for one.
  expect(await requests.post(form, [], strict.client, elsewhere)).toMatchObject({
    status: 200,
    body: { token_type: "Bearer" },
  });
});

test("introspection tells the key that a token is bound to (RFC 9449 §6.2)", async () => {
  const introspect = async (token: string) => {
    const { id, secret } = worker.client;
    const body = new URLSearchParams({ token, client_id: id, client_secret: secret });
    const response = await fetch(`${worker.issuer}/introspect`, { method: "POST", body });
    return (await response.json()) as Members;
  };
  const { access_token } = await requests.boundTokens(key);
  const told = { active: true, token_type: "DPoP", cnf: { jkt: key.jkt } };
  expect(await introspect(access_token)).toMatchObject(told);
  const own = await requests.post({ grant_type: "client_credentials" }, [await requests.prove(key)]);
  expect(await introspect(own.body.access_token)).toMatchObject(told);
});

test("the management API takes no bound token as a bearer token (DPO-2)", async () => {
  const admin = await worker.addClient({
    clientName: "Admin",
    isAdmin: true,
    grantTypes: ["client_credentials"],
    redirectURIs: [],
  });
  const form = { grant_type: "client_credentials" };
  const list = async (token: string, headers: Readonly<Record<string, string>> = {}) =>
    (await fetch(`${worker.issuer}/api/v1/users`, { headers: { Authorization: `Bearer ${token}`, ...headers } }))
      .status;
  const bearer = await requests.post(form, [], admin);
  expect(await list(bearer.body.access_token)).toBe(200);
  const { access_token: accessToken } = (await requests.post(form, [await requests.prove(key)], admin)).body;
  expect(await list(accessToken)).toBe(401);
  const htu = `${worker.issuer}/api/v1/users`;
  expect(await list(accessToken, { DPoP: await requests.prove(key, { accessToken, claims: { htu } }) })).toBe(401);
});

describe("a client that registers for bound tokens", () => {
  const register = async (more: Members) =>
    fetch(`${worker.issuer}/registration`, {
      method: "POST",
      headers: { Authorization: `Bearer ${initialAccessToken}`, "Content-Type": "application/json" },
      body: JSON.stringify({ redirect_uris: ["https://a.example/cb"], ...more }),
    });

  test("gets nothing else, and keeps that unless it says so (RFC 9449 §5.2, DCR-2)", async () => {
    const response = await register({ dpop_bound_access_tokens: true, grant_types: ["authorization_code"] });
    const registered = (await response.json()) as Readonly<Record<string, string>>;
    expect(registered).toMatchObject({ dpop_bound_access_tokens: true });
    const update = (more: Members) =>
      fetch(registered.registration_client_uri ?? "", {
        method: "PUT",
        headers: {
          Authorization: `Bearer ${registered.registration_access_token}`,
          "Content-Type": "application/json",
        },
        body: JSON.stringify({ client_id: registered.client_id, redirect_uris: ["https://a.example/cb"], ...more }),
      });
    expect((await update({})).status).toBe(400);
    expect(await (await update({ dpop_bound_access_tokens: false })).json()).toMatchObject({
      dpop_bound_access_tokens: false,
    });
  });

  test("cannot have access tokens from the authorization endpoint (RFC 9449 §5.2)", async () => {
    const types = { response_types: ["code id_token token"], grant_types: ["authorization_code", "implicit"] };
    expect((await register(types)).status).toBe(201);
    const both = { ...types, response_types: ["code id_token", "code id_token token"] };
    const response = await register({ ...both, dpop_bound_access_tokens: true });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: "invalid_client_metadata" });
    const allowed = await register({ ...types, response_types: ["code id_token"], dpop_bound_access_tokens: true });
    expect(allowed.status).toBe(201);
  });
});
