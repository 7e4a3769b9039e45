import type { JsonObject } from "@dex/runtime";

/** What a connector learned about a person. Upstream answers were parsed and bounded before they became this. */
export interface Identity {
  readonly connectorId: string;
  /** Immutable at the upstream, at most 255 characters: `sub`, a DN, a numeric id. Never an email address. */
  readonly remoteId: string;
  readonly email: string | undefined;
  /** The upstream says so, and this connector has been declared authoritative for it. */
  readonly emailVerified: boolean;
  readonly displayName: string | undefined;
  readonly preferredUsername: string | undefined;
  readonly groups: readonly string[] | undefined;
  /** When the person proved who they are upstream; undefined when the upstream does not say. */
  readonly authTime: Date | undefined;
  /** RFC 8176 values, such as `pwd`. */
  readonly amr: readonly string[];
  /** The session that the person has upstream, as the upstream calls it (OIDC Back-Channel Logout §2.1). */
  readonly sid?: string;
}

/** Why an upstream did not give an identity. `detail` is for operators and is never shown. */
export type LoginRefusal =
  | {
      readonly kind: "refused";
      /** `user gone`: the upstream says that this person is not there any more, and no later try will say otherwise. */
      readonly reason: "invalid credentials" | "denied upstream" | "not permitted" | "user gone" | "invalid answer";
      readonly detail: string;
    }
  | { readonly kind: "unavailable"; readonly detail: string }
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number }
  | { readonly kind: "busy"; readonly retryAfterSeconds: number };
/**
 * What an upstream gave us to ask it again later: tokens, or the name to look up. At most 16 KiB as JSON, sealed at rest,
 * and never outside dex-worker.
 */
export type UpstreamGrant = JsonObject;

export interface ProvedIdentity {
  readonly kind: "identity";
  readonly identity: Identity;
  /** Absent where nothing is to be asked again: no offline_access, or a connector that cannot refresh. */
  readonly grant?: UpstreamGrant;
  /** Of a subject token: when it ends. Absent where the upstream does not say. */
  readonly validUntil?: Date;
}
export type LoginOutcome = ProvedIdentity | LoginRefusal;

/** Which of the things that only an upstream can give the client asked for, by scope. */
export interface AskedOfUpstream {
  /** `groups`, as dex has it. Restrictions on groups hold whether or not it was asked for. */
  readonly groups: boolean;
  /** `offline_access`, OIDC Core §11. */
  readonly offlineAccess: boolean;
}

/** A form of ours asks for name and password. */
export interface PasswordLogin {
  readonly kind: "password";
  /** What the person types, for the form's label: `email address`, `user name`, or what the operator calls it. */
  readonly loginLabel: string;
  /** `source` is the peer's address, for throttling. */
  verify(input: {
    login: string;
    password: string;
    source: string;
    asked: AskedOfUpstream;
    now: Date;
  }): Promise<LoginOutcome>;
  /**
   * A sentence for whoever is turned away, the same whatever the reason was: one that fitted the reason would tell a
   * guesser that the password was right.
   */
  readonly refusedAdvice?: string;
  /**
   * Asks the browser for a ticket before the form is shown (SPNEGO, RFC 4559). Absent where it is not configured, or cannot
   * work. `ticket` is what the browser sent, undefined when nothing; `askedBefore`: it was asked a moment ago.
   */
  readonly negotiate?: (input: {
    ticket: Buffer | undefined;
    askedBefore: boolean;
    asked: AskedOfUpstream;
    now: Date;
  }) => Promise<Negotiation>;
}

/** What becomes of a password form whose visitor may have a ticket. `reply` belongs into `WWW-Authenticate: Negotiate`. */
export type Negotiation =
  | { readonly kind: "form" }
  /** 401. `orForm`: who has no ticket gets the form with it, and is not asked again for a minute. */
  | { readonly kind: "challenge"; readonly orForm: boolean; readonly reply: Buffer | undefined }
  /** The ticket was good. A refusal ends it: no form. */
  | { readonly kind: "outcome"; readonly outcome: LoginOutcome; readonly reply: Buffer | undefined };

/** What the person's request wants of the upstream. */
export interface UpstreamWish {
  /** OIDC Core §3.1.2.1: ask for credentials again although the upstream has a session. */
  readonly reauthenticate: boolean;
  readonly selectAccount: boolean;
  readonly maxAgeSeconds: number | undefined;
  readonly loginHint: string | undefined;
  readonly asked: AskedOfUpstream;
}

/** Where the browser goes next: to an address, or with a form that it posts there (SAML 2.0 bindings §3.5). */
export type UpstreamDeparture =
  | { readonly kind: "redirect"; readonly to: string; readonly data: JsonObject }
  | {
      readonly kind: "form";
      readonly to: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly data: JsonObject;
    };

/** The request that brought the browser back, for connectors that read more of it than parameters. */
export interface CallbackRequest {
  /** The value of a header that came exactly once. */
  header(name: string): string | undefined;
  /** The address of the TCP peer, whatever any header says. */
  readonly peer: string;
}

/** The browser goes to the upstream and comes back to our callback. */
export interface CallbackLogin {
  readonly kind: "callback";
  /** How the answer comes back: in the query of a GET (when absent), or in the body of a POST. The other is refused. */
  readonly answersBy?: "query" | "form";
  /** The parameter that holds our `state` in the answer: `state` when absent; `RelayState` of SAML. */
  readonly stateParameter?: string;
  /** Where to send the browser. `state` must come back in the callback; `data` is what finish needs, kept in the login state. */
  begin(input: { callbackUrl: string; state: string; wish: UpstreamWish }): Promise<UpstreamDeparture | LoginRefusal>;
  /** `query` is the callback's query, or its form, as it came. The caller has already matched `state` with the login state. */
  finish(input: {
    callbackUrl: string;
    query: URLSearchParams;
    state: string;
    data: JsonObject;
    asked: AskedOfUpstream;
    request: CallbackRequest;
    now: Date;
  }): Promise<LoginOutcome>;
}

/** What a refresh asks an upstream. */
export interface UpstreamRefresh {
  /** What the last login or refresh gave. */
  readonly grant: UpstreamGrant;
  /** Whom it must still be about: any other answer is refused. */
  readonly remoteId: string;
  readonly asked: AskedOfUpstream;
  readonly now: Date;
  /**
   * Stores a rotated grant before it is used, so that nothing that fails afterwards loses it. Refreshes of one grant never
   * run side by side.
   */
  keep(grant: UpstreamGrant): Promise<void>;
}

/** Who is to be signed out upstream. Our own session has ended then. */
export interface UpstreamSignOut {
  readonly remoteId: string;
  /** Our callback, by which the upstream may know us. */
  readonly callbackUrl: string;
  /** Where the upstream sends the browser afterwards: one address of ours for each connector, whatever the request said. */
  readonly returnTo: string;
  /** Comes back as `state` (OIDC RP-Initiated Logout §3) or `RelayState` (SAML). Tells nothing, and is believed in nothing. */
  readonly state: string;
}

/** What a good logout token says, OIDC Back-Channel Logout §2.4: which sessions end. At least one of the two names is there. */
export interface UpstreamLogout {
  readonly kind: "logout";
  /** The session upstream. */
  readonly sid: string | undefined;
  /** Whose sessions: undefined also where this connector knows people by another name than the token has. */
  readonly remoteId: string | undefined;
  /** The token counts once, until it would not be taken any more. */
  readonly jti: string;
  readonly until: Date;
}

/** A token of the upstream in somebody else's hands, RFC 8693 §2.1. */
export interface SubjectToken {
  readonly token: string;
  /** RFC 8693 §3: a URI, such as urn:ietf:params:oauth:token-type:id_token. */
  readonly type: string;
  readonly now: Date;
}

/** One step of a dry run: what was tried, whether it worked, and what was found. Without secrets. */
export interface CheckStep {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface Connector {
  readonly id: string;
  readonly type: string;
  /** What its button says. */
  readonly displayName: string;
  readonly login: PasswordLogin | CallbackLogin;
  /** Reads the identity again when a client refreshes: who is gone or not permitted any more is refused. Absent when the upstream cannot. */
  readonly refresh?: (input: UpstreamRefresh) => Promise<LoginOutcome>;
  /** Who a token of the upstream is about, provided it was issued to us or to whom the operator allows. */
  readonly tokenIdentity?: (subject: SubjectToken) => Promise<LoginOutcome>;
  /** Where the browser goes to be signed out upstream. Undefined when the upstream has no such place, or is out of reach. */
  readonly signOut?: (input: UpstreamSignOut) => Promise<UpstreamDeparture | undefined>;
  /** Who sends it is not known before the signature has been checked; the caller sees to it that it counts once. */
  readonly readLogoutToken?: (token: string, now: Date) => Promise<UpstreamLogout | LoginRefusal>;
  /** A document that the upstream is configured with, such as SAML metadata. Needs nothing of the upstream. */
  readonly metadata?: (
    callbackUrl: string,
    signedOutUrl: string,
  ) => { readonly contentType: string; readonly body: string };
  /** Tries, without a person, whatever of the upstream can be tried. Ends within 30 s. */
  readonly check?: () => Promise<readonly CheckStep[]>;
  /** Ends what it keeps open, such as connections. Logins under way may still finish; afterwards it is not used. */
  readonly close?: () => void;
}

/**
 * A connector as stored: what `dexctl set-connector-configs` was given. `config` is without `id` and `type`; its secrets
 * are text, or sealed as `{"sealed": "<base64url>"}` once an overlord has seen them.
 */
export interface StoredConnector {
  readonly id: string;
  readonly type: string;
  readonly config: JsonObject;
}

export interface Connectors {
  /** All of them, ordered by id. */
  list(): Promise<readonly StoredConnector[]>;
}
