// Clients give tokens back, RFC 7009, on two workers. What a client sees of it is read by oauth4webapi and openid-client.
import { queryDatabase } from "@dex/testing";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openAnswerReceiver } from "./answer-receiver.ts";
import {
  openTestWorker,
  PERSON,
  REDIRECT_URI,
  type TestClient,
  type TestWorker,
  type TokenBody,
} from "./worker-server.ts";

let worker: TestWorker;
let other: TestClient;
let otherToken: string;
const SCOPE = "openid email offline_access";
beforeAll(async () => {
  worker = await openTestWorker(["--enable-front-channel-tokens"]);
  other = await worker.addClient({ clientName: "Other", trusted: true });
  otherToken = await worker.openAnother();
});
afterAll(() => worker.close());

const exchange = (code: string, client?: TestClient, redirect_uri = REDIRECT_URI) =>
  worker.token({ grant_type: "authorization_code", code, redirect_uri }, client);

/** Tokens of `client` for somebody who signs in on a device of their own. */
async function obtain(client: TestClient = worker.client, scope = SCOPE): Promise<Required<TokenBody>> {
  const url = await worker.signIn(worker.browser(), { client_id: client.id, scope });
  const { status, body } = await exchange(url.searchParams.get("code") ?? "", client);
  expect(status).toBe(200);
  return body as Required<TokenBody>; // where the scope asks for a refresh token there is one
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

/** Revokes as `client` does, or with `form` alone when there is none. */
async function revoke(
  form: Readonly<Record<string, string>>,
  client: TestClient | undefined = worker.client,
  endpoint = `${worker.issuer}/revoke`,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { ...(client === undefined ? {} : { Authorization: basic(client) }), ...headers },
    body: new URLSearchParams(form),
  });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

const basic = ({ id, secret }: TestClient) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${secret}`).toString("base64")}`;
const userinfo = async (accessToken: string, issuer = worker.issuer) =>
  (await fetch(`${issuer}/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } })).status;
const onOther = (path: string) => otherToken.replace(/\/token$/, path);
const refresh = (refresh_token: string, client?: TestClient, at?: string) =>
  worker.token({ grant_type: "refresh_token", refresh_token }, client, at);
const auditOf = (event: string) =>
  queryDatabase<{ subject_id: string | null; actor_kind: string; actor_id: string; detail: unknown }>(
    worker.databaseUrl,
    "SELECT subject_id, actor_kind, actor_id, detail FROM audit_event WHERE event = $1 ORDER BY id",
    [event],
  );

describe("a refresh token that its client gives back", () => {
  test("ends its family with every access token of it, on every worker, and it is written down (REV-1)", async () => {
    const first = await obtain();
    const second = (await refresh(first.refresh_token)).body as Required<TokenBody>;
    const before = await auditOf("token family revoked");
    const answer = await revoke({ token: second.refresh_token });
    expect(answer).toMatchObject({ status: 200, body: "" });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await refresh(second.refresh_token)).body.error).toBe("invalid_grant");
    expect((await refresh(first.refresh_token, undefined, otherToken)).body.error).toBe("invalid_grant");
    for (const { access_token } of [first, second]) {
      expect(await userinfo(access_token)).toBe(401);
      expect(await userinfo(access_token, otherToken.replace(/\/token$/, ""))).toBe(401);
    }
    const audit = (await auditOf("token family revoked")).slice(before.length);
    expect(audit).toEqual([
      {
        subject_id: expect.any(String),
        actor_kind: "client",
        actor_id: worker.client.id,
        detail: { reason: "revoked by client", client: worker.client.id, family: expect.any(String) },
      },
    ]);
    // Once more: nothing is left to do, and that is no error (RFC 7009 §2.2).
    expect((await revoke({ token: second.refresh_token })).status).toBe(200);
    expect(await auditOf("token family revoked")).toHaveLength(before.length + 1);
  });

  test("may be one that was replaced long ago: its family ends all the same (REV-1)", async () => {
    const first = await obtain();
    const second = (await refresh(first.refresh_token)).body as Required<TokenBody>;
    expect((await revoke({ token: first.refresh_token })).status).toBe(200);
    expect((await refresh(second.refresh_token)).body.error).toBe("invalid_grant");
    expect(await userinfo(second.access_token)).toBe(401);
  });

  test("takes the access token with it that came with the code (REV-1, RFC 7009 §2.1)", async () => {
    const receiver = await openAnswerReceiver(worker);
    const wanted = { response_type: "code id_token token", scope: SCOPE, nonce: "n" };
    const page = await receiver.answer(receiver.browser(), wanted);
    const { code = "", access_token: inFront = "" } = page.members;
    const { body } = await exchange(code, receiver.client, receiver.redirectUri);
    expect(body.refresh_token).toBeDefined();
    expect(await userinfo(inFront)).toBe(200);
    expect((await revoke({ token: body.refresh_token ?? "" }, receiver.client)).status).toBe(200);
    expect(await userinfo(inFront)).toBe(401);
    expect(await userinfo(body.access_token ?? "")).toBe(401);
    await receiver.close();
  });

  test.each(["access_token", "refresh_token", "something_else", "", "__proto__"])(
    "is found whatever it is said to be: %j (RFC 7009 §2.1)",
    async (hint) => {
      const { refresh_token } = await obtain();
      expect((await revoke({ token: refresh_token, token_type_hint: hint })).status).toBe(200);
      expect((await refresh(refresh_token)).body.error).toBe("invalid_grant");
    },
  );
});

describe("an access token that its client gives back", () => {
  test.each(["access_token", "refresh_token"])(
    "ends alone, on every worker: its family goes on, and its siblings (REV-1), said to be %s",
    async (token_type_hint) => {
      const first = await obtain();
      const second = (await refresh(first.refresh_token)).body as Required<TokenBody>;
      const before = await auditOf("access token revoked");
      expect((await revoke({ token: first.access_token, token_type_hint })).status).toBe(200);
      expect(await userinfo(first.access_token)).toBe(401);
      expect(await userinfo(first.access_token, onOther(""))).toBe(401);
      expect(await userinfo(second.access_token)).toBe(200);
      expect((await refresh(second.refresh_token)).status).toBe(200);
      expect((await revoke({ token: first.access_token })).status).toBe(200);
      const audit = (await auditOf("access token revoked")).slice(before.length);
      expect(audit).toMatchObject([
        { actor_kind: "client", actor_id: worker.client.id, subject_id: expect.any(String) },
      ]);
    },
  );

  test("may have come from the authorization endpoint (REV-1)", async () => {
    const receiver = await openAnswerReceiver(worker);
    const wanted = { response_type: "id_token token", scope: "openid", nonce: "n" };
    const { members } = await receiver.answer(receiver.browser(), wanted);
    const { access_token: token = "" } = members;
    expect(await userinfo(token)).toBe(200);
    expect((await revoke({ token }, receiver.client)).status).toBe(200);
    expect(await userinfo(token)).toBe(401);
    await receiver.close();
  });

  test("checking it still costs userinfo one round trip", async () => {
    const { access_token } = await obtain();
    await revoke({ token: access_token });
    worker.takeStatements();
    expect(await userinfo(access_token)).toBe(401);
    expect(worker.takeStatements()).toEqual(["family.findLive"]);
  });
});

test("who gives something back pays one round trip", async () => {
  const { access_token, refresh_token } = await obtain();
  worker.takeStatements();
  await revoke({ token: access_token });
  await revoke({ token: refresh_token });
  expect(worker.takeStatements()).toEqual(["revocation.endAccessToken", "revocation.endFamily"]);
});

test("a public client gives back what is its own, saying who it is (REV-1)", async () => {
  const client = await worker.addClient({ public: true });
  const configuration = await openid.discovery(new URL(worker.issuer), client.id, undefined, openid.None(), {
    execute: [openid.allowInsecureRequests],
  });
  const verifier = openid.randomPKCECodeVerifier();
  const browser = worker.browser();
  const wanted = { client_id: client.id, scope: SCOPE, code_challenge_method: "S256" };
  const code_challenge = await openid.calculatePKCECodeChallenge(verifier);
  const login = await browser.open(worker.authorizationUrl({ ...wanted, code_challenge }));
  const consent = await browser.submit(login, { login: PERSON.email, password: PERSON.password });
  const { url } = await browser.submit(consent, { decision: "approve" }, { formId: "consent-form" });
  const tokens = await openid.authorizationCodeGrant(configuration, url, { pkceCodeVerifier: verifier });
  await openid.tokenRevocation(configuration, tokens.access_token);
  expect(await userinfo(tokens.access_token)).toBe(401);
  await openid.tokenRevocation(configuration, tokens.refresh_token ?? "", { token_type_hint: "refresh_token" });
  await expect(openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
});

describe("what nobody may", () => {
  test("another client's token is refused by name, and goes on (REV-2, RFC 7009 §2.1)", async () => {
    const { access_token, refresh_token } = await obtain();
    for (const token of [access_token, refresh_token]) {
      const { status, body } = await revoke({ token }, other);
      expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 400, error: "invalid_grant" });
    }
    expect(await userinfo(access_token)).toBe(200);
    expect((await refresh(refresh_token)).status).toBe(200);
  });

  test("without authentication, or with the wrong secret, nothing happens (REV-2)", async () => {
    const { access_token, refresh_token } = await obtain();
    const wrong = { ...worker.client, secret: "wrong" };
    for (const token of [access_token, refresh_token]) {
      const endpoint = `${worker.issuer}/revoke`;
      const bare = await fetch(endpoint, { method: "POST", body: new URLSearchParams({ token }) });
      expect([bare.status, await bare.json()]).toMatchObject([401, { error: "invalid_client" }]);
      const named = await revoke({ token, client_id: worker.client.id }, undefined, endpoint, { Authorization: "" });
      expect(named.status).toBe(401);
      expect((await revoke({ token }, wrong)).status).toBe(401);
    }
    expect(await userinfo(access_token)).toBe(200);
    expect((await refresh(refresh_token)).status).toBe(200);
  });

  test("by GET, or with a token in the URL, nothing happens (REV-2)", async () => {
    const { access_token } = await obtain();
    const inUrl = `${worker.issuer}/revoke?${new URLSearchParams({ token: access_token })}`;
    const got = await fetch(inUrl, { headers: { Authorization: basic(worker.client) } });
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
    expect((await revoke({ token: access_token }, worker.client, inUrl)).status).toBe(400);
    expect(await userinfo(access_token)).toBe(200);
  });

  test("malformed requests are told so", async () => {
    const { access_token } = await obtain();
    const errorOf = async (body: URLSearchParams | string, type = "application/x-www-form-urlencoded") => {
      const response = await fetch(`${worker.issuer}/revoke`, {
        method: "POST",
        headers: { Authorization: basic(worker.client), "Content-Type": type },
        body,
      });
      const { error } = (await response.json()) as TokenBody;
      return `${response.status} ${error}`;
    };
    expect(await errorOf(new URLSearchParams())).toBe("400 invalid_request");
    expect(await errorOf("token=&token_type_hint=access_token")).toBe("400 invalid_request");
    expect(await errorOf(`token=${access_token}&token=${access_token}`)).toBe("400 invalid_request");
    expect(await errorOf(JSON.stringify({ token: access_token }), "application/json")).toBe("415 invalid_request");
    expect(await errorOf("token=%00")).toBe("400 invalid_request");
    expect(await userinfo(access_token)).toBe(200);
  });

  test("what is no live token of ours is answered like success (REV-2, RFC 7009 §2.2)", async () => {
    const { access_token, refresh_token, id_token } = await obtain();
    const damaged = [access_token, refresh_token].map((token) => `${token.slice(0, -2)}AA`);
    for (const token of ["unknown", "dxa_", "dxr_AAAA", "a.b.c", id_token, ...damaged, "x".repeat(20_000)]) {
      expect(await revoke({ token })).toMatchObject({ status: 200, body: "" });
    }
    expect(await userinfo(access_token)).toBe(200);
    expect((await refresh(refresh_token)).status).toBe(200);
  });
});

test.each([1, 2, 3, 4, 5])(
  "of a refresh that races a revocation nothing lives, whichever worker commits first (REV-4), attempt %i",
  async () => {
    const { refresh_token } = await obtain();
    const racing = [0, 1, 2, 3].map((number) =>
      refresh(refresh_token, undefined, number % 2 === 0 ? otherToken : undefined),
    );
    const [given, ...answers] = await Promise.all([
      revoke({ token: refresh_token }, worker.client, onOther("/revoke")),
      ...racing,
    ]);
    expect(given?.status).toBe(200);
    for (const { status, body } of answers) {
      if (status !== 200) {
        expect(body.error).toBe("invalid_grant");
        continue;
      }
      expect(await userinfo(body.access_token ?? "")).toBe(401);
      expect((await refresh(body.refresh_token ?? "")).body.error).toBe("invalid_grant");
    }
    expect((await refresh(refresh_token)).body.error).toBe("invalid_grant");
  },
);

describe("a client's own pages", () => {
  const preflight = { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" };
  test("may revoke from the origins of their redirect URIs, and others may not (NET-7)", async () => {
    await worker.addClient({ public: true, redirectURIs: ["https://spa.example/cb"] });
    const endpoint = `${worker.issuer}/revoke`;
    for (const [origin, allowed] of [
      ["https://spa.example", "https://spa.example"],
      ["https://evil.example", null],
    ] as const) {
      const asked = await fetch(endpoint, { method: "OPTIONS", headers: { Origin: origin, ...preflight } });
      expect(asked.headers.get("access-control-allow-origin")).toBe(allowed);
      const { headers } = await revoke({ token: "unknown" }, worker.client, endpoint, { Origin: origin });
      expect(headers.get("access-control-allow-origin")).toBe(allowed);
      expect(headers.get("access-control-allow-credentials")).toBeNull();
    }
  });
});

test("oauth4webapi finds the endpoint, and takes the answer for what it is (RFC 7009 §2.2)", async () => {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(worker.issuer);
  const found = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oidc" });
  const server = await oauth.processDiscoveryResponse(issuer, found);
  expect(server).toMatchObject({
    revocation_endpoint: `${worker.issuer}/revoke`,
    revocation_endpoint_auth_methods_supported: expect.arrayContaining(["none", "private_key_jwt"]),
  });
  const client = { client_id: worker.client.id };
  const proof = oauth.ClientSecretPost(worker.client.secret);
  const { access_token } = await obtain();
  const answer = await oauth.revocationRequest(server, client, proof, access_token, insecure);
  expect(await oauth.processRevocationResponse(answer)).toBeUndefined();
  expect(await userinfo(access_token)).toBe(401);
  const elses = await obtain(other);
  const refused = await oauth.revocationRequest(server, client, proof, elses.access_token, insecure);
  await expect(oauth.processRevocationResponse(refused)).rejects.toMatchObject({ error: "invalid_grant" });
});

describe("while the database cannot be written to, or is gone", () => {
  /** The database of the worker as a server that has become a standby, or as it was. */
  async function setReadOnly(on: boolean): Promise<void> {
    const name = new URL(worker.databaseUrl).pathname.slice(1);
    const setting = on ? "SET default_transaction_read_only = on" : "RESET default_transaction_read_only";
    await queryDatabase(
      worker.databaseUrl,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`,
      [name],
    );
    await queryDatabase(worker.databaseUrl.replace(`/${name}`, "/postgres"), `ALTER DATABASE ${name} ${setting}`);
    await queryDatabase(
      worker.databaseUrl,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`,
      [name],
    );
  }

  test("nothing is reported as revoked that is not (REV-3)", async () => {
    const { access_token, refresh_token } = await obtain();
    await setReadOnly(true);
    for (const token of [refresh_token, access_token]) {
      const answer = await revoke({ token });
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(JSON.parse(answer.body)).toMatchObject({ error: "temporarily_unavailable" });
    }
    expect(await userinfo(access_token)).toBe(200);
    await setReadOnly(false);
    expect((await revoke({ token: access_token })).status).toBe(200);
    expect((await revoke({ token: refresh_token })).status).toBe(200);
    expect((await refresh(refresh_token)).body.error).toBe("invalid_grant");
  });

  test("without a database the answer is 503 as well (REV-3)", async () => {
    const mine = await openTestWorker();
    const url = await mine.signIn(mine.browser(), { scope: SCOPE });
    const code = url.searchParams.get("code") ?? "";
    const { body } = await mine.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    await mine.storage.close();
    for (const token of [body.refresh_token ?? "", body.access_token ?? ""]) {
      expect((await revoke({ token }, mine.client, `${mine.issuer}/revoke`)).status).toBe(503);
    }
    await mine.close().catch(() => undefined);
  });
});

test("of all this no token is in the log", () => {
  expect(worker.log.join("\n")).not.toMatch(/dx[ar]_/);
  expect(worker.log.join("\n")).not.toContain(PERSON.email);
});
