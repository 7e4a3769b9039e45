import { CIBA_GRANT, hashOfAuthReqId } from "../backchannel-authentication/auth-req-id.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import type { Grant } from "./grant.ts";
import { type PendingGrantParts, pendingGrant } from "./pending.ts";

/** The grant of client-initiated backchannel authentication, CIBA Core §10.1: for clients that poll, told to do so or not. */
export function cibaGrant(parts: PendingGrantParts): Grant {
  return pendingGrant(parts, {
    grantType: CIBA_GRANT,
    read(params) {
      const authReqId = single(params, "auth_req_id");
      if (authReqId === undefined) throw new OAuthError("invalid_request", "auth_req_id is missing");
      const deviceCodeHash = hashOfAuthReqId(authReqId);
      if (deviceCodeHash === undefined) throw new OAuthError("invalid_grant", "the auth_req_id is not one of ours");
      return { deviceCodeHash, scope: undefined, challengeOfVerifier: undefined };
    },
  });
}
