import { ApiError } from "@dex/management";
import { addSeconds, equalInConstantTime, type Secret } from "@dex/runtime";

/** Who may call a route: whoever holds the admin API secret, or whoever reaches the port. */
export const PERMISSIONS = ["admin api secret", "anybody"] as const;
export type Permission = (typeof PERMISSIONS)[number];

const FAILURES_PER_WINDOW = 10;
const WINDOW_SECONDS = 60;
const MAX_SOURCES = 10_000;

/** Throws ApiError unless the Authorization header carries the secret. `source` is the peer's address. */
export type AccessCheck = (authorization: readonly string[] | undefined, source: string, now: Date) => void;

/**
 * Compares the header with each secret, bare as in dex v1 or as `Bearer`, in constant time. Every refusal is the same
 * (ADM-1). A source that keeps guessing is told to wait; the right secret is taken all the same, or whoever shares an
 * address with the operator could lock the operator out, and no number of guesses finds 256 bits.
 */
export function makeAccessCheck(secrets: readonly Secret<string>[]): AccessCheck {
  const failures = new Map<string, { count: number; endsAt: Date }>();

  function countFailure(source: string, now: Date): { count: number; endsAt: Date } {
    const before = failures.get(source);
    const running = before !== undefined && before.endsAt > now ? before : undefined;
    const entry = { count: (running?.count ?? 0) + 1, endsAt: running?.endsAt ?? addSeconds(now, WINDOW_SECONDS) };
    failures.delete(source);
    failures.set(source, entry);
    const oldest = failures.keys().next();
    if (failures.size > MAX_SOURCES && !oldest.done) failures.delete(oldest.value);
    return entry;
  }

  return (authorization, source, now) => {
    const [header, ...more] = authorization ?? [];
    const given = (header ?? "").replace(/^Bearer +/i, "");
    // Each is compared, so that the time does not tell which one was right.
    const right = secrets.filter((secret) => equalInConstantTime(given, secret.reveal())).length > 0;
    if (right && header !== undefined && more.length === 0) return;
    const { count, endsAt } = countFailure(source, now);
    if (count <= FAILURES_PER_WINDOW) throw new ApiError("access_denied", "");
    const wait = Math.max(1, Math.ceil((endsAt.getTime() - now.getTime()) / 1000));
    throw new ApiError("too_many_requests", "too many wrong secrets, try again later", { "Retry-After": String(wait) });
  };
}
