import type { JsonObject } from "@dex/runtime";

/** What a command can do about the secrets of one client. Every method throws a Failure for what a person can put right. */
export interface ClientSecretManagement {
  /** As the management API renders them, oldest first, without anything secret. */
  listClientSecrets(clientId: string): Promise<readonly JsonObject[] | "unknown">;
  /** Makes one, which is seen this once. `expiresAt` is RFC 3339. */
  addClientSecret(
    clientId: string,
    expiresAt: string | undefined,
  ): Promise<{ readonly id: string; readonly secret: string } | "unknown">;
  /** Says when it ends, in RFC 3339, or that it does not. */
  expireClientSecret(clientId: string, secretId: string, expiresAt: string | undefined): Promise<"done" | "unknown">;
  removeClientSecret(clientId: string, secretId: string): Promise<"done" | "unknown">;
}
