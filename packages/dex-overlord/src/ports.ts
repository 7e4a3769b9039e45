// What the overlord needs of the database. storage fulfils it; wire.ts joins the two.
import type { StoredConnector } from "@dex/connectors";
import type { JsonObject } from "@dex/runtime";
import type { Actor, NewUser } from "@dex/users";

/** A user who signs in with a password, as the admin API shows one. */
export interface LocalUser {
  readonly id: string;
  readonly email: string;
}

/** Each write and its audit event are one transaction (ADM-6). */
export interface AdminUsers {
  /** Whether any user is an admin. */
  hasAdmin(): Promise<boolean>;
  /** The user with this id who has a password, or undefined. */
  findLocal(id: string): Promise<LocalUser | undefined>;
  createLocal(
    user: NewUser,
    passwordHash: string,
    connectorId: string,
    actor: Actor,
  ): Promise<"created" | "email taken">;
}

export interface Garbage {
  /**
   * Deletes at most `batchSize` rows of each table that nobody can use any more at `now`, and returns how many it deleted
   * by table. Undefined when `fence` is not the leader's any more.
   */
  collect(now: Date, batchSize: number, fence: number): Promise<Readonly<Record<string, number>> | undefined>;
}

export interface SealableConnectors {
  list(): Promise<readonly StoredConnector[]>;
  /** Writes only over what was read, so that a concurrent change stands; "lost": `fence` is not the leader's any more. */
  replaceUnchanged(read: StoredConnector, config: JsonObject, fence: number): Promise<"replaced" | "changed" | "lost">;
}

export interface SealedClientSecretStore {
  /** Clients with sealed secrets, by id, after that one. */
  listSealed(
    afterId: string,
    limit: number,
  ): Promise<readonly { readonly clientId: string; readonly seals: readonly Buffer[] }[]>;
  /** Writes only over the seal that was read; "lost": `fence` is not the leader's any more. */
  replaceSeal(
    clientId: string,
    seal: { readonly before: Buffer; readonly after: Buffer },
    fence: number,
  ): Promise<"replaced" | "changed" | "lost">;
}

/** This process leads, until it is told otherwise. */
export interface Lead {
  /** Stored with every write: one that carries an old fence changes nothing. */
  readonly fence: number;
  /** Resolves when the lead has ended, by `release` or with the connection that holds the lock. Never rejects. */
  readonly lost: Promise<void>;
  isHeld(): boolean;
  /** Lets another overlord lead. Harmless when the lead is lost. */
  release(): Promise<void>;
}

export interface Leadership {
  /** The lead, or undefined while another overlord has it. */
  tryAcquire(): Promise<Lead | undefined>;
}
