import { sha256 } from "@dex/runtime";
import { DEVICE_CODE_GRANT, hashOfDeviceCode } from "../device-authorization/device-code.ts";
import type { DeviceCodeRedemption, DeviceRequests } from "../device-authorization/device-requests.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import { parseTargetRequest } from "../resources/token-target.ts";
import { parseScope } from "../scope.ts";
import { type AuthorizationCodeGrantParts, newFamily } from "./authorization-code.ts";
import { decideDevicePoll } from "./decide-device-poll.ts";
import type { Grant } from "./grant.ts";

export interface DeviceCodeGrantParts
  extends Pick<AuthorizationCodeGrantParts, "refreshTokens" | "issueTokens" | "random" | "lifetimes" | "resources" | "userinfoUrl"> {
  readonly devices: Pick<DeviceRequests, "poll" | "redeem">;
}

/**
 * The device authorization grant, RFC 8628 §3.4: one statement for a poll that comes too soon, which most do, and one more
 * where there is something to give.
 */
export function deviceCodeGrant(parts: DeviceCodeGrantParts): Grant {
  const { devices, issueTokens } = parts;
  return {
    grantType: DEVICE_CODE_GRANT,
    async redeem({ params, client, confirmation }, now) {
      const request = parseDeviceCodeRequest(params);
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
        throw new OAuthError("invalid_grant", "the device code is not valid for this request", {
          detail: "spent or ended meanwhile",
        });
      }
      const { scope, nonce } = grant;
      const offline = scope.includes("offline_access") ? refreshToken?.text() : undefined; // REF-11
      return issueTokens({ grant, client, scope, nonce, refreshToken: offline, confirmation, target }, now);
    },
  };
}

function parseDeviceCodeRequest(
  params: URLSearchParams,
): Pick<DeviceCodeRedemption, "deviceCodeHash" | "scope" | "challengeOfVerifier"> {
  const deviceCode = single(params, "device_code");
  if (deviceCode === undefined) throw new OAuthError("invalid_request", "device_code is missing");
  const deviceCodeHash = hashOfDeviceCode(deviceCode);
  if (deviceCodeHash === undefined) throw new OAuthError("invalid_grant", "the device code is not one of ours");
  const verifier = single(params, "code_verifier");
  // RFC 7636 §4.1. Refused even where its hash would fit: short verifiers can be guessed (PKC-6).
  if (verifier !== undefined && !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) {
    throw new OAuthError("invalid_grant", "code_verifier must be 43 to 128 unreserved characters");
  }
  const scope = single(params, "scope");
  return {
    deviceCodeHash,
    scope: scope === undefined ? undefined : parseScope(scope),
    challengeOfVerifier: verifier === undefined ? undefined : sha256(verifier).toString("base64url"),
  };
}
