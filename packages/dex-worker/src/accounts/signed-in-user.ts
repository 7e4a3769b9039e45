import { OWN_PAGES_CLIENT_ID } from "@dex/oidc";
import { readSessionHash } from "../login/session-cookie.ts";
import type { Visit } from "../visit.ts";
import type { LoginWiring } from "../wiring.ts";

/** Who is signed in in this browser, or undefined. A disabled user is not. */
export type SignedInUser = (visit: Visit) => Promise<{ readonly id: string } | undefined>;

export function makeSignedInUser({
  outside,
  cookieNames,
  sessionLimits,
}: Pick<LoginWiring, "outside" | "cookieNames" | "sessionLimits">): SignedInUser {
  return async ({ request, now }) => {
    const hash = readSessionHash(request, cookieNames);
    if (hash === undefined) return undefined;
    const { signIns } = outside.storage;
    return (await signIns.findSession(hash, OWN_PAGES_CLIENT_ID, now, sessionLimits.idleSeconds))?.user;
  };
}
