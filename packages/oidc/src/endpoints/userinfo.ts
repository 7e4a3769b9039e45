import { type JsonObject, toEpochSeconds } from "@dex/runtime";
import { BearerTokenMissing, OAuthError } from "../errors.ts";
import type { OwnTokenVerifier, TokenFamilies } from "../ports.ts";
import type { EngineSealers } from "../sealers.ts";
import { type AccessToken, makeAccessTokenOpener } from "../tokens/access-token.ts";
import { userClaims } from "../tokens/claims.ts";
import { ACCESS_TOKEN_JWT_TYP } from "../tokens/jwt-access-token.ts";
import { parseBearerToken } from "./bearer-token.ts";

/** A request to a protected resource as it came. `body` is the form of a POST that has one. */
export interface UserinfoRequest {
  readonly authorization: string | undefined;
  readonly query: URLSearchParams;
  readonly body?: URLSearchParams | undefined;
}

export interface UserinfoEndpoint {
  /** The claims about the token's user. Throws an OAuthError, whose challenge renderBearerChallenge writes. */
  handle(request: UserinfoRequest, now: Date): Promise<JsonObject>;
}

export interface UserinfoParts {
  readonly issuer: string;
  readonly families: Pick<TokenFamilies, "findLive">;
  readonly sealers: Pick<EngineSealers, "accessToken">;
  /** Tells a client's own JWT access token from a bad one. */
  readonly accessTokenVerifier: OwnTokenVerifier;
}

/** The userinfo endpoint, OIDC Core §5.3. One statement. */
export function makeUserinfoEndpoint(parts: UserinfoParts): UserinfoEndpoint {
  const { families, issuer } = parts;
  const accessTokens = makeAccessTokenOpener(parts.sealers.accessToken);

  async function openToken(text: string, now: Date): Promise<AccessToken> {
    const token = accessTokens.open(text, now);
    if (token !== undefined) return token;
    const claims = text.includes(".") ? await parts.accessTokenVerifier.verify(text, ACCESS_TOKEN_JWT_TYP) : undefined;
    const { iss, exp } = claims ?? {};
    if (iss === issuer && isUnexpired(exp, now)) {
      throw new OAuthError("insufficient_scope", "this access token speaks for a client, not for a user");
    }
    throw new OAuthError("invalid_token", "the access token is not valid");
  }

  return {
    async handle(request, now) {
      const bearer = parseBearerToken(request);
      if (bearer.kind === "missing") throw new BearerTokenMissing(bearer.detail);
      if (bearer.kind === "refused") throw bearer.error;
      const token = await openToken(bearer.token, now);
      const grant = await families.findLive(token.familyId, now);
      if (grant === undefined || grant.clientId !== token.clientId || grant.user.id !== token.userId) {
        throw new OAuthError("invalid_token", "the access token is not valid", { detail: "its grant has ended" });
      }
      if (!token.scope.includes("openid")) {
        throw new OAuthError("insufficient_scope", "the access token lacks the scope openid");
      }
      const scope = token.scope.filter((word) => grant.scope.includes(word));
      return { ...userClaims(grant.user, scope), sub: grant.user.id };
    },
  };
}

function isUnexpired(exp: unknown, now: Date): boolean {
  return typeof exp === "number" && exp > toEpochSeconds(now);
}
