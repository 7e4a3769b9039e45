import type { JsonObject } from "@dex/runtime";
import type { UserCode } from "../device-authorization/user-code.ts";
import type { AuthorizationRequest } from "../endpoints/authorization-request.ts";

/**
 * One authorization request on its way through sign-in. Lives sealed in the browser that began it, never in the database.
 * Each step records here that it was done; nothing else says so.
 */
export interface LoginState {
  /** 128 random bits, base64url. Names the flow in URLs; the code row carries it under a unique index. */
  readonly id: string;
  readonly expiresAt: Date;
  readonly request: AuthorizationRequest;
  /** 128 random bits, base64url. Every form of this flow sends it back; replaced when the person has signed in. */
  readonly formToken: string;
  /** The round trip to an upstream provider that is under way. */
  readonly upstream: UpstreamTrip | undefined;
  /** The session that a credential check in this very flow opened: base64url of its id's SHA-256. */
  readonly signedInSession: string | undefined;
  /** What the person came for. `link` adds an identity to the account that is signed in. */
  readonly intent: "sign in" | "register" | "link";
  /** An identity that was proved in this flow and belongs to nobody: to be registered, or linked once an owner signs in. */
  readonly unmatched: UnmatchedIdentity | undefined;
  /** Whether the person wants to be kept signed in; left out when nobody has asked them. */
  readonly remember?: boolean | undefined;
  /** What the next page of this flow is to say first. */
  readonly notice: LoginNotice | undefined;
  /**
   * The code that the person typed for a device (RFC 8628). The flow then ends at a page of ours, where they say whether the
   * device may have what the request asks for, instead of with a code. Left out elsewhere.
   */
  readonly deviceUserCode?: UserCode;
  /**
   * The request of a client that asked for this very person (CIBA). The flow then ends like that of a device. Left out
   * elsewhere.
   */
  readonly backchannelRequest?: { readonly id: string; readonly userId: string };
}

export type LoginNotice = "address confirmed" | "password changed" | "no account yet" | "account exists already";

/** As much of an identity as fits into a login state. */
export interface UnmatchedIdentity {
  readonly connectorId: string;
  readonly remoteId: string;
  readonly email: string | undefined;
  readonly emailVerified: boolean;
  readonly displayName: string | undefined;
  readonly preferredUsername: string | undefined;
  /** When the person proved it, and how (RFC 8176). */
  readonly authTime: Date;
  readonly amr: readonly string[];
  /** The session upstream, by the upstream's name for it. */
  readonly sid?: string;
}

/**
 * The client id in login states of our own pages, such as "your account": they sign people in by the same steps and end
 * at a page of ours instead of with a code. Client registration refuses it.
 */
export const OWN_PAGES_CLIENT_ID = "dex:own-pages";

export interface UpstreamTrip {
  readonly connectorId: string;
  /** What the connector needs back to finish: nonce, PKCE verifier, and the like. Bounded by the size of the login state. */
  readonly data: JsonObject;
}

/** How long a person has for sign-in and consent. */
export const LOGIN_STATE_LIFETIME_SECONDS = 600;
