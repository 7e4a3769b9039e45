// The Basic, Hybrid and Form Post plans of certification: codes that come twice, and refresh tokens.
import { type FormBrowser, queryDatabase } from "@dex/testing";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkIdToken, checkTokenAnswer, checkTokenError } from "./certification-checks.ts";
import { ask, requestOf, requestToken, run, userinfoBy } from "./certification-flow.ts";
import { hasEntropy } from "./certification-rules.ts";
import {
  BASIC,
  type CertificationWorld,
  grantsOf,
  openCertificationWorld,
  type Party,
  type Variant,
  withCode,
} from "./certification-world.ts";

let world: CertificationWorld;
let browser: FormBrowser;
beforeAll(async () => {
  world = await openCertificationWorld();
  browser = world.browser();
});
afterAll(() => world.close());

async function redeemAgain(party: Party, code = "") {
  return requestToken(world, party, { grant_type: "authorization_code", code, redirect_uri: party.redirectUri });
}
const codesOf = (variant: Variant) => [() => world.register(variant), () => world.addStatic(variant)];

describe("a code that comes a second time", () => {
  test.each(withCode)("$variant: at once (cert 3,5,6 oidcc-codereuse; cert 2.5.4)", async (variant) => {
    for (const add of codesOf(variant)) {
      const party = await add();
      const { members } = await run(world, { party, browser });
      const again = await redeemAgain(party, members.code);
      checkTokenError(again);
      expect([again.status, again.body.error]).toEqual([400, "invalid_grant"]);
    }
  });

  // Instead of waiting the test takes 31 seconds off every time that is stored with the code and with what came for it: what
  // the provider finds then is what it would find 31 seconds later.
  test.each(withCode)(
    "$variant: after 30 seconds, when what was issued for it ends too (cert 3,5,6 oidcc-codereuse-30seconds; cert 2.5.4)",
    async (variant) => {
      const party = await world.register(variant);
      const { members, accessTokens } = await run(world, { party, browser });
      for (const token of accessTokens) expect((await userinfoBy(world, token, "GET")).status).toBe(200);
      await makeOlder(party, 31);
      const again = await redeemAgain(party, members.code);
      checkTokenError(again);
      expect([again.status, again.body.error]).toEqual([400, "invalid_grant"]);
      for (const token of accessTokens) expect((await userinfoBy(world, token, "GET")).status).toBe(401);
    },
  );

  test("the wait is no trick: a code that nobody redeemed is still good then, and no longer after a minute", async () => {
    const [variant] = BASIC as readonly [Variant];
    for (const { seconds, status } of [
      { seconds: 31, status: 200 },
      { seconds: 61, status: 400 },
    ]) {
      const party = await world.register(variant);
      const { answer } = await ask(world, { request: requestOf(party), browser });
      await makeOlder(party, seconds);
      const code = new Map(answer?.query).get("code");
      expect((await redeemAgain(party, code)).status).toBe(status);
    }
  });
});

test("what is wrong with a token request is said in the words of RFC 6749 §5.2 (cert 2.5.4)", async () => {
  const [variant] = BASIC as readonly [Variant];
  const party = await world.register(variant);
  const { answer } = await ask(world, { request: requestOf(party), browser });
  const code = new Map(answer?.query).get("code") ?? "";
  const grant = { grant_type: "authorization_code", code, redirect_uri: party.redirectUri };
  const refusals = [
    { as: party, parameters: { ...grant, grant_type: "" }, status: 400, error: "invalid_request" },
    { as: party, parameters: { ...grant, grant_type: "magic" }, status: 400, error: "unsupported_grant_type" },
    { as: { ...party, secret: "a wrong secret" }, parameters: grant, status: 401, error: "invalid_client" },
    { as: party, parameters: { ...grant, redirect_uri: "https://x.example" }, status: 400, error: "invalid_grant" },
    { as: party, parameters: { grant_type: "client_credentials" }, status: 400, error: "unauthorized_client" },
  ];
  for (const { as, parameters, status, error } of refusals) {
    const refused = await requestToken(world, as, parameters);
    checkTokenError(refused);
    expect([refused.status, refused.body.error]).toEqual([status, error]);
  }
});

/** Every time that is stored of what the client was given. */
async function makeOlder(party: Party, seconds: number): Promise<void> {
  for (const table of ["authorization_code", "token_family"]) {
    const columns = await queryDatabase<{ column_name: string }>(
      world.worker.databaseUrl,
      "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND data_type LIKE 'timestamp%'",
      [table],
    );
    const changes = columns.map(({ column_name: name }) => `${name} = ${name} - $2 * interval '1 second'`).join(", ");
    const sql = `UPDATE ${table} SET ${changes} WHERE client_id = $1 RETURNING client_id`;
    const rows = await queryDatabase(world.worker.databaseUrl, sql, [party.id, seconds]);
    if (table === "authorization_code") expect(rows).toHaveLength(1);
  }
}

describe("refresh tokens", () => {
  const wish = { scope: "openid offline_access", prompt: "consent" };

  test("are listed as what they are (cert 3,5,6 oidcc-refresh-token)", () => {
    expect(world.metadata.scopes_supported).toContain("offline_access");
    expect(world.metadata.grant_types_supported).toContain("refresh_token");
  });

  test.each(withCode)(
    "$variant: refresh with and without scope, and for nobody else (cert 3,5,6 oidcc-refresh-token; cert 2.5.1; cert 2.5.3; cert 2.5.4; cert 2.6.1; cert 2.6.2)",
    async (variant) => {
      const grant_types = [...grantsOf(variant), "refresh_token"];
      const party = await world.register(variant, { grant_types });
      const first = await run(world, { party, browser, more: wish });
      let { refreshToken } = first;
      for (const scope of [{ scope: wish.scope }, {}]) {
        expectGoodRefreshToken(refreshToken);
        const parameters = { grant_type: "refresh_token", refresh_token: refreshToken, ...scope };
        const answer = await requestToken(world, party, parameters);
        checkTokenAnswer({ ...answer, openid: true });
        expectSameSignIn(party, first.idTokens.at(-1)?.jwt, String(answer.body.id_token));
        expect((await userinfoBy(world, String(answer.body.access_token), "GET")).status).toBe(200);
        refreshToken = String(answer.body.refresh_token ?? refreshToken);
      }
      const other = await world.addStatic(variant);
      const { refreshToken: theirs = "" } = await run(world, { party: other, browser, more: wish });
      const stolen = await requestToken(world, party, { grant_type: "refresh_token", refresh_token: theirs });
      checkTokenError(stolen);
      expect([stolen.status, stolen.body.error]).toEqual([400, "invalid_grant"]);
    },
  );

  test.each(withCode)(
    "$variant: none for a client that is not registered for the grant, so it is listed exactly where it is issued (cert 3,5,6 oidcc-refresh-token)",
    async (variant) => {
      const party = await world.register(variant);
      expect((await run(world, { party, browser, more: wish })).refreshToken).toBeUndefined();
    },
  );
});

function expectGoodRefreshToken(token: string | undefined): asserts token is string {
  expect(token).toMatch(/^[\x20-\x7e]{16,}$/);
  expect(hasEntropy(token ?? "", 96)).toBe(true);
}

/** OIDC Core §12.2. */
function expectSameSignIn(party: Party, first: string | undefined, jwt: string): void {
  const [before, claims] = [decodeJwt(first ?? ""), decodeJwt(jwt)];
  const header = JSON.parse(Buffer.from(jwt.split(".")[0] ?? "", "base64url").toString()) as Record<string, unknown>;
  checkIdToken({
    ...{ jwt, header, claims, keys: world.keys, issuer: world.worker.issuer, clientId: party.id, nonce: undefined },
    ...{ subjects: [before.sub], asked: [], now: Math.floor(Date.now() / 1000) },
  });
  const { iss, sub, azp, aud, auth_time } = before;
  expect(claims).toMatchObject({ iss, sub, aud, auth_time });
  expect(claims.azp).toBe(azp);
  expect(claims.iat).toBeGreaterThanOrEqual(before.iat ?? Number.NaN);
}
