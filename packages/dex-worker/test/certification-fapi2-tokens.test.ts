// The FAPI 2.0 Security Profile plan of certification: what is about client assertions and DPoP proofs alone.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Key, type Members, makeKey, seconds } from "./dpop-world.ts";
import {
  expectRefused,
  type FapiClient,
  type FapiWorld,
  type Fields,
  openFapiWorld,
  requestOf,
} from "./fapi2-world.ts";

let world: FapiWorld;
let first: FapiClient;
let other: Key;
let rsa: Key;
beforeAll(async () => {
  world = await openFapiWorld("fapi2");
  ({ first } = world);
  other = await makeKey();
  rsa = await makeKey("RS256");
});
afterAll(() => world?.close());

describe("a client assertion", () => {
  type Changes = () => Promise<string | null>;
  const token = () => `${world.worker.issuer}/token`;
  const par = () => `${world.worker.issuer}/par`;
  const refused: readonly (readonly [string, Changes])[] = [
    [
      "by RS256 is refused (cert 11 ensure-signed-client-assertion-with-RS256-fails; TOK-10)",
      () => world.assertionOf(first, {}, { kid: first.kid, key: rsa }),
    ],
    ["that is missing is refused (cert 11 ensure-client-assertion-in-token-endpoint)", async () => null],
    [
      "that expired five minutes ago is refused (cert 11 ensure-client-assertion-with-exp-is-5-minutes-in-past-fails; TOK-10)",
      () => world.assertionOf(first, { iat: seconds(-360), exp: seconds(-300) }),
    ],
    [
      "for somebody else is refused (cert 11 ensure-client-assertion-with-wrong-aud-fails; TOK-10)",
      () => world.assertionOf(first, { aud: "https://other.example" }),
    ],
    [
      "without sub is refused (cert 11 ensure-client-assertion-with-no-sub-fails; TOK-10)",
      () => world.assertionOf(first, { sub: undefined }),
    ],
    [
      "with an array for its audience is refused (cert 11 par-test-array-as-audience-fails; TOK-10)",
      () => world.assertionOf(first, { aud: [world.worker.issuer] }),
    ],
    [
      "for the pushed authorization endpoint is refused (cert 11 par-test-par-endpoint-url-as-audience-fails; TOK-10)",
      () => world.assertionOf(first, { aud: par() }),
    ],
    [
      "for the token endpoint is refused (cert 11 par-test-token-endpoint-url-as-audience-fails; TOK-10)",
      () => world.assertionOf(first, { aud: token() }),
    ],
    [
      "from more than a minute ahead is refused (cert 11 par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails; TOK-10)",
      () => world.assertionOf(first, { nbf: seconds(70), exp: seconds(200) }),
    ],
  ];
  test.each(refused)("%s", async (_when, make) => {
    const pushed = await world.push(first, requestOf(first), { assertion: await make() });
    expectRefused(pushed, "invalid_client", "invalid_request");
    const code = await world.codeFor(first);
    const fields = { client_id: first.id };
    expectRefused(await world.redeem(first, code, fields, { assertion: await make() }), "invalid_client");
    expect((await world.redeem(first, code)).status).toBe(200);
  });

  test("by RS256 is refused although the client published such a key (cert 11 ensure-signed-client-assertion-with-RS256-fails; TOK-10)", async () => {
    const kid = "both";
    const { id } = await world.worker.addClient({
      redirectURIs: [first.redirectUri],
      details: { profile: "fapi2", jwks: { keys: [{ ...rsa.jwk, kid }] } },
    });
    const client = { ...first, id, kid, key: rsa };
    expectRefused(await world.push(client, requestOf(client)), "invalid_client");
    const ps256 = await crypto.subtle.importKey(
      "jwk",
      { ...rsa.privateJwk, alg: "PS256" },
      { name: "RSA-PSS", hash: "SHA-256" },
      true,
      ["sign"],
    );
    const allowed = { ...client, key: { ...rsa, alg: "PS256", privateKey: ps256 } };
    expect((await world.push(allowed, requestOf(allowed))).status).toBe(201);
  });

  test("from eight seconds ahead is taken (cert 11 par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted)", async () => {
    const ahead = () => world.assertionOf(first, { nbf: seconds(8), iat: seconds(8) });
    expect((await world.push(first, requestOf(first), { assertion: await ahead() })).status).toBe(201);
    const redeemed = await world.redeem(first, await world.codeFor(first), {}, { assertion: await ahead() });
    expect(redeemed.status).toBe(200);
  });
});

describe("proof of possession", () => {
  test("a pushed dpop_jkt that is not the proof's key is refused there (cert 11 ensure-mismatched-dpop-jkt-fails; DPO-1)", async () => {
    const pushed = await world.push(first, requestOf(first, { dpop_jkt: other.jkt }));
    expectRefused(pushed, "invalid_dpop_proof", "invalid_request");
  });

  const bindings: readonly (readonly [string, () => readonly [Fields, { proof?: null }]])[] = [
    [
      "by a proof with the pushed request (cert 11 ensure-dpopproof-at-par-endpoint-binding-success; cert 11 ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt; DPO-3)",
      () => [{}, {}],
    ],
    [
      "by dpop_jkt (cert 11 ensure-dpop-auth-code-binding-success; cert 11 ensure-token-endpoint-fails-with-mismatched-dpop-jkt; DPO-3)",
      () => [{ dpop_jkt: first.dpop.jkt }, { proof: null }],
    ],
  ];
  test.each(bindings)("binds the code to one key %s", async (_how, ways) => {
    const [fields, beside] = ways();
    const code = await world.codeFor(first, fields, beside);
    const wrong = await world.redeem(first, code, {}, { proof: await world.proofOf(other, "/token") });
    expectRefused(wrong, "invalid_grant", "invalid_dpop_proof");
    const right = await world.redeem(first, code);
    expect([right.status, right.body.token_type]).toEqual([200, "DPoP"]);
  });

  const times: readonly (readonly [string, () => Members])[] = [
    [
      "from ten seconds ago (cert 11 ensure-dpopproof-with-iat-10seconds-before-succeeds)",
      () => ({ iat: seconds(-10) }),
    ],
    [
      "from ten seconds ahead (cert 11 ensure-dpopproof-with-iat-10seconds-after-succeeds)",
      () => ({ iat: seconds(10) }),
    ],
    ["with nbf and exp (cert 11 check-dpop-proof-nbf-exp)", () => ({ nbf: seconds(0), exp: seconds(60) })],
  ];
  test.each(times)("%s is taken by every endpoint", async (_when, claims) => {
    const code = await world.codeFor(first, {}, { proof: await world.proofOf(first.dpop, "/par", claims()) });
    const proof = await world.proofOf(first.dpop, "/token", claims());
    const { body } = await world.redeem(first, code, {}, { proof });
    const token = String(body.access_token);
    const resource = await world.ask(`DPoP ${token}`, [await world.resourceProof(first.dpop, token, claims())]);
    expect(resource.status).toBe(200);
  });
});

describe("at the resource (cert 11 dpop-negative-tests; DPO-1; DPO-2)", () => {
  let token = "";
  const prove = (claims: Members = {}, header: Members = {}, by = first.dpop) =>
    world.resourceProof(by, token, claims, header);
  beforeAll(async () => {
    ({ access_token: token = "" } = await world.tokensFor(first));
  });

  const spoilt: readonly (readonly [string, () => Promise<readonly string[]>])[] = [
    ["no proof", async () => []],
    ["a proof that is no JWT", async () => ["proof"]],
    ["two proofs", async () => [await prove(), await prove()]],
    ["typ JWT", async () => [await prove({}, { typ: "JWT" })]],
    ["no typ", async () => [await prove({}, { typ: undefined })]],
    ["no jwk", async () => [await prove({}, { jwk: undefined })]],
    ["a private key in jwk", async () => [await prove({}, { jwk: first.dpop.privateJwk })]],
    ["the key of another in jwk", async () => [await prove({}, { jwk: other.jwk })]],
    ["another key", async () => [await prove({}, {}, other)]],
    ["RS256", async () => [await prove({}, {}, rsa)]],
    [
      "alg none",
      async () => [`${encode({ typ: "dpop+jwt", alg: "none", jwk: first.dpop.jwk })}.${parts(await prove())[1]}.`],
    ],
    ["a broken signature", async () => [(await prove()).replace(/.{10}$/, "AAAAAAAAAA")]],
    ...["jti", "htm", "htu", "iat", "ath"].map(
      (name) => [`no ${name}`, async () => [await prove({ [name]: undefined })]] as const,
    ),
    ["another htm", async () => [await prove({ htm: "POST" })]],
    ["another htu", async () => [await prove({ htu: "https://other.example/userinfo" })]],
    ["the ath of another token", async () => [await world.resourceProof(first.dpop, "another")]],
    ["iat an hour ago", async () => [await prove({ iat: seconds(-3600) })]],
    ["iat in an hour", async () => [await prove({ iat: seconds(3600) })]],
  ];
  test.each(spoilt)("%s is refused", async (_what, make) => {
    const { status, headers } = await world.ask(`DPoP ${token}`, await make());
    expect([400, 401]).toContain(status);
    expect(headers.get("www-authenticate")).toMatch(/\bDPoP realm=.*error="invalid_(?:token|dpop_proof)"/);
  });

  test("a proof that was used is refused", async () => {
    const proof = await prove();
    expect((await world.ask(`DPoP ${token}`, [proof])).status).toBe(200);
    expect([400, 401]).toContain((await world.ask(`DPoP ${token}`, [proof])).status);
  });

  test("the token as a bearer token is refused", async () => {
    expect((await world.ask(`Bearer ${token}`, [await prove()])).status).toBe(401);
  });

  test("htu is compared as an address, and unknown claims are ignored", async () => {
    const url = new URL(String(world.metadata.userinfo_endpoint));
    for (const claims of [
      { htu: `${url.href}?query` },
      { htu: `${url.href}#fragment` },
      { htu: url.href.replace("https:", "HTTPS:") },
      { unknown: { any: "thing" } },
    ]) {
      expect((await world.ask(`DPoP ${token}`, [await prove(claims)])).status).toBe(200);
    }
  });
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const parts = (jwt: string) => jwt.split(".");
