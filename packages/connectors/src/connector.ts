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
}

/** Why an upstream did not give an identity. `detail` is for operators and is never shown. */
export type LoginRefusal =
  | {
      readonly kind: "refused";
      readonly reason: "invalid credentials" | "denied upstream" | "not permitted" | "invalid answer";
      readonly detail: string;
    }
  | { readonly kind: "unavailable"; readonly detail: string }
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number }
  | { readonly kind: "busy"; readonly retryAfterSeconds: number };
export type LoginOutcome = { readonly kind: "identity"; readonly identity: Identity } | LoginRefusal;

/** A form of ours asks for name and password. */
export interface PasswordLogin {
  readonly kind: "password";
  /** What the person types, for the form's label: `email address`, `user name`, or what the operator calls it. */
  readonly loginLabel: string;
  /** `source` is the peer's address, for throttling. */
  verify(input: { login: string; password: string; source: string; now: Date }): Promise<LoginOutcome>;
}

/** What the person's request wants of the upstream. */
export interface UpstreamWish {
  /** OIDC Core §3.1.2.1: ask for credentials again although the upstream has a session. */
  readonly reauthenticate: boolean;
  readonly selectAccount: boolean;
  readonly maxAgeSeconds: number | undefined;
  readonly loginHint: string | undefined;
}

/** The browser goes to the upstream and comes back to our callback with a GET. */
export interface CallbackLogin {
  readonly kind: "callback";
  /** Where to send the browser. `state` must come back in the callback; `data` is what finish needs, kept in the login state. */
  begin(input: {
    callbackUrl: string;
    state: string;
    wish: UpstreamWish;
  }): Promise<{ readonly kind: "redirect"; readonly to: string; readonly data: JsonObject } | LoginRefusal>;
  /** `query` is the callback's query as it came. The caller has already matched `state` with the login state. */
  finish(input: {
    callbackUrl: string;
    query: URLSearchParams;
    state: string;
    data: JsonObject;
    now: Date;
  }): Promise<LoginOutcome>;
}

export interface Connector {
  readonly id: string;
  readonly type: string;
  /** What its button says. */
  readonly displayName: string;
  readonly login: PasswordLogin | CallbackLogin;
  /** Reads the identity again when a client refreshes. Absent when the upstream cannot. */
  readonly refresh?: (identity: Identity) => Promise<Identity>;
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
