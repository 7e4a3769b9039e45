import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type Random, systemRandom } from "@dex/runtime";
import { Piscina } from "piscina";
import { SALT_BYTES } from "./password-hash.ts";
import { PASSWORD_MAX_BYTES } from "./password-text.ts";
import type { ThreadTask } from "./password-thread.ts";

/** ASSUMES: one hash takes about this long on one thread. Only Retry-After rests on it. */
const HASH_SECONDS = 0.1;
const EXTRA_QUEUE = 16;
const IDLE_MILLISECONDS = 30_000;

/** Every hashing thread is busy and the queue is full: answer 503 with Retry-After (ACC-7). */
export class HasherBusy extends Error {
  override readonly name = "HasherBusy";
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super("too many passwords are being hashed at once");
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface PasswordHasher {
  /** A new argon2id hash, as a PHC string. Throws HasherBusy, and RangeError beyond 1024 bytes. */
  hash(password: string): Promise<string>;
  /**
   * Whether `password` is the one behind `hash` (argon2id or bcrypt). A hash that cannot be read matches nothing and
   * takes as long as one that can. Throws HasherBusy.
   */
  verify(password: string, hash: string): Promise<boolean>;
  /** Whether these bytes, of any value, are behind a bcrypt hash. False beyond the 72 that bcrypt reads. Throws HasherBusy. */
  verifyBytes(secret: Uint8Array, hash: string): Promise<boolean>;
  /** Waits for what was begun, then ends the threads. */
  close(): Promise<void>;
}

/**
 * Hashes in threads of its own, at most one per core but one, so that a flood of sign-ins slows sign-ins alone. At most
 * `maxQueue` more may wait; by default twice the threads and sixteen.
 */
export function makePasswordHasher(
  options: { threads?: number; maxQueue?: number; threadFile?: URL; random?: Random } = {},
): PasswordHasher {
  const threads = options.threads ?? Math.max(1, availableParallelism() - 1);
  const maxQueue = options.maxQueue ?? 2 * threads + EXTRA_QUEUE;
  const random = options.random ?? systemRandom;
  const threadFile = options.threadFile ?? new URL("./password-thread.ts", import.meta.url);
  const pool = new Piscina<ThreadTask, string | boolean>({
    filename: fileURLToPath(threadFile),
    name: "runTask",
    minThreads: 0,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    stricterFIFO: true, // else whoever could not be placed at once goes to the end of the queue, again and again
    idleTimeout: IDLE_MILLISECONDS,
    recordTiming: false,
  });
  let begun = 0;

  // Counted here rather than by the pool, which tells a full queue from a failure only by its message.
  async function run(task: ThreadTask): Promise<string | boolean> {
    if (begun >= threads + maxQueue) throw new HasherBusy(Math.max(1, Math.ceil((begun * HASH_SECONDS) / threads)));
    begun += 1;
    try {
      return await pool.run(task);
    } finally {
      begun -= 1;
    }
  }

  return {
    async hash(password) {
      if (isTooLong(password)) throw new RangeError(`a password has at most ${PASSWORD_MAX_BYTES} bytes`);
      const hash = await run({ kind: "hash", password, salt: random(SALT_BYTES) });
      if (typeof hash !== "string") throw new Error("the hashing thread gave no hash");
      return hash;
    },
    async verify(password, hash) {
      return isTooLong(password) ? false : (await run({ kind: "verify", password, hash })) === true;
    },
    verifyBytes: async (secret, hash) => (await run({ kind: "verify bytes", secret, hash })) === true,
    close: () => pool.close(),
  };
}

/** Of the text as it came. Normalisation can lengthen it, by a bounded factor, and the policy looks at that. */
function isTooLong(password: string): boolean {
  return password.length > PASSWORD_MAX_BYTES || Buffer.byteLength(password) > PASSWORD_MAX_BYTES;
}
