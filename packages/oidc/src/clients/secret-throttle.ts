import { OAuthError } from "../errors.ts";
import type { FailureCounter } from "../ports.ts";

export const MAX_WRONG_SECRETS = 60;
const WINDOW_SECONDS = 60;
/** What one process remembers at most. Beyond it the oldest block is forgotten; the shared counter still knows. */
const MAX_BLOCKS = 10_000;

export interface SecretThrottle {
  /** Throws too_many_requests while this process remembers a block. No round trip. */
  refuseBlocked(clientId: string, source: string, now: Date): void;
  /** Counts a wrong secret for all workers. Throws too_many_requests when it was one too many (TOK-18). */
  countFailure(clientId: string, source: string, now: Date): Promise<void>;
}

/** Slows down who guesses the secret of a client, per client and source. RFC 6749 §10.10. */
export function makeSecretThrottle(failures: FailureCounter): SecretThrottle {
  const blockedUntil = new Map<string, Date>();

  function block(key: string, until: Date): void {
    const oldest = blockedUntil.keys().next();
    if (blockedUntil.size >= MAX_BLOCKS && oldest.done !== true) blockedUntil.delete(oldest.value);
    blockedUntil.set(key, until);
  }

  return {
    refuseBlocked(clientId, source, now) {
      const key = keyOf(clientId, source);
      const until = blockedUntil.get(key);
      if (until === undefined) return;
      if (until > now) throw tooMany(until, now);
      blockedUntil.delete(key);
    },
    async countFailure(clientId, source, now) {
      const key = keyOf(clientId, source);
      const { failures: count, windowEndsAt } = await failures.count(key, WINDOW_SECONDS, now);
      if (count >= MAX_WRONG_SECRETS) block(key, windowEndsAt);
      if (count > MAX_WRONG_SECRETS) throw tooMany(windowEndsAt, now);
    },
  };
}

function keyOf(clientId: string, source: string): string {
  return `client secret ${clientId} ${source}`;
}

function tooMany(until: Date, now: Date): OAuthError {
  const retryAfterSeconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));
  return new OAuthError("too_many_requests", "too many wrong client secrets", { retryAfterSeconds });
}
