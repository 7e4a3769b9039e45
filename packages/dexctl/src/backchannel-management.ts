import type { JsonObject } from "@dex/runtime";

export type BackchannelAnswer = "approve" | "deny";

/**
 * What a command can do with what clients ask of people by name (CIBA). Over the HTTP API alone, of workers that let
 * administrators answer for people. A Failure for what a person can put right.
 */
export interface BackchannelManagement {
  /** As the management API shows them, the newest first; undefined when there is no such user. */
  backchannelRequests(userId: string): Promise<readonly JsonObject[] | undefined>;
  answerBackchannelRequest(userId: string, requestId: string, answer: BackchannelAnswer): Promise<"done" | "unknown">;
}
