// Whether a key that somebody wants to register for a client is one that will prove it: RFC 7517, RFC 7518 §3.
import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import type { JsonObject } from "@dex/runtime";
import { certificateIn } from "../mutual-tls/client-certificate.ts";
import { thumbprintOf } from "../sender-constraint/jwk-thumbprint.ts";
import { idOfKey } from "./key-ids.ts";
import { isPrivate } from "./key-metadata.ts";
import { CLIENT_SIGNING_ALGORITHMS, keysFor, RSA_BITS } from "./verify-jws.ts";

/** Why the key is of no use, or must not be here; undefined where it is good. Certificates are good until they end. */
export function problemInKey(key: JsonObject, now: Date): string | undefined {
  if (isPrivate(key)) return "is private: only its owner may have it, so replace it there and name the public one";
  const found = publicKeyIn(key);
  if (found === undefined) return "is no public key: expected a JWK (RFC 7517) of RSA, P-256 or Ed25519";
  const { modulusLength: bits = RSA_BITS.min } = found.asymmetricKeyDetails ?? {};
  if (bits < RSA_BITS.min) return `is weak: ${bits} bits, expected at least ${RSA_BITS.min}`;
  if (bits > RSA_BITS.max) return `is larger than a signature may cost: ${bits} bits, expected at most ${RSA_BITS.max}`;
  const certificate = certificateIn(key);
  if (certificate !== undefined) return problemInCertificate(certificate, key, now);
  if (key.use === "enc" || isForSigning(key)) return undefined;
  return "fits nothing that clients sign with: expected RSA, P-256 or Ed25519, with use sig, or use enc";
}

/** The same of all keys of a client, each by itself and beside the others. */
export function problemInKeys(keys: readonly JsonObject[], now: Date): string | undefined {
  for (const [index, key] of keys.entries()) {
    const before = keys.slice(0, index);
    const problem = problemInKey(key, now) ?? duplicateIn(before, key);
    if (problem !== undefined) return `${describeKey(key, index)} ${problem}`;
  }
  return undefined;
}

/** Why the key cannot stand beside these. A kid that two have would not say which one signed (RFC 7517 §4.5). */
export function duplicateIn(keys: readonly JsonObject[], key: JsonObject): string | undefined {
  if (key.kid !== undefined && keys.some(({ kid }) => kid === key.kid)) return "has the kid of another one";
  const id = idOfKey(key);
  return id !== undefined && keys.some((one) => idOfKey(one) === id) ? "is there already" : undefined;
}

/** Whether a client can sign with the private half, as far as the key says what it is for. */
export function isForSigning(key: JsonObject): boolean {
  return CLIENT_SIGNING_ALGORITHMS.some((alg) => keysFor([key], { alg, kid: undefined }).length > 0);
}

/** The certificate that the key comes with, where it can be read. */
export function readCertificateIn(key: JsonObject): X509Certificate | undefined {
  const text = certificateIn(key);
  try {
    return text === undefined ? undefined : new X509Certificate(Buffer.from(text, "base64"));
  } catch {
    return undefined; // whoever registered it wrote something else
  }
}

/** What public key there is in a JWK. */
export function publicKeyIn(key: JsonObject): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...key }, format: "jwk" });
  } catch {
    return undefined; // no key of a kind that we know
  }
}

function problemInCertificate(text: string, key: JsonObject, now: Date): string | undefined {
  const certificate = readCertificateIn(key);
  if (certificate === undefined || certificate.raw.toString("base64") !== text) {
    return "comes with an x5c that is no certificate in base64 (RFC 7517 section 4.7)";
  }
  // RFC 7517 §4.7: what Node exports as a JWK is JSON.
  if (thumbprintOf(certificate.publicKey.export({ format: "jwk" }) as JsonObject) !== thumbprintOf(key)) {
    return "comes with a certificate of another key (RFC 7517 section 4.7)";
  }
  if (certificate.validToDate <= now)
    return `is over: its certificate ended at ${certificate.validToDate.toISOString()}`;
  return undefined;
}

function describeKey({ kid }: JsonObject, index: number): string {
  return typeof kid === "string" ? `the key ${JSON.stringify(kid.slice(0, 60))}` : `key number ${index + 1}`;
}
