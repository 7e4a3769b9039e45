/** The instant now. Everything that needs the time is handed one of these or, better, a `Date`. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

export interface FollowingClock {
  readonly now: Clock;
  /**
   * Corrects the clock by a reading of another clock, taken between two readings of `monotonic`, in milliseconds.
   * The middle of the two is taken as the instant of the reading, so the error is at most half the round trip.
   */
  follow(reading: Date, before: number, after: number): void;
  /** How far this host's own clock is from the followed one, in milliseconds; positive when the host runs ahead. */
  hostAheadMilliseconds(): number;
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number;
}

/** A clock that runs on monotonic time from the last followed reading: a jump of the host's clock does not move it. */
export function makeFollowingClock(): FollowingClock {
  const monotonic = () => performance.now();
  let instantAtZero = Date.now() - monotonic();
  return {
    now: () => new Date(instantAtZero + monotonic()),
    follow(reading, before, after) {
      instantAtZero = reading.getTime() - (before + after) / 2;
    },
    hostAheadMilliseconds: () => Date.now() - (instantAtZero + monotonic()),
    monotonic,
  };
}

/** Whole seconds since the epoch, rounded down: the form of RFC 7519 NumericDate. */
export function toEpochSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}

export function addSeconds(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}
