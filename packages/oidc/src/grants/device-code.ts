import { sha256 } from "@dex/runtime";
import { DEVICE_CODE_GRANT, hashOfDeviceCode } from "../device-authorization/device-code.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import { parseScope } from "../scope.ts";
import type { Grant } from "./grant.ts";
import { type PendingGrantParts, type PendingRequestFields, pendingGrant } from "./pending.ts";

/** The device authorization grant, RFC 8628 §3.4. */
export function deviceCodeGrant(parts: PendingGrantParts): Grant {
  return pendingGrant(parts, { grantType: DEVICE_CODE_GRANT, read: parseDeviceCodeRequest });
}

function parseDeviceCodeRequest(params: URLSearchParams): PendingRequestFields {
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
