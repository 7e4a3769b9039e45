// Tokens that the upstream signed, whoever brings them.
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { invalidAnswer, unavailable } from "../login-refused.ts";
import type { OidcUpstream } from "./upstream.ts";

const SKEW_SECONDS = 60;
const MAX_JWT_LENGTH = 16_384;

/** Whether it has the form of a signed JWT. */
export function isJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}

export type VerifyToken = (
  token: string,
  requiredClaims: readonly string[],
  now: Date,
) => Promise<{ payload: JWTPayload; type: string | undefined }>;

/** Checks signature, iss, exp and that required claims are there. Throws LoginRefused. The keys are kept, and asked for again when an unknown one signs. */
export function makeVerifyToken(upstream: OidcUpstream): VerifyToken {
  let keys: { readonly uri: string; readonly find: JWTVerifyGetKey } | undefined;
  return async (token, requiredClaims, now) => {
    if (token.length > MAX_JWT_LENGTH || !isJwt(token)) throw invalidAnswer("the token is no signed JWT");
    const metadata = await upstream.metadata();
    if (keys?.uri !== metadata.jwks_uri) {
      const find = createRemoteJWKSet(new URL(metadata.jwks_uri), {
        timeoutDuration: 10_000,
        [customFetch]: (url, { headers, signal }) =>
          upstream.fetch(url, { method: "GET", headers: Object.fromEntries(headers), signal }),
      });
      keys = { uri: metadata.jwks_uri, find };
    }
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys.find, {
        issuer: metadata.issuer,
        algorithms: metadata.id_token_signing_alg_values_supported ?? ["RS256"],
        currentDate: now,
        clockTolerance: SKEW_SECONDS,
        requiredClaims: [...requiredClaims],
      });
      return { payload, type: protectedHeader.typ };
    } catch (error) {
      if (error instanceof errors.JWKSInvalid || error instanceof errors.JWKSTimeout) throw unavailable(error.message);
      if (!(error instanceof errors.JOSEError)) throw error;
      // What jose calls generic is an answer without keys.
      throw error.code === "ERR_JOSE_GENERIC" ? unavailable(error.message) : invalidAnswer(`token: ${error.message}`);
    }
  };
}
