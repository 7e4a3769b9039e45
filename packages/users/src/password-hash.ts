// The stored form of a password and what may be read from it. No hashing happens here.

/** OWASP's least for argon2id: 19 MiB, two passes, one lane. */
export const ARGON2_MEMORY_KIB = 19_456;
export const ARGON2_PASSES = 2;
export const ARGON2_LANES = 1;
export const SALT_BYTES = 16;
export const TAG_BYTES = 32;

// What a stored hash may ask of us. The table is ours, but an import is not.
const MAX_MEMORY_KIB = 1_048_576;
const MAX_PASSES = 16;
const MAX_LANES = 16;
const BCRYPT_MIN_COST = 4;
const BCRYPT_MAX_COST = 16;

export interface Argon2idHash {
  readonly kind: "argon2id";
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}
export type ParsedHash = Argon2idHash | { readonly kind: "bcrypt"; readonly text: string };

const ARGON2ID =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** A PHC string of argon2id, or a bcrypt hash; undefined for anything else, and where checking it would cost too much. */
export function parsePasswordHash(text: string): ParsedHash | undefined {
  const argon2 = ARGON2ID.exec(text);
  if (argon2 !== null) {
    const [, memory, passes, lanes, salt = "", tag = ""] = argon2;
    const hash: Argon2idHash = {
      kind: "argon2id",
      memoryKib: Number(memory),
      passes: Number(passes),
      lanes: Number(lanes),
      salt: Buffer.from(salt, "base64"),
      tag: Buffer.from(tag, "base64"),
    };
    // RFC 9106 §3.1: at least 8 KiB for each lane.
    const possible = hash.passes >= 1 && hash.lanes >= 1 && hash.memoryKib >= 8 * hash.lanes && hash.salt.length >= 8;
    const affordable = hash.memoryKib <= MAX_MEMORY_KIB && hash.passes <= MAX_PASSES && hash.lanes <= MAX_LANES;
    return possible && affordable ? hash : undefined;
  }
  const cost = Number(BCRYPT.exec(text)?.[1] ?? "0");
  return cost >= BCRYPT_MIN_COST && cost <= BCRYPT_MAX_COST ? { kind: "bcrypt", text } : undefined;
}

/** PHC string format; base64 without padding. */
export function renderArgon2idHash({ memoryKib, passes, lanes, salt, tag }: Argon2idHash): string {
  const encode = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${encode(salt)}$${encode(tag)}`;
}

/** Whether the hash is of another kind or weaker than what we make today (ACC-7). False where it cannot be read. */
export function needsUpgrade(text: string): boolean {
  const hash = parsePasswordHash(text);
  if (hash === undefined) return false;
  if (hash.kind === "bcrypt") return true;
  return (
    hash.memoryKib < ARGON2_MEMORY_KIB ||
    hash.passes < ARGON2_PASSES ||
    hash.salt.length < SALT_BYTES ||
    hash.tag.length < TAG_BYTES
  );
}

/**
 * The hash of a password nobody has: its tag was drawn, not computed. Checked where there is no user, so that the answer
 * takes as long as for one who is there (ACC-1). Same parameters as `renderArgon2idHash` is given for a new password.
 */
export const DUMMY_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$7mIuWmDwsyV5CCSVkUD5IA$hsYQOkPqIEnCL0QRWRIdtRsNJUIfg1kZxXjOPr5aCXA";
