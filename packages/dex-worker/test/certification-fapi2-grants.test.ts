// The FAPI 2.0 Security Profile plan of certification, in each combination of client authentication and binding: codes, access
// and refresh tokens, and the plan of clients that speak for themselves.
import { createHash, X509Certificate } from "node:crypto";
import { queryDatabase, type TestCertificate } from "@dex/testing";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeKey, seconds } from "./dpop-world.ts";
import {
  type Beside,
  COMBINATIONS,
  expectRefused,
  type FapiClient,
  type FapiServer,
  type FapiWorld,
  openFapiServer,
  openFapiWorld,
  signAs,
  VERIFIER,
} from "./fapi2-world.ts";

let server: FapiServer;
let another: TestCertificate;
beforeAll(async () => {
  server = await openFapiServer();
  another = server.authority.selfSigned();
});
afterAll(() => server?.close());

const thumbprintOf = ({ certificate }: FapiClient) =>
  createHash("sha256")
    .update(new X509Certificate(certificate?.cert ?? "").raw)
    .digest("base64url");

describe.each(COMBINATIONS)("by $authentication, bound by $binding", (combination) => {
  const byMtls = combination.authentication === "MTLS";
  const toMtls = combination.binding === "MTLS";
  const tokenType = toMtls ? "Bearer" : "DPoP";
  /** With one certificate for both the client is nobody without it. */
  const withoutProof = toMtls ? (byMtls ? "invalid_client" : "invalid_request") : "invalid_dpop_proof";
  let world: FapiWorld;
  let first: FapiClient;
  let second: FapiClient;
  beforeAll(async () => {
    world = await openFapiWorld("fapi2", combination, server);
    ({ first, second } = world);
  });

  describe("a code", () => {
    test("is for the client that got it, and its id says nothing against its credentials (cert 11 ensure-authorization-code-is-bound-to-client; cert 11 ensure-client-id-in-token-endpoint)", async () => {
      const code = await world.codeFor(first);
      const stolen = await world.redeem(second, code, { redirect_uri: first.redirectUri });
      expect([stolen.status, stolen.body.error]).toEqual([400, "invalid_grant"]);
      const named = await world.redeem(first, code, { client_id: second.id });
      expectRefused(named, "invalid_client", "invalid_grant");
      expect((await world.redeem(first, code)).status).toBe(200);
    });

    test("that comes again after a second ends what it brought (cert 11 attempt-reuse-authorization-code-after-one-second)", async () => {
      const code = await world.codeFor(first);
      const { body } = await world.redeem(first, code);
      expect((await world.use(first, body.access_token)).status).toBe(200);
      world.worker.passTime(1);
      const again = await world.redeem(first, code);
      expect([again.status, again.body.error]).toEqual([400, "invalid_grant"]);
      expect((await world.use(first, body.access_token)).status).toBe(401);
    });

    test("is good for a minute at most (cert 11 ensure-token-endpoint-fails-with-expired-auth-code)", async () => {
      const code = await world.codeFor(first);
      const { databaseUrl } = world.worker;
      const sql =
        "SELECT extract(epoch FROM expires_at - issued_at)::int AS seconds FROM authorization_code ORDER BY issued_at DESC LIMIT 1";
      const [row] = await queryDatabase<{ seconds: number }>(databaseUrl, sql, []);
      expect(row?.seconds).toBeLessThanOrEqual(60);
      world.worker.passTime(62);
      // The client's clock goes with it.
      const later = { iat: seconds(62), exp: seconds(122) };
      const beside = {
        ...(byMtls ? {} : { assertion: await world.assertionOf(first, later) }),
        ...(toMtls ? {} : { proof: await world.proofOf(first.dpop, "/token", { iat: seconds(62) }) }),
      };
      const late = await world.redeem(first, code, {}, beside);
      world.worker.passTime(-62);
      expect([late.status, late.body.error]).toEqual([400, "invalid_grant"]);
    });

    const verifiers: readonly (readonly [string, string | undefined])[] = [
      ["without a code_verifier is refused (cert 11 ensure-pkce-code-verifier-required; PKC-4)", undefined],
      [
        "with another code_verifier is refused (cert 11 incorrect-pkce-code-verifier-rejected; PKC-5)",
        VERIFIER.toLowerCase(),
      ],
    ];
    test.each(verifiers)("%s", async (_when, code_verifier) => {
      const refused = await world.redeem(first, await world.codeFor(first), { code_verifier });
      expect([refused.status, refused.body.error]).toEqual([400, "invalid_grant"]);
    });
  });

  test("a token is for who has its key alone, at the token endpoint, by a rule that is named, and at the resource (cert 11 ensure-holder-of-key-required; DPO-1)", async () => {
    for (const client of [first, second]) {
      const code = await world.codeFor(client);
      const refused = await world.redeem(client, code, {}, world.unproved);
      expectRefused(refused, withoutProof);
      const rule = toMtls ? /certificate|authentication/ : /\(FAPI 2\.0 Security Profile section 5\.3\.2\.1\)$/;
      expect(refused.body.error_description).toMatch(rule);
      const { body } = await world.redeem(client, code);
      const stranger = { ...client, dpop: await makeKey(), certificate: toMtls ? another : client.certificate };
      expect((await world.use(client, body.access_token)).status).toBe(200);
      expect((await world.use(stranger, body.access_token)).status).toBe(401);
      for (const scheme of ["Bearer", "DPoP"]) {
        expect((await world.use(client, body.access_token, { scheme, unproved: true })).status).toBe(401);
      }
    }
  });

  test("the scheme of the access token is taken in any case of letters (cert 11 access-token-type-header-case-sensitivity)", async () => {
    const { access_token: token } = await world.tokensFor(first);
    for (const scheme of toMtls ? ["Bearer", "bEARER", "bearer", "BEARER"] : ["DPoP", "dPoP", "dpop", "DPOP"]) {
      expect((await world.use(first, token, { scheme })).status).toBe(200);
    }
  });

  describe("a refresh token", () => {
    const refresh = (client: FapiClient, refresh_token: string | undefined, beside: Beside = {}) =>
      world.post("/token", client, { grant_type: "refresh_token", refresh_token }, beside);

    test("works again and again, by DPoP with new keys, and stays the same (cert 11 refresh-token)", async () => {
      const { refresh_token: token, id_token: before = "" } = await world.tokensFor(first, {
        scope: "openid offline_access",
      });
      for (const dpop of [await makeKey(), await makeKey("PS256"), await makeKey("EdDSA")]) {
        const renewed = { ...first, dpop };
        const { status, body } = await refresh(renewed, token);
        expect([status, body.token_type, body.refresh_token]).toEqual([200, tokenType, undefined]);
        expect(decodeJwt(String(body.id_token)).sub).toBe(decodeJwt(before).sub);
        expect((await world.use(renewed, body.access_token)).status).toBe(200);
      }
    });

    test("is worth nothing without the client, its key, and a proof (cert 11 refresh-token; REF-7; DPO-1)", async () => {
      const { refresh_token: token } = await world.tokensFor(first, { scope: "openid offline_access" });
      const { unauthenticated, unproved } = world;
      expectRefused(await refresh(first, token, unauthenticated), "invalid_client", "invalid_request");
      expectRefused(await refresh(first, token, unproved), withoutProof);
      expectRefused(await refresh(second, token), "invalid_grant");
      expect((await refresh(first, token)).status).toBe(200);
    });

    test("is not there where nobody asked for one", async () => {
      expect(await world.tokensFor(first)).not.toHaveProperty("refresh_token");
    });
  });

  test("a client that speaks for itself gets a bound token and nothing to refresh it with (cert 11 fapi_client_credentials_grant)", async () => {
    for (const client of [first, second]) {
      const grant = { grant_type: "client_credentials" };
      const { status, body } = await world.post("/token", client, grant);
      expect([status, body.token_type, body.refresh_token]).toEqual([200, tokenType, undefined]);
      const cnf = toMtls ? { "x5t#S256": thumbprintOf(client) } : { jkt: client.dpop.jkt };
      expect(decodeJwt(String(body.access_token))).toMatchObject({ sub: client.id, cnf });
      expectRefused(await world.post("/token", client, grant, world.unproved), withoutProof);
      expectRefused(
        await world.post("/token", client, grant, world.unauthenticated),
        "invalid_client",
        "invalid_request",
      );
      const [rival = first] = [first, second].filter(({ id }) => id !== client.id);
      const claims = decodeJwt(await world.assertionOf(client));
      const forged = byMtls
        ? { certificate: rival.certificate ?? null }
        : { assertion: await signAs({ key: rival.key, kid: client.kid }, claims) };
      expectRefused(await world.post("/token", client, grant, forged), "invalid_client");
    }
  });
});
