import { equalInConstantTime } from "@dex/runtime";
import { OAuthError } from "../errors.ts";
import type { CodeRedemption, StoredCode } from "../ports.ts";
import { refuseUngranted } from "../resources/token-target.ts";
import { confirms } from "../tokens/confirmation.ts";

/** At so many wrong verifiers a code is dead (PKC-7). */
export const MAX_WRONG_VERIFIERS = 5;

export type CodeDecision =
  | { readonly kind: "redeem" }
  /** Spent before: the first redemption's tokens end too, and those that travelled with the code. */
  | { readonly kind: "replayed"; readonly familyIds: readonly string[]; readonly error: OAuthError }
  /** The right client with another verifier than the challenge's: to be counted. */
  | { readonly kind: "wrong verifier"; readonly error: OAuthError }
  | { readonly kind: "refused"; readonly error: OAuthError };

/**
 * Decides whether a code may be redeemed by an authenticated client, RFC 6749 §4.1.3 and RFC 7636 §4.6. This is the
 * specification of the statement behind AuthorizationCodes.redeem; both are held to the same table of cases.
 */
export function decideCode(
  code: StoredCode | undefined,
  redemption: Pick<
    CodeRedemption,
    "clientId" | "redirectUri" | "challengeOfVerifier" | "allowedConnectors" | "confirmation" | "asked"
  >,
  now: Date,
): CodeDecision {
  if (code === undefined) return refused("code is unknown");
  // Before anything that changes the code: another client must not be able to spoil it (TOK-4).
  if (code.clientId !== redemption.clientId) return refused("code was issued to another client");
  // RFC 6749 §4.1.2: whoever presents it the second time, one of the two presentations was not the client's.
  if (code.spentAt !== undefined) {
    const familyIds = [code.familyId, code.frontChannelFamilyId].filter((id) => id !== undefined);
    return { kind: "replayed", familyIds, error: invalidGrant("code was already used") };
  }
  if (code.expiresAt <= now) return refused("code has expired");
  if (code.wrongVerifiers >= MAX_WRONG_VERIFIERS) return refused("code had too many wrong verifiers");
  if (!code.ownerActive) return refused("user or connector is no longer active");
  if (redemption.allowedConnectors?.includes(code.connectorId) === false) {
    return refused("the client does not allow sign-in through this connector");
  }
  if (!confirms(redemption.confirmation, { jkt: code.terms?.codeJkt })) return refused("code is bound to another key");
  if (code.redirectUri !== redemption.redirectUri) return refused("redirect_uri differs from the request's");
  const verified = decideVerifier(code.codeChallenge, redemption.challengeOfVerifier);
  // Last, since it tells something of the grant: who cannot prove that the code is theirs learns nothing (RFC 8707 §2.2).
  const ungranted = verified.kind === "redeem" ? refuseUngranted(code.terms, redemption.asked) : undefined;
  return ungranted === undefined ? verified : { kind: "refused", error: ungranted };
}

function decideVerifier(challenge: string | undefined, ofVerifier: string | undefined): CodeDecision {
  if (challenge === undefined) {
    // RFC 9700 §4.8.2: refused, not ignored. Someone may have stripped the challenge on the way.
    return ofVerifier === undefined
      ? { kind: "redeem" }
      : refused("code_verifier was sent for a code without challenge");
  }
  if (ofVerifier === undefined) return refused("code_verifier is missing");
  return equalInConstantTime(challenge, ofVerifier)
    ? { kind: "redeem" }
    : { kind: "wrong verifier", error: invalidGrant("code_verifier does not fit the challenge") };
}

function refused(detail: string): CodeDecision {
  return { kind: "refused", error: invalidGrant(detail) };
}

/** The client learns that the grant is no good; what exactly is wrong with it is for operators. */
function invalidGrant(detail: string): OAuthError {
  return new OAuthError("invalid_grant", "the code is not valid for this request", { detail });
}
