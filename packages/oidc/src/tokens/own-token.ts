// What somebody presents and calls a token of ours: told apart by how it is made, never by what they say it is (AUT-15,
// RFC 7009 §2.1: token_type_hint is a hint).

import type { OwnTokenVerifier } from "../ports.ts";
import { parseScope } from "../scope.ts";
import type { EngineSealers } from "../sealers.ts";
import { type AccessToken, makeAccessTokenOpener } from "./access-token.ts";
import type { Confirmation } from "./confirmation.ts";
import { ACCESS_TOKEN_JWT_TYP, toFamilyAccessToken } from "./jwt-access-token.ts";
import { makeRefreshTokenOpener, type RefreshToken } from "./refresh-token.ts";

/** An access token that a client got for itself, RFC 9068: a JWT, and of no family. */
export interface ClientAccessToken {
  readonly id: string;
  readonly clientId: string;
  readonly audience: readonly string[];
  readonly scope: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly confirmation: Confirmation | undefined;
  /** What the client is a member of, and may act as, where the token says so. */
  readonly memberships: { readonly groups?: readonly string[]; readonly roles?: readonly string[] };
}

/** Whether it still stands is for the stores to say. */
export type OwnToken =
  | { readonly kind: "access token"; readonly token: AccessToken }
  | { readonly kind: "client access token"; readonly token: ClientAccessToken }
  | { readonly kind: "refresh token"; readonly token: RefreshToken };

/** The token, or undefined when it was not issued by us, was altered, or is an access token that has expired at `now`. */
export type ReadOwnToken = (text: string, now: Date) => Promise<OwnToken | undefined>;

const MAX_JWT_LENGTH = 16_384;

/** Reads what we made. Costs no round trip. */
export function makeReadOwnToken(parts: {
  issuer: string;
  sealers: Pick<EngineSealers, "accessToken" | "refreshToken">;
  verifier: OwnTokenVerifier;
}): ReadOwnToken {
  const { issuer, sealers, verifier } = parts;
  const accessTokens = makeAccessTokenOpener(sealers.accessToken);
  const refreshTokens = makeRefreshTokenOpener(sealers.refreshToken);
  return async (text, now) => {
    const access = accessTokens.open(text, now);
    if (access !== undefined) return { kind: "access token", token: access };
    const refresh = refreshTokens.open(text);
    if (refresh !== undefined) return { kind: "refresh token", token: refresh };
    if (!text.includes(".") || text.length > MAX_JWT_LENGTH) return undefined;
    const claims = await verifier.verify(text, ACCESS_TOKEN_JWT_TYP);
    if (claims === undefined || claims.iss !== issuer) return undefined;
    const ofFamily = toFamilyAccessToken(claims, now);
    if (ofFamily !== undefined) return { kind: "access token", token: ofFamily };
    const token = toClientAccessToken(claims);
    return token === undefined || token.expiresAt <= now ? undefined : { kind: "client access token", token };
  };
}

function toClientAccessToken(claims: Readonly<Record<string, unknown>>): ClientAccessToken | undefined {
  const { jti, client_id: clientId, sub, aud, scope, iat, exp, cnf, groups, roles } = claims;
  // Whose subject is somebody else does not speak for itself.
  if (typeof jti !== "string" || typeof clientId !== "string" || sub !== clientId) return undefined;
  if (typeof exp !== "number" || typeof iat !== "number") return undefined;
  return {
    id: jti,
    clientId,
    audience: [aud].flat().filter((one) => typeof one === "string"),
    scope: parseScope(typeof scope === "string" ? scope : undefined),
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
    confirmation: typeof cnf === "object" && cnf !== null ? cnf : undefined,
    // Ours, so they are as we wrote them.
    memberships: { ...(Array.isArray(groups) ? { groups } : {}), ...(Array.isArray(roles) ? { roles } : {}) },
  };
}
