// Runs in a thread of its own. Nothing here uses node:crypto's asynchronous forms, on purpose: they would take the threads
// of libuv, which sign tokens.
import { argon2Sync, timingSafeEqual } from "node:crypto";
import { bcryptVerify } from "hash-wasm";
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
  | { readonly kind: "verify"; readonly password: string; readonly hash: string }
  | { readonly kind: "verify bytes"; readonly secret: Uint8Array; readonly hash: string };

/** A new hash gives a PHC string, a check gives true or false. */
export async function runTask(task: ThreadTask): Promise<string | boolean> {
  switch (task.kind) {
    case "hash":
      return hashPassword(task.password, task.salt);
    case "verify":
      return verifyPassword(task.password, task.hash);
    case "verify bytes":
      return verifyBytes(task.secret, task.hash);
  }
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

async function verifyPassword(password: string, text: string): Promise<boolean> {
  const hash = parsePasswordHash(text);
  // A record that can never match, such as that of a user without a password yet, costs as much as one that can.
  if (hash === undefined) {
    await verifyPassword(password, DUMMY_HASH);
    return false;
  }
  if (hash.kind === "argon2id") return timingSafeEqual(argon2Tag(password, hash), hash.tag);
  // Imported hashes were made of the bytes as typed, without normalisation. A NUL ends or repeats bcrypt's key.
  const usable = Buffer.byteLength(password) <= BCRYPT_MAX_BYTES && !password.includes("\0");
  return (await matchesBcrypt(Buffer.from(usable ? password : ""), hash.text)) && usable;
}

/** Of a bcrypt hash only. NUL is a byte like any other here: what was hashed is random. */
async function verifyBytes(secret: Uint8Array, text: string): Promise<boolean> {
  const hash = parsePasswordHash(text);
  return hash?.kind === "bcrypt" && secret.length <= BCRYPT_MAX_BYTES && (await matchesBcrypt(secret, hash.text));
}

function matchesBcrypt(secret: Uint8Array, hash: string): Promise<boolean> {
  // bcrypt's key is the secret and a NUL, over and over, so that no bytes and one NUL are the same to it; the library
  // refuses the former.
  return bcryptVerify({ password: secret.length === 0 ? new Uint8Array(1) : secret, hash });
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
