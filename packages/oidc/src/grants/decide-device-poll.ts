import { equalInConstantTime } from "@dex/runtime";
import type { DeviceCodeRedemption, StoredDeviceRequest } from "../device-authorization/device-requests.ts";
import { AccessDeniedAtTokenEndpoint, OAuthError } from "../errors.ts";
import { refuseUngranted } from "../resources/token-target.ts";
import { scopeContains } from "../scope.ts";
import { confirms } from "../tokens/confirmation.ts";

export type DevicePollDecision =
  | { readonly kind: "redeem" }
  /** Nobody has decided yet. */
  | { readonly kind: "pending"; readonly error: OAuthError }
  | { readonly kind: "slow down"; readonly error: OAuthError }
  | { readonly kind: "denied"; readonly error: OAuthError }
  | { readonly kind: "expired"; readonly error: OAuthError }
  | { readonly kind: "refused"; readonly error: OAuthError };

/** What of a poll decides. */
export type DevicePoll = Pick<
  DeviceCodeRedemption,
  "clientId" | "scope" | "challengeOfVerifier" | "allowedConnectors" | "confirmation" | "asked"
>;

/**
 * Decides what an authenticated client gets for a device code (RFC 8628 §3.5) or an auth_req_id (CIBA Core §11). This is the specification of the statement
 * behind DeviceRequests.redeem; both are held to the same table of cases.
 */
export function decideDevicePoll(
  stored: StoredDeviceRequest | undefined,
  poll: DevicePoll,
  now: Date,
): DevicePollDecision {
  if (stored === undefined) return refused("it is unknown");
  // DEV-2: and nothing of the request changes, so that nobody spoils what is another's.
  if (stored.clientId !== poll.clientId) return refused("it was issued to another client");
  if (stored.spentAt !== undefined) return refused("it was already used");
  if (stored.decision === "denied") {
    return { kind: "denied", error: new AccessDeniedAtTokenEndpoint("the person did not allow it") };
  }
  if (stored.expiresAt <= now) {
    return { kind: "expired", error: new OAuthError("expired_token", "nobody allowed it in time") };
  }
  // DEV-2: what the person is shown, and agreed to, is what was asked for at the beginning.
  if (poll.scope !== undefined && !sameScope(poll.scope, stored.scope)) return refused("scope differs");
  if (stored.decision === undefined) {
    return stored.early
      ? { kind: "slow down", error: new OAuthError("slow_down", "polling too fast: the interval grows by 5 seconds") }
      : { kind: "pending", error: new OAuthError("authorization_pending", "nobody has allowed it yet") };
  }
  if (!stored.ownerActive) return refused("user, connector or session is no longer active");
  if (stored.connectorId !== undefined && poll.allowedConnectors?.includes(stored.connectorId) === false) {
    return refused("the client does not allow sign-in through this connector");
  }
  if (!confirms(poll.confirmation, { jkt: stored.terms?.codeJkt }))
    return refused("device code is bound to another key");
  const ungranted = refuseUngranted(stored.terms, poll.asked);
  if (ungranted !== undefined) return { kind: "refused", error: ungranted }; // RFC 8707 §2.2
  return verifierFits(stored.codeChallenge, poll.challengeOfVerifier)
    ? { kind: "redeem" }
    : refused("code_verifier and challenge do not fit");
}

function sameScope(one: readonly string[], other: readonly string[]): boolean {
  return scopeContains(one, other) && scopeContains(other, one);
}

/** A verifier without a challenge is refused as well (RFC 9700 §4.8.2). */
function verifierFits(challenge: string | undefined, ofVerifier: string | undefined): boolean {
  if (challenge === undefined || ofVerifier === undefined) return challenge === ofVerifier;
  return equalInConstantTime(challenge, ofVerifier);
}

/** The client learns that the grant is no good; what exactly is wrong with it is for operators. */
function refused(detail: string): DevicePollDecision {
  return {
    kind: "refused",
    error: new OAuthError("invalid_grant", "nothing is to be had for this request", { detail }),
  };
}
