import { OWN_PAGES_CLIENT_ID } from "../login-state/login-state.ts";
import type { Session } from "../ports.ts";

export const SHARING_DEFAULTS = ["all", "none"] as const;
/** Stands for every client. */
const EVERYBODY = "*";

/** Which clients may use a sign-in that was made for another one: dex v2's `ssoSharedWith`. */
export interface Sharing {
  /** For clients that do not say, and for sign-ins of which nobody knows what client they were for. */
  readonly byDefault: (typeof SHARING_DEFAULTS)[number];
  /** What each client of `session.provedFor` says; nothing where it is gone. */
  readonly sharedWith: ReadonlyMap<string, readonly string[] | undefined>;
}

/**
 * Whether the session counts for this client. It does for the clients that the person proved themselves for, for those that
 * had an answer of it already, and for those that one of the first shares with. That goes one way and one step: who was let in
 * because another shares lets nobody in by that.
 */
export function isSharedWith(
  clientId: string,
  { provedFor = [], knownToClient = false }: Pick<Session, "provedFor" | "knownToClient">,
  { byDefault, sharedWith }: Sharing,
): boolean {
  if (clientId === OWN_PAGES_CLIENT_ID || knownToClient || provedFor.includes(clientId)) return true;
  if (provedFor.length === 0) return byDefault === "all";
  return provedFor.some((origin) => {
    const named = sharedWith.get(origin);
    return named === undefined ? byDefault === "all" : named.includes(EVERYBODY) || named.includes(clientId);
  });
}
