// Users as administrators see them, and what is done to them from outside. How people sign in is none of its business.

import type { JsonObject } from "@dex/runtime";
import type { LinkOrigin } from "./account-link.ts";
import type { Actor, NewUser, User } from "./user.ts";

/** What a list is narrowed to; undefined narrows nothing. */
export interface UserFilter {
  /** Lower case. Matches addresses that begin with it. */
  readonly emailPrefix: string | undefined;
  readonly admin: boolean | undefined;
  readonly disabled: boolean | undefined;
  readonly emailVerified: boolean | undefined;
}

export interface UserPage {
  /** Ordered by the bytes of the email address. */
  readonly users: readonly User[];
  /** The `after` of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/** A user whom somebody else makes. The local identity has the user's id as its remote id. */
export interface DirectoryEntry {
  readonly user: NewUser & { readonly disabled: boolean };
  /** Where the user signs in with a password. */
  readonly localConnectorId: string;
  /** Undefined: a password is set with the invitation, or never. */
  readonly passwordHash: string | undefined;
  /** The link to be mailed; `id` is a UUID. */
  readonly invitation: { readonly id: string; readonly origin: LinkOrigin; readonly expiresAt: Date } | undefined;
}

/** Only what is given is changed. */
export interface UserChanges {
  /** Canonical. Another address than before counts as unverified, unless `emailVerified` says otherwise. */
  readonly email?: string;
  readonly emailVerified?: boolean;
  /** Undefined takes the name away. */
  readonly displayName?: string | undefined;
  readonly admin?: boolean;
  /** Members of the profile; null takes one away. The others stay, and `updated_at` is set. */
  readonly profile?: JsonObject;
}

export type UserUpdate =
  | { readonly kind: "updated"; readonly user: User }
  | { readonly kind: "email taken" }
  | { readonly kind: "unknown" };

export interface UserWithAccess {
  readonly user: User;
  /** Undefined when it never was. What was begun before is not to be honoured. */
  readonly accessEndedAt: Date | undefined;
}

/** An identity at a connector that signs its user in. */
export interface RemoteIdentity {
  readonly connectorId: string;
  readonly remoteId: string;
  readonly createdAt: Date;
}

/** A client that holds a live refresh token of a user. */
export interface RefreshClient {
  readonly id: string;
  readonly name: string | undefined;
  readonly logoUri: string | undefined;
  readonly clientUri: string | undefined;
}

/** A live refresh token of a user with all its replacements: one for each device that a client has it on. */
export interface RefreshTokenOfUser {
  readonly id: string;
  readonly clientId: string;
  readonly clientName: string | undefined;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  /** What the browser called itself in which the person signed in; undefined once that session has ended. */
  readonly userAgent: string | undefined;
}

/**
 * Every write is one statement with its audit event (ADM-6). An id that no user can have, such as one with a NUL byte, is
 * an unknown one.
 */
export interface UserDirectory {
  /** At most `limit` users after the address `after`. A page costs the same wherever in the list it is (ADM-4). */
  list(filter: UserFilter, page: { readonly after: string | undefined; readonly limit: number }): Promise<UserPage>;
  find(userId: string): Promise<User | undefined>;
  /** The same, with when the user's access was last ended: by a new password, a new address, or by being disabled or enabled. */
  findWithAccess(userId: string): Promise<UserWithAccess | undefined>;
  /** User, local identity, password, invitation and its mail: all or nothing. Of two callers with one address one succeeds. */
  create(entry: DirectoryEntry, actor: Actor): Promise<"created" | "email taken">;
  /** With another address all sessions, refresh token families and links end, and the old address is told (ACC-11, REF-12). */
  update(userId: string, changes: UserChanges, actor: Actor, now: Date): Promise<UserUpdate>;
  /** Disabling ends sessions, codes, refresh token families and links at once (REF-12, TOK-16). The user, or undefined. */
  setDisabled(userId: string, disabled: boolean, actor: Actor, now: Date): Promise<User | undefined>;
  /** Takes everything of the user along; the id is never given to anybody again. False when there is none. */
  delete(userId: string, actor: Actor): Promise<boolean>;
  /** Ordered by connector and remote id; undefined when there is no such user. */
  identities(userId: string): Promise<readonly RemoteIdentity[] | undefined>;
  /**
   * Takes an identity away, with the sessions and refresh token families it began, and tells the user. With the local
   * identity goes the password. False when it is not this user's.
   */
  unlink(
    userId: string,
    identity: { readonly connectorId: string; readonly remoteId: string },
    actor: Actor,
    now: Date,
  ): Promise<boolean>;
  /** Promises the mail to choose a new password; asked for again within a minute it promises nothing more. */
  promisePasswordReset(
    userId: string,
    origin: LinkOrigin,
    actor: Actor,
    now: Date,
  ): Promise<"promised" | "no password" | "disabled" | "unknown">;
  /** Each client once, however many tokens it holds, ordered by id; undefined when there is no such user. */
  refreshClients(userId: string, now: Date): Promise<readonly RefreshClient[] | undefined>;
  /** One by one, the last used first, at most 500; undefined when there is no such user. */
  refreshTokens(userId: string, now: Date): Promise<readonly RefreshTokenOfUser[] | undefined>;
  /** Ends one, with its access tokens. The client's others stay, and so does the consent. False when it is none of this user's. */
  revokeRefreshToken(userId: string, tokenId: string, actor: Actor, now: Date): Promise<boolean>;
  /** Ends all token families that the client has of the user, and their consent. How many families; undefined: no such user. */
  revokeRefresh(userId: string, clientId: string, actor: Actor, now: Date): Promise<number | undefined>;
}
