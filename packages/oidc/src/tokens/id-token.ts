import { createHash } from "node:crypto";
import { addSeconds, type Json, toEpochSeconds } from "@dex/runtime";
import { audienceClaims } from "../clients/audience.ts";
import type { SigningAlgorithm } from "../clients/client.ts";
import type { TokenGrant } from "../ports.ts";
import { userClaims } from "./claims.ts";

/** The `typ` of an ID token's header. */
export const ID_TOKEN_TYP = "JWT";

/** What the claims are made of. `grant.scope` is what this token is issued for. */
export interface IdTokenInput {
  readonly issuer: string;
  readonly grant: TokenGrant;
  readonly scope: readonly string[];
  /** From the authorization request; never in a refreshed ID token (REF-10). */
  readonly nonce: string | undefined;
  readonly accessToken: string;
  readonly algorithm: SigningAlgorithm;
  readonly lifetimeSeconds: number;
}

/** The claims of an ID token, OIDC Core §2 and §3.1.3.6. */
export function idTokenClaims(input: IdTokenInput, now: Date): { readonly [claim: string]: Json } {
  const { grant, nonce } = input;
  return {
    ...userClaims(grant.user, input.scope),
    iss: input.issuer,
    sub: grant.user.id,
    ...audienceClaims(grant.clientId, input.scope),
    exp: toEpochSeconds(addSeconds(now, input.lifetimeSeconds)),
    iat: toEpochSeconds(now),
    auth_time: toEpochSeconds(grant.authTime),
    at_hash: accessTokenHash(input.accessToken, input.algorithm),
    ...(grant.amr.length === 0 ? {} : { amr: grant.amr }),
    ...(nonce === undefined ? {} : { nonce }),
  };
}

/**
 * The left half of the access token's hash, OIDC Core §3.1.3.6, with the hash of the signature: SHA-256 for RS256 and
 * ES256. Ed25519 signs with SHA-512 inside, and verifiers take that.
 */
export function accessTokenHash(accessToken: string, algorithm: SigningAlgorithm): string {
  const digest = createHash(algorithm === "EdDSA" ? "sha512" : "sha256")
    .update(accessToken)
    .digest();
  return digest.subarray(0, digest.length / 2).toString("base64url");
}
