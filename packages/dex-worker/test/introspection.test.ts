// Resource servers and clients ask what a token is worth, RFC 7662 and RFC 9701, on two workers.
import { queryDatabase } from "@dex/testing";
import { compactDecrypt, createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openAnswerReceiver } from "./answer-receiver.ts";
import {
  openTestWorker,
  PERSON,
  REDIRECT_URI,
  type TestClient,
  type TestWorker,
  type TokenBody,
} from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const INACTIVE = { active: false };
const SCOPE = "openid email offline_access";
let worker: TestWorker;
let api: TestClient;
let stranger: TestClient;
let elsewhere: string;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-front-channel-tokens"]);
  api = await worker.addClient({ clientName: "API", trustedPeers: [worker.client.id] });
  stranger = await worker.addClient({ clientName: "Stranger", trusted: true });
  elsewhere = (await worker.openAnother()).replace(/\/token$/, "");
});
afterAll(() => worker.close());

type Answer = Readonly<Record<string, unknown>>;

/** Tokens of `client` for somebody who signs in on a device of their own. */
async function obtain(scope = SCOPE, client: TestClient = worker.client): Promise<Required<TokenBody>> {
  const url = await worker.signIn(worker.browser(), { client_id: client.id, scope });
  const code = url.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, client);
  expect(body.access_token).toBeDefined();
  return body as Required<TokenBody>; // where the scope asks for a refresh token there is one
}

const basic = ({ id, secret }: TestClient) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${secret}`).toString("base64")}`;

function ask(
  form: Readonly<Record<string, string>> | string,
  headers: Readonly<Record<string, string>>,
  issuer = worker.issuer,
): Promise<Response> {
  return fetch(`${issuer}/introspect`, { method: "POST", headers, body: new URLSearchParams(form) });
}

async function introspect(token: string, client: TestClient = worker.client, issuer = worker.issuer): Promise<Answer> {
  const response = await ask({ token }, { Authorization: basic(client) }, issuer);
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    expect.stringMatching(/^application\/json/),
  ]);
  expect(response.headers.get("cache-control")).toBe("no-store");
  return (await response.json()) as Answer;
}

/** The same on both workers. */
async function everywhere(token: string, client?: TestClient): Promise<unknown> {
  const [here, there] = await Promise.all([introspect(token, client), introspect(token, client, elsewhere)]);
  expect(here).toEqual(there);
  return here.active;
}

const seconds = () => Math.floor(Date.now() / 1000);
const near = (expected: number) => expect.closeTo(expected, -1);

describe("what is told", () => {
  test("of an access token: all that it stands for (RFC 7662 §2.2)", async () => {
    const { access_token, id_token } = await obtain();
    const { sub } = JSON.parse(Buffer.from(id_token.split(".")[1] ?? "", "base64url").toString()) as Answer;
    expect(await introspect(access_token)).toEqual({
      active: true,
      scope: SCOPE,
      client_id: worker.client.id,
      username: PERSON.email,
      token_type: "Bearer",
      exp: near(seconds() + 600),
      iat: near(seconds()),
      sub,
      aud: worker.client.id,
      iss: worker.issuer,
      jti: expect.any(String),
      auth_time: near(seconds()),
      acr: "1",
    });
  });

  test("a name for people only where the scope releases one", async () => {
    expect(await introspect((await obtain("openid")).access_token)).not.toHaveProperty("username");
  });

  test("of a refresh token: to its client, and when it would end unused", async () => {
    const { refresh_token } = await obtain();
    expect(await introspect(refresh_token)).toEqual({
      active: true,
      scope: SCOPE,
      client_id: worker.client.id,
      username: PERSON.email,
      exp: near(seconds() + 2_592_000),
      sub: expect.any(String),
      aud: worker.client.id,
      iss: worker.issuer,
    });
  });

  test("of a token that a client got for itself (RFC 9068 §2.2)", async () => {
    const { body } = await worker.token({ grant_type: "client_credentials" });
    expect(await introspect(body.access_token ?? "")).toEqual({
      active: true,
      client_id: worker.client.id,
      token_type: "Bearer",
      exp: near(seconds() + 600),
      iat: near(seconds()),
      sub: worker.client.id,
      aud: worker.client.id,
      iss: worker.issuer,
      jti: expect.any(String),
    });
  });

  test.each(["access_token", "refresh_token", "something_else", ""])("whatever it is said to be: %j", async (hint) => {
    const { access_token, refresh_token } = await obtain();
    for (const token of [access_token, refresh_token]) {
      const response = await ask({ token, token_type_hint: hint }, { Authorization: basic(worker.client) });
      expect(await response.json()).toMatchObject({ active: true });
    }
  });

  test("costs one round trip, and none for what nobody issued or who asks has no business with", async () => {
    const { access_token, refresh_token } = await obtain();
    const { body } = await worker.token({ grant_type: "client_credentials" });
    const cost = async (token: string, client?: TestClient) => {
      await introspect(token, client);
      worker.takeStatements();
      await introspect(token, client);
      return worker.takeStatements();
    };
    expect(await cost(access_token)).toEqual(["family.findLive"]);
    expect(await cost(refresh_token)).toEqual(["family.find"]);
    expect(await cost(body.access_token ?? "")).toEqual(["revocation.stands"]);
    expect(await cost("dxa_forged")).toEqual([]);
    expect(await cost(access_token, stranger)).toEqual([]);
  });
});

describe("who may ask", () => {
  test("a client that the token is also for, and no other (INT-1)", async () => {
    const tokens = await obtain(`${SCOPE} audience:server:client_id:${api.id}`);
    const told = await introspect(tokens.access_token, api);
    expect(told).toMatchObject({ active: true, client_id: worker.client.id, aud: [api.id, worker.client.id] });
    expect(await introspect(tokens.access_token, stranger)).toEqual(INACTIVE);
    // What only its client can use, only its client may ask about.
    expect(await introspect(tokens.refresh_token, api)).toEqual(INACTIVE);
    expect(await introspect(tokens.refresh_token, stranger)).toEqual(INACTIVE);
    const plain = await obtain();
    expect(await introspect(plain.access_token, api)).toEqual(INACTIVE);
    const { body } = await worker.token({ grant_type: "client_credentials" });
    expect(await introspect(body.access_token ?? "", stranger)).toEqual(INACTIVE);
  });

  test("nobody without authentication, and no public client (INT-1)", async () => {
    const { access_token: token } = await obtain();
    const anybody = await worker.addClient({ public: true });
    const requests = [
      { form: { token }, headers: {} },
      { form: { token, client_id: worker.client.id }, headers: {} },
      { form: { token }, headers: { Authorization: basic({ ...worker.client, secret: "wrong" }) } },
      { form: { token }, headers: { Authorization: `Bearer ${token}` } },
      { form: { token, client_id: anybody.id }, headers: {} },
      { form: { token }, headers: { Authorization: basic({ id: anybody.id, secret: "" }) } },
    ];
    for (const { form, headers } of requests) {
      const response = await ask(form, headers as Readonly<Record<string, string>>);
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([
        401,
        expect.stringContaining("Basic"),
      ]);
      expect(await response.json()).toMatchObject({ error: "invalid_client" });
    }
  });

  test("each hears the name of the person that they know (OIDC Core §8)", async () => {
    const pairwise = { subject_type: "pairwise" } as const;
    const reader = await worker.addClient({
      details: pairwise,
      redirectURIs: ["https://reader.example/cb"],
      trusted: true,
    });
    const owner = await worker.addClient({
      ...{ details: pairwise, redirectURIs: [REDIRECT_URI] },
      trusted: true,
    });
    const audience = await worker.addClient({
      ...{ details: pairwise, redirectURIs: ["https://audience.example/cb"], trustedPeers: [owner.id] },
    });
    const { access_token, refresh_token, id_token } = await obtain(
      `${SCOPE} audience:server:client_id:${audience.id}`,
      owner,
    );
    const { sub } = JSON.parse(Buffer.from(id_token.split(".")[1] ?? "", "base64url").toString()) as Answer;
    expect((await introspect(access_token, owner)).sub).toBe(sub);
    expect((await introspect(refresh_token, owner)).sub).toBe(sub);
    const heard = (await introspect(access_token, audience)).sub;
    expect(heard).toEqual(expect.any(String));
    expect(heard).not.toBe(sub);
    expect(await introspect(access_token, reader)).toEqual(INACTIVE);
  });

  test("malformed requests are told so, and pages of other origins get nothing (NET-7)", async () => {
    const { access_token: token } = await obtain();
    const Authorization = basic(worker.client);
    const statusOf = async (response: Response) => `${response.status} ${((await response.json()) as TokenBody).error}`;
    expect(await statusOf(await ask({}, { Authorization }))).toBe("400 invalid_request");
    expect(await statusOf(await ask(`token=${token}&token=${token}`, { Authorization }))).toBe("400 invalid_request");
    const url = `${worker.issuer}/introspect?${new URLSearchParams({ token })}`;
    const got = await fetch(url, { headers: { Authorization } });
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
    const posted = await fetch(url, {
      method: "POST",
      headers: { Authorization },
      body: new URLSearchParams({ token }),
    });
    expect(await statusOf(posted)).toBe("400 invalid_request");
    await worker.addClient({ public: true, redirectURIs: ["https://spa.example/cb"] });
    const fromPage = await ask({ token }, { Authorization, Origin: "https://spa.example" });
    expect(fromPage.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("what does not stand is inactive, and nothing more is said", () => {
  test("a forged, altered or foreign token (INT-1)", async () => {
    const { access_token, refresh_token, id_token } = await obtain();
    const { body } = await worker.token({ grant_type: "client_credentials" });
    const flip = (token: string, at: number) =>
      token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    const tokens = [
      ...["unknown", "dxa_", "dxr_", "a.b.c", "..", "x".repeat(20_000), "null", "{}"],
      id_token,
      ...[access_token, refresh_token, body.access_token ?? ""].flatMap((token) => [
        token.slice(0, -1),
        `${token}A`,
        flip(token, Math.floor(token.length / 2)),
        token.toLowerCase(),
      ]),
    ];
    for (const token of tokens) expect(await introspect(token)).toEqual(INACTIVE);
    expect((await introspect(access_token)).active).toBe(true);
    expect((await introspect(refresh_token)).active).toBe(true);
  });

  test("a token that was given back, and its family with a refresh token (INT-1, P5, REV-1)", async () => {
    const give = async (token: string) =>
      fetch(`${worker.issuer}/revoke`, {
        method: "POST",
        headers: { Authorization: basic(worker.client) },
        body: new URLSearchParams({ token }),
      });
    const first = await obtain();
    await give(first.access_token);
    expect(await everywhere(first.access_token)).toBe(false);
    expect(await everywhere(first.refresh_token)).toBe(true);
    const second = await obtain();
    await give(second.refresh_token);
    expect(await everywhere(second.access_token)).toBe(false);
    expect(await everywhere(second.refresh_token)).toBe(false);
    const own = (await worker.token({ grant_type: "client_credentials" })).body.access_token ?? "";
    expect(await everywhere(own)).toBe(true);
    await give(own);
    expect(await everywhere(own)).toBe(false);
  });

  test("a refresh token that was replaced, outside the grace interval; asking ends nothing (REF-3)", async () => {
    const strict = await openTestWorker(["--refresh-token-grace=0s"]);
    const url = await strict.signIn(strict.browser(), { scope: SCOPE });
    const code = url.searchParams.get("code") ?? "";
    const first = (await strict.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI })).body;
    const refresh = (refresh_token = "") => strict.token({ grant_type: "refresh_token", refresh_token });
    const second = (await refresh(first.refresh_token)).body;
    const about = async (token = "") =>
      (await ask({ token }, { Authorization: basic(strict.client) }, strict.issuer)).json();
    expect(await about(first.refresh_token)).toEqual(INACTIVE);
    expect(await about(second.refresh_token)).toMatchObject({ active: true });
    expect((await refresh(second.refresh_token)).status).toBe(200);
    await strict.close();
  });

  test("what a code left that was presented twice (TOK-1)", async () => {
    const url = await worker.signIn(worker.browser(), { scope: SCOPE });
    const code = url.searchParams.get("code") ?? "";
    const redeem = () => worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    const { body } = await redeem();
    expect((await redeem()).body.error).toBe("invalid_grant");
    expect(await everywhere(body.access_token ?? "")).toBe(false);
    expect(await everywhere(body.refresh_token ?? "")).toBe(false);
  });
});

describe("what ends access ends it here at once, on every worker (P5)", () => {
  let tokens: Required<TokenBody>;
  let userId: string;
  beforeEach(async () => {
    tokens = await obtain();
    userId = String((await introspect(tokens.access_token)).sub);
    for (const token of [tokens.access_token, tokens.refresh_token]) expect(await everywhere(token)).toBe(true);
  });
  const bothAre = async (active: boolean, client?: TestClient) => {
    expect(await everywhere(tokens.access_token, client)).toBe(active);
    expect(await everywhere(tokens.refresh_token, client)).toBe(active);
  };

  test("a user who is disabled", async () => {
    const { userDirectory } = worker.storage;
    await userDirectory.setDisabled(userId, true, ACTOR, new Date());
    await bothAre(false);
    await userDirectory.setDisabled(userId, false, ACTOR, new Date());
    await bothAre(false);
  });

  test("a connector that is removed", async () => {
    await worker.setConnectors([]);
    await bothAre(false);
    await worker.setConnectors([{ id: "local", type: "local", config: {} }]);
  });

  test("a session that ends takes what has no refresh token along", async () => {
    const browser = worker.browser();
    const url = await worker.signIn(browser, { scope: "openid" });
    const code = url.searchParams.get("code") ?? "";
    const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    expect(await everywhere(body.access_token ?? "")).toBe(true);
    const page = await browser.open(
      `${worker.issuer}/logout?${new URLSearchParams({ id_token_hint: body.id_token ?? "" })}`,
    );
    if (page.text.includes("<form")) await browser.submit(page);
    expect(await everywhere(body.access_token ?? "")).toBe(false);
  });

  test("a client that is deleted takes its own tokens along", async () => {
    const reader = await worker.addClient({ trustedPeers: [worker.client.id] });
    const own = (await worker.token({ grant_type: "client_credentials" }, reader)).body.access_token ?? "";
    expect(await introspect(own, reader, elsewhere)).toMatchObject({ active: true });
    // Without a word to the workers, whose caches still know it.
    await queryDatabase(worker.databaseUrl, "DELETE FROM client WHERE id = $1", [reader.id]);
    expect(await introspect(own, reader, elsewhere)).toEqual(INACTIVE);
  });

  test("an access token from the authorization endpoint, when its session ends", async () => {
    const receiver = await openAnswerReceiver(worker);
    const browser = receiver.browser();
    const wanted = { response_type: "id_token token", scope: "openid", nonce: "n" };
    const { members } = await receiver.answer(browser, wanted);
    const token = members.access_token ?? "";
    expect(await everywhere(token, receiver.client)).toBe(true);
    const hint = new URLSearchParams({ id_token_hint: members.id_token ?? "" });
    const page = await browser.open(`${worker.issuer}/logout?${hint}`);
    if (page.text.includes("<form")) await browser.submit(page);
    expect(await everywhere(token, receiver.client)).toBe(false);
    await receiver.close();
  });
});

describe("a signed answer (RFC 9701)", () => {
  const TYPE = "application/token-introspection+jwt";
  const signedFor = async (client: TestClient, token: string) => {
    const response = await ask({ token }, { Authorization: basic(client), Accept: TYPE });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, TYPE]);
    return response.text();
  };
  const verify = (jwt: string, audience: string, algorithm: string) =>
    jwtVerify(jwt, createRemoteJWKSet(new URL(`${worker.issuer}/keys`)), {
      ...{ issuer: worker.issuer, audience, typ: "token-introspection+jwt", algorithms: [algorithm] },
    });

  test.each([undefined, "RS256", "ES256", "EdDSA"])(
    "is by the algorithm that the client registered: %s",
    async (alg) => {
      const details = alg === undefined ? {} : { introspection_signed_response_alg: alg };
      const reader = await worker.addClient({ details, trustedPeers: [worker.client.id] });
      const { access_token } = await obtain(`${SCOPE} audience:server:client_id:${reader.id}`);
      const { payload } = await verify(await signedFor(reader, access_token), reader.id, alg ?? "RS256");
      const { token_introspection: told, ...rest } = payload;
      expect(told).toEqual(await introspect(access_token, reader));
      // §8.1: with sub or exp beside, somebody would take it for an access token.
      expect(rest).toEqual({ iss: worker.issuer, aud: reader.id, iat: expect.any(Number) });
    },
  );

  test("says of everything else that it is inactive", async () => {
    const { access_token } = await obtain();
    for (const token of [access_token, "unknown"]) {
      const { payload } = await verify(await signedFor(stranger, token), stranger.id, "RS256");
      expect(payload.token_introspection).toEqual(INACTIVE);
    }
  });

  test.each(["RSA-OAEP-256", "ECDH-ES+A128KW"])("is encrypted to the client's key, by %s", async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "mine", use: "enc", alg }] };
    const reader = await worker.addClient({
      details: { introspection_encrypted_response_alg: alg, introspection_encrypted_response_enc: "A256GCM", jwks },
    });
    const token = (await worker.token({ grant_type: "client_credentials" }, reader)).body.access_token ?? "";
    const { plaintext, protectedHeader } = await compactDecrypt(await signedFor(reader, token), privateKey);
    expect(protectedHeader).toMatchObject({ alg, enc: "A256GCM", cty: "JWT", kid: "mine" });
    const { payload } = await verify(new TextDecoder().decode(plaintext), reader.id, "RS256");
    expect(payload.token_introspection).toMatchObject({ active: true, client_id: reader.id });
  });

  test("can be taken for no access token, and is none to ask about (JWT-3)", async () => {
    const { access_token } = await obtain();
    const jwt = await signedFor(worker.client, access_token);
    expect(await introspect(jwt)).toEqual(INACTIVE);
    const userinfo = await fetch(`${worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${jwt}` } });
    expect(userinfo.status).toBe(401);
  });
});

describe("clients not made here", () => {
  test("oauth4webapi reads both kinds of answers", async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const issuer = new URL(worker.issuer);
    const server = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oidc" }),
    );
    const { access_token } = await obtain();
    const proof = oauth.ClientSecretBasic(worker.client.secret);
    const client = { client_id: worker.client.id };
    const plain = await oauth.introspectionRequest(server, client, proof, access_token, insecure);
    const told = await oauth.processIntrospectionResponse(server, client, plain);
    expect(told).toMatchObject({ active: true, scope: SCOPE, client_id: worker.client.id });
    const wanted = { ...insecure, requestJwtResponse: true };
    const signed = await oauth.introspectionRequest(server, client, proof, access_token, wanted);
    expect(await oauth.processIntrospectionResponse(server, client, signed)).toEqual(told);
    await oauth.validateApplicationLevelSignature(server, signed, insecure);
  });

  test("openid-client asks, gives back, and asks again", async () => {
    const configuration = await openid.discovery(
      ...([
        new URL(worker.issuer),
        worker.client.id,
        undefined,
        openid.ClientSecretBasic(worker.client.secret),
      ] as const),
      { execute: [openid.allowInsecureRequests] },
    );
    const { access_token } = await obtain();
    expect(await openid.tokenIntrospection(configuration, access_token)).toMatchObject({ active: true });
    await openid.tokenRevocation(configuration, access_token);
    expect(await openid.tokenIntrospection(configuration, access_token)).toEqual(INACTIVE);
  });
});
