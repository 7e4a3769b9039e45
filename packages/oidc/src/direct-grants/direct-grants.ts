// Grants of people whom no browser of ours signed in: their tokens come of another token, or of a password that a client sent.
// What the engine needs from outside for them.
import type { GrantTerms, NewUpstreamGrant, PasswordAttemptOf, TokenGrant, UpstreamClaim } from "../ports.ts";

/** A family to be opened without a code before it. */
export interface DirectGrant {
  readonly id: string;
  readonly clientId: string;
  readonly userId: string;
  readonly connectorId: string;
  /** Of the session that it comes of, and ends with; random where there was none. */
  readonly sessionHash: Buffer;
  readonly scope: readonly string[];
  readonly nonce: string | undefined;
  readonly terms: GrantTerms;
  readonly authTime: Date;
  readonly amr: readonly string[];
  readonly groups: readonly string[] | undefined;
  readonly preferredUsername: string | undefined;
  readonly refresh: { readonly hash: Buffer; readonly idleExpiresAt: Date; readonly expiresAt: Date } | undefined;
  /** When it ends where it has no refresh token: with its access token. */
  readonly accessExpiresAt: Date;
  readonly origin: DirectGrantOrigin;
}

export type DirectGrantOrigin =
  | { readonly kind: "token exchange" }
  | {
      readonly kind: "password";
      /** Forgiven with the grant, as with a sign-in at a page of ours (SignIns.signIn). */
      readonly attempt: PasswordAttemptOf | undefined;
      readonly upstreamGrant: NewUpstreamGrant | undefined;
      readonly asked: readonly UpstreamClaim[];
    };

export interface DirectGrants {
  /**
   * Opens the family and writes an audit event, in one statement. Undefined when the user is disabled or gone or had their
   * access ended since `now`, or the client or the connector is gone (TOK-16). Whether what it is derived from still stands is
   * asked with each use of its tokens (TokenFamilies.findLive).
   */
  open(grant: DirectGrant, now: Date): Promise<TokenGrant | undefined>;
}

/** Somebody whom a connector vouches for, and who has an account here. */
export interface ProvedPerson {
  readonly kind: "person";
  readonly userId: string;
  readonly groups: readonly string[] | undefined;
  readonly preferredUsername: string | undefined;
  /** When they proved who they are; undefined when nobody says. */
  readonly authTime: Date | undefined;
  readonly amr: readonly string[];
  /** When what proved it ends; undefined where nobody says. */
  readonly validUntil: Date | undefined;
  readonly attempt: PasswordAttemptOf | undefined;
  readonly upstreamGrant: NewUpstreamGrant | undefined;
}

/** Why there is nobody. `detail` is for operators. */
export type UnprovedPerson =
  /** The connector does not exist or cannot be opened, or has no such tokens or passwords, or may not be used for it. */
  | { readonly kind: "unsuitable"; readonly reason: string }
  | { readonly kind: "refused"; readonly detail: string }
  | { readonly kind: "unavailable"; readonly detail: string; readonly retryAfterSeconds: number }
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number };

/** Turns what connectors vouch for into our users, by the rules of a sign-in: never by an address (ACC-12). */
export interface ConnectorPeople {
  /** Whether tokens of people who came through the connector may be exchanged. */
  mayExchange(connectorId: string): boolean;
  /** Whether a sign-in through the connector may end in a refresh token. */
  offersOfflineAccess(connectorId: string): boolean;
  /** Who a token of the connector's issuer is about. The caller has seen that the client may use the connector. */
  bySubjectToken(
    subject: { readonly connectorId: string; readonly token: string; readonly type: string; readonly clientId: string },
    now: Date,
  ): Promise<ProvedPerson | UnprovedPerson>;
  /** Whose name and password these are, counted as at a page of ours (ACC-3). */
  byPassword(
    typed: {
      readonly connectorId: string;
      readonly login: string;
      readonly password: string;
      readonly source: string;
      readonly asked: readonly UpstreamClaim[];
      readonly clientId: string;
    },
    now: Date,
  ): Promise<ProvedPerson | UnprovedPerson>;
}
