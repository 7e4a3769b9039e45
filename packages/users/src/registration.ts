import type { LinkOrigin } from "./account-link.ts";
import type { Actor, NewUser } from "./user.ts";

/**
 * A person who asked for an account with an address nobody vouches for. No user yet: the address is confirmed first, and
 * by the one who registered (ACC-2, ACC-13).
 */
export interface PendingRegistration {
  /** A UUID, see registrationId; names the link in the mail. */
  readonly id: string;
  /** Canonical. */
  readonly email: string;
  readonly displayName: string | undefined;
  readonly connectorId: string;
  /** Local registrations have the hash of the chosen password, remote ones the proved identity. */
  readonly proof:
    | { readonly kind: "password"; readonly hash: string }
    | { readonly kind: "identity"; readonly remoteId: string };
  /** SHA-256 of the secret that the registering browser holds. */
  readonly browserHash: Buffer;
  readonly origin: LinkOrigin;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface Registrations {
  /**
   * Keeps the registration and promises its mail, in one statement that does the same work whether the address belongs
   * to somebody: the mail then says that there is an account already (ACC-2). With an id that is there it changes that
   * registration, and promises another mail only when the last one is older than a minute.
   */
  begin(registration: PendingRegistration): Promise<void>;
  /** The registration, until it has expired. Its origin has no locale. */
  find(id: string, now: Date): Promise<PendingRegistration | undefined>;
  /**
   * Makes it a user with a verified address and ends every other registration for the address, in one transaction. Of two
   * callers one gets `confirmed`. `taken` when address or identity belong to a user by now.
   */
  confirm(id: string, user: NewUser, actor: Actor): Promise<"confirmed" | "gone" | "taken">;
}
