import type { JsonObject } from "@dex/runtime";
import type { Client, GrantType } from "../clients/client.ts";

/** A successful answer of the token endpoint, RFC 6749 §5.1. */
export interface TokenResponse extends JsonObject {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly scope?: string;
  readonly id_token?: string;
  readonly refresh_token?: string;
}

/** One way to obtain tokens, RFC 6749 §1.3. */
export interface Grant {
  readonly grantType: GrantType;
  /**
   * Redeems a grant. The token endpoint has checked the parameters' form, authenticated the client and made sure that it
   * may use this grant. Throws an OAuthError when the grant is refused.
   */
  redeem(params: URLSearchParams, client: Client, now: Date): Promise<TokenResponse>;
}
