// Keys that somebody who administers registers for a client: those that will prove nothing are refused where they are named.
import { type ClientDetails, problemInKeys } from "@dex/oidc";

export interface KeyAddresses {
  /** Whether workers fetch keys over plain http. Refused unless they run with --insecure-private-client-addresses. */
  readonly httpKeys: "allowed" | "refused" | "unknown";
}

/** Why these keys, or those behind the address, would never be used; undefined where they would. */
export function keysProblemOf(
  { jwks, jwks_uri: uri }: Pick<ClientDetails, "jwks" | "jwks_uri">,
  { httpKeys }: KeyAddresses,
  now: Date,
): string | undefined {
  const problem = problemInKeys(jwks?.keys ?? [], now);
  if (problem !== undefined) return `jwks: ${problem}`;
  if (uri === undefined || httpKeys === "allowed" || URL.parse(uri)?.protocol === "https:") return undefined;
  const only = "jwks_uri: must be an https URL, for workers fetch no other";
  // Whoever works on the database sees no flags of workers.
  return httpKeys === "unknown"
    ? `${only} unless they run with --insecure-private-client-addresses: where they do, change it over HTTP (--issuer)`
    : only;
}
