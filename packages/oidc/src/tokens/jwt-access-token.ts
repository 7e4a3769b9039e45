import { decodeBase64Url, type JsonObject, type Random } from "@dex/runtime";
import { parseScope } from "../scope.ts";
import type { AccessToken } from "./access-token.ts";
import { uuidFromBytes, uuidToBytes } from "./uuid.ts";

/** The `typ` of a JWT access token's header, RFC 9068 §2.1. Told apart from every other JWT of ours by it (JWT-3). */
export const ACCESS_TOKEN_JWT_TYP = "at+jwt";

const FAMILY_BYTES = 16;
const RANDOM_BYTES = 12;

/** The `jti` of a token that belongs to a family: names both, so that a JWT too ends with its family. */
export function newFamilyTokenId(familyId: string, random: Random): string {
  return Buffer.concat([uuidToBytes(familyId), random(RANDOM_BYTES)]).toString("base64url");
}

function familyOf(jti: string): string | undefined {
  const bytes = decodeBase64Url(jti);
  return bytes?.length === FAMILY_BYTES + RANDOM_BYTES ? uuidFromBytes(bytes.subarray(0, FAMILY_BYTES)) : undefined;
}

/**
 * The token that these claims are, whose signature, type and issuer were checked: undefined where it belongs to no family, as
 * one does that a client got for itself, or has expired at `now`.
 */
export function toFamilyAccessToken(
  claims: Readonly<Record<string, unknown>>,
  now: Date,
): (AccessToken & { readonly audience: readonly string[] }) | undefined {
  const { jti, client_id: clientId, aud, scope, iat, exp, cnf, authorization_details: details } = claims;
  const familyId = typeof jti === "string" ? familyOf(jti) : undefined;
  if (familyId === undefined || typeof jti !== "string" || typeof clientId !== "string") return undefined;
  if (typeof exp !== "number" || typeof iat !== "number" || exp * 1000 <= now.getTime()) return undefined;
  return {
    id: jti,
    familyId,
    clientId,
    userId: undefined,
    audience: [aud].flat().filter((one) => typeof one === "string"),
    scope: parseScope(typeof scope === "string" ? scope : undefined),
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
    ...(typeof cnf === "object" && cnf !== null ? { confirmation: cnf } : {}),
    // Ours, so they are as we wrote them.
    ...(Array.isArray(details) ? { authorizationDetails: details as JsonObject[] } : {}),
  };
}
