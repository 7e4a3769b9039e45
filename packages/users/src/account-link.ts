import type { LinkPurpose } from "./link-token.ts";
import type { Actor, User } from "./user.ts";

/** Where a person was when a mail was asked for, so that its link can lead back there. */
export interface LinkOrigin {
  /** The client the person was on the way to. */
  readonly clientId: string | undefined;
  /** One of that client's redirect URIs, where the link leads when it has done its work. */
  readonly redirectUri: string | undefined;
  /** The login state that the person's browser held. It may go on there, if it still lives. */
  readonly flowId: string | undefined;
  /** The language of the mail, a BCP 47 tag; undefined means the deployment's. */
  readonly locale: string | undefined;
}

/** The purposes of links that belong to a user; a registration has none yet. */
export type AccountLinkPurpose = Exclude<LinkPurpose, "registration">;

/** How long each kind of link lives, in seconds: security requirements, section 0. */
export const LINK_LIFETIME_SECONDS: Readonly<Record<LinkPurpose, number>> = {
  registration: 24 * 3600,
  "verify email": 24 * 3600,
  "change email": 24 * 3600,
  "reset password": 30 * 60,
  invitation: 7 * 24 * 3600,
};

/** A live link as the page behind it sees it. */
export interface AccountLink {
  readonly id: string;
  readonly purpose: AccountLinkPurpose;
  readonly user: User;
  /** What the link was sent to: the user's address, or the new one of a change. */
  readonly email: string;
  readonly origin: Omit<LinkOrigin, "locale">;
  readonly expiresAt: Date;
}

/** `gone`: used, expired, superseded, or its user is disabled or has another address now (ACC-8, ACC-11). */
export type LinkUse = "done" | "gone";

/**
 * Links mailed to users. Every use is one transaction with its audit event and the mails it promises; of two callers one
 * succeeds. Requests take the same statement whether the address belongs to anybody (ACC-2).
 */
export interface AccountLinks {
  /** The live link, or undefined. Opening a page does not use the link up. */
  find(id: string, purpose: AccountLinkPurpose, now: Date): Promise<AccountLink | undefined>;

  /**
   * Promises a mail to whoever has this canonical address. Asked for again within a minute it does nothing, so that
   * nobody's mailbox is filled. Whether there is such a user, and one with a password, is found out when it is sent.
   */
  requestPasswordReset(email: string, origin: LinkOrigin, now: Date): Promise<void>;
  /** Promises the mail with a new link to confirm the user's address. `verified` when there is nothing to confirm. */
  requestVerification(userId: string, origin: LinkOrigin, now: Date): Promise<"promised" | "verified" | "unknown">;
  /**
   * Promises an invitation to a user whose address is not verified. `no password` for a user without a local identity,
   * who could not sign in with the password that an invitation is to choose.
   */
  requestInvitation(
    userId: string,
    origin: LinkOrigin,
    actor: Actor,
    now: Date,
  ): Promise<"promised" | "verified" | "no password" | "unknown">;
  /** Promises a link to the new canonical address and a notice to the present one (ACC-15). */
  requestEmailChange(userId: string, email: string, origin: LinkOrigin, actor: Actor, now: Date): Promise<void>;

  /**
   * Marks the address verified, for the user who is signed in in the same browser (`userId`). The link alone is not
   * enough: whoever made an account with a stranger's address would get it verified by the stranger's click. The
   * stranger takes such an account over by resetting its password instead (ACC-13).
   */
  verifyEmail(id: string, userId: string, actor: Actor, now: Date): Promise<LinkUse>;
  /**
   * Sets the password, ends sessions, families and all links of the user, promises the notice (ACC-16, REF-12). The
   * reader of the mail has proved the address, which is verified from now on; if it was not before, every other way to
   * sign in to the account goes too (ACC-13). What others tried on the account is forgotten (ACC-3).
   */
  resetPassword(id: string, passwordHash: string, actor: Actor, now: Date): Promise<LinkUse>;
  /** Marks the address verified and sets the password, with all that resetPassword does. */
  acceptInvitation(id: string, passwordHash: string, actor: Actor, now: Date): Promise<LinkUse>;
  /**
   * Makes the new address the user's, if it is still free; ends all other links; tells the old address (ACC-15). Sessions
   * go on: the user asked for it in one of them, and the way in has not changed.
   */
  changeEmail(id: string, actor: Actor, now: Date): Promise<LinkUse | "taken">;
}
