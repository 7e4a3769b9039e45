import type { Identity } from "@dex/connectors";
import type { JsonObject } from "@dex/runtime";

/** Our own record of a person. */
export interface User {
  /** A UUID: the `sub` of every token. Never used again for somebody else. */
  readonly id: string;
  /** Lower case, unique. */
  readonly email: string;
  readonly emailVerified: boolean;
  readonly displayName: string | undefined;
  readonly admin: boolean;
  readonly disabled: boolean;
  readonly createdAt: Date;
  /** What else is known of the person, by the names of the claims of OIDC Core §5.1. Left out where nothing is. */
  readonly profile?: JsonObject | undefined;
}

/** What is known about an identity that has just been proved. One read. */
export interface IdentityOwner {
  /** The user this remote identity belongs to. */
  readonly user: User | undefined;
  /** Another user with the identity's email address. */
  readonly userWithSameEmail: User | undefined;
  /** What `user` has granted to the client that the person is on the way to. */
  readonly consentedScope: readonly string[] | undefined;
}

export interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly displayName: string | undefined;
  readonly admin: boolean;
  readonly createdAt: Date;
}

/** Who made a change, for its audit event (ADM-6). */
export interface Actor {
  readonly kind: "dexctl" | "admin api" | "client" | "user" | "registration" | "embedded";
  /** The client's or user's id, where there is one. */
  readonly id: string | undefined;
  /** The peer's address, where there is one. */
  readonly address: string | undefined;
}

export interface Users {
  findByIdentity(identity: Identity, clientId: string): Promise<IdentityOwner>;
  /** Creates the user with this remote identity. `taken` when the email or the identity belongs to somebody already. */
  register(user: NewUser, identity: Identity, actor: Actor): Promise<"registered" | "taken">;
  /** Creates a user who signs in with a password at the local connector. All or nothing. */
  createLocal(
    user: NewUser,
    passwordHash: string,
    connectorId: string,
    actor: Actor,
  ): Promise<"created" | "email taken">;
}

/** Whose password an attempt is about. */
export interface Candidate {
  readonly user: User;
  readonly passwordHash: string;
  /** Wrong passwords in a row, see countWrongGuess. */
  readonly wrongGuesses: number;
}

/** What a password sign-in starts from. */
export interface PasswordAttempt {
  /** Attempts in the running window for this account and for this source, this one included. */
  readonly accountAttempts: number;
  readonly sourceAttempts: number;
  readonly windowEndsAt: Date;
  /** The user with this email who has a password; also when disabled. */
  readonly candidate: Candidate | undefined;
}

/** Attempts and wrong guesses are forgotten by the statement that opens the session, see SignIns of the engine. */
export interface Passwords {
  /**
   * Counts the attempt, then reads the candidate, in one round trip: of a hundred simultaneous guesses each one is
   * counted before any is checked (ACC-5). `email` is canonical already.
   */
  beginAttempt(email: string, source: string, windowSeconds: number, now: Date): Promise<PasswordAttempt>;
  /**
   * Notes that a password was evaluated and was wrong; does nothing when nobody has this id. Every caller is counted,
   * whatever races it. Unlike attempts these are kept until a sign-in with the right password or a new password.
   */
  countWrongGuess(userId: string): Promise<void>;
  /** Replaces the hash if it is still `oldHash`: an upgrade must not undo a change of password. */
  upgradeHash(userId: string, oldHash: string, newHash: string): Promise<void>;
}
