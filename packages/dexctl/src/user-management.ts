// What commands can do to users, their tokens and their mail, wherever it is done. Users, identities, refresh token clients
// and mails are as the management API renders them. Every method throws a Failure for what a person can put right.
import type { JsonObject, Secret } from "@dex/runtime";

export interface UserListFilter {
  readonly emailPrefix?: string;
  readonly admin?: true;
  readonly disabled?: true;
  readonly emailVerified?: false;
}

export interface Page {
  readonly items: readonly JsonObject[];
  /** Leads to the next page; undefined on the last one. */
  readonly next: string | undefined;
}

export const MAIL_STATES = ["waiting", "sent", "dead", "discarded"] as const;
export type MailState = (typeof MAIL_STATES)[number];

/** Where an invitation leads in the end. */
export interface InvitationTarget {
  readonly redirectUrl: string | undefined;
  readonly clientId: string | undefined;
}

export interface UserManagement {
  /** Ordered by email address; `limit` is 1 to 100. */
  listUsers(
    filter: UserListFilter,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<Page>;
  findUser(userId: string): Promise<JsonObject | undefined>;
  /**
   * Makes a user who is not invited. The password is checked by the policy for people, and can be given where the database
   * is worked on directly: no password of somebody else travels over the HTTP API.
   */
  createUser(wanted: JsonObject, password: Secret<string> | undefined): Promise<JsonObject>;
  /** Makes the user of this description and promises an invitation. */
  inviteUser(wanted: JsonObject, target: InvitationTarget): Promise<JsonObject>;
  /** Only what is given is changed. */
  updateUser(userId: string, changes: JsonObject): Promise<JsonObject>;
  setUserDisabled(userId: string, disabled: boolean): Promise<"done" | "unknown">;
  deleteUser(userId: string): Promise<"deleted" | "unknown">;
  /** Promises the mail to choose a new password. */
  sendPasswordReset(userId: string): Promise<void>;
  identities(userId: string): Promise<readonly JsonObject[] | undefined>;
  unlink(userId: string, connectorId: string, remoteId: string): Promise<"unlinked" | "unknown">;
  refreshClients(userId: string): Promise<readonly JsonObject[] | undefined>;
  refreshTokens(userId: string): Promise<readonly JsonObject[] | undefined>;
  revokeRefreshToken(userId: string, tokenId: string): Promise<"revoked" | "unknown">;
  revokeRefresh(userId: string, clientId: string): Promise<"revoked" | "unknown">;
  /** Newest first. */
  listMail(state: MailState, page: { readonly after: string | undefined; readonly limit: number }): Promise<Page>;
  /** Unknown also when it is not dead. */
  retryMail(mailId: string): Promise<"retried" | "unknown">;
  adminExists(): Promise<boolean>;
}
