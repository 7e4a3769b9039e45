import type { ResponseType } from "../clients/client-details.ts";
import type { RequestedClaims } from "../ports.ts";
import type { RequestedTargets } from "../resources/requested-targets.ts";
import type { ResponseMode } from "./response-type.ts";

declare const verified: unique symbol;
/** A redirect_uri that matched a registered one. Made only by matchRedirectUri and by opening a login state. */
export type VerifiedRedirectUri = string & { readonly [verified]: true };

export type Prompt = "none" | "login" | "consent" | "select_account";

/** A signed request object with a `jti` (RFC 7519 §4.1.7), or one that expires. */
export interface SingleUseObject {
  /** What it is known by where answers are kept: of the same client and `jti`, or of the same text, the same. */
  readonly name: string;
  /** Until when its use is remembered. */
  readonly until: Date;
}

/** A validated authorization request, OIDC Core §3.1.2.1. Unknown scopes are already dropped. */
export interface AuthorizationRequest extends RequestedTargets {
  readonly clientId: string;
  readonly redirectUri: VerifiedRedirectUri;
  readonly responseType: ResponseType;
  readonly responseMode: ResponseMode;
  /** The answer goes as one JWT that we sign (JARM). Left out where it goes as plain parameters. */
  readonly responseInJwt?: true;
  readonly scope: readonly string[];
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  /** S256 challenge: 43 characters of base64url. */
  readonly codeChallenge: string | undefined;
  /** The key that the code can be redeemed with, by its thumbprint. Left out when the request named none (RFC 9449 §10). */
  readonly dpopJkt?: string;
  readonly prompt: readonly Prompt[];
  readonly maxAgeSeconds: number | undefined;
  readonly loginHint: string | undefined;
  /** The subject an id_token_hint named, after its signature was checked, and the sector that it was named so for. */
  readonly hintedUserId: string | undefined;
  readonly hintedSector?: string;
  /** Claims asked for by name, such as the client may have (OIDC Core §5.5). Left out when none are. */
  readonly claims?: RequestedClaims;
  /** Subjects of which the user has to be one. Left out when anybody may be signed in. */
  readonly subjects?: readonly string[];
  /** Of which the sign-in has to have one, OIDC Core §5.5.1.1. Left out when any will do. */
  readonly essentialAcr?: readonly string[];
  /**
   * The request object that this is, where its client means it to be used once: it yields one answer at most. Left out for
   * others.
   */
  readonly requestObject?: SingleUseObject;
  /** The name of the pushed request that this is, RFC 9126: it yields one code at most. Left out where none was pushed. */
  readonly pushedAs?: string;
  /** dex v1 `connector_id`: go straight to this connector. */
  readonly connectorId: string | undefined;
  /** dex v1 `show_connectors`: of all connectors only these are offered. Left out when all are. */
  readonly shownConnectorIds?: readonly string[];
}
