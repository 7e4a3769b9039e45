// Signed authentication requests, CIBA Core §7.1.1: every parameter in one JWT, which is used once.
import { toEpochSeconds } from "@dex/runtime";
import { z } from "zod";
import type { UseOnce } from "../client-jwts/client-assertion.ts";
import type { ClientKeySets } from "../client-jwts/client-key-sets.ts";
import { type CompactJws, parseCompactJws } from "../client-jwts/compact-jws.ts";
import { CLIENT_SIGNING_ALGORITHMS, isSignedByOneOf, keysFor } from "../client-jwts/verify-jws.ts";
import { rememberedUntil } from "../client-jwts/workers-apart.ts";
import type { Client } from "../clients/client.ts";
import { citing, demandsOf } from "../clients/profile.ts";
import { MAX_REQUEST_OBJECT_LENGTH } from "../endpoints/request-documents.ts";
import { OAuthError } from "../errors.ts";

export interface SignedRequestParts {
  readonly issuer: string;
  readonly keySets: ClientKeySets;
  readonly useOnce: UseOnce;
}

/** FAPI-CIBA §5.2.2: the longest that a request may be good for, and how long ago that may have begun. */
const MAX_LIFETIME_SECONDS = 3600;
const CLOCK_TOLERANCE_SECONDS = 60;
/** What is typed as anything else was made for something else (JWT-3). */
const TYPES: readonly (string | undefined)[] = [undefined, "jwt", "oauth-authz-req+jwt"];

const seconds = z.number().min(0).max(8_640_000_000_000);
/** All of them are required. */
const claimsShape = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string()).min(1).max(20)]),
  exp: seconds,
  iat: seconds,
  nbf: seconds,
  jti: z.string().min(1).max(255),
});

/** The claims of a request that the client signed, and that was never used on any worker. Throws invalid_request. */
export async function readSignedRequest(
  text: string,
  client: Client,
  { issuer, keySets, useOnce }: SignedRequestParts,
  now: Date,
): Promise<Readonly<Record<string, unknown>>> {
  const object = parseCompactJws(text, MAX_REQUEST_OBJECT_LENGTH);
  if (object === undefined || !TYPES.includes(object.typ)) throw invalid("the request is no signed JWT");
  const { backchannel_authentication_request_signing_alg: registered } = client.details;
  const { algorithms: demand } = demandsOf(client.details);
  const allowed = registered === undefined ? CLIENT_SIGNING_ALGORITHMS : [registered];
  const alg = allowed.find((one) => one === object.alg);
  if (alg === undefined) throw invalid("the request is not signed with an algorithm that the client registered");
  // Registration refuses such a client too, and is not all that changes clients.
  if (demand?.is.includes(alg) === false) throw invalid(`the request must not be signed with ${alg}${citing(demand)}`);
  const wanted = { alg, kid: object.kid };
  const { keys, problem } = await keySets.find(client.details, (all) => keysFor(all, wanted).length > 0, now);
  if (!isSignedByOneOf(object, alg, keysFor(keys, wanted))) {
    throw invalid("the signature of the request cannot be verified", problem ?? "no key of the client made it");
  }
  const { jti, until } = checkClaims(object, client, issuer, toEpochSeconds(now));
  // At last, so that only what a client signed is remembered.
  if (!(await useOnce(`backchannel request ${JSON.stringify([client.id, jti])}`, until))) {
    throw invalid("the jti of the request was used before");
  }
  return object.claims;
}

function checkClaims(
  { claims }: CompactJws,
  client: Client,
  issuer: string,
  now: number,
): { readonly jti: string; readonly until: Date } {
  const parsed = claimsShape.safeParse(claims);
  if (!parsed.success) {
    throw invalid(`a claim of the request is missing or malformed: ${parsed.error.issues[0]?.path.join(".")}`);
  }
  const { iss, aud, exp, iat, nbf, jti } = parsed.data;
  if (iss !== client.id) throw invalid("iss of the request is not the client");
  if (![aud].flat().includes(issuer)) throw invalid("aud of the request is not this issuer");
  if (exp <= now) throw invalid("the request has expired");
  if (Math.max(iat, nbf) > now + CLOCK_TOLERANCE_SECONDS) throw invalid("the request is from the future");
  if (nbf < now - MAX_LIFETIME_SECONDS || exp > nbf + MAX_LIFETIME_SECONDS) {
    throw invalid("nbf and exp of the request are more than an hour apart or ago");
  }
  return { jti, until: rememberedUntil(new Date(exp * 1000)) };
}

function invalid(message: string, detail?: string): OAuthError {
  return new OAuthError("invalid_request", message, detail === undefined ? {} : { detail });
}
