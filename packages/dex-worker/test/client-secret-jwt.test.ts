// Clients that make a MAC with their secret, OIDC Core §9 client_secret_jwt: how they come by the secret, what is kept of it, and
// what it is good for.
import { createHmac, randomBytes } from "node:crypto";
import { findInDatabase, queryDatabase } from "@dex/testing";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const macs = { token_endpoint_auth_method: "client_secret_jwt" } as const;
const initialToken = randomBytes(32).toString("base64");

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-client-registration", `--client-registration-tokens=${initialToken}`]);
});
afterAll(() => worker.close());

type Members = Readonly<Record<string, unknown>>;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const addMacClient = (details: Members = {}) =>
  worker.addClient({ clientName: "Makes MACs", trusted: true, details: { ...macs, ...details } });

/** What follows the database here follows it when a client is added. */
const seeChanges = () => worker.addClient({});

let counter = 0;
function assertionOf({ id, secret }: TestClient, alg = "HS256", changes: Members = {}): string {
  const iat = Math.floor(Date.now() / 1000);
  counter += 1;
  const claims = { iss: id, sub: id, aud: worker.issuer, iat, exp: iat + 60, jti: `jti ${counter}`, ...changes };
  const text = `${encode({ alg })}.${encode(claims)}`;
  return `${text}.${createHmac(`sha${alg.slice(2)}`, secret)
    .update(text)
    .digest("base64url")}`;
}

async function post(assertion: string, more: Readonly<Record<string, string>> = {}, url = `${worker.issuer}/token`) {
  const form = { grant_type: "client_credentials", client_assertion_type: JWT_BEARER, client_assertion: assertion };
  const response = await fetch(url, { method: "POST", body: new URLSearchParams({ ...form, ...more }) });
  return { status: response.status, body: (await response.json()) as { error?: string } };
}

async function send(url: string, method: string, token: string, body?: unknown) {
  const response = await fetch(url, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
}

describe("real clients", () => {
  test("openid-client finds the method in discovery, signs in and refreshes with it (OIDC Core §9)", async () => {
    const client = await addMacClient();
    const configuration = await openid.discovery(
      new URL(worker.issuer),
      client.id,
      client.secret,
      openid.ClientSecretJwt(client.secret),
      { execute: [openid.allowInsecureRequests] },
    );
    expect(configuration.serverMetadata()).toMatchObject({
      token_endpoint_auth_methods_supported: expect.arrayContaining(["client_secret_jwt"]),
      token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(["HS256", "HS384", "HS512"]),
    });
    const scope = "openid offline_access";
    const end = await worker.signIn(worker.browser(), { client_id: client.id, scope });
    const tokens = await openid.authorizationCodeGrant(configuration, end);
    expect(tokens.claims()).toMatchObject({ aud: client.id });
    const refreshed = await openid.refreshTokenGrant(configuration, tokens.refresh_token ?? "");
    expect(refreshed.access_token).toBeTypeOf("string");
  });

  test("oauth4webapi too, and one that registered itself is told its secret once", async () => {
    const registered = await send(`${worker.issuer}/registration`, "POST", initialToken, {
      ...{ redirect_uris: [REDIRECT_URI], grant_types: ["client_credentials"], response_types: [] },
      ...{ ...macs, token_endpoint_auth_signing_alg: "HS256", response_types: undefined },
    });
    expect(registered).toMatchObject({ status: 201, body: { ...macs, client_secret_expires_at: 0 } });
    const { client_id: id, client_secret: secret } = registered.body as { client_id: string; client_secret: string };
    const server = { issuer: worker.issuer, token_endpoint: `${worker.issuer}/token` };
    const answer = await oauth.clientCredentialsGrantRequest(
      server,
      { client_id: id },
      oauth.ClientSecretJwt(secret),
      new URLSearchParams(),
      { [oauth.allowInsecureRequests]: true },
    );
    expect(await oauth.processClientCredentialsResponse(server, { client_id: id }, answer)).toMatchObject({
      token_type: "bearer",
    });
    const { registration_client_uri: url, registration_access_token: token } = registered.body;
    const read = await send(String(url), "GET", String(token));
    expect(read.body).not.toHaveProperty("client_secret");
  });
});

describe("at the token endpoint", () => {
  test("of parallel uses on two workers one succeeds, and a wrong MAC spends no jti (TOK-10)", async () => {
    const client = await addMacClient();
    const elsewhere = await worker.openAnother();
    const jti = "the same for all";
    const wrong = { id: client.id, secret: "something else" };
    expect(await post(assertionOf(wrong, "HS256", { jti }))).toMatchObject({ status: 401 });
    const assertion = assertionOf(client, "HS512", { jti });
    const attempts = [1, 2, 3, 4].flatMap(() => [post(assertion), post(assertion, {}, elsewhere)]);
    const statuses = (await Promise.all(attempts)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 401, 401, 401, 401, 401, 401, 401]);
    expect(await post(assertion, {}, elsewhere)).toEqual({
      status: 401,
      body: { error: "invalid_client", error_description: "client authentication failed" },
    });
  });

  test("a code exchange is one round trip and the one that writes the jti down", async () => {
    const client = await addMacClient();
    const exchange = async () => {
      const end = await worker.signIn(worker.browser(), { client_id: client.id });
      const code = end.searchParams.get("code") ?? "";
      worker.takeStatements();
      const more = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
      expect((await post(assertionOf(client), more)).status).toBe(200);
      return worker.takeStatements().filter((name) => !name.includes("change"));
    };
    await exchange();
    expect(await exchange()).toEqual(["usedOnce.use", expect.stringContaining("redeem")]);
  });

  test("the one algorithm that it registered, and its secret in no other way (TOK-10, TOK-6)", async () => {
    const client = await addMacClient({ token_endpoint_auth_signing_alg: "HS384" });
    expect(await post(assertionOf(client, "HS384"))).toMatchObject({ status: 200 });
    expect(await post(assertionOf(client, "HS256"))).toMatchObject({ status: 401, body: { error: "invalid_client" } });
    expect(await worker.token({ grant_type: "client_credentials" }, client)).toMatchObject({ status: 401 });
  });
});

describe("what is kept", () => {
  const kept = async (id: string) => {
    const columns = "secret_sha256 IS NOT NULL AS hash, secret_sealed IS NOT NULL AS sealed";
    const [row] = await queryDatabase(worker.databaseUrl, `SELECT ${columns} FROM client WHERE id = $1`, [id]);
    return row;
  };

  test("the secret of a client that makes MACs lies sealed, of others only a hash, and nothing anywhere in plain text (TOK-17)", async () => {
    const client = await addMacClient();
    const other = await worker.addClient({ clientName: "Shows it" });
    expect(await kept(client.id)).toEqual({ hash: true, sealed: true });
    expect(await kept(other.id)).toEqual({ hash: true, sealed: false });
    for (const secret of [client.secret, other.secret]) {
      expect(await findInDatabase(worker.databaseUrl, secret)).toEqual([]);
      expect(worker.log.join("\n")).not.toContain(secret);
    }
  });

  test("a seal that was moved to another client opens nothing (TOK-17)", async () => {
    const [one, two] = [await addMacClient(), await addMacClient()];
    const move = "UPDATE client SET secret_sealed = (SELECT secret_sealed FROM client WHERE id = $2) WHERE id = $1";
    await queryDatabase(worker.databaseUrl, move, [one.id, two.id]);
    expect(await post(assertionOf({ id: one.id, secret: two.secret }))).toMatchObject({ status: 401 });
    expect(await post(assertionOf(two))).toMatchObject({ status: 200 });
  });

  test("a client that begins to make MACs gets a new secret, and one that ends with it has no seal left (RFC 7592 §2.2)", async () => {
    const metadata = { redirect_uris: [REDIRECT_URI], grant_types: ["authorization_code", "client_credentials"] };
    const registered = await send(`${worker.issuer}/registration`, "POST", initialToken, metadata);
    const { client_id: id, client_secret: first } = registered.body as { client_id: string; client_secret: string };
    const url = String(registered.body.registration_client_uri);
    const tokenOf = ({ body }: { body: Members }) => String(body.registration_access_token);
    const before = { id, secret: first };
    expect(await worker.token({ grant_type: "client_credentials" }, before)).toMatchObject({ status: 200 });

    const change = { ...metadata, client_id: id, ...macs };
    const [changed, raced] = await Promise.all([
      send(url, "PUT", tokenOf(registered), change),
      send(url, "PUT", tokenOf(registered), change),
    ]);
    const [won, lost] = changed.status === 200 ? [changed, raced] : [raced, changed];
    expect([won.status, lost.status]).toEqual([200, 401]);
    expect(won.body).toMatchObject({ ...macs, client_secret: expect.any(String) });
    const after = { id, secret: String(won.body.client_secret) };
    expect(after.secret).not.toBe(first);
    await seeChanges();
    expect(await post(assertionOf(after))).toMatchObject({ status: 200 });
    expect(await post(assertionOf(before))).toMatchObject({ status: 401 });
    expect(await worker.token({ grant_type: "client_credentials" }, before)).toMatchObject({ status: 401 });

    const same = await send(url, "PUT", tokenOf(won), change);
    expect(same.status).toBe(200);
    expect(same.body).not.toHaveProperty("client_secret");
    expect(await post(assertionOf(after))).toMatchObject({ status: 200 });

    const back = await send(url, "PUT", tokenOf(same), {
      ...change,
      token_endpoint_auth_method: "client_secret_basic",
    });
    expect(back.status).toBe(200);
    expect(await kept(id)).toEqual({ hash: true, sealed: false });
    await seeChanges();
    expect(await worker.token({ grant_type: "client_credentials" }, after)).toMatchObject({ status: 200 });
    expect(await post(assertionOf(after))).toMatchObject({ status: 401 });
  });
});
