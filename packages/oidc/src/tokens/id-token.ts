import { createHash } from "node:crypto";
import { addSeconds, type Json, toEpochSeconds } from "@dex/runtime";
import { audienceClaims } from "../clients/audience.ts";
import type { SigningAlgorithm } from "../clients/client.ts";
import type { TokenGrant } from "../ports.ts";
import { sidOf } from "../sessions/session-id.ts";
import { acrOf } from "./acr.ts";
import { idTokenUserClaims, userClaims } from "./claims.ts";
import { federatedClaims } from "./federated-claims.ts";

/** The `typ` of an ID token's header. */
export const ID_TOKEN_TYP = "JWT";

/** What the claims are made of. `grant.scope` is what this token is issued for. */
export interface IdTokenInput {
  readonly issuer: string;
  /** What the client calls the user. */
  readonly subject: string;
  readonly grant: Omit<TokenGrant, "familyId">;
  readonly scope: readonly string[];
  /** From the authorization request; never in a refreshed ID token (REF-10). */
  readonly nonce: string | undefined;
  /** Whether it tells what the scope releases, or leaves that to userinfo (OIDC Core §5.4). */
  readonly userClaims: "by scope" | "none";
  /** What is handed out beside it: each is bound to it by a hash. */
  readonly beside: { readonly accessToken?: string; readonly code?: string; readonly state?: string };
  readonly algorithm: SigningAlgorithm;
  readonly lifetimeSeconds: number;
}

/** The claims of an ID token, OIDC Core §2, §3.1.3.6 and §3.3.2.11. */
export function idTokenClaims(input: IdTokenInput, now: Date): { readonly [claim: string]: Json } {
  const { grant, nonce } = input;
  return {
    ...releasedClaims(input),
    ...(input.userClaims === "none" ? {} : federatedClaims(grant, input.scope)),
    iss: input.issuer,
    sub: input.subject,
    ...audienceClaims(grant.clientId, input.scope),
    exp: toEpochSeconds(addSeconds(now, input.lifetimeSeconds)),
    iat: toEpochSeconds(now),
    ...signInClaims(grant),
    ...hashesOf(input),
    ...(grant.amr.length === 0 ? {} : { amr: grant.amr }),
    acr: acrOf(grant.amr),
    ...(nonce === undefined ? {} : { nonce }),
  };
}

/** Where no browser signed in there is no session to tell of, and who acts for the person is told (RFC 8693 §4.1). */
function signInClaims({ terms, authTime, sessionHash }: IdTokenInput["grant"]): { readonly [claim: string]: Json } {
  const time = { auth_time: toEpochSeconds(authTime) };
  if (terms?.direct === undefined) return { ...time, sid: sidOf(sessionHash) };
  return { ...(terms.direct.authTime === "known" ? time : {}), ...(terms.act === undefined ? {} : { act: terms.act }) };
}

// OIDC Core §5.4: where no access token leads to the userinfo endpoint, the ID token tells it all. What was asked for by name
// is told wherever it was asked for (§5.5).
function releasedClaims({ grant, scope, beside, userClaims: wanted }: IdTokenInput): {
  readonly [claim: string]: Json;
} {
  const asked = grant.claims?.idToken ?? [];
  if (wanted === "none") return userClaims(grant.user, [], asked);
  if (beside.accessToken === undefined) return userClaims(grant.user, scope, asked);
  return { ...idTokenUserClaims(grant.user, scope), ...userClaims(grant.user, [], asked) };
}

// s_hash is that of FAPI 1.0 Advanced §5.1.1: who reads an answer out of the browser can tell that its state is ours too.
function hashesOf({ beside, algorithm }: IdTokenInput): { readonly [claim: string]: string } {
  const { accessToken, code, state } = beside;
  return {
    ...(accessToken === undefined ? {} : { at_hash: tokenHash(accessToken, algorithm) }),
    ...(code === undefined ? {} : { c_hash: tokenHash(code, algorithm) }),
    ...(state === undefined ? {} : { s_hash: tokenHash(state, algorithm) }),
  };
}

/**
 * The left half of a value's hash, OIDC Core §3.1.3.6 and §3.3.2.11, with the hash of the signature: SHA-256 for RS256 and
 * ES256. Ed25519 signs with SHA-512 inside, and verifiers take that.
 */
export function tokenHash(value: string, algorithm: SigningAlgorithm): string {
  const digest = createHash(algorithm === "EdDSA" ? "sha512" : "sha256")
    .update(value)
    .digest();
  return digest.subarray(0, digest.length / 2).toString("base64url");
}
