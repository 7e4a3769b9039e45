export type { Changes, ChangeVersions } from "./changes.ts";
export type { ClientKeyStore, CredentialUse } from "./client-keys.ts";
export type {
  ClientSecretStore,
  GeneratedClientSecret,
  SealedClientSecrets,
} from "./client-secrets.ts";
export type { ClientStore } from "./clients.ts";
export type { ConnectorStore } from "./connectors.ts";
export {
  type DexV1Client,
  type DexV1Connector,
  type DexV1Leftovers,
  type DexV1Source,
  type DexV1User,
  NotDexV1,
  openDexV1,
} from "./dex-v1-source.ts";
export type { Garbage, GarbageReport } from "./garbage.ts";
export type { IdentityKey, ImportedUser, ImportStore, PresentUsers } from "./import-store.ts";
export type { Installation } from "./installation.ts";
export { type Candidacy, type Leadership, openLeadership } from "./leadership.ts";
export { type MigrateParts, migrate, pendingMigrations, type SchemaStatus, schemaStatus } from "./migrate.ts";
export type { Migration } from "./migrations/migrations.ts";
export { openStorage, type Storage, type StorageOptions } from "./open-storage.ts";
export type { ResourceStore } from "./resources.ts";
export type { SigningKeyStore } from "./signing-keys.ts";
export { StorageUnavailable } from "./storage-unavailable.ts";
export type {
  GrantOwner,
  GrantSettlement,
  GrantState,
  LeasedGrant,
  RefreshedClaims,
  UpstreamGrants,
} from "./upstream-grants.ts";
export type { Administrators } from "./users.ts";
