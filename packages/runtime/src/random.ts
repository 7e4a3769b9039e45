import { randomBytes } from "node:crypto";

/** Fresh bytes from the operating system's generator. */
export type Random = (byteCount: number) => Buffer;

export const systemRandom: Random = (byteCount) => randomBytes(byteCount);
