// A DPoP proof by itself, RFC 9449 §4: taken apart and held against the request that it came with. Nothing is remembered here.
import { equalInConstantTime, sha256, toEpochSeconds } from "@dex/runtime";
import { z } from "zod";
import { parseCompactJwsWithKey } from "../client-jwts/compact-jws.ts";
import { isPrivate } from "../client-jwts/key-metadata.ts";
import { isSignedByOneOf, keysFor } from "../client-jwts/verify-jws.ts";
import { rememberedUntil } from "../client-jwts/workers-apart.ts";
import { thumbprintOf } from "./jwk-thumbprint.ts";

/** What proofs may be signed with, `dpop_signing_alg_values_supported`. Ed25519 is the newer name of EdDSA, RFC 9864 §2.2. */
export const DPOP_SIGNING_ALGORITHMS = ["ES256", "PS256", "EdDSA", "Ed25519"] as const;

/** The request that a proof must be of. */
export interface ProofTarget {
  readonly method: string;
  /** Of the endpoint, as clients know it. */
  readonly url: string;
  /** Its other address, where clients are asked for certificates (RFC 8705 §5). */
  readonly alias?: string | undefined;
  /** Which came with the request: at a protected resource the proof must name it. */
  readonly accessToken?: string | undefined;
}

/** A proof of this request by the owner of a key. */
export interface DpopProof {
  /** The thumbprint of the key. */
  readonly jkt: string;
  readonly jti: string;
  readonly nonce: string | undefined;
  /** Later than anybody takes it. */
  readonly goodUntil: Date;
}

export type ProofDecision =
  | { readonly kind: "proof"; readonly proof: DpopProof }
  | { readonly kind: "refused"; readonly reason: string };

const MAX_LENGTH = 8192;
/** How old a proof may be. */
const MAX_AGE_SECONDS = 60;
/** How far the client's clock may be ahead: ten seconds have to be, and sixty must not (FAPI 2.0 §5.3.2.1). */
const MAX_AHEAD_SECONDS = 30;

const seconds = z.number().min(0).max(8_640_000_000_000);
/** RFC 9449 §4.2. */
const proofClaims = z.object({
  jti: z.string().min(1).max(255),
  htm: z.string(),
  htu: z.string().max(2048),
  iat: seconds,
  ath: z.string().optional(),
  nonce: z.string().min(1).max(512).optional(),
  nbf: seconds.optional(),
  exp: seconds.optional(),
});
type ProofClaims = z.infer<typeof proofClaims>;

/** Checks all that RFC 9449 §4.3 asks for but that the proof is new and its nonce is one of ours. */
export function checkDpopProof(text: string, target: ProofTarget, now: Date): ProofDecision {
  const parsed = parseCompactJwsWithKey(text, MAX_LENGTH);
  if (parsed === undefined) return refused("the DPoP proof is no signed JWT with its key");
  const { jws, jwk } = parsed;
  if (jws.typ !== "dpop+jwt") return refused("the typ of the DPoP proof is not dpop+jwt");
  // RS256 is not among them although clients may sign assertions with it: FAPI 2.0 §5.4 forbids it, and no client needs it.
  const alg = (["ES256", "PS256", "EdDSA"] as const).find((known) => known === jws.alg);
  if (alg === undefined) return refused("the alg of the DPoP proof is not supported");
  if (isPrivate(jwk)) return refused("the jwk of the DPoP proof holds what only its owner may know");
  const keys = keysFor([jwk], { alg, kid: undefined });
  const jkt = keys.length === 0 ? undefined : thumbprintOf(jwk);
  if (jkt === undefined) return refused("the jwk of the DPoP proof is no key for its alg");
  if (!isSignedByOneOf(jws, alg, keys)) return refused("the signature of the DPoP proof is wrong");
  const claims = proofClaims.safeParse(jws.claims);
  if (!claims.success) {
    return refused(`the claim ${claims.error.issues[0]?.path.join(".")} of the DPoP proof is missing or malformed`);
  }
  const { jti, nonce, iat } = claims.data;
  const misfit = misfitIn(claims.data, target, toEpochSeconds(now));
  if (misfit !== undefined) return refused(misfit);
  const goodUntil = rememberedUntil(new Date((iat + MAX_AGE_SECONDS) * 1000));
  return { kind: "proof", proof: { jkt, jti, nonce, goodUntil } };
}

function misfitIn(claims: ProofClaims, target: ProofTarget, now: number): string | undefined {
  const { htm, htu, iat, nbf = iat, exp = now, ath } = claims;
  if (htm !== target.method) return "the htm of the DPoP proof is another method";
  if (![target.url, target.alias ?? target.url].some((url) => isAddressOf(htu, url)))
    return "the htu of the DPoP proof is another address";
  if (iat < now - MAX_AGE_SECONDS || exp < now - MAX_AHEAD_SECONDS) return "the DPoP proof is too old";
  if (Math.max(iat, nbf) > now + MAX_AHEAD_SECONDS) return "the DPoP proof is from the future";
  if (target.accessToken === undefined) return undefined;
  const expected = sha256(target.accessToken).toString("base64url");
  return ath !== undefined && equalInConstantTime(ath, expected)
    ? undefined
    : "the ath of the DPoP proof is not of this access token";
}

/** RFC 9449 §4.3: without query and fragment, after the normalisation of RFC 3986 §6.2.2 and §6.2.3. */
function isAddressOf(htu: string, url: string): boolean {
  const given = /^[\x21-\x7e]+$/.test(htu) ? URL.parse(htu) : null;
  if (given === null) return false;
  given.search = "";
  given.hash = "";
  return given.href === new URL(url).href;
}

function refused(reason: string): ProofDecision {
  return { kind: "refused", reason };
}
