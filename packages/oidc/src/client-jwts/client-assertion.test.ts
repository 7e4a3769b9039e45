import { Secret, sha256, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { assertionClaims, type Claims, encodePart, macJwt, makeClientKey } from "../../test/client-jwts.ts";
import {
  chosenSecrets,
  client,
  clientsOf,
  issuer,
  later,
  makeFailureCounter,
  makeSecretUpgrades,
  now,
  secretOfClient,
} from "../../test/fakes.ts";
import type { Client } from "../clients/client.ts";
import { makeClientAuthentication } from "../clients/client-authentication.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import { makeClientSecretSealer } from "../clients/client-secret-sealer.ts";
import { OAuthError } from "../errors.ts";
import { JWT_BEARER, makeCheckClientAssertion } from "./client-assertion.ts";
import { makeClientKeySets } from "./client-key-sets.ts";
import { idOfKey } from "./key-ids.ts";
import { CLIENT_MAC_ALGORITHMS } from "./shared-secret-mac.ts";

const tokenEndpoint = `${issuer}/token`;
const key = makeClientKey("RS256", "one");
const [ps, es, ed] = [makeClientKey("PS256"), makeClientKey("ES256", "es"), makeClientKey("EdDSA", "ed")];
const strange = makeClientKey("RS256", "one");
const weak = makeClientKey("RS256", "weak", 1024);
const macSecret = "a secret of 32 bytes or so, kept.";
const seconds = Math.floor(now.getTime() / 1000);

const details: ClientDetails = {
  token_endpoint_auth_method: "private_key_jwt",
  jwks: { keys: [key.jwk, ps.jwk, es.jwk, ed.jwk, weak.jwk] as never },
};

const sealer = makeClientSecretSealer({
  secrets: [new Secret(Buffer.alloc(32, 7))],
  salt: Buffer.alloc(16, 1),
  random: systemRandom,
});
const macMethod = { token_endpoint_auth_method: "client_secret_jwt" } as const;
const [oldSecret, newSecret] = ["an old secret of its own that is long", "a new secret of its own that is long"];

/** Three secrets sealed where it makes MACs: one that works, one beside it, and one that has expired. */
function secretsFor({ token_endpoint_auth_method: method }: ClientDetails): Partial<Client> {
  if (method !== "client_secret_jwt") return { secret: undefined };
  const added = (id: string, secret: string, expiresAt: Date | undefined) => ({
    ...{ id, createdAt: now, expiresAt },
    hash: { kind: "sha256", hash: sha256(secret) } as const,
    sealed: sealer.seal("client-a", secret),
  });
  return {
    secret: { kind: "sha256", hash: sha256(macSecret) },
    firstSecret: { sealed: sealer.seal("client-a", macSecret) },
    addedSecrets: [added("old", oldSecret, now), added("new", newSecret, later(1))],
  };
}

function make(registered: ClientDetails = details) {
  const used = new Map<string, Date>();
  const useOnce = async (one: string, until: Date) => !used.has(one) && used.set(one, until) !== undefined;
  const fetched: string[] = [];
  const uses: unknown[] = [];
  const keyUses: unknown[] = [];
  const failures = makeFailureCounter();
  const asserting = { ...client, details: registered, ...secretsFor(registered) };
  const other = { ...client, id: "other", secret: undefined, details };
  const basic = { ...client, id: "basic", details: { token_endpoint_auth_method: "client_secret_basic" } as const };
  const authentication = makeClientAuthentication({
    clients: clientsOf(asserting, other, basic, { ...client, id: "unregistered" }),
    failures,
    chosenSecrets,
    secretUpgrades: makeSecretUpgrades(),
    checkAssertion: makeCheckClientAssertion({
      issuer,
      endpoints: [tokenEndpoint],
      keySets: makeClientKeySets({
        fetchDocument: async (url) => {
          fetched.push(url);
          throw new Error("nothing is to be fetched");
        },
      }),
      useOnce,
      useBothOnce: async (first, second) => {
        if (!(await useOnce(first.key, first.until))) return "neither";
        return (await useOnce(second.key, second.until)) ? "both" : "first alone";
      },
      clientSecrets: sealer,
      noteSecretUse: (...use) => void uses.push(use),
      noteKeyUse: (...use) => void keyUses.push(use),
    }),
  });
  const send = (body: Readonly<Record<string, string>>, at = now) =>
    authentication.authenticate({ authorization: undefined, body: new URLSearchParams(body), source: "192.0.2.1" }, at);
  const present = (assertion: string, more: Readonly<Record<string, string>> = {}, at = now) =>
    send({ client_assertion_type: JWT_BEARER, client_assertion: assertion, ...more }, at);
  return { present, send, used, uses, keyUses, fetched, failures };
}

async function refusalOf(attempt: Promise<unknown>): Promise<OAuthError> {
  const outcome: unknown = await attempt.catch((error: unknown) => error);
  return outcome instanceof OAuthError ? outcome : expect.fail(`expected a refusal, found ${String(outcome)}`);
}

const right: { when: string; jwt: string; more?: Record<string, string>; registered?: ClientDetails }[] = [
  { when: "RS256 with its kid (oidcc-server)", jwt: key.sign(assertionClaims()) },
  { when: "PS256 without a kid", jwt: ps.sign(assertionClaims()) },
  { when: "ES256", jwt: es.sign(assertionClaims()) },
  { when: "EdDSA", jwt: ed.sign(assertionClaims()) },
  { when: "EdDSA by its newer name (RFC 9864 §2.2)", jwt: ed.sign(assertionClaims(), { alg: "Ed25519" }) },
  { when: "typ JWT", jwt: key.sign(assertionClaims(), { typ: "JWT" }) },
  { when: "the client_id beside it", jwt: key.sign(assertionClaims()), more: { client_id: "client-a" } },
  {
    when: "the issuer for its audience (oidcc-ensure-client-assertion-with-iss-aud-succeeds)",
    jwt: key.sign(assertionClaims({ aud: issuer })),
  },
  { when: "the token endpoint for its audience", jwt: key.sign(assertionClaims({ aud: tokenEndpoint })) },
  { when: "both for its audience", jwt: key.sign(assertionClaims({ aud: [issuer, tokenEndpoint] })) },
  { when: "no iat", jwt: key.sign(assertionClaims({ iat: undefined })) },
  { when: "a clock a minute ahead", jwt: key.sign(assertionClaims({ iat: seconds + 60, nbf: seconds + 60 })) },
  {
    when: "the one algorithm that was registered",
    jwt: es.sign(assertionClaims()),
    registered: { ...details, token_endpoint_auth_signing_alg: "ES256" },
  },
  ...CLIENT_MAC_ALGORITHMS.map((alg) => ({
    when: `${alg} with its secret (OIDC Core §9)`,
    jwt: macJwt(assertionClaims(), macSecret, alg),
    registered: macMethod,
  })),
  {
    when: "HS512 where that was registered",
    jwt: macJwt(assertionClaims(), macSecret, "HS512"),
    registered: { ...macMethod, token_endpoint_auth_signing_alg: "HS512" },
  },
  { when: "a MAC with its second secret", jwt: macJwt(assertionClaims(), newSecret), registered: macMethod },
];
test.each(right)("an assertion with $when authenticates and counts no failure (RFC 7523 §3)", async (row) => {
  const { present, failures, fetched } = make(row.registered);
  expect(await present(row.jwt, row.more)).toMatchObject({ id: "client-a" });
  expect(failures.keys.size).toBe(0);
  expect(fetched).toEqual([]);
});

test("the key that signed is noted by its thumbprint, once for each assertion that is right (RFC 7638)", async () => {
  const { present, uses, keyUses } = make();
  const jwt = key.sign(assertionClaims());
  await present(jwt);
  await refusalOf(present(jwt)); // used before
  await refusalOf(present(key.sign(assertionClaims({ jti: "late", exp: seconds }))));
  await refusalOf(present(strange.sign(assertionClaims({ jti: "strange" }))));
  await present(ed.sign(assertionClaims({ jti: "two" })));
  expect(keyUses).toEqual([
    ["client-a", idOfKey(key.jwk as never), now],
    ["client-a", idOfKey(ed.jwk as never), now],
  ]);
  expect(uses).toEqual([]);
});

const [header = "", payload = "", signature = ""] = key.sign(assertionClaims()).split(".");
const publicPem = JSON.stringify(key.jwk);
const claimsThatDoNotFit: readonly { when: string; claims: Claims }[] = [
  { when: "iss is another", claims: { iss: "other" } },
  { when: "sub is another client", claims: { sub: "other" } },
  { when: "iss is missing", claims: { iss: undefined } },
  { when: "sub is missing", claims: { sub: undefined } },
  { when: "sub is nobody", claims: { sub: "nobody", iss: "nobody" } },
  { when: "aud is missing", claims: { aud: undefined } },
  { when: "aud is another server", claims: { aud: "https://other.example" } },
  { when: "aud is ours and another", claims: { aud: [issuer, "https://other.example"] } },
  { when: "aud is empty", claims: { aud: [] } },
  { when: "aud begins as ours", claims: { aud: `${issuer}/` } },
  { when: "exp is missing", claims: { exp: undefined } },
  { when: "exp is text", claims: { exp: String(seconds + 60) } },
  { when: "exp is past", claims: { exp: seconds } },
  { when: "exp is an hour ahead", claims: { exp: seconds + 3600 } },
  { when: "exp is endless", claims: { exp: 1e300 } },
  { when: "iat is more than a minute ahead", claims: { iat: seconds + 61 } },
  { when: "nbf is more than a minute ahead", claims: { nbf: seconds + 61 } },
  { when: "jti is missing", claims: { jti: undefined } },
  { when: "jti is empty", claims: { jti: "" } },
  { when: "jti is no text", claims: { jti: 7 } },
];
const keyed = { ...macMethod, jwks: details.jwks };
const forgedMacs: readonly { when: string; jwt: string; by: string; registered: ClientDetails }[] = [
  { when: "it is under a MAC with another secret", jwt: macJwt(assertionClaims(), `${macSecret}x`), by: "TOK-11" },
  { when: "it is under a MAC with an empty secret", jwt: macJwt(assertionClaims(), ""), by: "JWT-1" },
  { when: "its secret has expired", jwt: macJwt(assertionClaims(), oldSecret), by: "TOK-10" },
  { when: "its secret is nothing but its hash", jwt: macJwt(assertionClaims(), sha256(macSecret)), by: "TOK-17" },
  { when: "its MAC is cut", jwt: macJwt(assertionClaims(), macSecret).slice(0, -4), by: "TOK-11" },
  { when: "it has the right secret and alg none", jwt: `${encodePart({ alg: "none" })}.${payload}.`, by: "TOK-11" },
  { when: "it says HS1", jwt: macJwt(assertionClaims(), macSecret, "HS1"), by: "JWT-1" },
  {
    when: "it brings its secret as jwk",
    jwt: macJwt(assertionClaims(), macSecret, "HS256", { jwk: { kty: "oct", k: "AAAA" } }),
    by: "TOK-11",
  },
  {
    when: "it names a jku beside its MAC",
    jwt: macJwt(assertionClaims(), macSecret, "HS256", { jku: "https://evil.example/keys" }),
    by: "TOK-11",
  },
  { when: "it is for somebody else", jwt: macJwt(assertionClaims({ aud: "other" }), macSecret), by: "TOK-10" },
].map((one) => ({ ...one, registered: macMethod }));
const macsOfOtherClients: typeof forgedMacs = [
  {
    when: "a client that registered HS512 uses HS256",
    jwt: macJwt(assertionClaims(), macSecret),
    by: "TOK-10",
    registered: { ...macMethod, token_endpoint_auth_signing_alg: "HS512" },
  },
  {
    when: "its key signed, and MACs are its method",
    jwt: key.sign(assertionClaims()),
    by: "TOK-11",
    registered: keyed,
  },
  {
    when: "its published key is the secret of a MAC",
    jwt: macJwt(assertionClaims(), publicPem),
    by: "TOK-11",
    registered: keyed,
  },
];
const forged: readonly { when: string; jwt: string; by: string; registered?: ClientDetails }[] = [
  ...claimsThatDoNotFit.map(({ when, claims }) => ({ when, jwt: key.sign(assertionClaims(claims)), by: "TOK-10" })),
  { when: "another key signed it", jwt: strange.sign(assertionClaims()), by: "TOK-11" },
  { when: "its key is weak", jwt: weak.sign(assertionClaims()), by: "TOK-11" },
  { when: "its kid is unknown", jwt: key.sign(assertionClaims(), { kid: "two" }), by: "TOK-11" },
  { when: "its kid is a path", jwt: key.sign(assertionClaims(), { kid: "../../dev/null" }), by: "JWT-2" },
  { when: "its kid is no text", jwt: key.sign(assertionClaims(), { kid: 1 }), by: "JWT-2" },
  { when: "it names no algorithm", jwt: `${encodePart({ kid: "one" })}.${payload}.${signature}`, by: "JWT-1" },
  { when: "alg is none", jwt: `${encodePart({ alg: "none" })}.${payload}.`, by: "TOK-11" },
  {
    when: "alg is none, signed",
    jwt: `${encodePart({ alg: "none", kid: "one" })}.${payload}.${signature}`,
    by: "TOK-11",
  },
  { when: "alg is nOnE", jwt: `${encodePart({ alg: "nOnE" })}.${payload}.`, by: "TOK-11" },
  { when: "the public key is the secret of a MAC", jwt: macJwt(assertionClaims(), publicPem), by: "TOK-11" },
  {
    when: "the modulus is the secret of a MAC",
    jwt: macJwt(assertionClaims(), Buffer.from(String(key.jwk.n), "base64url"), "HS256", { kid: "one" }),
    by: "TOK-11",
  },
  { when: "its right secret is not its method", jwt: macJwt(assertionClaims(), macSecret), by: "TOK-11" },
  { when: "it brings a jwk", jwt: strange.sign(assertionClaims(), { jwk: strange.jwk }), by: "TOK-11" },
  { when: "it brings a good jwk", jwt: key.sign(assertionClaims(), { jwk: key.jwk }), by: "TOK-11" },
  { when: "it names a jku", jwt: key.sign(assertionClaims(), { jku: "https://evil.example/keys" }), by: "TOK-11" },
  { when: "it names an x5u", jwt: key.sign(assertionClaims(), { x5u: "https://evil.example/c" }), by: "TOK-11" },
  { when: "it brings an x5c", jwt: key.sign(assertionClaims(), { x5c: ["AAAA"] }), by: "JWT-2" },
  { when: "it has crit", jwt: key.sign(assertionClaims(), { crit: ["exp"] }), by: "JWT-1" },
  { when: "it has b64", jwt: key.sign(assertionClaims(), { b64: false }), by: "JWT-1" },
  { when: "it is deflated", jwt: key.sign(assertionClaims(), { zip: "DEF" }), by: "JWT-5" },
  { when: "it is encrypted", jwt: `${encodePart({ alg: "dir", enc: "A128GCM" })}....`, by: "JWT-5" },
  { when: "it is an ID token by type", jwt: key.sign(assertionClaims(), { typ: "at+jwt" }), by: "JWT-3" },
  {
    when: "it is a request object by type",
    jwt: key.sign(assertionClaims(), { typ: "oauth-authz-req+jwt" }),
    by: "JWT-3",
  },
  {
    when: "a claim was changed",
    jwt: `${header}.${encodePart(assertionClaims({ jti: "x" }))}.${signature}`,
    by: "TOK-11",
  },
  { when: "the signature is cut", jwt: `${header}.${payload}.${signature.slice(0, -2)}`, by: "TOK-11" },
  { when: "the signature is missing", jwt: `${header}.${payload}.`, by: "TOK-11" },
  { when: "it is padded", jwt: `${header}.${payload}.${signature}==`, by: "JWT-9" },
  { when: "it has a fourth part", jwt: `${header}.${payload}.${signature}.`, by: "JWT-9" },
  { when: "its claims are an array", jwt: key.sign([] as never), by: "TOK-11" },
  { when: "it is endless", jwt: key.sign(assertionClaims({ more: "a".repeat(10_000) })), by: "TOK-11" },
  { when: "it is nothing", jwt: "", by: "TOK-11" },
  {
    when: "another algorithm was registered",
    jwt: key.sign(assertionClaims()),
    by: "TOK-10, TOK-11",
    registered: { ...details, token_endpoint_auth_signing_alg: "ES256" },
  },
  ...forgedMacs,
  ...macsOfOtherClients,
  {
    when: "it does not say which of very many keys",
    jwt: ps.sign(assertionClaims()),
    by: "TOK-11",
    registered: { ...details, jwks: { keys: [...Array.from({ length: 10 }, () => key.jwk), ps.jwk] as never } },
  },
  {
    when: "its key is for encryption",
    jwt: es.sign(assertionClaims()),
    by: "TOK-11",
    registered: { ...details, jwks: { keys: [{ ...es.jwk, use: "enc" }] as never } },
  },
  {
    when: "its key is for another algorithm",
    jwt: key.sign(assertionClaims()),
    by: "JWT-1",
    registered: { ...details, jwks: { keys: [{ ...key.jwk, alg: "PS256" }] as never } },
  },
];
test.each(forged)(
  "401 invalid_client, and nothing written or fetched, when $when ($by)",
  async ({ jwt, registered }) => {
    const { present, used, fetched } = make(registered);
    const error = await refusalOf(present(jwt));
    expect(error).toMatchObject({ code: "invalid_client", status: 401, message: "client authentication failed" });
    expect(used.size).toBe(0);
    expect(fetched).toEqual([]);
  },
);

test("an assertion serves once, also for two at the same moment; another client may have the same jti (TOK-10)", async () => {
  const { present, used } = make();
  const jwt = key.sign(assertionClaims());
  const outcomes = await Promise.allSettled([present(jwt), present(jwt), present(jwt)]);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect((await refusalOf(present(jwt, {}, later(30)))).detail).toContain("jti");
  // Kept for as long as it is good by any of our clocks.
  expect([...used.values()].map((until) => until.getTime() / 1000)).toEqual([Number(assertionClaims().exp) + 10]);
  const ofOther = key.sign(assertionClaims({ iss: "other", sub: "other" }));
  expect(await present(ofOther)).toMatchObject({ id: "other" });
});

test("who registered one method may use that one only (RFC 7591 §2, TOK-6)", async () => {
  const { present, send } = make();
  for (const id of ["basic", "unregistered"]) {
    const jwt = key.sign(assertionClaims({ iss: id, sub: id }));
    expect((await refusalOf(present(jwt))).detail).toContain("another method");
  }
  const posted = send({ client_id: "basic", client_secret: secretOfClient });
  expect(await refusalOf(posted)).toMatchObject({ code: "invalid_client", message: "client authentication failed" });
  expect(await refusalOf(send({ client_id: "client-a", client_secret: secretOfClient }))).toMatchObject({
    status: 401,
  });
  expect(await refusalOf(send({ client_id: "client-a" }))).toMatchObject({ status: 401 });
  expect(await send({ client_id: "unregistered", client_secret: secretOfClient })).toMatchObject({
    id: "unregistered",
  });
});

test("one method and one client in a request (TOK-6)", async () => {
  const { present } = make();
  const jwt = key.sign(assertionClaims());
  expect(await refusalOf(present(jwt, { client_secret: "x" }))).toMatchObject({ code: "invalid_request" });
  expect(await refusalOf(present(jwt, { client_id: "other" }))).toMatchObject({ code: "invalid_client" });
  expect(await refusalOf(present(jwt, { client_assertion_type: "x" }))).toMatchObject({ code: "invalid_client" });
});

test("after 60 wrong assertions in a minute the client is refused from that source (TOK-18)", async () => {
  const { present } = make();
  for (let attempt = 1; attempt <= 60; attempt += 1) {
    expect(await refusalOf(present(strange.sign(assertionClaims())))).toMatchObject({ status: 401 });
  }
  expect(await refusalOf(present(key.sign(assertionClaims())))).toMatchObject({ status: 429 });
});

test("a MAC is good once, its secret's use is noted then, and its secret cannot be shown instead (TOK-10, TOK-6)", async () => {
  const { present, send, uses } = make(macMethod);
  const jwt = macJwt(assertionClaims(), newSecret);
  const outcomes = await Promise.allSettled([present(jwt), present(jwt), present(jwt)]);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect(uses).toEqual([["client-a", "new", now]]);
  const shown = await refusalOf(send({ client_id: "client-a", client_secret: macSecret }));
  expect(shown).toMatchObject({ code: "invalid_client", detail: expect.stringContaining("another method") });
});

test("a seal opens for its own client only (TOK-17)", () => {
  expect(sealer.open("client-a", sealer.seal("client-a", macSecret))).toEqual({ secret: macSecret, outdated: false });
  expect(sealer.open("client-b", sealer.seal("client-a", macSecret))).toBeUndefined();
});
