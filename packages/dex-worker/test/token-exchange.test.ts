// The token exchange, RFC 8693, of tokens of a connector's issuer: as dex v2 has it, with what it lacked.
import { queryDatabase } from "@dex/testing";
import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACTOR, type ExchangeWorld, openExchangeWorld, TOKEN_EXCHANGE_GRANT, TYPES } from "./exchange-world.ts";
import type { TestClient } from "./worker-server.ts";

let world: ExchangeWorld;
let grace: string;
beforeAll(async () => {
  world = await openExchangeWorld();
  grace = await world.addGrace();
});
afterAll(() => world.close());

const asked = async (more: Readonly<Record<string, string>> = {}) => ({
  connector_id: "corp",
  subject_token: await world.upstreamToken(),
  subject_token_type: TYPES.id,
  ...more,
});

describe("a token of a connector's issuer", () => {
  test("becomes an access token for who exchanges it, which is asked about and revoked like any other (TX-1)", async () => {
    const { status, body, headers } = await world.exchange(await asked({ scope: "openid email groups" }));
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toEqual({
      access_token: expect.any(String),
      issued_token_type: TYPES.access,
      token_type: "Bearer",
      expires_in: expect.any(Number),
      scope: "openid email groups",
    });
    // It never outlives the subject token, which had 300 seconds at most.
    expect(body.expires_in).toBeLessThanOrEqual(300);
    const token = body.access_token ?? "";
    const told = await world.introspect(token, world.exchanger);
    expect(told).toMatchObject({
      active: true,
      sub: grace,
      client_id: world.exchanger.id,
      scope: "openid email groups",
    });
    const userinfo = await fetch(`${world.worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${token}` } });
    expect(await userinfo.json()).toMatchObject({ sub: grace, email: "grace@here.example", groups: ["navy"] });
    await world.revoke(token, world.exchanger);
    expect(await world.introspect(token, world.exchanger)).toEqual({ active: false });
  });

  test("becomes an ID token where one is asked for, and says nothing of a session", async () => {
    const fields = await asked({ requested_token_type: TYPES.id, scope: "openid email profile groups federated:id" });
    const { body } = await world.exchange(fields);
    expect(body).toMatchObject({ issued_token_type: TYPES.id, token_type: "N_A" });
    const claims = decodeJwt(body.access_token ?? "");
    expect(claims).toMatchObject({
      iss: world.worker.issuer,
      sub: grace,
      aud: world.exchanger.id,
      email: "grace@here.example",
      name: "Grace Hopper",
      groups: ["navy"],
      federated_claims: { connector_id: "corp", user_id: "grace-1" },
    });
    for (const absent of ["sid", "auth_time", "nonce", "act"]) expect(claims).not.toHaveProperty(absent);
    expect(Number(claims.exp)).toBeLessThanOrEqual(world.nowSeconds() + 300);
  });

  test("of oauth4webapi is exchanged", async () => {
    const issuer = new URL(world.worker.issuer);
    const insecure = { [oauth.allowInsecureRequests]: true };
    const found = await oauth.discoveryRequest(issuer, insecure);
    const server = await oauth.processDiscoveryResponse(issuer, found);
    expect(server.grant_types_supported).toContain(TOKEN_EXCHANGE_GRANT);
    const client = { client_id: world.exchanger.id };
    const response = await oauth.genericTokenEndpointRequest(
      ...([server, client, oauth.ClientSecretBasic(world.exchanger.secret), TOKEN_EXCHANGE_GRANT] as const),
      ...([await asked({ scope: "openid" }), insecure] as const),
    );
    const answer = await oauth.processGenericTokenEndpointResponse(server, client, response);
    expect(answer).toMatchObject({ issued_token_type: TYPES.access, token_type: "bearer" });
  });

  test("does not say more than it may: the scope decides which claims (dex v2 17)", async () => {
    const { body } = await world.exchange(await asked());
    expect(body).toMatchObject({ issued_token_type: TYPES.access });
    // RFC 6749 §3.3 has no empty one.
    expect(body).not.toHaveProperty("scope");
    const userinfo = await fetch(`${world.worker.issuer}/userinfo`, {
      headers: { Authorization: `Bearer ${body.access_token}` },
    });
    expect(userinfo.status).toBe(403);
  });

  test("is bound to an audience that trusts the client, and to no other (TOK-19, GHSA-7qjx-gp9h-65qj)", async () => {
    const friend = await world.worker.addClient({ trustedPeers: [world.exchanger.id] });
    const stranger = await world.worker.addClient({});
    const id = { requested_token_type: TYPES.id, scope: "openid" };
    const { body } = await world.exchange(await asked({ ...id, audience: friend.id }));
    expect(decodeJwt(body.access_token ?? "")).toMatchObject({
      aud: expect.arrayContaining([friend.id, world.exchanger.id]),
      azp: world.exchanger.id,
    });
    for (const audience of [stranger.id, "nobody", "\u0416"]) {
      const refused = await world.exchange(await asked({ ...id, audience }));
      expect(refused).toMatchObject({ status: 400, body: { error: "invalid_target" } });
    }
    const byScope = await world.exchange(
      await asked({ ...id, scope: `openid audience:server:client_id:${stranger.id}` }),
    );
    expect(byScope).toMatchObject({ status: 400, body: { error: "invalid_target" } });
    const resource = await world.exchange(await asked({ resource: "https://api.example" }));
    expect(resource).toMatchObject({ status: 400, body: { error: "invalid_target" } });
  });

  test("is written into the audit log with who exchanged it", async () => {
    await world.exchange(await asked({ scope: "openid" }));
    const rows = await queryDatabase(
      world.worker.databaseUrl,
      "SELECT subject_id, actor_id, detail FROM audit_event WHERE event = 'token exchanged' ORDER BY id DESC LIMIT 1",
    );
    expect(rows).toEqual([
      { subject_id: grace, actor_id: world.exchanger.id, detail: expect.objectContaining({ connector: "corp" }) },
    ]);
  });
});

describe("nothing is exchanged", () => {
  const refusals: {
    when: string;
    fields: () => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>;
    error: string;
    status?: number;
  }[] = [
    { when: "without a subject token", fields: () => asked({ subject_token: "" }), error: "invalid_request" },
    { when: "without its type", fields: () => asked({ subject_token_type: "" }), error: "invalid_request" },
    {
      when: "for a SAML assertion",
      fields: () => asked({ subject_token_type: "urn:ietf:params:oauth:token-type:saml2" }),
      error: "request_not_supported",
    },
    {
      when: "into a SAML assertion",
      fields: () => asked({ requested_token_type: "urn:ietf:params:oauth:token-type:saml2" }),
      error: "request_not_supported",
    },
    {
      when: "into a refresh token",
      fields: () => asked({ requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" }),
      error: "request_not_supported",
    },
    {
      when: "of a connector that is not there",
      fields: () => asked({ connector_id: "none" }),
      error: "invalid_request",
    },
    { when: "of a connector with no tokens", fields: () => asked({ connector_id: "local" }), error: "invalid_request" },
    { when: "of an ID token of nobody's", fields: () => asked({ connector_id: "" }), error: "invalid_request" },
    { when: "for a scope that there is not", fields: () => asked({ scope: "openid shiny" }), error: "invalid_scope" },
    { when: "for offline access", fields: () => asked({ scope: "openid offline_access" }), error: "invalid_scope" },
    { when: "with an actor without type", fields: () => asked({ actor_token: "x" }), error: "invalid_request" },
    {
      when: "with a type without actor",
      fields: () => asked({ actor_token_type: TYPES.access }),
      error: "invalid_request",
    },
    ...(
      [
        ["signed by a key of others", {}, { key: "foreign" }],
        ["that has expired", { exp: 1 }, {}],
        ["that never expires", { exp: undefined }, {}],
        ["that is not good yet", { nbf: 4_000_000_000 }, {}],
        ["issued to another client", { aud: "another" }, {}],
        ["of another issuer", { iss: "https://evil.example" }, {}],
        ["that is a logout token", { events: {} }, {}],
        ["of another type", {}, { header: { typ: "at+jwt" } }],
        ["of somebody without an account", { sub: "nobody-1", email: "n@corp.example" }, {}],
        ["with the address of somebody else's account", { sub: "mallory-1", email: "ada@example.com" }, {}],
      ] as const
    ).map(([when, claims, how]) => ({
      when: `for a token ${when}`,
      fields: async () => asked({ subject_token: await world.upstreamToken(claims, how), scope: "openid" }),
      error: "access_denied",
      status: 401,
    })),
    { when: "for what is no token", fields: () => asked({ subject_token: "x" }), error: "access_denied", status: 401 },
    {
      when: "for one without its end",
      fields: async () => asked({ subject_token: (await world.upstreamToken()).slice(0, -1) }),
      error: "access_denied",
      status: 401,
    },
  ];
  test.each(refusals)("$when (TX-1, dex v2 167 168 170)", async ({ fields, error, status = 400 }) => {
    const refused = await world.exchange(await fields());
    expect(refused).toMatchObject({ status, body: { error } });
    expect(refused.body).not.toHaveProperty("access_token");
  });

  test("by a client that is not registered for it, or cannot prove who it is (TX-1, AUT-13)", async () => {
    const fields = await asked();
    expect(await world.exchange(fields, world.worker.client)).toMatchObject({ body: { error: "unauthorized_client" } });
    const wrong = { id: world.exchanger.id, secret: "wrong" };
    expect(await world.exchange(fields, wrong)).toMatchObject({ status: 401, body: { error: "invalid_client" } });
    expect(await world.exchange(fields, { id: world.exchanger.id, secret: "" })).toMatchObject({ status: 401 });
    await expect(
      world.worker.addClient({ public: true, clientName: "P", grantTypes: [TOKEN_EXCHANGE_GRANT] }),
    ).rejects.toThrow("needs a confidential client");
  });

  test("through a connector that the client may not use, or that is not for exchanges (TX-1, GHSA-7qjx-gp9h-65qj)", async () => {
    const more = { grantTypes: [TOKEN_EXCHANGE_GRANT], redirectURIs: [], allowedConnectors: ["local"] };
    const localOnly = await world.worker.addClient(more);
    expect(await world.exchange(await asked(), localOnly)).toMatchObject({ body: { error: "invalid_grant" } });
    await world.setConnectors({ grantTypes: ["authorization_code"] });
    expect(await world.exchange(await asked())).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    await world.setConnectors({ grantTypes: [TOKEN_EXCHANGE_GRANT] });
    expect(await world.exchange(await asked())).toMatchObject({ status: 200 });
    await world.setConnectors({});
  });

  test("for scopes that the client may not have (AUT-8)", async () => {
    const more = { grantTypes: [TOKEN_EXCHANGE_GRANT], redirectURIs: [], scopes: ["openid"] };
    const modest: TestClient = await world.worker.addClient(more);
    expect(await world.exchange(await asked({ scope: "openid email" }), modest)).toMatchObject({
      body: { error: "invalid_scope" },
    });
    expect(await world.exchange(await asked({ scope: "openid" }), modest)).toMatchObject({ status: 200 });
  });
});

test("a user who is disabled gets nothing more, and what was exchanged before ends (TX-1, TOK-16, P5)", async () => {
  const id = await world.addGrace("joan-1", "joan@here.example");
  const subject_token = await world.upstreamToken({ sub: "joan-1" });
  const before = await world.exchange(await asked({ subject_token, scope: "openid" }));
  const token = before.body.access_token ?? "";
  expect(await world.introspect(token, world.exchanger)).toMatchObject({ active: true });
  await world.worker.storage.userDirectory.setDisabled(id, true, ACTOR, new Date());
  expect(await world.introspect(token, world.exchanger)).toEqual({ active: false });
  expect(await world.exchange(await asked({ subject_token, scope: "openid" }))).toMatchObject({ status: 401 });
});

test("somebody whom nobody here knows gets an account where first sign-ins make one, and one only (TX-1, ACC-12)", async () => {
  const open = await openExchangeWorld(["--enable-automatic-registration"]);
  try {
    const subject_token = await open.upstreamToken();
    const fields = { connector_id: "corp", subject_token, subject_token_type: TYPES.id, scope: "openid email" };
    const both = await Promise.all([open.exchange(fields), open.exchange(fields)]);
    const told = await Promise.all(both.map(({ body }) => open.introspect(body.access_token ?? "", open.exchanger)));
    expect(new Set(told.map(({ sub }) => sub)).size).toBe(1);
    expect(told[0]).toMatchObject({ active: true });
    // PERSON's address belongs to PERSON, whoever claims it upstream.
    const taken = await open.upstreamToken({ sub: "mallory-1", email: open.person.email });
    expect(await open.exchange({ ...fields, subject_token: taken })).toMatchObject({ status: 401 });
  } finally {
    await open.close();
  }
});
