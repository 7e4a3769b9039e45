// Passwords that somebody else checks, a directory for one, are counted like our own (ACC-3).
import type { Identity } from "@dex/connectors";
import { sha256 } from "@dex/runtime";
import { decideThrottle, type ThrottleDecision, type ThrottlePolicy } from "./attempt-throttle.ts";
import type { Passwords } from "./user.ts";

type Whose = Pick<Identity, "connectorId" | "remoteId">;
export type AttemptGate = (
  attempt: Whose & { readonly source: string; readonly now: Date },
) => Promise<ThrottleDecision>;

/**
 * The name under which attempts on an upstream identity are counted, and forgiven once it has signed in. No address of
 * ours can be it. Spellings that differ in case alone are one.
 */
export function attemptAccountOf({ connectorId, remoteId }: Whose): string {
  return `identity ${sha256(JSON.stringify([connectorId, remoteId.trim().toLowerCase()])).toString("hex")}`;
}

/**
 * Counts an attempt before anything is evaluated (ACC-5), and says whether it may be. Wrong passwords in a row are not counted
 * here, beyond the window: how many of them stop an account is the directory's to say, and it sees those of all its other
 * users too.
 */
export function makeAttemptGate(parts: {
  readonly passwords: Pick<Passwords, "beginAttempt">;
  readonly policy: ThrottlePolicy;
}): AttemptGate {
  const { passwords, policy } = parts;
  return async ({ source, now, ...whose }) => {
    const attempt = await passwords.beginAttempt(attemptAccountOf(whose), source, policy.windowSeconds, now);
    return decideThrottle(attempt, policy, now);
  };
}
