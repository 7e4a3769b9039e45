import type { JsonObject } from "@dex/runtime";
import type { Client, GrantType } from "../clients/client.ts";
import type { Confirmation } from "../tokens/confirmation.ts";

/** How an access token is shown to who asks for it, RFC 6750 §2.1 and RFC 9449 §7.1. */
export type TokenType = "Bearer" | "DPoP";

/** A token that is bound to a certificate is a bearer token still (RFC 8705 §3). */
export function tokenTypeFor(confirmation: Confirmation | undefined): TokenType {
  return confirmation?.jkt === undefined ? "Bearer" : "DPoP";
}

/** A successful answer of the token endpoint, RFC 6749 §5.1. */
export interface TokenResponse extends JsonObject {
  readonly access_token: string;
  /** `N_A`: what is in access_token is none (RFC 8693 §2.2.1). */
  readonly token_type: TokenType | "N_A";
  readonly expires_in: number;
  readonly scope?: string;
  readonly id_token?: string;
  readonly refresh_token?: string;
  /** RFC 8693 §2.2.1. */
  readonly issued_token_type?: string;
  /** RFC 9396 §7. */
  readonly authorization_details?: readonly JsonObject[];
}

/** A token request whose form is good, from a client that is who it says and may use this grant. */
export interface GrantRequest {
  readonly params: URLSearchParams;
  readonly client: Client;
  /** The key that the client proved to have, which its tokens are then bound to; undefined for bearer tokens. */
  readonly confirmation: Confirmation | undefined;
  /** Every key that was proved, among them one that binds none of the client's tokens any more. */
  readonly shown: Confirmation | undefined;
  /** The peer's address, for throttling. */
  readonly source: string;
}

/** One way to obtain tokens, RFC 6749 §1.3. */
export interface Grant {
  readonly grantType: GrantType;
  /** Set where what it redeems says who the client is, RFC 7521 §4.1: a client that shows nothing but its id is let come. */
  readonly provesClient?: true;
  /** Redeems a grant. Throws an OAuthError when it is refused. */
  redeem(request: GrantRequest, now: Date): Promise<TokenResponse>;
}
