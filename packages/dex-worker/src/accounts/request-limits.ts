import type { FailureCounter } from "@dex/oidc";

/** How many times `key` may be used in a window. */
export interface RequestLimit {
  readonly key: string;
  readonly times: number;
  readonly windowSeconds: number;
}

/** Counts one use of each limit, up to the first that is exceeded: then the seconds to wait. */
export type CountRequest = (limits: readonly RequestLimit[], now: Date) => Promise<number | undefined>;

/** How long to wait, in words that end a sentence: by the second while somebody might count them. */
export function renderWait(seconds: number): string {
  if (seconds <= 90) return seconds === 1 ? "in a second" : `in ${seconds} seconds`;
  return `in ${Math.ceil(seconds / 60)} minutes`;
}

export function countWithin(failures: FailureCounter): CountRequest {
  return async (limits, now) => {
    for (const { key, times, windowSeconds } of limits) {
      const { failures: used, windowEndsAt } = await failures.count(key, windowSeconds, now);
      if (used > times) return Math.max(1, Math.ceil((windowEndsAt.getTime() - now.getTime()) / 1000));
    }
    return undefined;
  };
}
