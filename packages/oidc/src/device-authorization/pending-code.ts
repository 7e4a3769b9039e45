import { decodeBase64Url, type Random, sha256 } from "@dex/runtime";

const RANDOM_BYTES = 32;

export interface PendingCodes {
  /** A new code, 256 random bits: `value` goes to the client, `hash` is stored. */
  make(random: Random): { readonly value: string; readonly hash: Buffer };
  /** The stored hash of a code, or undefined when the text is none of these (AUT-15). */
  hashOf(text: string): Buffer | undefined;
}

/** What clients poll with while a person decides elsewhere: of one kind, told from others by its prefix. */
export function makePendingCodes(prefix: string): PendingCodes {
  return {
    make(random) {
      const value = prefix + random(RANDOM_BYTES).toString("base64url");
      return { value, hash: sha256(value) };
    },
    hashOf(text) {
      if (!text.startsWith(prefix)) return undefined;
      return decodeBase64Url(text.slice(prefix.length))?.length === RANDOM_BYTES ? sha256(text) : undefined;
    },
  };
}
