// The resource owner password credentials grant, RFC 6749 §4.3: where a deployment wants it, and nowhere else.
import { parseResource } from "@dex/oidc";
import { queryDatabase } from "@dex/testing";
import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const insecure = { [oauth.allowInsecureRequests]: true };

let worker: TestWorker;
let client: TestClient;
beforeAll(async () => {
  worker = await openTestWorker(["--password-grant-connectors=local"]);
  client = await worker.addClient({ redirectURIs: [], grantTypes: ["password", "refresh_token"] });
});
afterAll(() => worker.close());
beforeEach(async () => {
  await queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count");
});

const right = { grant_type: "password", username: PERSON.email, password: PERSON.password, scope: "openid email" };
const send = (fields: Readonly<Record<string, string>> = {}, who: TestClient = client) =>
  worker.token({ ...right, ...fields }, who);

describe("the right password", () => {
  test("gets tokens, with the nonce, and is asked about and revoked like any other (dex v2 163 164)", async () => {
    const { status, body } = await send({ nonce: "n-1" });
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(["access_token", "expires_in", "id_token", "scope", "token_type"]);
    const claims = decodeJwt(body.id_token ?? "");
    expect(claims).toMatchObject({
      aud: client.id,
      nonce: "n-1",
      email: PERSON.email,
      email_verified: true,
      amr: ["pwd"],
    });
    expect(Math.abs(Number(claims.auth_time) - Date.now() / 1000)).toBeLessThan(60);
    expect(claims).not.toHaveProperty("sid");
    const headers = { Authorization: `Bearer ${body.access_token}` };
    const userinfo = await fetch(`${worker.issuer}/userinfo`, { headers });
    expect(await userinfo.json()).toMatchObject({ sub: claims.sub, email: PERSON.email });
    const given = new URLSearchParams({
      token: body.access_token ?? "",
      client_id: client.id,
      client_secret: client.secret,
    });
    await fetch(`${worker.issuer}/revoke`, { method: "POST", body: given });
    expect((await fetch(`${worker.issuer}/userinfo`, { headers })).status).toBe(401);
  });

  test("gets a refresh token with offline_access alone, which works until the user is disabled (dex v2 163, REF-11, TOK-16)", async () => {
    const { body } = await send({ scope: "openid offline_access", nonce: "n-2" });
    const refresh = (token = "") => worker.token({ grant_type: "refresh_token", refresh_token: token }, client);
    const refreshed = await refresh(body.refresh_token);
    expect(refreshed).toMatchObject({ status: 200, body: { scope: "openid offline_access" } });
    const claims = decodeJwt(refreshed.body.id_token ?? "");
    for (const absent of ["sid", "nonce"]) expect(claims).not.toHaveProperty(absent);
    const unable = await worker.addClient({ redirectURIs: [], grantTypes: ["password"] });
    const without = await send({ scope: "openid offline_access" }, unable);
    expect(without).toMatchObject({ status: 200, body: { scope: "openid" } });
    expect(without.body).not.toHaveProperty("refresh_token");
    const userId = claims.sub ?? "";
    await worker.storage.userDirectory.setDisabled(userId, true, ACTOR, new Date());
    expect(await refresh(refreshed.body.refresh_token)).toMatchObject({
      status: 400,
      body: { error: "invalid_grant" },
    });
    expect(await send()).toMatchObject({ status: 401, body: { error: "access_denied" } });
    await worker.storage.userDirectory.setDisabled(userId, false, ACTOR, new Date());
  });

  test("of oauth4webapi", async () => {
    const found = await oauth.discoveryRequest(new URL(worker.issuer), insecure);
    const server = await oauth.processDiscoveryResponse(new URL(worker.issuer), found);
    expect(server.grant_types_supported).toContain("password");
    const party = { client_id: client.id };
    const { grant_type: _, ...fields } = right;
    const response = await oauth.genericTokenEndpointRequest(
      ...([server, party, oauth.ClientSecretBasic(client.secret), "password", fields, insecure] as const),
    );
    const answer = await oauth.processGenericTokenEndpointResponse(server, party, response);
    expect(oauth.getValidatedIdTokenClaims(answer)).toMatchObject({ aud: client.id });
  });

  test("is written into the audit log", async () => {
    await send();
    const rows = await queryDatabase(
      worker.databaseUrl,
      "SELECT actor_id FROM audit_event WHERE event = 'password exchanged for tokens' ORDER BY id DESC LIMIT 1",
    );
    expect(rows).toEqual([{ actor_id: client.id }]);
  });
});

describe("for a resource (RFC 8707 §2.2)", () => {
  const ledger = "https://ledger.example/";
  const open = "https://open.example/";
  beforeAll(async () => {
    const resources = [
      {
        identifier: ledger,
        name: "Ledger",
        scopes: ["read", "write"],
        accessTokenLifetime: 120,
        allowedClients: [client.id],
      },
      { identifier: open, name: "Open", scopes: ["read"] },
    ];
    for (const one of resources) {
      const parsed = parseResource(one);
      if (parsed.kind === "refused") throw new Error(parsed.reason);
      await worker.storage.resources.add(parsed.resource, ACTOR);
    }
    await worker.refresh();
  });

  test("that names the client there is a token, and a refresh token for more of them", async () => {
    const { status, body } = await send({ scope: "openid offline_access read", resource: ledger });
    expect(status).toBe(200);
    expect(decodeJwt(body.access_token ?? "")).toMatchObject({ aud: ledger, scope: "read" });
    expect(body).toMatchObject({ expires_in: 120, id_token: expect.any(String) });
    const form = { grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" };
    const refreshed = await worker.token(form, client);
    expect(decodeJwt(refreshed.body.access_token ?? "")).toMatchObject({ aud: ledger, scope: "read" });
  });

  test.each([
    ["that does not name the client, though it is open to people", { resource: open }, "invalid_target"],
    ["that does not have the scope", { resource: ledger, scope: "openid count" }, "invalid_scope"],
    ["that is not asked for", { scope: "openid read" }, "invalid_scope"],
    [
      "of which a person would have to allow more",
      { authorization_details: '[{"type":"x"}]' },
      "invalid_authorization_details",
    ],
  ])("%s there is none", async (_, fields, error) => {
    expect(await send(fields)).toMatchObject({ status: 400, body: { error } });
  });
});

describe("nothing is given", () => {
  const refusals: { when: string; fields: Readonly<Record<string, string>>; status?: number; error: string }[] = [
    { when: "for a wrong password", fields: { password: "wrong" }, status: 401, error: "access_denied" },
    { when: "for nobody", fields: { username: "nobody@example.com" }, status: 401, error: "access_denied" },
    {
      when: "for a name that is too long",
      fields: { username: "x".repeat(2000) },
      status: 401,
      error: "access_denied",
    },
    { when: "without a password", fields: { password: "" }, error: "invalid_request" },
    { when: "without a name", fields: { username: "" }, error: "invalid_request" },
    { when: "without the scope openid", fields: { scope: "email" }, error: "invalid_request" },
    { when: "without a scope", fields: { scope: "" }, error: "invalid_request" },
    { when: "for a scope that there is not", fields: { scope: "openid shiny" }, error: "invalid_scope" },
    {
      when: "for an audience that does not trust the client",
      fields: { scope: "openid audience:server:client_id:nobody" },
      error: "invalid_scope",
    },
    { when: "for a resource", fields: { resource: "https://api.example" }, error: "invalid_target" },
    { when: "for a nonce without end", fields: { nonce: "n".repeat(2000) }, error: "invalid_request" },
    { when: "through a connector that is not for it", fields: { connector_id: "corp" }, error: "invalid_request" },
  ];
  test.each(refusals)("$when (dex v2 163)", async ({ fields, status = 400, error }) => {
    expect(await send(fields)).toMatchObject({ status, body: { error } });
  });

  test("to a client that is not registered for it, nor through a connector that it may not use (TOK-14, AUT-13)", async () => {
    expect(await send({}, worker.client)).toMatchObject({ status: 400, body: { error: "unauthorized_client" } });
    const more = { redirectURIs: [], grantTypes: ["password"], allowedConnectors: ["corp"] };
    const elsewhere = await worker.addClient(more);
    expect(await send({}, elsewhere)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  test("where the connector is for other grants (dex v2 15)", async () => {
    await worker.setConnectors([{ id: "local", type: "local", config: { grantTypes: ["authorization_code"] } }]);
    expect(await send()).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    await worker.setConnectors([{ id: "local", type: "local", config: {} }]);
    expect(await send()).toMatchObject({ status: 200 });
  });

  test("where the deployment does not want it, and it is not told of (TOK-14)", async () => {
    const plain = await openTestWorker();
    try {
      const asking = await plain.addClient({ redirectURIs: [], grantTypes: ["password"] });
      const refused = await plain.token(right, asking);
      expect(refused).toMatchObject({ status: 400, body: { error: "unsupported_grant_type" } });
      const found = await fetch(`${plain.issuer}/.well-known/openid-configuration`);
      expect(await found.json()).toMatchObject({ grant_types_supported: expect.not.arrayContaining(["password"]) });
    } finally {
      await plain.close();
    }
  });
});

test("wrong passwords here and at our form count together, and the right one forgives them (ACC-3, CVE-2026-9798)", async () => {
  for (let times = 0; times < 3; times += 1) await send({ password: "wrong" });
  const browser = worker.browser();
  for (let times = 0; times < 2; times += 1) {
    const page = await browser.open(worker.authorizationUrl());
    await browser.submit(page, { login: PERSON.email, password: "wrong" }, { formId: "login-form" });
  }
  const throttled = await send();
  expect(throttled).toMatchObject({ status: 429, body: { error: "too_many_requests" } });
  expect(Number(throttled.headers.get("retry-after"))).toBeGreaterThan(0);
  await queryDatabase(worker.databaseUrl, "DELETE FROM attempt_count");
  await send({ password: "wrong" });
  const wrong = () => queryDatabase(worker.databaseUrl, "SELECT wrong_guesses FROM password");
  expect(await wrong()).not.toEqual([{ wrong_guesses: 0 }]);
  // More often than there are free attempts: each right one takes its own back.
  for (let times = 0; times < 8; times += 1) expect((await send()).status).toBe(200);
  expect(await wrong()).toEqual([{ wrong_guesses: 0 }]);
});
