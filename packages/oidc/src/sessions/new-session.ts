import { addSeconds, sha256 } from "@dex/runtime";
import type { NewSession, UpstreamClaim } from "../ports.ts";
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
  /** What the upstream was asked for beside who this is. */
  readonly asked: readonly UpstreamClaim[];
  /** The session upstream, by the upstream's name for it. */
  readonly sid?: string | undefined;
}

/** Browsers call themselves by some 120 characters; whoever sends more is cut short. */
const MAX_USER_AGENT_LENGTH = 200;

/**
 * The session of a person who has just been proved. `hash` is the SHA-256 of the id that the browser holds; `userAgent` the
 * header as it came.
 */
export function newSession(input: {
  hash: Buffer;
  user: { readonly id: string };
  identity: ProvedIdentity;
  /** For whom the person proved it. */
  clientId: string;
  userAgent: string | undefined;
  limits: Pick<SessionLimits, "idleSeconds" | "absoluteSeconds">;
  now: Date;
}): NewSession {
  const { hash, user, identity, clientId, userAgent, limits, now } = input;
  return {
    hash,
    userId: user.id,
    connectorId: identity.connectorId,
    // An upstream clock that runs ahead must not make a sign-in count as younger than it can be.
    authTime: identity.authTime === undefined || identity.authTime > now ? now : identity.authTime,
    amr: identity.amr,
    groups: identity.groups,
    asked: identity.asked,
    provedFor: clientId,
    preferredUsername: identity.preferredUsername,
    userAgent: userAgent?.replace(/[^\x20-\x7e]/g, "").slice(0, MAX_USER_AGENT_LENGTH) || undefined,
    ...(identity.sid === undefined ? {} : { upstreamSid: upstreamSidHash(identity.connectorId, identity.sid) }),
    createdAt: now,
    idleExpiresAt: addSeconds(now, Math.min(limits.idleSeconds, limits.absoluteSeconds)),
    expiresAt: addSeconds(now, limits.absoluteSeconds),
  };
}

/** What is kept of an upstream's name for its session: enough to know it again when that session ends. */
export function upstreamSidHash(connectorId: string, sid: string): Buffer {
  return sha256(`upstream sid\0${connectorId}\0${sid}`);
}
