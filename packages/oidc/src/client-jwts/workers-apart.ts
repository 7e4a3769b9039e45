import { addSeconds } from "@dex/runtime";

/** How far the clocks of two of our processes may be apart. */
export const WORKERS_APART_SECONDS = 10;

/**
 * Until when the use of something that expires is remembered. The process that forgets may be ahead of the worker that would
 * still take it.
 */
export function rememberedUntil(expiry: Date): Date {
  return addSeconds(expiry, WORKERS_APART_SECONDS);
}
