// Tokens for registered resources: RFC 8707, RFC 9068 and RFC 9396, on two workers.
import { startJwksVerifier } from "@dex/testing";
import { decodeJwt, decodeProtectedHeader } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openResourceWorld, type ResourceWorld } from "./resource-world.ts";

let world: ResourceWorld;
beforeAll(async () => {
  world = await openResourceWorld();
});
afterAll(() => world.close());

const claimsOf = (token: string | undefined) => decodeJwt(token ?? "");

describe("a code for one resource", () => {
  test("gives a JWT access token for it alone, with what its scope says and who signed in how (RFC 9068 §2.2)", async () => {
    const { api } = world;
    const { body } = await world.obtain({ scope: "openid groups read write delete", resource: api });
    expect(decodeProtectedHeader(body.access_token ?? "")).toMatchObject({ typ: "at+jwt", alg: "ES256" });
    const claims = claimsOf(body.access_token);
    expect(claims).toEqual({
      iss: world.issuer,
      aud: api,
      sub: claimsOf(body.id_token).sub,
      client_id: world.client.id,
      scope: "read write",
      auth_time: expect.any(Number),
      acr: "1",
      amr: ["pwd"],
      iat: expect.any(Number),
      exp: (claims.iat ?? 0) + 300,
      jti: expect.any(String),
    });
    expect(body).toMatchObject({ scope: "read write", expires_in: 300, token_type: "Bearer" });
  });

  test("is good for that resource where the token request names none, and for userinfo where it names that", async () => {
    const named = await world.obtain({ scope: "openid email read", resource: world.api });
    expect(claimsOf(named.body.access_token).aud).toBe(world.api);
    const userinfo = await world.obtain({ scope: "openid email read", resource: world.api }, [world.userinfo]);
    expect(userinfo.body.access_token).toMatch(/^dxa_/);
    expect(userinfo.body.scope).toBe("openid email");
    expect(await world.askUserinfo(userinfo.body.access_token)).toMatchObject({ status: 200 });
  });

  test("a token for it is refused at userinfo, and taken where userinfo is among its audience (RFC 8707 §2)", async () => {
    const alone = await world.obtain({ scope: "openid email read", resource: world.api });
    expect(await world.askUserinfo(alone.body.access_token)).toMatchObject({ status: 401, error: "invalid_token" });
    const both = await world.obtain({ scope: "openid email read", resource: world.api }, [world.api, world.userinfo]);
    expect(claimsOf(both.body.access_token)).toMatchObject({
      aud: [world.api, world.userinfo],
      scope: "openid email read",
    });
    const answer = await world.askUserinfo(both.body.access_token);
    expect(answer).toMatchObject({ status: 200, body: { email: "ada@example.com" } });
    const sealed = await world.obtain({ scope: "openid report", resource: world.reports });
    expect(await world.askUserinfo(sealed.body.access_token)).toMatchObject({ status: 401, error: "invalid_token" });
  });

  test("needs no openid, and then brings no ID token (RFC 6749 §3.3)", async () => {
    const { body } = await world.obtain({ scope: "read", resource: world.api });
    expect(body.id_token).toBeUndefined();
    expect(body.scope).toBe("read");
    const none = await world.obtain({ scope: undefined, resource: world.api });
    expect(none.body).not.toHaveProperty("scope");
    expect(claimsOf(none.body.access_token)).not.toHaveProperty("scope");
  });
});

describe("several resources", () => {
  test("one token for each, and one without any for ourselves (RFC 8707 §2.2)", async () => {
    const { api, reports } = world;
    const first = await world.obtain({ scope: "openid offline_access read report", resource: [api, reports] }, []);
    expect(first.body.access_token).toMatch(/^dxa_/);
    expect(first.body.scope).toBe("openid offline_access");
    const forApi = await world.refresh(first.body.refresh_token, [api]);
    expect(claimsOf(forApi.body.access_token)).toMatchObject({ aud: api, scope: "read" });
    const forReports = await world.refresh(forApi.body.refresh_token, [reports]);
    expect(forReports.body.scope).toBe("read report");
    expect(await world.introspect(forReports.body.access_token, world.reportServer)).toMatchObject({
      active: true,
      aud: reports,
      scope: "read report",
      acr: "1",
      auth_time: expect.any(Number),
    });
  });

  test("a word that two of them have is allowed at those that were asked for, and there alone", async () => {
    const { body } = await world.obtain({ scope: "openid offline_access read", resource: world.api });
    const elsewhere = await world.refresh(body.refresh_token, [world.reports]);
    expect(elsewhere).toMatchObject({ status: 400, body: { error: "invalid_target" } });
    // Nothing was spent.
    expect((await world.refresh(body.refresh_token, [world.api])).status).toBe(200);
  });

  test("a JWT is for one of them", async () => {
    const { body } = await world.obtain({ scope: "openid read", resource: [world.api, world.reports] }, [
      world.api,
      world.reports,
    ]);
    expect(body).toMatchObject({ error: "invalid_target" });
  });
});

describe("what is no resource of this client is refused with invalid_target (RFC 8707 §2)", () => {
  const wrong = [
    { what: "an unknown one", resource: "https://unknown.example/" },
    { what: "a relative one", resource: "/api" },
    { what: "one with a fragment", resource: "https://api.example/#here" },
    { what: "one with an empty fragment", resource: "https://api.example/#" },
    { what: "one that spells a known one otherwise", resource: "https://API.example/" },
    { what: "one with a password", resource: "https://a:b@api.example/" },
    { what: "one for other clients", resource: "https://closed.example/" },
    { what: "one that is no text that could be stored", resource: "https://api.example/%00\u0001" },
  ];
  test.each(wrong)("$what at the authorization endpoint", async ({ resource }) => {
    expect((await world.authorize({ resource })).searchParams.get("error")).toBe("invalid_target");
  });
  test.each(wrong)("$what at the token endpoint, and the code is still good", async ({ resource }) => {
    const code = await world.code({ scope: "openid read", resource: world.api });
    expect(await world.redeem(code, [resource])).toMatchObject({ status: 400, body: { error: "invalid_target" } });
    expect((await world.redeem(code)).status).toBe(200);
  });
  test.each(wrong)("$what for a client by itself", async ({ resource }) => {
    const { body } = await world.token([
      ["grant_type", "client_credentials"],
      ["resource", resource],
    ]);
    expect(body.error).toBe("invalid_target");
  });
  test.each(wrong)("$what in a pushed request", async ({ resource }) => {
    expect(await world.push([["resource", resource]])).toMatchObject({
      status: 400,
      body: { error: "invalid_target" },
    });
  });
  test("six of them", async () => {
    const six = Array.from({ length: 6 }, (_, n) => `https://unknown.example/${n}`);
    expect((await world.authorize({ resource: six })).searchParams.get("error")).toBe("invalid_target");
  });
  test("any, where a token would travel with the browser", async () => {
    const asked = { response_type: "code token", nonce: "n", resource: world.api };
    const url = await world.authorize(asked, world.implicit);
    expect(new URLSearchParams(url.hash.slice(1)).get("error")).toBe("invalid_target");
  });
});

describe("a client by itself", () => {
  test("gets a token for a resource that names it, with the scope of that (RFC 8707 §2.2)", async () => {
    const { body } = await world.token([
      ["grant_type", "client_credentials"],
      ["resource", world.machines],
      ["scope", "run read email"],
    ]);
    expect(claimsOf(body.access_token)).toMatchObject({ aud: world.machines, sub: world.client.id, scope: "run" });
    expect(await world.introspect(body.access_token, world.reportServer)).toMatchObject({
      active: true,
      aud: world.machines,
    });
  });

  test("gets none for a resource that is for whoever people allow", async () => {
    const { body } = await world.token([
      ["grant_type", "client_credentials"],
      ["resource", world.api],
    ]);
    expect(body.error).toBe("invalid_target");
  });
});

describe("JWT access tokens of a person", () => {
  test("are verified by PyJWT and by oauth4webapi, who know the issuer alone", async () => {
    const { body } = await world.obtain({ scope: "openid read", resource: world.api });
    const verifier = await startJwksVerifier(world.issuer, world.api);
    expect(await verifier.verify(body.access_token ?? "")).toEqual({ claims: claimsOf(body.access_token) });
    expect(await verifier.verify(`${body.access_token?.slice(0, -6)}AAAAAA`)).toHaveProperty("refused");
    await verifier.close();
    const request = new Request(world.api, { headers: { Authorization: `Bearer ${body.access_token}` } });
    const validated = await oauth.validateJwtAccessToken(await world.server(), request, world.api, {
      [oauth.allowInsecureRequests]: true,
    });
    expect(validated).toMatchObject({ scope: "read", client_id: world.client.id });
    const elsewhere = oauth.validateJwtAccessToken(await world.server(), request, world.reports, {
      [oauth.allowInsecureRequests]: true,
    });
    await expect(elsewhere).rejects.toThrow();
  });

  test("say who somebody is in the client's own words (OIDC Core §8)", async () => {
    const pairwise = await world.addClient({ trusted: true, details: { subject_type: "pairwise" } });
    const { body } = await world.obtain(
      { scope: "openid read", resource: world.api, client_id: pairwise.id },
      [],
      pairwise,
    );
    expect(claimsOf(body.access_token).sub).toBe(claimsOf(body.id_token).sub);
    const mine = await world.obtain({ scope: "openid read", resource: world.api });
    expect(claimsOf(mine.body.access_token).sub).not.toBe(claimsOf(body.access_token).sub);
  });

  test("are introspected by their client and by the resource's own, on each worker, and end when given back (REV-1)", async () => {
    const { body } = await world.obtain({ scope: "openid read", resource: world.api });
    const token = body.access_token;
    expect(await world.introspect(token, world.client)).toMatchObject({ active: true, aud: world.api, scope: "read" });
    expect(await world.introspect(token, world.apiServer)).toMatchObject({ active: true });
    expect(await world.introspect(token, world.reportServer)).toEqual({ active: false });
    expect((await world.revoke(token, world.apiServer)).status).toBe(400);
    expect((await world.revoke(token, world.client)).status).toBe(200);
    expect(await world.introspect(token, world.client)).toEqual({ active: false });
  });

  test("end with the refresh token of their grant (RFC 7009 §2.1)", async () => {
    const { body } = await world.obtain({ scope: "openid offline_access read", resource: world.api }, [
      world.api,
      world.userinfo,
    ]);
    expect((await world.askUserinfo(body.access_token)).status).toBe(200);
    await world.revoke(body.refresh_token, world.client);
    expect((await world.askUserinfo(body.access_token)).status).toBe(401);
    expect(await world.introspect(body.access_token, world.client)).toEqual({ active: false });
  });

  test("open nothing at the management API, also those of an admin client (ADM-2)", async () => {
    const { body } = await world.obtain({ scope: "openid read", resource: world.api });
    const { access_token: machine } = (
      await world.token([
        ["grant_type", "client_credentials"],
        ["resource", world.machines],
      ])
    ).body;
    for (const token of [body.access_token, machine]) {
      const answer = await fetch(`${world.issuer}/api/v1/clients`, { headers: { Authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(401);
    }
  });

  test("are what a client gets for ourselves where an administrator says so", async () => {
    const jwt = await world.addClient({ trusted: true, details: { access_token_format: "jwt" } });
    const { body } = await world.obtain({ scope: "openid email", client_id: jwt.id }, [], jwt);
    expect(claimsOf(body.access_token)).toMatchObject({ aud: [world.userinfo, jwt.id], scope: "openid email" });
    expect(await world.askUserinfo(body.access_token)).toMatchObject({
      status: 200,
      body: { email: "ada@example.com" },
    });
  });

  test("cost a second signature and no second round trip", async () => {
    const code = await world.code({ scope: "openid read", resource: world.api });
    world.takeStatements();
    expect((await world.redeem(code)).status).toBe(200);
    expect(world.takeStatements()).toEqual(["code.redeem"]);
  });
});
