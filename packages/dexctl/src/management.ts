import type { CheckStep } from "@dex/connectors";
import type { SigningKeySet } from "@dex/keys";
import type { Json, JsonObject } from "@dex/runtime";
import type { BackchannelManagement } from "./backchannel-management.ts";
import type { ClientKeyManagement } from "./client-key-management.ts";
import type { ClientSecretManagement } from "./client-secret-management.ts";
import type { ImportReport } from "./import/import-report.ts";
import type { ImportSource } from "./import/import-source.ts";
import type { ImportMode } from "./import/run-import.ts";
import type { ResourceManagement } from "./resource-management.ts";
import type { UserManagement } from "./user-management.ts";

/** A client that has just been created. This is the only time its secret is seen. */
export interface CreatedClient {
  readonly id: string;
  /** Undefined for a public client. */
  readonly secret: string | undefined;
  readonly redirectUris: readonly string[];
}

/**
 * What a command can do, wherever it is done: each command is written once, against this. Every method throws a Failure
 * for what a person can put right.
 */
export interface Management
  extends UserManagement,
    BackchannelManagement,
    ClientSecretManagement,
    ClientKeyManagement,
    ResourceManagement {
  /** Creates a client from the `client` member of the management API. */
  createClient(request: JsonObject): Promise<CreatedClient>;
  /** All clients as the management API renders them, without anything secret. */
  listClients(): Promise<readonly JsonObject[]>;
  /** Changes what the `client` member of a change in the management API names. */
  changeClient(clientId: string, changes: JsonObject): Promise<"done" | "unknown">;
  deleteClient(clientId: string): Promise<"deleted" | "unknown">;
  /** All connectors with `id` and `type`, secrets left out, ordered by id. */
  listConnectors(): Promise<readonly JsonObject[]>;
  /**
   * Replaces all connectors by this list, or changes nothing. A secret that is left out keeps its stored value when id
   * and type are the same. Returns how many were saved.
   */
  replaceConnectors(configs: Json): Promise<number>;
  /** Adds one, an object with `id` and `type`, or puts it in the place of that with its id. Secrets as above. */
  saveConnector(config: JsonObject & { readonly id: string }): Promise<void>;
  removeConnector(id: string): Promise<"removed" | "unknown">;
  /** Has a stored connector tried where it is used. A Failure where only the issuer can. */
  checkConnector(id: string): Promise<readonly CheckStep[] | "unknown">;
}

/** What only the database offers. */
export interface DatabaseManagement extends Management {
  /** Brings the schema up to date; returns the names of the migrations that were applied, none when it was already. */
  migrate(): Promise<readonly string[]>;
  signingKeys(): Promise<SigningKeySet>;
  /** Takes over what a dex v1 knew. Nothing that is here already is changed; see ImportReport for what became of it. */
  importFrom(source: ImportSource, mode: ImportMode): Promise<ImportReport>;
  /** Whether a client may use the management API. Unknown also when it is public: such a client never may. */
  setClientAdmin(clientId: string, admin: boolean): Promise<"done" | "unknown">;
  /** Records that a rotation is wanted; the overlord acts on it at its next tick. Harmless when already recorded. */
  requestKeyRotation(): Promise<void>;
}
