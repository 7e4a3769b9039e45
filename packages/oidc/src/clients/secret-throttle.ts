import type { FailureCounter } from "../ports.ts";
import { makeThrottle } from "./throttle.ts";

export const MAX_WRONG_SECRETS = 60;
const WINDOW_SECONDS = 60;

export interface SecretThrottle {
  /** Throws too_many_requests while this process remembers a block. No round trip. */
  refuseBlocked(clientId: string, source: string, now: Date): void;
  /** Counts a wrong secret for all workers. Throws too_many_requests when it was one too many (TOK-18). */
  countFailure(clientId: string, source: string, now: Date): Promise<void>;
}

/** Slows down who guesses the secret of a client, per client and source. RFC 6749 §10.10. */
export function makeSecretThrottle(failures: FailureCounter): SecretThrottle {
  const throttle = makeThrottle(failures, {
    what: "wrong client secrets",
    limit: MAX_WRONG_SECRETS,
    windowSeconds: WINDOW_SECONDS,
  });
  return {
    refuseBlocked: (clientId, source, now) => throttle.refuseBlocked(keyOf(clientId, source), now),
    countFailure: (clientId, source, now) => throttle.count(keyOf(clientId, source), now),
  };
}

function keyOf(clientId: string, source: string): string {
  return `client secret ${clientId} ${source}`;
}
