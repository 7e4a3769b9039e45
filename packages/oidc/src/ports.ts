// What the engine needs from outside. storage fulfils the stores, keys the signer.
import type { JsonObject } from "@dex/runtime";
import type { Client } from "./clients/client.ts";
import type { DirectTerms } from "./direct-grants/direct-terms.ts";
import type { AskedOfGrant, AuthorizationDetail, GrantedResource } from "./resources/terms.ts";
import type { Confirmation } from "./tokens/confirmation.ts";

export type * from "./signing-ports.ts";

export interface Clients {
  /** The client, or undefined. May be answered from a cache that is at most 2 seconds old. */
  find(clientId: string): Promise<Client | undefined>;
}

/** What tokens may say of a user. */
export interface TokenUser {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly displayName: string | undefined;
  readonly preferredUsername: string | undefined;
  readonly groups: readonly string[] | undefined;
  /** What else is known of the person, by the names of the claims of OIDC Core §5.1. */
  readonly profile?: JsonObject | undefined;
  /** Who the person is at the connector that they came through; undefined when that identity is gone. */
  readonly remoteId?: string | undefined;
}

/** Names of claims about the user that a request asked for one by one, where it asked for them (OIDC Core §5.5). */
export interface RequestedClaims {
  readonly userinfo: readonly string[];
  readonly idToken: readonly string[];
}

/** What a grant is tied to beside its scope. Kept as one value with the code, and then with its family. */
export interface GrantTerms extends DirectTerms {
  /** The DPoP key that the code can be redeemed with, RFC 9449 §10. */
  readonly codeJkt?: string;
  /** The key that the refresh tokens of the family can be used with: a client that authenticates with nothing has them bound. */
  readonly confirmation?: Confirmation;
  /** Left out where tokens are for ourselves alone. */
  readonly resources?: readonly GrantedResource[];
  /** RFC 9396. Left out where none were asked for. */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
}

/** A code to be stored with everything the token endpoint will need (AUT-14). */
export interface NewCode {
  readonly hash: Buffer;
  /** What is answered with it, and with nothing else: a login state, or what goes by a name of its own. */
  readonly loginStateId: string;
  /** That it was answered is to be known at least until then. */
  readonly keepUntil?: Date | undefined;
  readonly clientId: string;
  readonly userId: string;
  readonly connectorId: string;
  readonly sessionHash: Buffer;
  readonly redirectUri: string;
  readonly scope: readonly string[];
  readonly nonce: string | undefined;
  /** Claims that the request asked for by name. */
  readonly claims?: RequestedClaims | undefined;
  readonly codeChallenge: string | undefined;
  readonly authTime: Date;
  readonly amr: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly terms?: GrantTerms | undefined;
  /** Opened with the code: what an access token of the same answer belongs to (OIDC Core §3.3.2.5). */
  readonly frontChannelFamily?: { readonly id: string; readonly expiresAt: Date } | undefined;
  /** Set where the answer holds no code: the row then only keeps its login state from being answered twice (BRO-6). */
  readonly spentAt?: Date | undefined;
}

/** What only an upstream can give, and gives when it is asked: the scopes that ask for it. */
export type UpstreamClaim = "groups" | "offline_access";

/** A browser that has signed in, to be stored. */
export interface NewSession {
  readonly hash: Buffer;
  readonly userId: string;
  readonly connectorId: string;
  readonly authTime: Date;
  readonly amr: readonly string[];
  /** What the connector said, kept for the life of the session. */
  readonly groups: readonly string[] | undefined;
  readonly preferredUsername: string | undefined;
  /** What the upstream was asked for at this sign-in, whatever it gave. */
  readonly asked: readonly UpstreamClaim[];
  /** The client that the person proved themselves for; nobody knows for whom when left out. */
  readonly provedFor?: string | undefined;
  /** What the browser calls itself, cut short: how people tell their sessions apart. */
  readonly userAgent: string | undefined;
  /** Of the session upstream that this came from: upstreamSidHash. Left out where the upstream named none. */
  readonly upstreamSid?: Buffer | undefined;
  /** When the request began that proved the person: what ended the user's access since then ends this too. */
  readonly createdAt: Date;
  readonly idleExpiresAt: Date;
  readonly expiresAt: Date;
}

/** A live session of a user who is not disabled, with what one client may have of that user. */
export interface Session {
  readonly hash: Buffer;
  readonly user: TokenUser;
  readonly connectorId: string;
  readonly authTime: Date;
  readonly amr: readonly string[];
  readonly expiresAt: Date;
  /** What the upstream was asked for at this sign-in, whatever it gave. */
  readonly asked: readonly UpstreamClaim[];
  /** The clients that the person proved themselves for, and nobody for certain where a worker of before opened it. */
  readonly provedFor?: readonly string[] | undefined;
  /** Whether the client that was asked for has had an answer of this session before. */
  readonly knownToClient?: boolean;
  /** Whether what the client asked with is for one answer and has had it, to whomever. */
  readonly answered?: boolean;
  /** Scopes this user has granted to the client that was asked for; undefined when never asked. */
  readonly consentedScope: readonly string[] | undefined;
}

/** Whose password was tried, and from where. */
export interface PasswordAttemptOf {
  /** The email address, in its canonical form. */
  readonly account: string;
  /** The peer's address. */
  readonly source: string;
}

/** What an upstream gave at a sign-in to be asked again with, sealed: the last of a user and connector is kept. */
export interface NewUpstreamGrant {
  readonly remoteId: string;
  readonly sealed: Buffer;
}

/** `flow used`: this login state produced a code before; nothing was stored (BRO-6). */
export type IssueOutcome = "issued" | "flow used" | "user gone";

/** The browser side: sessions, consent and the issuing of codes. Each method is one statement. */
export interface SignIns {
  /**
   * The live session with this hash at `now`, or undefined. Extends the idle limit at most once a minute. `oneAnswer` is the
   * name of what the client asked with, where that is for one answer (nameForOneAnswer).
   */
  findSession(
    hash: Buffer,
    clientId: string,
    now: Date,
    idleSeconds: number,
    oneAnswer?: string,
  ): Promise<Session | undefined>;
  /**
   * Opens a session and, when a code is given, issues it: both or neither. An earlier session of this browser
   * (`replaces`) ends with it. `rightPassword` is the attempt that led here: the account's attempts and wrong guesses
   * are forgotten, and the source's count goes back by one, so that only wrong guesses count against an address that
   * many people share. `upstreamGrant` takes the place of the stored one, unless that is good and was asked for more;
   * without one the stored one stays.
   */
  signIn(input: {
    session: NewSession;
    code: NewCode | undefined;
    replaces: Buffer | undefined;
    rightPassword: PasswordAttemptOf | undefined;
    upstreamGrant?: NewUpstreamGrant | undefined;
  }): Promise<IssueOutcome>;
  /** Issues a code for an existing session and records `consent` with it when given: both or neither. */
  issueCode(input: { code: NewCode; consent: readonly string[] | undefined }): Promise<IssueOutcome>;
}

/** What a session left that has just ended. */
export interface EndedSession {
  readonly userId: string;
  readonly connectorId: string;
  /** The clients that it signed in to, each with the hash that its sid was made of. */
  readonly clients: readonly { readonly clientId: string; readonly sessionHash: Buffer }[];
}

export interface Logouts {
  /**
   * Ends a session of this user, or of whomever, live or expired, with its codes and every family that has no refresh token, and promises its
   * clients their logout tokens: all or nothing. Undefined when there is none: of two racing callers one gets it.
   */
  end(
    session: { readonly hash: Buffer; readonly userId: string | undefined; readonly address: string | undefined },
    now: Date,
  ): Promise<EndedSession | undefined>;
  /**
   * The same for every session that came through this connector from a session upstream, or of a person there; with both, of
   * that person in that session. Remembers the jti until `until`: all or nothing, so that a sender who was not answered can
   * try again. Undefined when it was used before: of racing callers on all workers one gets the sessions.
   */
  endOfUpstream(
    upstream: {
      readonly connectorId: string;
      readonly sid: Buffer | undefined;
      readonly remoteId: string | undefined;
      readonly jti: string;
      readonly until: Date;
      readonly address: string | undefined;
    },
    now: Date,
  ): Promise<readonly EndedSession[] | undefined>;
}

/** What the token endpoint was given for a code, in comparable form. */
export interface CodeRedemption {
  readonly codeHash: Buffer;
  readonly clientId: string;
  readonly redirectUri: string | undefined;
  /** S256 of the verifier that was sent; undefined when none was. */
  readonly challengeOfVerifier: string | undefined;
  /** Of the client; undefined allows all. */
  readonly allowedConnectors: readonly string[] | undefined;
  /** The key that the client proved to have. */
  readonly confirmation: Confirmation | undefined;
  /** What has to be among the terms of the code: see refuseUngranted. */
  readonly asked?: AskedOfGrant | undefined;
  readonly family: NewTokenFamily;
}

/** Everything that one exchange of a code begins; its access tokens carry `id`, its refresh token, if any, lives in it. */
export interface NewTokenFamily {
  /** A UUID. */
  readonly id: string;
  /** Used only when the code's scope holds offline_access and the client may refresh. */
  readonly refreshTokenHash: Buffer | undefined;
  readonly refreshIdleExpiresAt: Date;
  readonly refreshExpiresAt: Date;
  /** When the family ends that has no refresh token: with its access token. */
  readonly accessExpiresAt: Date;
  /** Added to those of the code. */
  readonly terms?: Pick<GrantTerms, "confirmation"> | undefined;
}

/** What a spent code or a rotated refresh token entitles to. */
export interface TokenGrant {
  readonly familyId: string;
  readonly clientId: string;
  readonly user: TokenUser;
  readonly connectorId: string;
  /** Of the session that the code was issued in, which may have ended since. */
  readonly sessionHash: Buffer;
  readonly scope: readonly string[];
  /** Claims that the authorization request asked for by name. */
  readonly claims?: RequestedClaims | undefined;
  readonly terms?: GrantTerms | undefined;
  readonly nonce: string | undefined;
  readonly authTime: Date;
  readonly amr: readonly string[];
}

/** A stored code as the refusal path sees it. */
export interface StoredCode {
  readonly clientId: string;
  readonly connectorId: string;
  readonly redirectUri: string;
  readonly codeChallenge: string | undefined;
  readonly terms?: GrantTerms | undefined;
  readonly expiresAt: Date;
  readonly spentAt: Date | undefined;
  readonly wrongVerifiers: number;
  /** The family that its redemption opened. */
  readonly familyId: string | undefined;
  /** The family that was opened with the code itself. */
  readonly frontChannelFamilyId?: string | undefined;
  /** False when the user was disabled or deleted, or the connector removed, since the code was issued (TOK-16). */
  readonly ownerActive: boolean;
}

export interface AuthorizationCodes {
  /**
   * Spends the code and opens its family, in one statement, when every condition of decideCode holds at `now`. Of two
   * racing callers one gets the grant, the other undefined, as does every refusal. The caller has authenticated the
   * client. The refresh token hash is stored only when the code's scope holds offline_access.
   */
  redeem(redemption: CodeRedemption, now: Date): Promise<TokenGrant | undefined>;
  /** The code as it is now, for the refusal path, or undefined when unknown. */
  find(codeHash: Buffer): Promise<StoredCode | undefined>;
  /** Counts a wrong verifier sent by the right client; the code is dead at five (PKC-7). */
  countWrongVerifier(codeHash: Buffer): Promise<void>;
}

export interface RefreshRotation {
  readonly familyId: string;
  readonly clientId: string;
  readonly presentedHash: Buffer;
  readonly presentedGeneration: number;
  /** `presentedHash` where the token stays: then its generation does, too. */
  readonly nextHash: Buffer;
  /** The next token, sealed, for racing callers inside the grace interval (REF-3). */
  readonly sealedNext: Buffer;
  /** Requested scope, to be contained in the granted one (REF-9); undefined means all of it. */
  readonly scope: readonly string[] | undefined;
  /** Of the client; undefined allows all (TOK-16). */
  readonly allowedConnectors: readonly string[] | undefined;
  /** The key that the client proved to have. */
  readonly confirmation: Confirmation | undefined;
  /** What has to be among the terms of the family: see refuseUngranted. */
  readonly asked?: AskedOfGrant | undefined;
  /** An upstream that can be asked must have vouched for the user since this moment. */
  readonly upstreamAskedSince: Date;
  readonly idleExpiresAt: Date;
}

/** A stored family as the refusal path sees it. */
export interface StoredFamily {
  readonly id: string;
  readonly clientId: string;
  readonly grant: TokenGrant;
  /** 1 in a new family, one more with each rotation. */
  readonly generation: number;
  readonly currentHash: Buffer | undefined;
  readonly previousHash: Buffer | undefined;
  readonly rotatedAt: Date | undefined;
  readonly sealedCurrent: Buffer | undefined;
  readonly idleExpiresAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
  /** False when the user was disabled, or the connector removed or kept from refreshing. */
  readonly ownerActive: boolean;
  /** What the upstream said last of the user, where it can be asked. */
  readonly upstream: { readonly outcome: "good" | "refused"; readonly checkedAt: Date } | undefined;
}

/** What became of asking an upstream. `detail` is for operators. */
export type UpstreamAnswer =
  /** The user is still welcome, and what the connector said now is in the families. */
  | { readonly kind: "good"; readonly checkedAt: Date }
  | { readonly kind: "refused"; readonly detail: string }
  | { readonly kind: "unavailable"; readonly detail: string; readonly retryAfterSeconds: number };

export interface UpstreamRefresher {
  /**
   * Asks the upstream whether it still vouches for the user, and takes over their groups and user name into families and
   * sessions. Of callers on all workers one asks; the others wait for its answer, which counts for all whose request began,
   * at `now`, before it came. Holds no database connection while it waits. Ends within 30 s.
   */
  revalidate(person: { readonly userId: string; readonly connectorId: string }, now: Date): Promise<UpstreamAnswer>;
}

export type RevocationReason =
  | "code replayed"
  | "refresh token replayed"
  /** A client that the tokens were also for took its trust back. */
  | "audience no longer trusted"
  | "revoked by client"
  | "user disabled"
  | "revoked by user";

export interface TokenFamilies {
  /**
   * Rotates in place, in one statement, when every condition of decideRefresh for `rotate` holds at `now`. Returns the
   * grant with the scope of the whole family, which a narrower `scope` of this rotation leaves as it is (REF-9).
   */
  rotate(rotation: RefreshRotation, now: Date): Promise<TokenGrant | undefined>;
  /** The family as it is now, live or not, or undefined when unknown. */
  find(familyId: string): Promise<StoredFamily | undefined>;
  /**
   * The grant of a live family of an active user and an existing client, or undefined; also undefined when the access token
   * with this id was given back. One statement. What stands for an access token is liveGrantOf.
   */
  findLive(familyId: string, now: Date, accessTokenId?: string): Promise<TokenGrant | undefined>;
  /** Ends the family with all its tokens and writes an audit event; harmless when it has ended already. */
  revoke(familyId: string, reason: RevocationReason, now: Date): Promise<void>;
  /** The same for several, in one statement. */
  revokeAll(familyIds: readonly string[], reason: RevocationReason, now: Date): Promise<void>;
}

/** Tokens that clients give back, RFC 7009. Each method is one statement; to end again what has ended is harmless. */
export interface Revocations {
  /**
   * Ends a family of this client with all its tokens, and the one that was opened in the front channel beside its code. Of a
   * rotation at the same moment nothing outlives it, whichever comes first (REV-4). Writes an audit event. Returns the client
   * that the family is of: another one's stays as it is, and of one that is not there nobody is named.
   */
  endFamily(family: { readonly familyId: string; readonly clientId: string }, now: Date): Promise<string | undefined>;
  /** Ends this one access token and writes an audit event. Its id is kept until `expiresAt`. */
  endAccessToken(token: {
    readonly id: string;
    readonly clientId: string;
    /** Undefined for a token that a client got for itself. */
    readonly userId: string | undefined;
    readonly expiresAt: Date;
  }): Promise<void>;
  /** Whether the client of an access token that belongs to no family still exists, and has not given it back. */
  stands(token: { readonly id: string; readonly clientId: string }): Promise<boolean>;
}

/** Counts failures in a window shared by all workers. */
export interface FailureCounter {
  /** Adds one to `key` and returns the count of the running window. Of racing callers each gets another number. */
  count(key: string, windowSeconds: number, now: Date): Promise<{ failures: number; windowEndsAt: Date }>;
}
