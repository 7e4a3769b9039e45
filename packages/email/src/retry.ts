import { addSeconds } from "@dex/runtime";
import type { NextTry } from "./ports.ts";
import type { SendOutcome } from "./transport.ts";

/** A claimed row is offered to others again after this long. Far above the longest try, so nobody sends beside us. */
export const LEASE_SECONDS = 600;
/** A mail that failed this often is given up. */
export const MAX_TRIES = 8;
// After the first, second, ... try: about a day in all, so that a mail server may be down for a night.
const DELAYS_SECONDS = [30, 120, 600, 1800, 7200, 21_600, 43_200] as const;

/** What becomes of a mail that was not accepted in its `attempt`-th try. */
export function decideNextTry(
  outcome: Exclude<SendOutcome, { kind: "accepted" }>,
  attempt: number,
  now: Date,
): NextTry {
  const delay = DELAYS_SECONDS[attempt - 1];
  if (outcome.kind === "refused" || delay === undefined) return { kind: "dead" };
  // Perhaps the server has it and its answer was lost: then a second copy must not follow sooner than after a crash.
  return { kind: "retry", at: addSeconds(now, outcome.kind === "unknown" ? Math.max(delay, LEASE_SECONDS) : delay) };
}
