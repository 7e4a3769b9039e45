// Tokens of issuers outside that stand for a client: RFC 7523 §2.1 and §3.
import { sha256, toEpochSeconds } from "@dex/runtime";
import { z } from "zod";
import { TRUSTED_LIFETIME_SECONDS, type TrustedIssuer } from "../clients/trusted-issuers.ts";
import type { UseOnce } from "./client-assertion.ts";
import type { CompactJws } from "./compact-jws.ts";
import type { IssuerKeys } from "./issuer-keys.ts";
import { CLIENT_SIGNING_ALGORITHMS, isSignedByOneOf, keysFor } from "./verify-jws.ts";

export interface TrustedAssertionParts {
  /** What `aud` may be where nobody says: our issuer and our token endpoint. */
  readonly audiences: readonly string[];
  readonly keys: IssuerKeys;
  readonly useOnce: UseOnce;
}

export type TrustedAssertionOutcome =
  | { readonly kind: "trusted"; readonly by: TrustedIssuer; readonly validUntil: Date }
  /** `reason` is for operators. */
  | { readonly kind: "refused"; readonly reason: string };

/** How far the issuer's clock may be off. */
const CLOCK_TOLERANCE_SECONDS = 60;
/** What is typed as anything else was made for something else (JWT-3). SPIFFE JWT-SVID §2.3 has JWT or JOSE. */
const TYPES: readonly (string | undefined)[] = [undefined, "jwt", "jose"];

const seconds = z.number().min(0).max(8_640_000_000_000);
const claimsShape = z.looseObject({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string()).min(1).max(20)]),
  exp: seconds,
  iat: seconds.optional(),
  nbf: seconds.optional(),
  jti: z.string().min(1).max(255).optional(),
});
export type TrustedClaims = z.infer<typeof claimsShape>;

/**
 * Whether one of these issuers vouches for the assertion: its signature, then its claims, and at last that it was not used
 * before, on any worker. Only what an issuer signed is remembered.
 */
export async function checkTrustedAssertion(
  assertion: CompactJws,
  trusted: readonly TrustedIssuer[],
  parts: TrustedAssertionParts,
  now: Date,
): Promise<TrustedAssertionOutcome> {
  if (!TYPES.includes(assertion.typ)) return refused("the assertion is of another type");
  const parsed = claimsShape.safeParse(assertion.claims);
  if (!parsed.success) return refused(`a claim is missing or malformed: ${parsed.error.issues[0]?.path.join(".")}`);
  const { data: claims } = parsed;
  let reason = "no such issuer is trusted";
  for (const one of trusted.filter(({ issuer }) => issuer === claims.iss)) {
    // What does not fit costs no signature, and no call to the issuer.
    const problem =
      misfitIn(claims, one, parts.audiences, toEpochSeconds(now)) ?? (await forgeryIn(assertion, one, parts, now));
    if (problem === undefined) return once(assertion, claims, one, parts);
    reason = problem;
  }
  return refused(reason);
}

async function once(
  assertion: CompactJws,
  claims: TrustedClaims,
  by: TrustedIssuer,
  { useOnce }: TrustedAssertionParts,
): Promise<TrustedAssertionOutcome> {
  const validUntil = new Date(claims.exp * 1000);
  // Without a jti what was signed is its name: a signature can be written in more than one way.
  const name = claims.jti ?? sha256(assertion.signedText).toString("base64url");
  const until = new Date(validUntil.getTime() + CLOCK_TOLERANCE_SECONDS * 1000);
  if (by.reusable !== true && !(await useOnce(`trusted assertion ${JSON.stringify([by.issuer, name])}`, until))) {
    return refused("the assertion was used before");
  }
  return { kind: "trusted", by, validUntil };
}

async function forgeryIn(
  assertion: CompactJws,
  issuer: TrustedIssuer,
  { keys }: TrustedAssertionParts,
  now: Date,
): Promise<string | undefined> {
  const alg = CLIENT_SIGNING_ALGORITHMS.find((known) => known === assertion.alg);
  if (alg === undefined) return "the assertion is signed with an algorithm that is not allowed";
  const wanted = { alg, kid: assertion.kid };
  const found = await keys.find(issuer, (some) => keysFor(some, wanted).length > 0, now);
  const fitting = keysFor(found.keys, wanted);
  if (fitting.length === 0) return `the issuer has no key for it${found.problem ? `: ${found.problem}` : ""}`;
  return isSignedByOneOf(assertion, alg, fitting) ? undefined : "the signature of the assertion is wrong";
}

/** Pure. What of the claims does not fit what the administrator said, or the time. */
export function misfitIn(
  claims: TrustedClaims,
  trusted: TrustedIssuer,
  ourAudiences: readonly string[],
  now: number,
): string | undefined {
  const { sub, exp, iat, nbf } = claims;
  const audiences = trusted.audiences ?? ourAudiences;
  if (![claims.aud].flat().some((one) => audiences.includes(one))) return "aud is somebody else";
  const { subject, subject_prefix: prefix } = trusted;
  if (subject === undefined ? prefix === undefined || !sub.startsWith(prefix) : sub !== subject)
    return "sub is somebody else";
  const wrong = Object.entries(trusted.claims ?? {}).find(
    ([name, value]) => !Object.hasOwn(claims, name) || claims[name] !== value,
  );
  if (wrong !== undefined) return `the claim ${wrong[0]} is missing or another one`;
  if (exp <= now) return "it has expired";
  if (exp > now + (trusted.max_lifetime ?? TRUSTED_LIFETIME_SECONDS) + CLOCK_TOLERANCE_SECONDS)
    return "it is good for too long";
  if (iat !== undefined && iat > now + CLOCK_TOLERANCE_SECONDS) return "iat is in the future";
  if (nbf !== undefined && nbf > now + CLOCK_TOLERANCE_SECONDS) return "it is not good yet";
  return undefined;
}

function refused(reason: string): TrustedAssertionOutcome {
  return { kind: "refused", reason };
}
