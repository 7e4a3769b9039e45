// Runs in a thread of its own. Everything here is synchronous on purpose: the asynchronous forms would take the threads
// of libuv, which sign tokens.
import { argon2Sync, timingSafeEqual } from "node:crypto";
import bcrypt from "bcryptjs";
import {
  ARGON2_LANES,
  ARGON2_MEMORY_KIB,
  ARGON2_PASSES,
  type Argon2idHash,
  DUMMY_HASH,
  parsePasswordHash,
  renderArgon2idHash,
  TAG_BYTES,
} from "./password-hash.ts";
import { normalizePassword } from "./password-text.ts";

/** bcrypt reads no further; what a longer password has in common with another must not make it the same one. */
const BCRYPT_MAX_BYTES = 72;

export type ThreadTask =
  | { readonly kind: "hash"; readonly password: string; readonly salt: Uint8Array }
  | { readonly kind: "verify"; readonly password: string; readonly hash: string };

/** A new hash gives a PHC string, a check gives true or false. */
export function runTask(task: ThreadTask): string | boolean {
  return task.kind === "hash" ? hashPassword(task.password, task.salt) : verifyPassword(task.password, task.hash);
}

function hashPassword(password: string, salt: Uint8Array): string {
  const parameters = {
    kind: "argon2id",
    memoryKib: ARGON2_MEMORY_KIB,
    passes: ARGON2_PASSES,
    lanes: ARGON2_LANES,
    salt: Buffer.from(salt),
    tag: Buffer.alloc(TAG_BYTES),
  } as const;
  return renderArgon2idHash({ ...parameters, tag: argon2Tag(password, parameters) });
}

function verifyPassword(password: string, text: string): boolean {
  const hash = parsePasswordHash(text);
  // A record that can never match, such as that of a user without a password yet, costs as much as one that can.
  if (hash === undefined) {
    verifyPassword(password, DUMMY_HASH);
    return false;
  }
  if (hash.kind === "argon2id") return timingSafeEqual(argon2Tag(password, hash), hash.tag);
  // Imported hashes were made of the bytes as typed, without normalisation. A NUL ends or repeats bcrypt's key.
  const usable = Buffer.byteLength(password) <= BCRYPT_MAX_BYTES && !password.includes("\0");
  return bcrypt.compareSync(usable ? password : "", hash.text) && usable;
}

function argon2Tag(password: string, hash: Argon2idHash): Buffer {
  return argon2Sync("argon2id", {
    message: normalizePassword(password),
    nonce: hash.salt,
    memory: hash.memoryKib,
    passes: hash.passes,
    parallelism: hash.lanes,
    tagLength: hash.tag.length,
  });
}
