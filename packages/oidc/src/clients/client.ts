import type { ClientDetails } from "./client-details.ts";

/** Grants that a client can be allowed. RFC 7591 §2 `grant_types`. */
export type GrantType =
  | "authorization_code"
  | "implicit"
  | "refresh_token"
  | "client_credentials"
  | "password"
  | "urn:ietf:params:oauth:grant-type:device_code"
  | "urn:openid:params:grant-type:ciba"
  | "urn:ietf:params:oauth:grant-type:jwt-bearer"
  | "urn:ietf:params:oauth:grant-type:token-exchange";

export type SigningAlgorithm = "RS256" | "ES256" | "EdDSA";

/**
 * What we keep of a client secret. One we generated has 256 random bits, one somebody chose may be a word. `bcrypt` came
 * from dex v1, which hashed the bytes that the base64url text stands for; its first use replaces it.
 */
export type ClientSecretHash =
  | { readonly kind: "sha256"; readonly hash: Buffer }
  | { readonly kind: "argon2id"; readonly hash: string }
  | { readonly kind: "bcrypt"; readonly hash: string };

/** A secret that a client can prove who it is with, as it is kept. */
export interface ClientSecret {
  /** Tells it from the client's other one: FIRST_SECRET, or random. */
  readonly id: string;
  readonly hash: ClientSecretHash;
  /** The secret itself, sealed: of clients that make MACs with it and of no others (TOK-17). See client-secret-sealer.ts. */
  readonly sealed: Buffer | undefined;
  readonly createdAt: Date;
  /** From then on it proves nothing; undefined: never. */
  readonly expiresAt: Date | undefined;
}

/** A registered relying party. */
export interface Client {
  readonly id: string;
  readonly name: string | undefined;
  readonly logoUri: string | undefined;
  readonly clientUri: string | undefined;
  /** Canonical bytes, compared byte for byte. */
  readonly redirectUris: readonly string[];
  /** Cannot keep a secret: authenticates with `none` and always needs PKCE. RFC 6749 §2.1. */
  readonly public: boolean;
  /** May call the management API with its own credentials. */
  readonly admin: boolean;
  /** The deployment's own: people are not asked for consent. */
  readonly trusted: boolean;
  /** Refused without PKCE although confidential. */
  readonly requirePkce: boolean;
  readonly grantTypes: readonly GrantType[];
  /** Scopes it may ask for; undefined allows every scope we know. */
  readonly scopes: readonly string[] | undefined;
  /** Clients that may mint tokens for this one (dex v1 trusted peers). */
  readonly trustedPeers: readonly string[];
  /** Connectors that people may sign in to it through; undefined allows all (SAM-8). */
  readonly allowedConnectors: readonly string[] | undefined;
  readonly idTokenSigningAlgorithm: SigningAlgorithm;
  /** The first of its secrets; all of them: secretsOf. */
  readonly secret: ClientSecretHash | undefined;
  /** What is to be known of that one beside. Missing: only its hash is kept, it is as old as the client and never expires. */
  readonly firstSecret?: Partial<Pick<ClientSecret, "sealed" | "createdAt" | "expiresAt">> | undefined;
  /** What was added to it, so that a secret can be replaced while both work. */
  readonly addedSecrets?: readonly ClientSecret[] | undefined;
  /** Registered itself, RFC 7591: nobody here has looked at it, so people are always asked (DCR-3). */
  readonly dynamic: boolean;
  /** What it registered beside, in the names of the RFCs; what is missing has their defaults. */
  readonly details: ClientDetails;
  readonly createdAt: Date;
}
