import type { JsonObject } from "@dex/runtime";
import type { SignedInPerson } from "./subject.ts";

/** The scope of dex v2 that asks who somebody is where they came from. */
export const FEDERATED_ID = "federated:id";

/** The claim of dex v2 that tells it: for clients that know people by their upstream's names. Not of a standard. */
export function federatedClaims({ user, connectorId }: SignedInPerson, scope: readonly string[]): JsonObject {
  if (!scope.includes(FEDERATED_ID) || user.remoteId === undefined) return {};
  return { federated_claims: { connector_id: connectorId, user_id: user.remoteId } };
}
