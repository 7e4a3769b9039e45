// The code that a device shows and a person types, RFC 8628 §6.1.
import { createHmac } from "node:crypto";
import { deriveKeys, type KeySecrets, type Random } from "@dex/runtime";

/** Without vowels, so that no words come about, and without letters that another one is taken for (RFC 8628 §6.1). */
export const USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";
/** As a rule, and where so many are live that the short ones could be guessed. */
export const USER_CODE_LENGTHS = { short: 8, long: 12 } as const;

const MAX_TYPED_LENGTH = 64;
/** What stands between the groups, or is taken for it: white space and every dash that a keyboard or a document has. */
const SEPARATORS = /[\s\u200b\u2060._\-\u2010-\u2015\u2212\uff0d]+/gu;
/** Digits that look like one letter of the alphabet and like no other. A 0 could be a D or a Q, a 1 an L or a J. */
const TAKEN_FOR: Readonly<Record<string, string>> = { "8": "B", "6": "G", "5": "S", "2": "Z" };

/** The letters of a user code, without hyphens. Made by newUserCode and parseUserCode alone. */
export type UserCode = string & { readonly userCode: unique symbol };

/** A new code: every letter is as likely as any other. */
export function newUserCode(length: number, random: Random): UserCode {
  const letters = USER_CODE_ALPHABET.length;
  // Bytes beyond the last whole multiple would favour the first letters.
  const fair = 256 - (256 % letters);
  let text = "";
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < fair && text.length < length) text += USER_CODE_ALPHABET.charAt(byte % letters);
    }
  }
  return text as UserCode;
}

/** The code as people see it: groups of four. */
export function renderUserCode(code: UserCode): string {
  return (code.match(/.{1,4}/g) ?? []).join("-");
}

/**
 * The code that was typed: in any case, with separators anywhere or none, and with digits for the letters that they are
 * mistaken for. Undefined when it cannot be one, which then is no guess either.
 */
export function parseUserCode(typed: string): UserCode | undefined {
  if (typed.length > MAX_TYPED_LENGTH) return undefined;
  const bare = typed.replace(SEPARATORS, "");
  // ASCII alone: upper case of other letters may be letters of ours, which nobody was shown.
  if (!/^[A-Za-z0-9]+$/.test(bare)) return undefined;
  const letters = [...bare.toUpperCase()].map((letter) => TAKEN_FOR[letter] ?? letter);
  const lengths: readonly number[] = Object.values(USER_CODE_LENGTHS);
  if (!lengths.includes(letters.length)) return undefined;
  return letters.every((letter) => USER_CODE_ALPHABET.includes(letter)) ? (letters.join("") as UserCode) : undefined;
}

export interface UserCodeHashes {
  /** What is stored of a new code. */
  of(code: UserCode): Buffer;
  /** What may be stored of a code, under each key secret there is. */
  all(code: UserCode): readonly Buffer[];
}

/** So few letters can be tried out against a plain hash in seconds: without the key secrets the table tells nothing. */
export function makeUserCodeHashes(parts: { secrets: KeySecrets; salt: Buffer }): UserCodeHashes {
  const keys = deriveKeys({ ...parts, purpose: "device-user-code" });
  const [first] = keys;
  const under = (key: typeof first, code: UserCode) => createHmac("sha256", key).update(code).digest();
  return { of: (code) => under(first, code), all: (code) => keys.map((key) => under(key, code)) };
}
