// Which of a client's keys we encrypt to. The choice is ours to make from what the client published; RFC 7517 §4 says what
// each member of a key rules out.
import { createPublicKey } from "node:crypto";
import type { JsonObject } from "@dex/runtime";
import type { ClientDetails, CONTENT_ENCRYPTIONS, ENCRYPTION_ALGORITHMS } from "./client-details.ts";

/** How a client wants to be told something that nobody else can read: JWE `alg` and `enc`, RFC 7516 §4.1. */
export interface ResponseEncryption {
  readonly alg: (typeof ENCRYPTION_ALGORITHMS)[number];
  readonly enc: (typeof CONTENT_ENCRYPTIONS)[number];
}

/** What is encrypted where the client names no `enc`, OIDC Registration §2. */
const DEFAULT_ENC = "A128CBC-HS256";
const MIN_RSA_BITS = 2048;

/** How the client registered to get its ID tokens; undefined: signed alone. */
export function idTokenEncryptionOf(details: ClientDetails): ResponseEncryption | undefined {
  return encryptionOf(details.id_token_encrypted_response_alg, details.id_token_encrypted_response_enc);
}

/** How the client registered to get answers of the userinfo endpoint; undefined: not encrypted. */
export function userinfoEncryptionOf(details: ClientDetails): ResponseEncryption | undefined {
  return encryptionOf(details.userinfo_encrypted_response_alg, details.userinfo_encrypted_response_enc);
}

/** How the client registered to get signed answers of the introspection endpoint, RFC 9701 §6; undefined: not encrypted. */
export function introspectionEncryptionOf(details: ClientDetails): ResponseEncryption | undefined {
  return encryptionOf(details.introspection_encrypted_response_alg, details.introspection_encrypted_response_enc);
}

/** How the client registered to get JWTs of the authorization endpoint, JARM §3; undefined: signed alone. */
export function responseEncryptionOf(details: ClientDetails): ResponseEncryption | undefined {
  return encryptionOf(details.authorization_encrypted_response_alg, details.authorization_encrypted_response_enc);
}

function encryptionOf(
  alg: ResponseEncryption["alg"] | undefined,
  enc: ResponseEncryption["enc"] | undefined,
): ResponseEncryption | undefined {
  return alg === undefined ? undefined : { alg, enc: enc ?? DEFAULT_ENC };
}

/** The first key of the set that can be encrypted to with this algorithm, or undefined. */
export function findEncryptionKey(keys: readonly JsonObject[], alg: ResponseEncryption["alg"]): JsonObject | undefined {
  const usable = keys.filter((key) => problemOf(key, alg) === undefined);
  // A key that says what it is for comes before one that is for anything.
  return usable.find((key) => key.use === "enc") ?? usable[0];
}

/**
 * What is wrong with the encryption that a client describes, OIDC Registration §2 and §10.2: `member` is at fault. Undefined
 * when nothing is, as far as can be told without fetching its jwks_uri.
 */
export function encryptionProblemIn(
  details: ClientDetails,
): { readonly member: string; readonly reason: string } | undefined {
  for (const kind of ["id_token", "userinfo", "introspection", "authorization"] as const) {
    const alg = details[`${kind}_encrypted_response_alg`];
    if (alg === undefined) {
      if (details[`${kind}_encrypted_response_enc`] === undefined) continue;
      return { member: `${kind}_encrypted_response_enc`, reason: `needs ${kind}_encrypted_response_alg` };
    }
    const problem = keysProblem(details, alg);
    if (problem !== undefined) return { member: "jwks", reason: problem };
  }
  return undefined;
}

function keysProblem({ jwks, jwks_uri }: ClientDetails, alg: ResponseEncryption["alg"]): string | undefined {
  if (jwks === undefined) return jwks_uri === undefined ? `${alg} needs a key, here or at jwks_uri` : undefined;
  if (findEncryptionKey(jwks.keys, alg) !== undefined) return undefined;
  const found = jwks.keys.map((key, index) => `${nameOf(key, index)} ${problemOf(key, alg)}`).slice(0, 5);
  return found.length === 0 ? `${alg} needs a key, and jwks holds none` : `${alg} has no key: ${found.join("; ")}`;
}

function nameOf({ kid }: JsonObject, index: number): string {
  return typeof kid === "string" ? `key ${JSON.stringify(kid.slice(0, 60))}` : `key number ${index + 1}`;
}

/** Why the key cannot be encrypted to, in a few words. */
function problemOf(jwk: JsonObject, alg: ResponseEncryption["alg"]): string | undefined {
  if (jwk.use !== undefined && jwk.use !== "enc") return "is not for encryption";
  if (jwk.alg !== undefined && jwk.alg !== alg) return "is for another algorithm";
  const operations = alg === "RSA-OAEP-256" ? ["encrypt", "wrapKey"] : ["deriveKey", "deriveBits"];
  // The public half of a key that derives may list nothing at all, RFC 7517 §4.3.
  if (Array.isArray(jwk.key_ops) && jwk.key_ops.length > 0 && !operations.some((one) => listed(jwk.key_ops, one))) {
    return "is not for encryption";
  }
  if (["d", "p", "q", "k"].some((member) => jwk[member] !== undefined)) return "holds what only the client may know";
  return materialProblem(jwk, alg);
}

function listed(list: unknown, one: string): boolean {
  return Array.isArray(list) && list.includes(one);
}

const CURVES = ["P-256", "P-384", "P-521", "X25519"];

function materialProblem(jwk: JsonObject, alg: ResponseEncryption["alg"]): string | undefined {
  const wanted = alg === "RSA-OAEP-256" ? jwk.kty === "RSA" : jwk.kty === "EC" || jwk.kty === "OKP";
  if (!wanted) return "is of another type";
  if (jwk.kty !== "RSA" && !CURVES.includes(String(jwk.crv))) return "is on another curve";
  try {
    const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
    if (jwk.kty !== "RSA") return undefined;
    const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
    if (modulusLength < MIN_RSA_BITS) return `is shorter than ${MIN_RSA_BITS} bits`; // JWT-6
    return publicExponent < 65_537n ? "has a small exponent" : undefined;
  } catch {
    return "is not a key";
  }
}
