import type { JsonObject } from "@dex/runtime";

/** What a command can do with resources that tokens are made for. A Failure for what a person can put right. */
export interface ResourceManagement {
  /** As the management API shows them, ordered by identifier. */
  listResources(): Promise<readonly JsonObject[]>;
  addResource(resource: JsonObject): Promise<void>;
  /** Changes the members that are named; null takes one away. */
  changeResource(identifier: string, changes: JsonObject): Promise<"done" | "unknown">;
  removeResource(identifier: string): Promise<"removed" | "unknown">;
}
