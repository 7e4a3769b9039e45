import { randomFillSync } from "node:crypto";

/** Fresh bytes from the operating system's generator. */
export type Random = (byteCount: number) => Buffer;

const POOL_BYTES = 4096;

/** Takes from the system in one call what many small values need; a byte is handed out once and wiped from the pool. */
export const systemRandom: Random = makePooledRandom();

function makePooledRandom(): Random {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  let used = POOL_BYTES;
  return (byteCount) => {
    if (byteCount > POOL_BYTES) return randomFillSync(Buffer.allocUnsafeSlow(byteCount));
    if (used + byteCount > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const taken = pool.subarray(used, used + byteCount);
    used += byteCount;
    const bytes = Buffer.from(taken);
    taken.fill(0);
    return bytes;
  };
}
