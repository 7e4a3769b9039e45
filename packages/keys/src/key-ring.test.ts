import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { makeSealer, Secret, silentLogger, systemRandom } from "@dex/runtime";
import { makeHandSetClock } from "@dex/testing";
import { base64url, compactVerify, createLocalJWKSet, jwtVerify, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import {
  generateSigningKey,
  inspectSeals,
  makeKeyRing,
  makeSigningKeySealer,
  planRotation,
  SignerNotReady,
  type SigningAlgorithm,
  type SigningKeySet,
  type StoredSigningKey,
  UnopenableKeys,
} from "./index.ts";

const now = new Date("2026-01-01T00:00:00Z");
const salt = Buffer.alloc(32, 1);
const [firstSecret, otherSecret] = [new Secret(Buffer.alloc(32, 7)), new Secret(Buffer.alloc(32, 8))];
const sealer = makeSigningKeySealer({ secrets: [firstSecret], salt, random: systemRandom });
const otherSealer = makeSigningKeySealer({ secrets: [otherSecret], salt, random: systemRandom });
const algorithms: readonly SigningAlgorithm[] = ["RS256", "ES256", "EdDSA"];

let keys: readonly StoredSigningKey[];
let spare: StoredSigningKey;
beforeAll(async () => {
  const make = (algorithm: SigningAlgorithm, state: "active" | "next") =>
    generateSigningKey({ algorithm, state, sealer, random: systemRandom, now });
  keys = await Promise.all([...algorithms.map((one) => make(one, "active")), make("ES256", "next")]);
  spare = await make("ES256", "next");
});

function setOf(stored: readonly StoredSigningKey[]): SigningKeySet {
  return { keys: stored, jwksMaxAgeSeconds: 300, rotationRequestedAt: undefined };
}
async function loadedRing(stored = keys) {
  const ring = makeKeyRing({ sealer, logger: silentLogger });
  await ring.replace(setOf(stored));
  return ring;
}

test.each(algorithms)(
  "a token signed with %s names the active key and verifies against the published ones, by jose and by us (v1 K03)",
  async (algorithm) => {
    const ring = await loadedRing();
    const jwt = await ring.signer.sign({ sub: "somebody" }, { typ: "JWT", algorithm });
    const published = createLocalJWKSet(JSON.parse(ring.jwks().body.toString()));
    const { protectedHeader, payload } = await jwtVerify(jwt, published, { algorithms: [algorithm] });
    const kid = keys.find((key) => key.algorithm === algorithm)?.id;
    expect(protectedHeader).toEqual({ alg: algorithm, kid, typ: "JWT" });
    expect(payload).toEqual({ sub: "somebody" });
    expect(await ring.verifier.verify(jwt, "JWT")).toEqual({ sub: "somebody" });
  },
);

test("the published keys hold public members only, in order, each with an id of its own, without padding (JWT-6, RFC 7517 §9.2, v1 K02, v1 K05)", async () => {
  const published = JSON.parse((await loadedRing()).jwks().body.toString());
  expect(published.keys.map((key: object) => Object.keys(key).toSorted().join())).toEqual([
    "alg,e,kid,kty,n,use",
    "alg,crv,kid,kty,use,x,y",
    "alg,crv,kid,kty,use,x,y",
    "alg,crv,kid,kty,use,x",
  ]);
  expect(published.keys[0].e).toBe("AQAB");
  expect(base64url.decode(published.keys[0].n)).toHaveLength(256);
  expect(published.keys.every(({ kid }: { kid: string }) => /^[0-9a-f]{40}$/.test(kid))).toBe(true);
  expect(new Set(published.keys.map(({ kid }: { kid: string }) => kid)).size).toBe(4);
  expect(JSON.stringify(published)).not.toContain("=");
});

test("the published keys are serialised once per change and the tag changes with them", async () => {
  const ring = await loadedRing();
  const before = ring.jwks();
  await ring.replace(setOf(keys.toReversed()));
  expect(ring.jwks()).toEqual(before);
  await ring.replace(setOf([...keys, spare]));
  expect(ring.jwks().etag).not.toBe(before.etag);
  expect(ring.jwks().etag).toMatch(/^"[\w-]{27}"$/);
  expect(ring.jwks().maxAgeSeconds).toBe(300);
});

test("without an active key nothing is signed and the ring is not ready (v1 K01, v1 K17)", async () => {
  const ring = makeKeyRing({ sealer, logger: silentLogger });
  expect(ring.ready()).toBe(false);
  expect(ring.jwks().body.toString()).toBe('{"keys":[]}');
  await ring.replace(setOf([spare]));
  expect(ring.ready()).toBe(false);
  await expect(ring.signer.sign({}, { typ: "JWT", algorithm: "ES256" })).rejects.toThrow(SignerNotReady);
  await expect(ring.signer.sign({}, { typ: "reset", algorithm: "ES256" })).rejects.toThrow(/no use "reset"/);
});

describe("a JWT is not ours", () => {
  const encode = (value: unknown) => base64url.encode(JSON.stringify(value));
  async function signedWithOurKey(change: (header: Record<string, unknown>) => Record<string, unknown>) {
    // The private key in hand, so that only the header decides.
    const [key] = keys.filter((one) => one.algorithm === "ES256");
    const opened = sealer.open(key?.sealedPrivateKey ?? Buffer.alloc(0), `${key?.id} ES256`);
    const privateKey = createPrivateKey({ key: opened?.plaintext ?? Buffer.alloc(0), format: "der", type: "pkcs8" });
    const header = change({ alg: "ES256", kid: key?.id, typ: "JWT" });
    return new SignJWT({ sub: "x" }).setProtectedHeader({ alg: "ES256", ...header }).sign(privateKey);
  }
  const headers = [
    { when: "it carries a jwk (JWT-2)", more: { jwk: { kty: "oct", k: "AAAA" } } },
    { when: "it carries a jku (JWT-2)", more: { jku: "https://evil.example/keys" } },
    { when: "it carries an x5c (JWT-2)", more: { x5c: ["AAAA"] } },
    { when: "it carries an x5u (JWT-2)", more: { x5u: "https://evil.example/cert" } },
    { when: "it carries zip (JWT-5)", more: { zip: "DEF" } },
    { when: "its kid is a path (JWT-2)", more: { kid: "../../dev/null" } },
    { when: "its kid is SQL (JWT-2)", more: { kid: "' or 1=1 --" } },
    { when: "its typ is of another use (JWT-3)", more: { typ: "at+jwt" } },
  ];
  test.each(headers)("when $when", async ({ more }) => {
    const ring = await loadedRing();
    const control = await signedWithOurKey((header) => header);
    expect(await ring.verifier.verify(control, "JWT")).toEqual({ sub: "x" });
    expect(
      await ring.verifier.verify(await signedWithOurKey((header) => ({ ...header, ...more })), "JWT"),
    ).toBeUndefined();
  });

  const forgeries: { when: string; forge: (parts: readonly [string, string, string], kid: string) => string }[] = [
    { when: "alg is none (JWT-1)", forge: ([, p], kid) => `${encode({ alg: "none", kid, typ: "JWT" })}.${p}.` },
    {
      when: "alg is HS256 (JWT-1)",
      forge: ([, p, s], kid) => `${encode({ alg: "HS256", kid, typ: "JWT" })}.${p}.${s}`,
    },
    {
      when: "alg is of another key (JWT-1)",
      forge: ([, p, s], kid) => `${encode({ alg: "RS256", kid, typ: "JWT" })}.${p}.${s}`,
    },
    {
      when: "it has an unknown crit (JWT-1)",
      forge: ([, p, s], kid) => `${encode({ alg: "ES256", kid, typ: "JWT", crit: ["x"], x: 1 })}.${p}.${s}`,
    },
    {
      when: "it says b64=false (JWT-1)",
      forge: ([, p, s], kid) => `${encode({ alg: "ES256", kid, typ: "JWT", b64: false, crit: ["b64"] })}.${p}.${s}`,
    },
    { when: "the payload was changed", forge: ([h, , s]) => `${h}.${encode({ sub: "admin" })}.${s}` },
    { when: "the signature is empty", forge: ([h, p]) => `${h}.${p}.` },
    { when: "the signature is padded (JWT-9)", forge: ([h, p, s]) => `${h}.${p}.${s}==` },
    { when: "unused bits of the signature are set (JWT-9)", forge: ([h, p, s]) => `${h}.${p}.${withUnusedBits(s)}` },
    { when: "the signature holds white space (JWT-9)", forge: ([h, p, s]) => `${h}.${p}.${s} ` },
    { when: "the signature is in plain base64 (JWT-9)", forge: ([h, p, s]) => `${h}.${p}.${s.replaceAll("-", "+")}+` },
    { when: "it has five parts (JWT-5)", forge: ([h, p, s]) => `${h}.${p}.${s}.${p}.${s}` },
    { when: "it is huge", forge: ([h, , s]) => `${h}.${"A".repeat(1 << 20)}.${s}` },
    { when: "it is empty", forge: () => "" },
    { when: "the header is null", forge: ([, p, s]) => `${encode(null)}.${p}.${s}` },
    { when: "the header is a list", forge: ([, p, s]) => `${encode(["ES256", "k", "JWT"])}.${p}.${s}` },
  ];
  test.each(forgeries)("when $when", async ({ forge }) => {
    const ring = await loadedRing();
    const jwt = await ring.signer.sign({ sub: "x" }, { typ: "JWT", algorithm: "ES256" });
    const [header = "", payload = "", signature = ""] = jwt.split(".");
    const kid = keys[1]?.id ?? "";
    const forged = forge([header, payload, signature], kid);
    expect(forged).not.toBe(jwt);
    expect(await ring.verifier.verify(forged, "JWT")).toBeUndefined();
  });

  function withUnusedBits(signature: string): string {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet[alphabet.indexOf(signature.at(-1) ?? "A") | 1] ?? "B";
    const changed = signature.slice(0, -1) + last;
    expect(Buffer.from(changed, "base64url").equals(Buffer.from(signature, "base64url"))).toBe(true);
    return changed;
  }
});

test("tokens of a retired key and of a key that we do not use yet still verify (JWT-4)", async () => {
  const before = await loadedRing();
  const jwt = await before.signer.sign({ sub: "x" }, { typ: "at+jwt", algorithm: "ES256" });
  for (const state of ["retired", "next"] as const) {
    const ring = await loadedRing(keys.map((key) => ({ ...key, state })));
    expect(await ring.verifier.verify(jwt, "at+jwt")).toEqual({ sub: "x" });
  }
});

test("an unknown kid leads to one reload in five seconds, then to a refusal (JWT-4)", async () => {
  const clock = makeHandSetClock(now);
  let reloads = 0;
  const jwt = await (await loadedRing()).signer.sign({ sub: "x" }, { typ: "JWT", algorithm: "EdDSA" });
  const ring = makeKeyRing({
    sealer,
    logger: silentLogger,
    unknownKey: {
      clock: clock.now,
      reload: async () => {
        if (++reloads === 2) await ring.replace(setOf(keys));
      },
    },
  });
  expect(await ring.verifier.verify(jwt, "JWT")).toBeUndefined();
  expect(await ring.verifier.verify(jwt, "JWT")).toBeUndefined();
  expect(reloads).toBe(1);
  clock.advance(5);
  expect(await ring.verifier.verify(jwt, "JWT")).toEqual({ sub: "x" });
  expect(reloads).toBe(2);
});

describe("a stored key is refused, and what was loaded stays", () => {
  const spoilt = [
    {
      when: "none of the secrets opens it (v1 K21)",
      spoil: async () => await sealedByOther(),
      error: /none of the configured key secrets opens/,
    },
    {
      when: "it was moved to another row",
      spoil: async () => ({ ...spare, id: "0".repeat(40) }),
      error: UnopenableKeys,
    },
    {
      when: "its public part was exchanged",
      spoil: async () => ({ ...spare, publicJwk: keys[1]?.publicJwk ?? {} }),
      error: /public part does not belong/,
    },
    {
      when: "it is of another kind than its row says (JWT-6)",
      spoil: async () => await asEdDsa(),
      error: /of another kind/,
    },
    { when: "its RSA modulus is below 2048 bits (JWT-6)", spoil: async () => await weakRsa(), error: /below 2048/ },
  ];
  test.each(spoilt)("when $when", async ({ spoil, error }) => {
    const ring = await loadedRing();
    const before = ring.jwks();
    const stored = await spoil();
    await expect(ring.replace(setOf([...keys, stored]))).rejects.toThrow(error);
    expect(ring.jwks()).toBe(before);
  });

  const sealedByOther = () =>
    generateSigningKey({ algorithm: "ES256", state: "next", sealer: otherSealer, random: systemRandom, now });
  async function asEdDsa(): Promise<StoredSigningKey> {
    const der = sealer.open(spare.sealedPrivateKey, `${spare.id} ES256`)?.plaintext ?? Buffer.alloc(0);
    return { ...spare, algorithm: "EdDSA", sealedPrivateKey: sealer.seal(der, `${spare.id} EdDSA`) };
  }
  async function weakRsa(): Promise<StoredSigningKey> {
    const der = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ format: "der", type: "pkcs8" });
    return { ...spare, algorithm: "RS256", sealedPrivateKey: sealer.seal(der, `${spare.id} RS256`) };
  }
});

test("keys are resealed under the first secret and then open without the old one (SEC-2)", async () => {
  const both = makeSigningKeySealer({ secrets: [otherSecret, firstSecret], salt, random: systemRandom });
  const set = setOf(keys);
  const inspection = inspectSeals(set, both);
  expect(inspection).toEqual({ sealedUnderOlderSecret: new Set(keys.map((key) => key.id)), unopenable: [] });
  const decision = {
    add: [],
    activate: [],
    retire: [],
    remove: [],
    reseal: keys.map((key) => key.id),
    rotationDone: false,
  };
  const plan = await planRotation({ decision, set, sealer: both, random: systemRandom, now });
  const resealed = keys.map((key) => ({ ...key, ...plan.reseal.find(({ id }) => id === key.id) }));
  expect(inspectSeals(setOf(resealed), otherSealer)).toEqual({ sealedUnderOlderSecret: new Set(), unopenable: [] });
  expect(inspectSeals(set, otherSealer).unopenable).toEqual(keys.map((key) => key.id));
  const ring = makeKeyRing({ sealer: otherSealer, logger: silentLogger });
  await ring.replace(setOf(resealed));
  expect(ring.ready()).toBe(true);
});

test("neither the salt nor the secret nor another purpose opens a key alone", () => {
  const [key] = keys;
  if (key === undefined) throw new Error("no key was made");
  const open = (other: typeof sealer) => other.open(key.sealedPrivateKey, `${key.id} ${key.algorithm}`);
  expect(open(sealer)).toBeDefined();
  const anotherSalt = Buffer.alloc(32, 2);
  expect(
    open(makeSigningKeySealer({ secrets: [firstSecret], salt: anotherSalt, random: systemRandom })),
  ).toBeUndefined();
  expect(
    open(makeSealer({ secrets: [firstSecret], salt, purpose: "login-state", random: systemRandom })),
  ).toBeUndefined();
});

test("a JWT is verified whatever its expiry", async () => {
  const ring = await loadedRing();
  const jwt = await ring.signer.sign({ exp: 1 }, { typ: "JWT", algorithm: "RS256" });
  expect(await ring.verifier.verify(jwt, "JWT")).toEqual({ exp: 1 });
  await expect(compactVerify(jwt, createLocalJWKSet(JSON.parse(ring.jwks().body.toString())))).resolves.toBeDefined();
});
