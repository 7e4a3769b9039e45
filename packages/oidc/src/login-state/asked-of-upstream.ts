import type { UpstreamClaim } from "../ports.ts";

const CLAIMS: readonly UpstreamClaim[] = ["groups", "offline_access"];

/** Which of the scopes of a request ask something of the upstream. */
export function askedOfUpstream(scope: readonly string[]): readonly UpstreamClaim[] {
  return CLAIMS.filter((claim) => scope.includes(claim));
}
