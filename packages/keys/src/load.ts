import { createPublicKey, type webcrypto } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { JsonObject, Sealer } from "@dex/runtime";
import { parsePrivateKey, sealContext, toPublicJwk } from "./generate.ts";
import { UnopenableKeys } from "./plan.ts";
import type { SigningAlgorithm, StoredSigningKey } from "./signing-key.ts";

/** A stored key that was opened, ready to sign and to verify. */
export interface LoadedKey {
  readonly stored: StoredSigningKey;
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicKey: webcrypto.CryptoKey;
  readonly publicJwk: JsonObject;
}

const WEB_CRYPTO: Record<SigningAlgorithm, webcrypto.RsaHashedImportParams | webcrypto.EcKeyImportParams | "Ed25519"> =
  {
    RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    ES256: { name: "ECDSA", namedCurve: "P-256" },
    EdDSA: "Ed25519",
  };

/**
 * Opens a stored key and imports it once, not extractable. The public part is derived from the sealed private one, in
 * every state: whoever can only write to the database cannot publish a key of their own.
 */
export async function loadSigningKey(stored: StoredSigningKey, sealer: Sealer): Promise<LoadedKey> {
  const opened = sealer.open(stored.sealedPrivateKey, sealContext(stored));
  if (opened === undefined) throw new UnopenableKeys([stored.id]);
  const key = parsePrivateKey(opened.plaintext, stored.algorithm);
  opened.plaintext.fill(0);
  if ("problem" in key) throw new Error(`signing key ${stored.id} is refused: ${key.problem}`);
  const publicJwk = toPublicJwk(key);
  if (!isDeepStrictEqual({ ...stored.publicJwk }, publicJwk)) {
    throw new Error(`signing key ${stored.id} is refused: its stored public part does not belong to its private part`);
  }
  const algorithm = WEB_CRYPTO[stored.algorithm];
  return {
    stored,
    publicJwk,
    privateKey: key.toCryptoKey(algorithm, false, ["sign"]),
    publicKey: createPublicKey(key).toCryptoKey(algorithm, true, ["verify"]),
  };
}
