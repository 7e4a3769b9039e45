// What an import finds, wherever it comes from: complete in form, unchecked in content.
import type { Json, JsonObject, Secret } from "@dex/runtime";
import type { IdentityKey } from "@dex/storage";

export type FoundPassword =
  | { readonly kind: "none" }
  | { readonly kind: "hash"; readonly hash: string; readonly expiresAt: Date | undefined }
  | { readonly kind: "plaintext"; readonly password: Secret<string> };

export interface FoundUser {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly displayName: string;
  readonly admin: boolean;
  readonly disabled: boolean;
  /** Undefined: now. */
  readonly createdAt: Date | undefined;
  readonly password: FoundPassword;
  readonly identities: readonly IdentityKey[];
}

export type FoundSecret =
  | { readonly kind: "bcrypt"; readonly hash: string }
  | { readonly kind: "text"; readonly secret: Secret<string> };

export interface FoundClient {
  readonly id: string;
  /** The `client` member of the management API, without a secret; undefined where what was stored cannot be read. */
  readonly wanted: JsonObject | undefined;
  readonly secret: FoundSecret;
}

export interface FoundConnector {
  readonly id: string;
  /** As set-connector-configs takes it; undefined where what was stored cannot be read. */
  readonly entry: Json | undefined;
}

/** What an import reads from. Its lists come in pages, and one at a time. */
export interface ImportSource {
  /** Addresses, canonical, that belong to more than one user. */
  readonly emailsTwice: ReadonlySet<string>;
  users(): AsyncIterable<readonly FoundUser[]>;
  clients(): AsyncIterable<readonly FoundClient[]>;
  connectors(): AsyncIterable<readonly FoundConnector[]>;
  /** What is there and never taken, by name; and how many rows belong to nobody. */
  leftovers(): Promise<{
    readonly neverTaken: Readonly<Record<string, number>>;
    readonly ownerless: { readonly passwords: number; readonly identities: number };
  }>;
}
