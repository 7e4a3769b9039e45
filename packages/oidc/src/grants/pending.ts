import type { DeviceCodeRedemption, DeviceRequests } from "../device-authorization/device-requests.ts";
import { OAuthError } from "../errors.ts";
import { parseTargetRequest } from "../resources/token-target.ts";
import { type AuthorizationCodeGrantParts, newFamily } from "./authorization-code.ts";
import { decideDevicePoll } from "./decide-device-poll.ts";
import type { Grant } from "./grant.ts";

export interface PendingGrantParts
  extends Pick<
    AuthorizationCodeGrantParts,
    "refreshTokens" | "issueTokens" | "random" | "lifetimes" | "resources" | "userinfoUrl"
  > {
  readonly devices: Pick<DeviceRequests, "poll" | "redeem">;
}

/** What a poll says of the request that it is about. */
export type PendingRequestFields = Pick<DeviceCodeRedemption, "deviceCodeHash" | "scope" | "challengeOfVerifier">;

/**
 * A grant that a client polls for while a person decides elsewhere: one statement for a poll that comes too soon, which most
 * do, and one more where there is something to give. What the grants differ in is how the request is named.
 */
export function pendingGrant(
  parts: PendingGrantParts,
  of: Pick<Grant, "grantType"> & { readonly read: (params: URLSearchParams) => PendingRequestFields },
): Grant {
  const { devices, issueTokens } = parts;
  return {
    grantType: of.grantType,
    async redeem({ params, client, confirmation }, now) {
      const request = of.read(params);
      const target = parseTargetRequest(params, { ...parts, client });
      const { family, refreshToken } = newFamily(parts, { client, confirmation }, now);
      const redemption: DeviceCodeRedemption = {
        ...request,
        clientId: client.id,
        allowedConnectors: client.allowedConnectors,
        confirmation,
        asked: target,
        family,
      };
      const decision = decideDevicePoll(await devices.poll(request.deviceCodeHash, client.id, now), redemption, now);
      if (decision.kind !== "redeem") throw decision.error;
      const grant = await devices.redeem(redemption, now);
      // Another worker was first, or the user was disabled in between: the same answer as a moment later.
      if (grant === undefined) {
        throw new OAuthError("invalid_grant", "nothing is to be had for this request", {
          detail: "spent or ended meanwhile",
        });
      }
      const { scope, nonce } = grant;
      const offline = scope.includes("offline_access") ? refreshToken?.text() : undefined; // REF-11
      return issueTokens({ grant, client, scope, nonce, refreshToken: offline, confirmation, target }, now);
    },
  };
}
