import type { JsonObject } from "@dex/runtime";

/** What proves a client beside secrets, as the management API renders it. */
export interface ClientKeyList {
  readonly tokenEndpointAuthMethod?: string | undefined;
  /** Where it publishes its keys. */
  readonly jwksURI?: string | undefined;
  readonly keys: readonly JsonObject[];
}

/** How a client proves itself from now on. */
export interface ChangedAuthentication {
  readonly tokenEndpointAuthMethod: string;
  readonly endedSecrets: number;
  /** One that was made for it, seen this once. */
  readonly secret?: string | undefined;
}

/** What a command can do about how one client proves itself. Every method throws a Failure for what a person can put right. */
export interface ClientKeyManagement {
  listClientKeys(clientId: string): Promise<ClientKeyList | "unknown">;
  /** Adds a public key in JWK form, and says what was made of it. */
  addClientKey(clientId: string, key: JsonObject): Promise<JsonObject | "unknown">;
  /** By id or kid. */
  removeClientKey(clientId: string, key: string): Promise<"done" | "unknown">;
  /** In the names of RFC 7591 §2 and RFC 8705 §2.1.2. */
  changeClientAuthentication(clientId: string, wanted: JsonObject): Promise<ChangedAuthentication | "unknown">;
}
