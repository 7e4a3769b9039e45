// What the overlord needs of the database. storage fulfils it; wire.ts joins the two.
import type { StoredConnector } from "@dex/connectors";
import type { Client } from "@dex/oidc";
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
  /** The user with this id who has a password, or undefined. `id` is a UUID. */
  findLocal(id: string): Promise<LocalUser | undefined>;
  createLocal(
    user: NewUser,
    passwordHash: string,
    connectorId: string,
    actor: Actor,
  ): Promise<"created" | "email taken">;
}

export interface ManagedClients {
  /** All of them, ordered by id. */
  list(): Promise<readonly Client[]>;
  create(client: Client, actor: Actor, now: Date): Promise<"created" | "id taken">;
  /** Deletes the client with its codes, token families and consents. */
  remove(clientId: string, actor: Actor, now: Date): Promise<"removed" | "unknown">;
}

export interface ManagedConnectors {
  /** All of them, ordered by id. */
  list(): Promise<readonly StoredConnector[]>;
  /** Replaces all of them and writes the audit event, in one transaction. */
  replaceAll(connectors: readonly StoredConnector[], actor: Actor, now: Date): Promise<void>;
}

/** One batch of a collection: rows deleted by table, and whether more are left. `lost`: another overlord leads now. */
export type CollectedBatch =
  | { readonly kind: "collected"; readonly deleted: Readonly<Record<string, number>>; readonly more: boolean }
  | { readonly kind: "lost" };

export interface Garbage {
  /** Deletes at most `limit` rows of each kind that nobody can use any more at `now`. Carries the leader's fence. */
  collect(limit: number, fence: number, now: Date): Promise<CollectedBatch>;
}

/** This process leads, until it is told otherwise. */
export interface Lead {
  /** Stored with every write: one that carries an old fence changes nothing. */
  readonly fence: number;
  /** Whether this process still holds the lock and its fence is the newest. */
  confirm(): Promise<boolean>;
  /** Lets another overlord lead. */
  release(): Promise<void>;
}

export interface Leadership {
  /** The lead, or undefined while another overlord has it. `onLost` is called when the lock's connection breaks. */
  tryLead(onLost: () => void): Promise<Lead | undefined>;
}
