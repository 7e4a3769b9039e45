// Clients that prove who they are with a JWT: RFC 7523 §2.2 and §3, OIDC Core §9 private_key_jwt. With
// client_secret_jwt we would have to keep secrets in a form that can be read (TOK-17).
import { toEpochSeconds } from "@dex/runtime";
import { z } from "zod";
import type { Client } from "../clients/client.ts";
import type { ClientKeySets } from "./client-key-sets.ts";
import type { CompactJws } from "./compact-jws.ts";
import { CLIENT_SIGNING_ALGORITHMS, isSignedByOneOf, keysFor } from "./verify-jws.ts";

/** The only `client_assertion_type`, RFC 7523 §2.2. */
export const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Why the assertion does not prove that the request comes from `client`, for operators; undefined when it does. */
export type CheckClientAssertion = (assertion: CompactJws, client: Client, now: Date) => Promise<string | undefined>;

/** True for the first who uses `key` on any worker, and false for all others until `until`. Of racing callers one is first. */
export type UseOnce = (key: string, until: Date) => Promise<boolean>;

export interface ClientAssertionParts {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly keySets: ClientKeySets;
  readonly useOnce: UseOnce;
}

/** How long an assertion may be good for from now on (TOK-10). */
const MAX_LIFETIME_SECONDS = 300;
/** How far the client's clock may be off. */
const CLOCK_TOLERANCE_SECONDS = 60;
/** RFC 7523 names no `typ`; what is typed as anything else was made for something else (JWT-3). */
const TYPES: readonly (string | undefined)[] = [undefined, "jwt", "client-authentication+jwt"];

const seconds = z.number().min(0).max(8_640_000_000_000);
/** RFC 7523 §3, OIDC Core §9. */
const assertionClaims = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string()).min(1).max(5)]),
  exp: seconds,
  jti: z.string().min(1).max(255),
  iat: seconds.optional(),
  nbf: seconds.optional(),
});

/**
 * Checks in this order: what the client registered, the signature, the claims, and at last that the jti was never used on any
 * worker. Only what a client signed is ever remembered, so that nobody else fills the table or spends a jti of its own.
 */
export function makeCheckClientAssertion(parts: ClientAssertionParts): CheckClientAssertion {
  return async (assertion, client, now) => {
    if (!TYPES.includes(assertion.typ)) return "the assertion is of another type";
    const forgery = await forgeryIn(assertion, client, parts, now);
    if (forgery !== undefined) return forgery;
    const parsed = assertionClaims.safeParse(assertion.claims);
    if (!parsed.success)
      return `a claim of the assertion is missing or malformed: ${parsed.error.issues[0]?.path.join(".")}`;
    const { data: claims } = parsed;
    const misfit = misfitIn(claims, client, parts, toEpochSeconds(now));
    if (misfit !== undefined) return misfit;
    const until = new Date(claims.exp * 1000);
    const first = await parts.useOnce(`client assertion ${JSON.stringify([client.id, claims.jti])}`, until);
    return first ? undefined : "the jti of the assertion was used before";
  };
}

async function forgeryIn(
  assertion: CompactJws,
  { details }: Client,
  { keySets }: ClientAssertionParts,
  now: Date,
): Promise<string | undefined> {
  const { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: only } = details;
  if (method !== "private_key_jwt") return "the client registered another method";
  const alg = CLIENT_SIGNING_ALGORITHMS.find((known) => known === assertion.alg);
  if (alg === undefined) return "the assertion is signed with an algorithm that is not allowed";
  if (only !== undefined && alg !== only) return `the assertion is not signed with ${only}`;
  const wanted = { alg, kid: assertion.kid };
  const found = await keySets.find(details, (keys) => keysFor(keys, wanted).length > 0, now);
  const keys = keysFor(found.keys, wanted);
  if (keys.length === 0) return `the client has no key for this assertion${found.problem ? `: ${found.problem}` : ""}`;
  return isSignedByOneOf(assertion, alg, keys) ? undefined : "the signature of the assertion is wrong";
}

function misfitIn(
  { iss, sub, aud, exp, iat, nbf }: z.infer<typeof assertionClaims>,
  client: Client,
  { issuer, tokenEndpoint }: ClientAssertionParts,
  now: number,
): string | undefined {
  if (iss !== client.id || sub !== client.id) return "iss and sub of the assertion are not the client";
  // OIDC Core §9 has the token endpoint, later profiles the issuer. Among others it could be shown elsewhere too.
  if (![aud].flat().every((one) => one === issuer || one === tokenEndpoint))
    return "the assertion is for somebody else";
  if (exp <= now) return "the assertion has expired";
  if (exp > now + MAX_LIFETIME_SECONDS + CLOCK_TOLERANCE_SECONDS) return "the assertion is good for too long";
  const latest = now + CLOCK_TOLERANCE_SECONDS;
  return (iat ?? 0) > latest || (nbf ?? 0) > latest ? "the assertion is from the future" : undefined;
}
