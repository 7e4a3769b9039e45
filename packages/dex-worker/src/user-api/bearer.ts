// Whom a token stands for that somebody shows to the API of a worker: an ID token or an access token for the API for a person, an
// access token that a client got for itself (RFC 6749 §4.4) for that client.
import {
  ACCESS_TOKEN_JWT_TYP,
  type AccessToken,
  acrOf,
  type Confirmation,
  liveGrantOf,
  type OwnTokenVerifier,
  type ReadOwnToken,
  type TokenFamilies,
} from "@dex/oidc";
import { toEpochSeconds } from "@dex/runtime";
import { z } from "zod";

/** The `typ` of an ID token's header. */
const ID_TOKEN_TYP = "JWT";
/** More audiences than any token of ours has. */
const MAX_AUDIENCES = 100;

// RFC 7519 NumericDate. Our own tokens carry whole seconds.
const ofAnyToken = { iss: z.string(), sub: z.string().min(1).max(255), exp: z.number() };
const idTokenClaims = z.object({
  ...ofAnyToken,
  aud: z.union([z.string().transform((one) => [one]), z.array(z.string()).min(1).max(MAX_AUDIENCES)]),
  iat: z.number(),
  auth_time: z.number().optional(),
  acr: z.string().optional(),
  act: z.unknown().optional(),
});
// What is bound to nothing that we know is no bearer token either (DPO-2).
const confirmation = z
  .strictObject({ jkt: z.string().optional(), "x5t#S256": z.string().optional() })
  .refine((cnf) => Object.keys(cnf).length > 0);
const accessTokenClaims = z.object({
  ...ofAnyToken,
  aud: z.union([z.string(), z.tuple([z.string()])]),
  client_id: z.string(),
  jti: z.string().optional(),
  cnf: confirmation.optional(),
});

/** What a token says of the sign-in behind it, in whole seconds as it stands there. */
export interface SignInFacts {
  readonly issuedAtSeconds: number;
  /** Undefined where nobody knows. */
  readonly authTimeSeconds: number | undefined;
  readonly acr: string | undefined;
}

type Claims = Readonly<Record<string, unknown>> | undefined;

/** Whom a valid token stands for. */
export type Bearer =
  | {
      readonly kind: "user";
      readonly userId: string;
      readonly audience: readonly string[];
      /** Somebody else acts for them by it, RFC 8693 §4.1. */
      readonly delegated: boolean;
      /** What the clients of the audience got it for: to know who signed in, or to use this API. */
      readonly madeFor: "sign-in" | "API";
      readonly signIn: SignInFacts;
      readonly confirmation?: undefined;
    }
  | {
      readonly kind: "client";
      readonly clientId: string;
      readonly tokenId: string | undefined;
      /** What its sender must prove to have; undefined for a bearer token. */
      readonly confirmation: Confirmation | undefined;
    }
  /** An access token for this API, of what a person granted: the store knows whom. */
  | { readonly kind: "grant"; readonly token: AccessToken; readonly confirmation: Confirmation | undefined };

export interface BearerOf {
  /** The issuer exactly as in the `iss` of our tokens. */
  readonly issuer: string;
  /** What the `aud` of access tokens calls who takes them; undefined: nobody who has a name. */
  readonly resource: string | undefined;
}

/**
 * Whom the verified claims of a token of this `typ` stand for; undefined for a token of another issuer, one that has
 * expired, and one that is for something else.
 */
export function decideBearer(typ: string, claims: Claims, of: BearerOf, now: Date): Bearer | undefined {
  const token = typ === ID_TOKEN_TYP ? readIdToken(claims) : readClientToken(claims, of.resource);
  // RFC 8725 §3.8, RFC 9068 §4.
  if (token === undefined || token.iss !== of.issuer || token.exp * 1000 <= now.getTime()) return undefined;
  return token.bearer;
}

function readIdToken(claims: Claims) {
  const parsed = idTokenClaims.safeParse(claims);
  if (!parsed.success) return undefined;
  const { iss, exp, sub, aud, iat, auth_time, acr, act } = parsed.data;
  const signIn = { issuedAtSeconds: iat, authTimeSeconds: auth_time, acr };
  const user = { kind: "user", userId: sub, audience: aud, signIn, madeFor: "sign-in" } as const;
  return { iss, exp, bearer: { ...user, delegated: act !== undefined } };
}

function readClientToken(claims: Claims, resource: string | undefined) {
  const parsed = accessTokenClaims.safeParse(claims);
  if (!parsed.success) return undefined;
  const { iss, exp, sub, aud, client_id, jti, cnf } = parsed.data;
  const audience = typeof aud === "string" ? aud : aud[0];
  // RFC 8725 §3.9. Subject and client are one only when the client asked for itself, and for itself or for this API: a token
  // that a person's sign-in produced names the person, whatever audience it has.
  return (audience === sub || audience === resource) && client_id === sub
    ? { iss, exp, bearer: { kind: "client", clientId: sub, tokenId: jti, confirmation: toConfirmation(cnf) } as const }
    : undefined;
}

function toConfirmation(cnf: z.infer<typeof confirmation> | undefined): Confirmation | undefined {
  if (cnf === undefined) return undefined;
  const { jkt, "x5t#S256": thumbprint } = cnf;
  return { ...(jkt === undefined ? {} : { jkt }), ...(thumbprint === undefined ? {} : { "x5t#S256": thumbprint }) };
}

export interface BearerParts extends BearerOf {
  readonly resource: string;
  readonly verifier: OwnTokenVerifier;
  readonly readOwnToken: ReadOwnToken;
}

/** Whom a token stands for that somebody sent; undefined for what is no good one. No round trip. */
export function makeReadBearer(parts: BearerParts): (token: string, now: Date) => Promise<Bearer | undefined> {
  return async (token, now) => {
    // The header says what the token is, and the verifier takes it for nothing else (RFC 8725 §3.11).
    const ofId = await parts.verifier.verify(token, ID_TOKEN_TYP);
    if (ofId !== undefined) return decideBearer(ID_TOKEN_TYP, ofId, parts, now);
    const own = await parts.readOwnToken(token, now);
    if (own?.kind !== "access token") {
      return decideBearer(ACCESS_TOKEN_JWT_TYP, await parts.verifier.verify(token, ACCESS_TOKEN_JWT_TYP), parts, now);
    }
    // RFC 8707 §2: one for somebody else opens nothing here, nor does one for userinfo that names nobody.
    const { audience, confirmation } = own.token;
    return audience?.includes(parts.resource) === true ? { kind: "grant", token: own.token, confirmation } : undefined;
  };
}

/** The person and the client of an access token; undefined once the grant behind it has ended. One statement. */
export async function openGrant(
  token: AccessToken,
  families: Pick<TokenFamilies, "findLive">,
  now: Date,
): Promise<Extract<Bearer, { kind: "user" }> | undefined> {
  const live = await liveGrantOf(token, families, now);
  if (live === undefined) return undefined;
  const { user, clientId, authTime, amr, terms } = live.grant;
  return {
    kind: "user",
    userId: user.id,
    audience: [clientId],
    delegated: terms?.act !== undefined,
    madeFor: "API",
    signIn: {
      // One that does not say when it was issued is as old as can be.
      issuedAtSeconds: token.issuedAt === undefined ? 0 : toEpochSeconds(token.issuedAt),
      authTimeSeconds: terms?.direct?.authTime === "unknown" ? undefined : toEpochSeconds(authTime),
      acr: acrOf(amr),
    },
  };
}

export interface ShownToken {
  readonly scheme: "Bearer" | "DPoP";
  readonly token: string;
}

// One scheme, one token, nothing around it (RFC 6750 §2.1, RFC 9449 §7.1). 8 KiB is more than any token of ours.
const SHOWN = /^(?:(bearer)|dpop) +([A-Za-z0-9\-._~+/]{1,8192}=*)$/i;

/** The token of the one Authorization header there is; undefined when there is none, or more than one. */
export function readShownToken(headers: readonly string[] | undefined): ShownToken | undefined {
  const [, bearer, token] = headers?.length === 1 ? (SHOWN.exec(headers[0] ?? "") ?? []) : [];
  return token === undefined ? undefined : { scheme: bearer === undefined ? "DPoP" : "Bearer", token };
}
