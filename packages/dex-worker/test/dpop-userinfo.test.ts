// Tokens that are bound to a client's key, RFC 9449, at a protected resource: as somebody shows them who has the token without the
// key, or a proof of something else.
import { get } from "node:http";
import { UnsecuredJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { formOf, type Key, type Members, makeDpopRequests, makeKey, seconds } from "./dpop-world.ts";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let key: Key;
let other: Key;
let requests: ReturnType<typeof makeDpopRequests>;
let accessToken: string;
beforeAll(async () => {
  worker = await openTestWorker();
  requests = makeDpopRequests(worker);
  [key, other] = [await makeKey(), await makeKey()];
  accessToken = (await requests.boundTokens(key)).access_token;
});
afterAll(() => worker?.close());

type Attempt = (accessToken: string) => Promise<readonly [authorization: string, ...proofs: readonly string[]]>;

const withProof =
  (header: () => Members | Promise<Members>, by: () => Key | Promise<Key> = () => key): Attempt =>
  async (accessToken) => [
    `DPoP ${accessToken}`,
    await requests.prove(await by(), { accessToken, header: await header() }),
  ];
const withClaims =
  (claims: Members): Attempt =>
  async (accessToken) => [`DPoP ${accessToken}`, await requests.prove(key, { accessToken, claims })];

const refused: Readonly<Record<string, Attempt>> = {
  "no proof": async (token) => [`DPoP ${token}`],
  "an empty proof": async (token) => [`DPoP ${token}`, ""],
  "a proof that is no JWT": async (token) => [`DPoP ${token}`, "proof"],
  "two proofs": async (accessToken) => [
    `DPoP ${accessToken}`,
    await requests.prove(key, { accessToken }),
    await requests.prove(key, { accessToken }),
  ],
  "no typ": withProof(() => ({ typ: undefined })),
  "another typ": withProof(() => ({ typ: "JWT" })),
  "no jwk": withProof(() => ({ jwk: undefined })),
  "a private key in jwk": withProof(() => ({ jwk: key.privateJwk })),
  "another key in jwk": withProof(() => ({ jwk: other.jwk })),
  "another key": withProof(
    () => ({}),
    () => other,
  ),
  "alg RS256": withProof(
    () => ({}),
    () => makeKey("RS256"),
  ),
  "alg none": async (accessToken) => [
    `DPoP ${accessToken}`,
    new UnsecuredJWT(await requests.claimsOf(accessToken)).encode(),
  ],
  "a bad signature": async (accessToken) => {
    const proof = await requests.prove(key, { accessToken });
    const foreign = await requests.prove(key, { accessToken });
    return [`DPoP ${accessToken}`, proof.slice(0, proof.lastIndexOf(".")) + foreign.slice(foreign.lastIndexOf("."))];
  },
  "no jti": withClaims({ jti: undefined }),
  "no htm": withClaims({ htm: undefined }),
  "another htm": withClaims({ htm: "POST" }),
  "no htu": withClaims({ htu: undefined }),
  "another htu": withClaims({ htu: "https://rs.example/userinfo" }),
  "no iat": withClaims({ iat: undefined }),
  "iat an hour ago": withClaims({ iat: seconds(-3600) }),
  "iat an hour ahead": withClaims({ iat: seconds(3600) }),
  "no ath": withClaims({ ath: undefined }),
  "another ath": withClaims({ ath: "x".repeat(43) }),
  "the scheme Bearer": async (accessToken) => [`Bearer ${accessToken}`, await requests.prove(key, { accessToken })],
  "the scheme Bearer and no proof": async (accessToken) => [`Bearer ${accessToken}`],
};

test.each(Object.keys(refused))(
  "refuses a bound token with %s (DPO-1, DPO-2; cert 11 dpop-negative-tests)",
  async (what) => {
    const { status, headers, body } = await requests.ask(...((await refused[what]?.(accessToken)) ?? expect.fail()));
    expect(status).toBe(401);
    const challenge = headers.get("www-authenticate") ?? "";
    expect(challenge).toContain('DPoP realm="dex", algs="ES256 PS256 EdDSA Ed25519"');
    expect(challenge).toContain(`error="${body.error}"`);
    expect(challenge).not.toContain(accessToken);
  },
);

test("refuses two proofs that come in a header line each (cert 11 dpop-negative-tests)", async () => {
  const DPoP = [await requests.prove(key, { accessToken }), await requests.prove(key, { accessToken })];
  const headers = { Authorization: `DPoP ${accessToken}`, DPoP };
  const status = await new Promise((resolve) => {
    get(`${worker.issuer}/userinfo`, { headers }, (response) => resolve(response.resume().statusCode));
  });
  expect(status).toBe(401);
});

test("refuses a proof that was used (cert 11 dpop-negative-tests)", async () => {
  const proof = await requests.prove(key, { accessToken });
  expect((await requests.ask(`DPoP ${accessToken}`, proof)).status).toBe(200);
  const again = await requests.ask(`DPoP ${accessToken}`, proof);
  expect(again).toMatchObject({ status: 401, body: { error: "invalid_dpop_proof" } });
});

test("compares addresses as addresses, and ignores what it does not know (cert 11 dpop-negative-tests)", async () => {
  const url = `${worker.issuer}/userinfo`;
  for (const claims of [
    { htu: `${url}?a=b` },
    { htu: `${url}#part` },
    { htu: url.replace("http", "HTTP") },
    { more: { of: ["this"] } },
  ]) {
    const answer = await requests.ask(`DPoP ${accessToken}`, await requests.prove(key, { accessToken, claims }));
    expect(answer.status).toBe(200);
  }
});

test("takes the type of a token in any case of letters (cert 11 access-token-type-header-case-sensitivity)", async () => {
  const { body } = await worker.token(formOf(await requests.codeFor(worker.client)));
  for (const scheme of ["DPoP", "dPoP", "dpop", "DPOP"]) {
    expect((await requests.ask(`${scheme} ${accessToken}`, await requests.prove(key, { accessToken }))).status).toBe(
      200,
    );
  }
  for (const scheme of ["Bearer", "bEARER", "BEARER"])
    expect((await requests.ask(`${scheme} ${body.access_token}`)).status).toBe(200);
});

test("answers a POST whose proof is of one, and not a bound token in a form (DPO-2)", async () => {
  const url = `${worker.issuer}/userinfo`;
  const DPoP = () => requests.prove(key, { accessToken, claims: { htm: "POST" } });
  const headers = { Authorization: `DPoP ${accessToken}`, DPoP: await DPoP() };
  expect((await fetch(url, { method: "POST", headers })).status).toBe(200);
  const form = { headers: { DPoP: await DPoP() }, body: new URLSearchParams({ access_token: accessToken }) };
  expect((await fetch(url, { method: "POST", ...form })).status).toBe(401);
});

test("names both ways to show a token to who shows none (RFC 9449 §7.1, §7.2)", async () => {
  const response = await fetch(`${worker.issuer}/userinfo`);
  const metadata = `resource_metadata="${new URL("/.well-known/oauth-protected-resource/dex/userinfo", worker.issuer)}"`;
  expect(response.headers.get("www-authenticate")).toBe(
    `Bearer realm="dex", ${metadata}, DPoP realm="dex", algs="ES256 PS256 EdDSA Ed25519", ${metadata}`,
  );
});
