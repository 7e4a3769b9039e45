import { equalInConstantTime } from "@dex/runtime";
import { OAuthError } from "../errors.ts";
import type { RefreshRotation, StoredFamily } from "../ports.ts";
import { refuseUngranted } from "../resources/token-target.ts";
import { scopeContains } from "../scope.ts";
import { confirms } from "../tokens/confirmation.ts";

/** What was presented, in comparable form. The token's seal was checked already. */
export type PresentedRefresh = Pick<
  RefreshRotation,
  | "familyId"
  | "clientId"
  | "presentedHash"
  | "presentedGeneration"
  | "scope"
  | "allowedConnectors"
  | "upstreamAskedSince"
  | "confirmation"
  | "asked"
>;

export type RefreshDecision =
  | { readonly kind: "rotate"; readonly family: StoredFamily }
  /** The token was rotated a moment ago: the answer may have been lost, so its successor is given again (REF-3). */
  | { readonly kind: "repeat"; readonly family: StoredFamily; readonly sealedSuccessor: Buffer }
  /** The upstream is to be asked first whether it still vouches for the user; the token is not spent by that. */
  | { readonly kind: "revalidate first"; readonly family: StoredFamily }
  | { readonly kind: "replayed"; readonly familyId: string; readonly error: OAuthError }
  | { readonly kind: "refused"; readonly error: OAuthError };

/**
 * Decides whether a refresh token may be used by an authenticated client, RFC 6749 §6 and RFC 9700 §4.14.2. For
 * `rotate` this is the specification of the statement behind TokenFamilies.rotate; one table of cases holds for both.
 */
export function decideRefresh(
  family: StoredFamily | undefined,
  presented: PresentedRefresh,
  policy: { readonly graceSeconds: number },
  now: Date,
): RefreshDecision {
  if (family === undefined) return refused("token family is unknown");
  // First of all, so that a stranger with a stolen token changes nothing (REF-7).
  if (family.clientId !== presented.clientId) return refused("refresh token was issued to another client");
  if (!confirms(presented.confirmation, family.grant.terms?.confirmation)) {
    return refused("refresh token is bound to another key"); // RFC 9449 §5
  }
  if (family.revokedAt !== undefined) return refused("token family was revoked");
  if (family.currentHash === undefined) return refused("token family has no refresh token");
  const place = placeOf(family, family.currentHash, presented, policy.graceSeconds, now);
  if (place === "foreign") return refused("refresh token was never part of its family");
  // RFC 9700 §4.14.2: thief and owner look alike, so the whole family ends (REF-2, REF-5).
  if (place === "used") return replayed(family.id);
  if (family.expiresAt <= now) return refused("token family has reached its absolute lifetime");
  if (family.idleExpiresAt <= now) return refused("refresh token was not used for too long");
  if (!family.ownerActive) return refused("user or connector is no longer active");
  if (presented.scope !== undefined && !scopeContains(family.grant.scope, presented.scope)) {
    const message = "the scope exceeds what was granted";
    return { kind: "refused", error: new OAuthError("invalid_scope", message) }; // RFC 6749 §6
  }
  const ungranted = refuseUngranted(family.grant.terms, presented.asked);
  if (ungranted !== undefined) return { kind: "refused", error: ungranted }; // RFC 8707 §2.2, RFC 9396 §6.1
  if (presented.allowedConnectors?.includes(family.grant.connectorId) === false) {
    return refused("the client does not allow sign-in through this connector");
  }
  const { upstream } = family;
  // Who was refused gets no new tokens; they are asked about again, since they may be welcome again.
  if (upstream?.outcome === "refused") return { kind: "revalidate first", family };
  if (place === "current") {
    const asked = upstream === undefined || upstream.checkedAt >= presented.upstreamAskedSince;
    return { kind: asked ? "rotate" : "revalidate first", family };
  }
  // The rotation that it repeats came after the question.
  return { kind: "repeat", family, sealedSuccessor: place.sealedSuccessor };
}

/** Where in its family's history a refresh token stands. */
type Place = "current" | { readonly sealedSuccessor: Buffer } | "used" | "foreign";

function placeOf(
  family: StoredFamily,
  currentHash: Buffer,
  { presentedHash, presentedGeneration }: PresentedRefresh,
  graceSeconds: number,
  now: Date,
): Place {
  if (presentedGeneration === family.generation && equalInConstantTime(presentedHash, currentHash)) return "current";
  // We sealed it, yet it is not in the past of this row: the database was set back to an earlier state.
  if (presentedGeneration >= family.generation) return "foreign";
  const { previousHash, rotatedAt, sealedCurrent } = family;
  if (presentedGeneration !== family.generation - 1 || previousHash === undefined || rotatedAt === undefined) {
    return "used";
  }
  if (!equalInConstantTime(presentedHash, previousHash) || sealedCurrent === undefined) return "used";
  // With no grace at all nothing is within it, also where two workers' clocks differ and the rotation seems to be ahead.
  const withinGrace = graceSeconds > 0 && now.getTime() - rotatedAt.getTime() < graceSeconds * 1000;
  return withinGrace ? { sealedSuccessor: sealedCurrent } : "used";
}

function replayed(familyId: string): RefreshDecision {
  return { kind: "replayed", familyId, error: invalidGrant("refresh token was already used") };
}

function refused(detail: string): RefreshDecision {
  return { kind: "refused", error: invalidGrant(detail) };
}

function invalidGrant(detail: string): OAuthError {
  return new OAuthError("invalid_grant", "the refresh token is not valid", { detail });
}
