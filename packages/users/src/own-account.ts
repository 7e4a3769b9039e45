// What people see and change of their own account. The rules are here, storage holds them in its statements as well.
import type { User } from "./user.ts";

/** An identity that signs its owner in. */
export interface WayIn {
  readonly connectorId: string;
  readonly remoteId: string;
  /** Its connector is configured and, where that checks our own passwords, there is a password. */
  readonly usable: boolean;
}

/** An identity and since when it belongs to its owner. */
export interface LinkedIdentity extends WayIn {
  readonly linkedAt: Date;
}

/** A client that may act for the user, because the user said so or because it holds tokens. */
export interface ApplicationAccess {
  readonly clientId: string;
  readonly clientName: string | undefined;
  /** Where it has people sent who want to sign in to it, OIDC Core §4. */
  readonly initiateLoginUri: string | undefined;
  readonly scope: readonly string[];
  /** When it last got tokens, or was last allowed to. */
  readonly lastUsedAt: Date;
  /** Where it keeps access while the person is away, one for each device: the last used first. */
  readonly grants: readonly LastingGrant[];
}

/** One refresh token, with what came of it. */
export interface LastingGrant {
  /** A UUID, and no secret. */
  readonly id: string;
  readonly grantedAt: Date;
  readonly lastUsedAt: Date;
  /** Of the browser in which it was granted; undefined once nobody is signed in there. */
  readonly userAgent: string | undefined;
}

/** A browser that is signed in. */
export interface OpenSession {
  /** SHA-256 of the id that the browser holds. */
  readonly hash: Buffer;
  readonly connectorId: string;
  readonly authTime: Date;
  /** To a minute: when the session was last used. */
  readonly lastSeenAt: Date;
  readonly userAgent: string | undefined;
}

/** An application that asked for the person by name, and is waiting. */
export interface WaitingApplication {
  /** Of the request. */
  readonly id: string;
  readonly clientId: string;
  readonly clientName: string | undefined;
  /** What it says beside. */
  readonly bindingMessage: string | undefined;
  readonly askedAt: Date;
}

/** Everything about one account. One read. */
export interface AccountOverview {
  readonly user: User;
  /** When the present password was set; undefined when there is none. */
  readonly passwordChangedAt: Date | undefined;
  /** Ordered by connector, then by age. */
  readonly identities: readonly LinkedIdentity[];
  /** The last used first. */
  readonly applications: readonly ApplicationAccess[];
  /** The last seen first. */
  readonly sessions: readonly OpenSession[];
  /** What waits for the person's answer, the newest first. */
  readonly waiting: readonly WaitingApplication[];
}

/** Who changes something: a live session, in which the change is made, and where it came from. */
export interface AccountOwner {
  readonly userId: string;
  readonly sessionHash: Buffer;
  /** The peer's address. */
  readonly address: string | undefined;
}

/** `signed out`: the session ended, or its user was disabled or deleted, before the change could be made. */
export type OwnChange = "done" | "signed out";

/**
 * The account of the person who is signed in. Each change is one transaction with its audit event (ADM-6) and the mails it
 * promises, and is made only while the owner's session lives: of two browsers that end each other, one succeeds.
 */
export interface OwnAccounts {
  /** The account and its live sessions, or undefined when the user is gone or disabled. One statement. */
  read(userId: string, now: Date, idleSeconds: number): Promise<AccountOverview | undefined>;

  /** Whom the connector's upstream knows the user as. Undefined when nobody, or more than one: nobody says which it was. */
  soleRemoteId(userId: string, connectorId: string): Promise<string | undefined>;
  rename(owner: AccountOwner, displayName: string | undefined, now: Date): Promise<OwnChange>;
  /**
   * Sets the password, the first one with its identity at the local connector. All other sessions, all families and all
   * mailed links of the user end, and the notice is promised (ACC-16, REF-12). `outdated` when the present password is
   * not the one that was set at `changedAt`, undefined meaning none: of two callers one succeeds.
   */
  setPassword(
    owner: AccountOwner,
    password: { readonly hash: string; readonly changedAt: Date | undefined; readonly connectorId: string },
    now: Date,
  ): Promise<OwnChange | "outdated">;
  /** Links the proved identity and promises the notice. `taken` when it belongs to anybody already, the owner included. */
  link(
    owner: AccountOwner,
    identity: { readonly connectorId: string; readonly remoteId: string },
    now: Date,
  ): Promise<OwnChange | "taken">;
  /**
   * Removes the identity with every session and family that was begun through its connector, with the password where it
   * is the local one, and promises the notice. Decides as decideUnlink does: of two callers who remove the last two
   * identities one succeeds.
   */
  unlink(
    owner: AccountOwner,
    identity: { readonly connectorId: string; readonly remoteId: string },
    now: Date,
  ): Promise<OwnChange | Exclude<UnlinkDecision, "unlink">>;
  /** Takes the consent back and ends every family of the client. `unknown` when there is neither. */
  revokeApplication(owner: AccountOwner, clientId: string, now: Date): Promise<OwnChange | "unknown">;
  /** Ends one of the owner's grants with all its tokens, and leaves the consent. `unknown` for anybody else's. */
  revokeGrant(owner: AccountOwner, grantId: string, now: Date): Promise<OwnChange | "unknown">;
  /** Ends a session of the owner, and the access tokens that nothing but it had kept. `unknown` for anybody else's. */
  endSession(owner: AccountOwner, hash: Buffer, now: Date): Promise<OwnChange | "unknown">;
  /** Ends all sessions but the owner's own, and all families (REF-12). */
  endOtherSessions(owner: AccountOwner, now: Date): Promise<OwnChange>;
}

/** How young a sign-in must be to change what keeps others out, in seconds. */
export const RECENT_SIGN_IN_SECONDS = 600;
/** Upstream clocks may be off by this much: a sign-in that was just accepted as young enough must not be asked for again. */
const CLOCK_TOLERANCE_SECONDS = 60;

/** Pure. Whether somebody who signed in at `authTime` may change passwords, addresses and identities at `now`. */
export function decideRecentSignIn(authTime: Date, now: Date): "recent" | "sign in again" {
  const ageSeconds = (now.getTime() - authTime.getTime()) / 1000;
  return ageSeconds <= RECENT_SIGN_IN_SECONDS + CLOCK_TOLERANCE_SECONDS ? "recent" : "sign in again";
}

/** `last way in`: nothing that is left could sign the user in. */
export type UnlinkDecision = "unlink" | "not linked" | "last way in";

/** Pure. Whether the identity may be taken from the user who has `ways`. */
export function decideUnlink(
  ways: readonly WayIn[],
  identity: { readonly connectorId: string; readonly remoteId: string },
): UnlinkDecision {
  const isIt = (way: WayIn) => way.connectorId === identity.connectorId && way.remoteId === identity.remoteId;
  if (!ways.some(isIt)) return "not linked";
  return ways.some((way) => way.usable && !isIt(way)) ? "unlink" : "last way in";
}
