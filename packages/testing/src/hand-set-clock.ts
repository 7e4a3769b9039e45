import type { Clock } from "@dex/runtime";

export interface HandSetClock {
  readonly now: Clock;
  advance(seconds: number): void;
  set(instant: Date): void;
}

/** A clock that stands still until a test moves it. */
export function makeHandSetClock(start: Date = new Date("2030-01-01T00:00:00Z")): HandSetClock {
  let instant = start.getTime();
  return {
    now: () => new Date(instant),
    advance(seconds) {
      instant += seconds * 1000;
    },
    set(to) {
      instant = to.getTime();
    },
  };
}
