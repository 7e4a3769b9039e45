import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { type Json, type JsonObject, type KeySecrets, makeSealer, type Random, type Sealer } from "@dex/runtime";
import type { SigningAlgorithm, StoredSigningKey } from "./signing-key.ts";

const KID_BYTES = 20;
const RSA_BITS = 2048;
const RSA_EXPONENT = 65_537;

const generate = promisify(generateKeyPair);

/** Seals private signing keys. `salt` lives in the database, the secrets do not: each alone opens nothing. */
export function makeSigningKeySealer(parts: { secrets: KeySecrets; salt: Buffer; random: Random }): Sealer {
  return makeSealer({ ...parts, purpose: "signing-key" });
}

/** What a sealed private key is bound to: it cannot be moved to the row of another key or algorithm. */
export function sealContext(key: { id: string; algorithm: SigningAlgorithm }): string {
  return `${key.id} ${key.algorithm}`;
}

/**
 * Makes a key in the state "next" or "active". RSA takes a good part of a second, on a thread of libuv's pool: call this
 * before the transaction that stores the key, never inside it.
 */
export async function generateSigningKey(parts: {
  algorithm: SigningAlgorithm;
  state: "next" | "active";
  sealer: Sealer;
  random: Random;
  now: Date;
}): Promise<StoredSigningKey> {
  const { algorithm, state, now } = parts;
  const privateKey = await generatePrivateKey(algorithm);
  const id = parts.random(KID_BYTES).toString("hex");
  const der = privateKey.export({ format: "der", type: "pkcs8" });
  const sealedPrivateKey = parts.sealer.seal(der, sealContext({ id, algorithm }));
  der.fill(0);
  return {
    id,
    algorithm,
    state,
    publicJwk: toPublicJwk(privateKey),
    sealedPrivateKey,
    createdAt: now,
    activatedAt: state === "active" ? now : undefined,
    retiredAt: undefined,
  };
}

async function generatePrivateKey(algorithm: SigningAlgorithm): Promise<KeyObject> {
  switch (algorithm) {
    case "RS256":
      return (await generate("rsa", { modulusLength: RSA_BITS, publicExponent: RSA_EXPONENT })).privateKey;
    case "ES256":
      return (await generate("ec", { namedCurve: "P-256" })).privateKey;
    case "EdDSA":
      return (await generate("ed25519")).privateKey;
  }
}

/** The private key in `der`, or why it may not sign as `algorithm` (RFC 7518 §3.3, §3.4, RFC 8037 §3.1). */
export function parsePrivateKey(der: Buffer, algorithm: SigningAlgorithm): KeyObject | { problem: string } {
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const type = key.asymmetricKeyType;
  const details = key.asymmetricKeyDetails;
  switch (algorithm) {
    case "RS256":
      if (type !== "rsa") break;
      if ((details?.modulusLength ?? 0) < RSA_BITS) return { problem: `its RSA modulus is below ${RSA_BITS} bits` };
      if (details?.publicExponent !== BigInt(RSA_EXPONENT)) return { problem: `its exponent is not ${RSA_EXPONENT}` };
      return key;
    case "ES256":
      if (type === "ec" && details?.namedCurve === "prime256v1") return key;
      break;
    case "EdDSA":
      if (type === "ed25519") return key;
      break;
  }
  return { problem: `it is a key of another kind (${type ?? "unknown"}) than ${algorithm} needs` };
}

const PUBLIC_MEMBERS = ["kty", "crv", "n", "e", "x", "y"] as const;

/** The public members of RFC 7517, RFC 7518 §6 and RFC 8037 §2, picked by name: nothing private can slip through. */
export function toPublicJwk(privateKey: KeyObject): JsonObject {
  const exported: Readonly<Record<string, unknown>> = createPublicKey(privateKey).export({ format: "jwk" });
  const jwk: Record<string, Json> = {};
  for (const member of PUBLIC_MEMBERS) {
    const value = exported[member];
    if (typeof value === "string") jwk[member] = value;
  }
  return jwk;
}
