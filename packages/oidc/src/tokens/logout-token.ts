import { addSeconds, type Json, toEpochSeconds } from "@dex/runtime";
import { sidOf } from "../sessions/session-id.ts";

/** The `typ` of a logout token's header, which tells it from an ID token (JWT-3, OIDC Back-Channel Logout §2.4). */
export const LOGOUT_TOKEN_TYP = "logout+jwt";

const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";
/** OIDC Back-Channel Logout §4: at most two minutes. */
const LIFETIME_SECONDS = 120;

export interface LogoutTokenInput {
  readonly issuer: string;
  readonly clientId: string;
  /** The subject as this client knows it. */
  readonly subject: string;
  /** Of the session as this client knows it. */
  readonly sessionHash: Buffer;
  /** The same in every try to tell the client. */
  readonly jti: string;
}

/** The claims of a logout token, OIDC Back-Channel Logout §2.4. There is never a nonce, lest it be taken for an ID token. */
export function logoutTokenClaims(input: LogoutTokenInput, now: Date): { readonly [claim: string]: Json } {
  return {
    iss: input.issuer,
    sub: input.subject,
    aud: input.clientId,
    iat: toEpochSeconds(now),
    exp: toEpochSeconds(addSeconds(now, LIFETIME_SECONDS)),
    jti: input.jti,
    sid: sidOf(input.sessionHash),
    events: { [LOGOUT_EVENT]: {} },
  };
}
