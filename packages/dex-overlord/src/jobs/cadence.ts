const FIRST_RETRY_SECONDS = 1;
const LAST_RETRY_SECONDS = 60;

/** When a job that recurs is due next, in seconds of a clock that never jumps. */
export interface Cadence {
  isDue(nowSeconds: number): boolean;
  succeeded(nowSeconds: number): void;
  /** The next try comes after 1 s, then twice as long each time, at most 60 s. */
  failed(nowSeconds: number): void;
}

export function makeCadence(parts: { intervalSeconds: number; firstSeconds: number }): Cadence {
  let dueSeconds = parts.firstSeconds;
  let retrySeconds = FIRST_RETRY_SECONDS;
  return {
    isDue: (nowSeconds) => nowSeconds >= dueSeconds,
    succeeded(nowSeconds) {
      dueSeconds = nowSeconds + parts.intervalSeconds;
      retrySeconds = FIRST_RETRY_SECONDS;
    },
    failed(nowSeconds) {
      dueSeconds = nowSeconds + retrySeconds;
      retrySeconds = Math.min(2 * retrySeconds, LAST_RETRY_SECONDS);
    },
  };
}
