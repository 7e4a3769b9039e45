// What checking the secrets of clients needs from outside.
import type { ClientSecretHash } from "./client.ts";

/** Hashes of client secrets that somebody chose or that came from dex v1, on the hashing threads. */
export interface ChosenSecretVerifier {
  /** Whether `secret` is behind the argon2id `hash`. Throws HasherBusy when the queue is full. */
  verify(secret: string, hash: string): Promise<boolean>;
  /** Whether these bytes, at most 72 of any value, are behind the bcrypt `hash`. Throws HasherBusy. */
  verifyBytes(secret: Uint8Array, hash: string): Promise<boolean>;
  /** A new argon2id hash. Throws HasherBusy. */
  hash(secret: string): Promise<string>;
}

export interface ClientSecretUpgrades {
  /** Replaces the client's bcrypt hash if it still is `oldHash`: an upgrade must not undo a change of the secret. */
  upgradeSecret(clientId: string, oldHash: string, next: ClientSecretHash): Promise<void>;
}

/**
 * Says that a secret of a client was right. Called on the hot path: it only remembers, and whoever remembers writes it down
 * later, once a day at most.
 */
export type NoteSecretUse = (clientId: string, secretId: string, now: Date) => void;

/** The same of a key or certificate, by what key-ids.ts calls it. */
export type NoteKeyUse = (clientId: string, keyId: string, now: Date) => void;
