import { addSeconds } from "@dex/runtime";
import type { NewSession } from "../ports.ts";
import type { SessionLimits } from "./limits.ts";

/** What a connector proved, as far as a session keeps it. */
export interface ProvedIdentity {
  readonly connectorId: string;
  readonly preferredUsername: string | undefined;
  readonly groups: readonly string[] | undefined;
  /** When the person proved who they are; undefined when the connector does not say, which means just now. */
  readonly authTime: Date | undefined;
  /** RFC 8176. */
  readonly amr: readonly string[];
}

/** The session of a person who has just been proved. `hash` is the SHA-256 of the id that the browser holds. */
export function newSession(input: {
  hash: Buffer;
  user: { readonly id: string };
  identity: ProvedIdentity;
  limits: SessionLimits;
  now: Date;
}): NewSession {
  const { hash, user, identity, limits, now } = input;
  return {
    hash,
    userId: user.id,
    connectorId: identity.connectorId,
    // An upstream clock that runs ahead must not make a sign-in count as younger than it can be.
    authTime: identity.authTime === undefined || identity.authTime > now ? now : identity.authTime,
    amr: identity.amr,
    groups: identity.groups,
    preferredUsername: identity.preferredUsername,
    idleExpiresAt: addSeconds(now, Math.min(limits.idleSeconds, limits.absoluteSeconds)),
    expiresAt: addSeconds(now, limits.absoluteSeconds),
  };
}
