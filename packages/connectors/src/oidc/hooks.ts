// What a kind of connector built on OpenID Connect may do differently from plain `oidc`.
import type { AskedOfUpstream, Identity, UpstreamWish } from "../connector.ts";
import type { Claims } from "./claim-values.ts";

/** Verified claims as they arrived; at least one of the two is there. */
export interface ArrivedClaims {
  readonly idToken: Claims | undefined;
  readonly userInfo: Claims | undefined;
}

/** What else is known where claims are looked at. */
export interface ClaimsContext {
  readonly occasion: "login" | "refresh" | "subject token";
  /** The authorization response; at a login alone. Nothing in it is signed. */
  readonly answer: URLSearchParams | undefined;
}

/** For calls to the upstream beside those of OpenID Connect. */
export interface UpstreamCall {
  /** The person's, as just received; undefined where an ID token is all there is. */
  readonly accessToken: string | undefined;
  readonly now: Date;
}

export interface OidcHooks {
  /** More parameters of the authorization request, such as `hd`; they replace ours of the same name. */
  authorizationParameters?(wish: UpstreamWish): Readonly<Record<string, string>>;
  /**
   * The claims to read the person from, in place of those that arrived; at logins, refreshes and subject tokens alike.
   * Throws LoginRefused for whom may not sign in.
   */
  claims?(arrived: ArrivedClaims, context: ClaimsContext): ArrivedClaims;
  /**
   * Groups that come from elsewhere than a claim, in place of `identity.groups`; at logins, refreshes and subject tokens
   * alike. `claims` are those of the ID token under those of userinfo. Throws LoginRefused for who is in none of the groups
   * that are let in, whether or not groups were asked for.
   */
  readGroups?(
    identity: Identity,
    claims: Claims,
    asked: AskedOfUpstream,
    call: UpstreamCall,
  ): Promise<readonly string[] | undefined>;
  /** Whether the upstream tells the name at the first login alone, so that a refresh must remember it. */
  readonly nameOnlyAtLogin?: true;
}
