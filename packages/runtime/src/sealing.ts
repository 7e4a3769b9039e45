// AES-256-GCM under rotating secrets. Several secrets may be given: the first one seals, each of them opens, so that a
// secret is replaced by putting the new one first, waiting until nothing old is left, and dropping the last.
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import type { Random } from "./random.ts";
import type { Secret } from "./secret.ts";

export const KEY_SECRET_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** An ordered list of 32-byte secrets: the first one seals, all of them open. */
export type KeySecrets = readonly Secret<Buffer>[];

export interface Sealer {
  /** Seals `plaintext`; `context` is bound to it and must be given again to open it. */
  seal(plaintext: Buffer, context: string): Buffer;
  /** The plaintext, or undefined when it was not sealed by one of the secrets, for this purpose and this context. */
  open(sealed: Buffer, context: string): OpenedSeal | undefined;
}

export interface OpenedSeal {
  readonly plaintext: Buffer;
  /** False when an older secret than the first had sealed it: time to seal it again. */
  readonly underFirstSecret: boolean;
}

/**
 * A key for this purpose from each secret, in their order; see makeSealer. Made once: making the key object takes longer
 * than using it.
 */
export function deriveKeys(parts: {
  secrets: KeySecrets;
  salt: Buffer;
  purpose: string;
}): readonly [KeyObject, ...KeyObject[]] {
  const [first, ...others] = parts.secrets.map((secret) =>
    createSecretKey(
      Buffer.from(hkdfSync("sha256", secret.reveal(), parts.salt, `dex ${parts.purpose}`, KEY_SECRET_BYTES)),
    ),
  );
  if (first === undefined) throw new Error("at least one key secret is required, found none");
  return [first, ...others];
}

/**
 * Derives a key of its own for each purpose from each secret and `salt` (HKDF-SHA256, RFC 5869), so that what is sealed
 * for one purpose never opens for another. With a salt that lives in the database, neither a stolen secret nor a stolen
 * database seals or opens anything alone.
 */
export function makeSealer(parts: { secrets: KeySecrets; salt: Buffer; purpose: string; random: Random }): Sealer {
  const { random, purpose } = parts;
  const keys = deriveKeys(parts);
  const [first] = keys;
  return {
    seal(plaintext, context) {
      const nonce = random(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", first, nonce);
      cipher.setAAD(Buffer.from(`${purpose}\0${context}`));
      return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, context) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
      for (const [index, key] of keys.entries()) {
        const plaintext = openWith(key, sealed, `${purpose}\0${context}`);
        if (plaintext !== undefined) return { plaintext, underFirstSecret: index === 0 };
      }
      return undefined;
    },
  };
}

function openWith(key: KeyObject, sealed: Buffer, associatedData: string): Buffer | undefined {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(associatedData));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch {
    return undefined; // the tag does not fit: another secret, or not ours
  }
}
