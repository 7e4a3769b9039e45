import { createHash, hash, timingSafeEqual } from "node:crypto";

/** SHA-256. For secrets of at least 128 random bits; a password needs argon2id instead. */
export function sha256(value: string | Buffer): Buffer {
  return typeof value === "string" ? hash("sha256", value, "buffer") : createHash("sha256").update(value).digest();
}

/**
 * Compares two values of any length in a time that tells neither their content nor their length: both sides are hashed
 * first. Never pad to equal length instead, which makes "x" and "x\0" equal.
 */
export function equalInConstantTime(left: string | Buffer, right: string | Buffer): boolean {
  return timingSafeEqual(sha256(left), sha256(right));
}

/**
 * The bytes of canonical unpadded base64url, or undefined. Node's own decoder ignores stray characters and unused bits,
 * so that several texts would stand for one value.
 */
export function decodeBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
