import { sha256 } from "@dex/runtime";
import { makePendingCodes } from "../device-authorization/pending-code.ts";

/** CIBA Core §10.1 */
export const CIBA_GRANT = "urn:openid:params:grant-type:ciba";
/** CIBA Core §7: below the issuer. */
export const BACKCHANNEL_AUTHENTICATION_PATH = "/bc-authorize";
/** Where people answer. */
export const BACKCHANNEL_APPROVAL_PATH = "/backchannel";

/** How long a client waits for its person: what it gets when it does not say, and the most that it gets (`requested_expiry`). */
export const AUTH_REQ_ID_SECONDS = { usual: 600, most: 3600 } as const;

export const { make: newAuthReqId, hashOf: hashOfAuthReqId } = makePendingCodes("dxa_");

/** What the store knows the approval of a request by, as the one of a device is known by its user code. */
export function approvalHashOf(requestId: string): Buffer {
  return sha256(`backchannel approval\0${requestId}`);
}
