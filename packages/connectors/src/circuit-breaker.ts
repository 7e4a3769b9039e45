// Keeps a broken upstream from holding up everybody: it is asked by few at a time, and not at all for a while after it
// failed often. One per connector, in the memory of one process.
import type { Clock } from "@dex/runtime";

const MAX_IN_FLIGHT = 20;
const FAILURES_TO_OPEN = 5;
const FAILURE_WINDOW_MILLISECONDS = 10_000;
const OPEN_MILLISECONDS = 5_000;

export type Admission =
  | { readonly kind: "admitted"; readonly settle: (result: "answered" | "failed") => void }
  | { readonly kind: "refused"; readonly reason: "circuit is open" | "too many requests in flight" };

export interface CircuitBreaker {
  /** Asks to call the upstream. Whoever is admitted calls `settle` exactly once. */
  admit(): Admission;
}

/** Opens after 5 failures within 10 seconds; 5 seconds later one caller may probe, and its result decides. */
export function makeCircuitBreaker(
  clock: Clock,
  { maxInFlight = MAX_IN_FLIGHT }: { readonly maxInFlight?: number } = {},
): CircuitBreaker {
  let inFlight = 0;
  let failures: number[] = [];
  let openedAt: number | undefined;
  let probing = false;

  function settle(result: "answered" | "failed", wasProbe: boolean): void {
    inFlight -= 1;
    const now = clock().getTime();
    if (wasProbe) {
      probing = false;
      openedAt = result === "failed" ? now : undefined;
      failures = [];
      return;
    }
    if (result === "answered" || openedAt !== undefined) return;
    failures = [...failures.filter((at) => at > now - FAILURE_WINDOW_MILLISECONDS), now];
    if (failures.length >= FAILURES_TO_OPEN) openedAt = now;
  }

  return {
    admit() {
      const open = openedAt !== undefined;
      if (openedAt !== undefined && (probing || clock().getTime() < openedAt + OPEN_MILLISECONDS)) {
        return { kind: "refused", reason: "circuit is open" };
      }
      if (inFlight >= maxInFlight) return { kind: "refused", reason: "too many requests in flight" };
      inFlight += 1;
      probing = open;
      return { kind: "admitted", settle: (result) => settle(result, open) };
    },
  };
}
