// Whether one of a client's keys made a signature: RFC 7518 §3, with keys as RFC 7517 §4 describes them.
import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { JsonObject } from "@dex/runtime";
import type { CompactJws } from "./compact-jws.ts";

/** What clients may sign with, RFC 7518 §3.1 and RFC 8037 §3.1. */
export const CLIENT_SIGNING_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"] as const;
export type ClientSigningAlgorithm = (typeof CLIENT_SIGNING_ALGORITHMS)[number];

/** Members of a key that make it what it is, without those that only its owner may know. */
const KEY_MEMBERS = {
  RS256: { kty: "RSA", members: ["n", "e"] },
  PS256: { kty: "RSA", members: ["n", "e"] },
  ES256: { kty: "EC", members: ["crv", "x", "y"] },
  EdDSA: { kty: "OKP", members: ["crv", "x"] },
} as const;
const CURVES: Readonly<Record<string, string>> = { ES256: "P-256", EdDSA: "Ed25519" };

/** Below, a key is weak; above, one signature costs more than a request may. */
export const RSA_BITS = { min: 2048, max: 8192 };
const MAX_RSA_EXPONENT = 2n ** 32n;

/**
 * Keys of the set that a signature of this algorithm can be of. A key with another `kid` than the header's, for another use
 * or of another type is none: a public key never serves as the secret of a MAC (TOK-11).
 */
export function keysFor(
  keys: readonly JsonObject[],
  wanted: { readonly alg: ClientSigningAlgorithm; readonly kid: string | undefined },
): readonly JsonObject[] {
  return keys.filter((key) => {
    const { kty } = KEY_MEMBERS[wanted.alg];
    if (key.kty !== kty || (CURVES[wanted.alg] ?? key.crv) !== key.crv) return false;
    if (wanted.kid !== undefined && key.kid !== undefined && key.kid !== wanted.kid) return false;
    if (key.use !== undefined && key.use !== "sig") return false;
    if (Array.isArray(key.key_ops) && !key.key_ops.includes("verify")) return false;
    return key.alg === undefined || key.alg === wanted.alg || (wanted.alg === "EdDSA" && key.alg === "Ed25519");
  });
}

/** Without a kid each key may have to be tried: a client with more of them must say which one it used. */
const MAX_TRIED = 10;

/** Whether one of these keys, all of them for this algorithm, signed it. */
export function isSignedByOneOf(jws: CompactJws, alg: ClientSigningAlgorithm, keys: readonly JsonObject[]): boolean {
  return signerOf(jws, alg, keys) !== undefined;
}

/** The one of these keys, all of them for this algorithm, that signed it. */
export function signerOf(
  jws: CompactJws,
  alg: ClientSigningAlgorithm,
  keys: readonly JsonObject[],
): JsonObject | undefined {
  return keys.slice(0, MAX_TRIED).find((jwk) => {
    const key = publicKeyOf(jwk, alg);
    return key !== undefined && isSignedBy(jws, alg, key);
  });
}

function publicKeyOf(jwk: JsonObject, alg: ClientSigningAlgorithm): KeyObject | undefined {
  const { kty, members } = KEY_MEMBERS[alg];
  const key = Object.fromEntries([["kty", kty], ...members.map((member) => [member, jwk[member]])]);
  try {
    const made = createPublicKey({ key, format: "jwk" });
    const { modulusLength: bits = RSA_BITS.min, publicExponent = 65_537n } = made.asymmetricKeyDetails ?? {};
    return bits >= RSA_BITS.min && bits <= RSA_BITS.max && publicExponent < MAX_RSA_EXPONENT ? made : undefined;
  } catch {
    return undefined; // the client published what is no key
  }
}

function isSignedBy({ signedText, signature }: CompactJws, alg: ClientSigningAlgorithm, key: KeyObject): boolean {
  const data = Buffer.from(signedText);
  try {
    switch (alg) {
      case "RS256":
        return verify("sha256", data, key, signature);
      case "PS256":
        return verify(
          "sha256",
          data,
          { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SHA256_BYTES },
          signature,
        );
      case "ES256":
        return verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature);
      case "EdDSA":
        return verify(null, data, key, signature);
    }
  } catch {
    return false; // of another length than the key's signatures have
  }
}

const SHA256_BYTES = 32;
