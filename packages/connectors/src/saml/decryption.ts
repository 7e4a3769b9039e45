// Encrypted assertions: an RSA-OAEP key around an AES key. Not through a library that also takes what XML encryption began
// with: PKCS #1 v1.5, and CBC whose text anybody can change, tell those who can ask often enough what is inside.
import { constants, createDecipheriv, type KeyObject, privateDecrypt } from "node:crypto";
import type { Element } from "@xmldom/xmldom";
import { invalidAnswer } from "../login-refused.ts";
import { DSIG, XENC, XENC11 } from "./names.ts";
import {
  attribute,
  childrenNamed,
  decodeBase64,
  parseStrictXml,
  plainText,
  requiredChild,
  type StrictXml,
  soleChild,
} from "./strict-xml.ts";

const TAG_BYTES = 16;
const CONTENT_ALGORITHMS = new Map([
  [`${XENC11}aes128-gcm`, { cipher: "aes-128-gcm", keyBytes: 16, ivBytes: 12 }],
  [`${XENC11}aes192-gcm`, { cipher: "aes-192-gcm", keyBytes: 24, ivBytes: 12 }],
  [`${XENC11}aes256-gcm`, { cipher: "aes-256-gcm", keyBytes: 32, ivBytes: 12 }],
  [`${XENC}aes128-cbc`, { cipher: "aes-128-cbc", keyBytes: 16, ivBytes: 16 }],
  [`${XENC}aes192-cbc`, { cipher: "aes-192-cbc", keyBytes: 24, ivBytes: 16 }],
  [`${XENC}aes256-cbc`, { cipher: "aes-256-cbc", keyBytes: 32, ivBytes: 16 }],
] as const);
/** Digests of OAEP, where SHA-1 has none of the weaknesses that matter for signatures. */
const OAEP_DIGESTS = new Map([
  [`${DSIG}sha1`, "sha1"],
  [`${XENC}sha256`, "sha256"],
  [`${XENC}sha512`, "sha512"],
]);
const MASK_DIGESTS = new Map([
  [`${XENC11}mgf1sha1`, "sha1"],
  [`${XENC11}mgf1sha256`, "sha256"],
  [`${XENC11}mgf1sha512`, "sha512"],
]);

/**
 * The document inside of an EncryptedAssertion. `integrity`: whether a verified signature covers what is decrypted; only
 * then is CBC taken. Throws LoginRefused, for whatever reason in the same words.
 */
export function decryptAssertion(encrypted: Element, key: KeyObject, integrity: "signed" | "unsigned"): StrictXml {
  const data = requiredChild(encrypted, XENC, "EncryptedData");
  const name = attribute(requiredChild(data, XENC, "EncryptionMethod"), "Algorithm") ?? "";
  const algorithm = CONTENT_ALGORITHMS.get(name as Parameters<typeof CONTENT_ALGORITHMS.get>[0]);
  if (algorithm === undefined) throw invalidAnswer(`encryption "${name.slice(0, 100)}" is not accepted`);
  if (algorithm.cipher.endsWith("cbc") && integrity === "unsigned") {
    throw invalidAnswer("CBC encryption is only accepted in a signed response");
  }
  const contentKey = decryptKey(findEncryptedKey(encrypted, data), key);
  if (contentKey?.length !== algorithm.keyBytes) throw notDecrypted();
  const plain = decryptContent(algorithm, contentKey, cipherValueOf(data));
  if (plain === undefined) throw notDecrypted();
  return parseStrictXml(plain);
}

function notDecrypted() {
  return invalidAnswer("the assertion cannot be decrypted with the configured key");
}

/** Inside of KeyInfo, or beside the data (SAML core §2.3.4). Exactly one: with a choice, others would choose. */
function findEncryptedKey(encrypted: Element, data: Element): Element {
  const keyInfo = soleChild(data, DSIG, "KeyInfo");
  const inside = keyInfo === undefined ? [] : childrenNamed(keyInfo, XENC, "EncryptedKey");
  const [found, ...others] = [...inside, ...childrenNamed(encrypted, XENC, "EncryptedKey")];
  if (found === undefined || others.length > 0)
    throw invalidAnswer("EncryptedAssertion holds other than one EncryptedKey");
  return found;
}

function cipherValueOf(element: Element): Buffer {
  const value = requiredChild(requiredChild(element, XENC, "CipherData"), XENC, "CipherValue");
  return decodeBase64(plainText(value), "CipherValue");
}

function decryptKey(encryptedKey: Element, key: KeyObject): Buffer | undefined {
  const method = requiredChild(encryptedKey, XENC, "EncryptionMethod");
  const algorithm = attribute(method, "Algorithm");
  const digestName = attributeOf(soleChild(method, DSIG, "DigestMethod")) ?? `${DSIG}sha1`;
  const maskName = attributeOf(soleChild(method, XENC11, "MGF")) ?? `${XENC11}mgf1sha1`;
  const digest = OAEP_DIGESTS.get(digestName);
  const mask = algorithm === `${XENC}rsa-oaep-mgf1p` ? "sha1" : MASK_DIGESTS.get(maskName);
  const oaep = algorithm === `${XENC}rsa-oaep-mgf1p` || algorithm === `${XENC11}rsa-oaep`;
  // ASSUMES: nobody mixes two digests; Node's OAEP has one for both.
  if (!oaep || digest === undefined || digest !== mask || soleChild(method, XENC, "OAEPparams") !== undefined) {
    throw invalidAnswer(`key encryption "${String(algorithm).slice(0, 100)}" is not accepted in this form`);
  }
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    return privateDecrypt({ key, padding, oaepHash: digest }, cipherValueOf(encryptedKey));
  } catch {
    return undefined;
  }
}

function attributeOf(element: Element | undefined): string | undefined {
  return element === undefined ? undefined : attribute(element, "Algorithm");
}

type ContentAlgorithm = typeof CONTENT_ALGORITHMS extends Map<string, infer Algorithm> ? Algorithm : never;

function decryptContent({ cipher, ivBytes }: ContentAlgorithm, key: Buffer, data: Buffer): Buffer | undefined {
  const iv = data.subarray(0, ivBytes);
  try {
    if (cipher === "aes-128-cbc" || cipher === "aes-192-cbc" || cipher === "aes-256-cbc") {
      // XML encryption §5.2: only the last byte of the padding says anything.
      const decipher = createDecipheriv(cipher, key, iv).setAutoPadding(false);
      const padded = Buffer.concat([decipher.update(data.subarray(ivBytes)), decipher.final()]);
      const padding = padded.at(-1) ?? 0;
      return padding >= 1 && padding <= ivBytes ? padded.subarray(0, padded.length - padding) : undefined;
    }
    const decipher = createDecipheriv(cipher, key, iv, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
    return Buffer.concat([decipher.update(data.subarray(ivBytes, data.length - TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}
