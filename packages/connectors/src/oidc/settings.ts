// What a connector to an OpenID provider does, as one value: the words of its configuration are behind us here.
import type { Secret } from "@dex/runtime";
import type { UpstreamTls } from "../oauth2/config-members.ts";
import type { GroupRules } from "./groups.ts";

/** How a claim is found: `name`, unless it is absent or `override` is set and `mapped` is configured. */
export interface ClaimSource {
  readonly name: string;
  readonly mapped: string | undefined;
  readonly override: boolean;
}

/** Endpoints that stand in place of the ones in the upstream's metadata. The operator chose their hosts. */
export interface DiscoveryOverrides {
  readonly authorization_endpoint?: string;
  readonly token_endpoint?: string;
  readonly jwks_uri?: string;
  readonly userinfo_endpoint?: string;
  readonly end_session_endpoint?: string;
}

/**
 * How we authenticate at the token endpoint: by one method; by a secret that is made anew for every request, in the body;
 * by an assertion (RFC 7523 §2.2); `announced` takes the first method the upstream announces that we can do.
 */
export type ClientAuthenticationChoice =
  | "announced"
  | "client_secret_basic"
  | "client_secret_post"
  | { readonly secret: (now: Date) => Promise<string> }
  | { readonly assertion: () => Promise<string> };

export interface OidcSettings {
  readonly issuer: string;
  /** The `iss` of ID tokens, where the upstream calls itself by another name than it is reached at. */
  readonly issuerAlias: string | undefined;
  readonly discoveryOverrides: DiscoveryOverrides;
  readonly clientId: string;
  readonly clientSecret: Secret<string> | undefined;
  readonly clientAuthentication: ClientAuthenticationChoice;
  /** The configured redirect_uri; undefined: our callback. */
  readonly redirectUri: string | undefined;
  readonly tls: UpstreamTls;
  /** How the authorization response comes back. `form`: OAuth 2.0 Form Post Response Mode. */
  readonly answersBy: "query" | "form";
  readonly scope: string;
  /** ACC-12: the operator declares that this upstream decides who owns the addresses it names. */
  readonly trustedEmailProvider: boolean;
  readonly assumeEmailVerified: boolean;
  readonly groupsEnabled: boolean;
  readonly groupRules: GroupRules;
  readonly privateEndpointsAllowed: boolean;
  readonly userInfo: boolean;
  readonly remoteIdClaim: string;
  readonly nameClaim: ClaimSource;
  readonly emailClaim: ClaimSource;
  readonly preferredUsernameClaim: ClaimSource;
  readonly groupsClaim: ClaimSource;
  /** Values of `prompt` that are always sent. */
  readonly prompt: string | undefined;
  /** What is sent where the client asks for offline access and `prompt` is not configured. */
  readonly offlinePrompt: string | undefined;
  readonly acrValues: string | undefined;
  /** Clients beside our own whose tokens are taken as subject tokens (RFC 8693). */
  readonly subjectTokenAudiences: readonly string[];
}
