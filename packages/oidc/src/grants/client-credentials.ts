import { addSeconds, type Random, toEpochSeconds } from "@dex/runtime";
import { isAudienceScope } from "../clients/audience.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import type { TokenSigner } from "../ports.ts";
import { parseScope, SUPPORTED_SCOPES } from "../scope.ts";
import { ACCESS_TOKEN_JWT_TYP } from "../tokens/jwt-access-token.ts";
import { lifetimesFor, type TokenLifetimes } from "../tokens/lifetimes.ts";
import { type Grant, tokenTypeFor } from "./grant.ts";

/** These are about a person, and nobody is behind this grant (TOK-15). */
const SCOPES_OF_PEOPLE: readonly string[] = SUPPORTED_SCOPES;

/**
 * The client credentials grant, RFC 6749 §4.4: the client speaks for itself. Answers with a JWT (RFC 9068) and with
 * neither ID token nor refresh token. No round trip.
 */
export function clientCredentialsGrant(parts: {
  issuer: string;
  signer: TokenSigner;
  random: Random;
  lifetimes: TokenLifetimes;
}): Grant {
  const { issuer, signer, random, lifetimes } = parts;
  return {
    grantType: "client_credentials",
    async redeem({ params, client, confirmation }, now) {
      if (client.public) {
        throw new OAuthError("unauthorized_client", "the client_credentials grant needs a confidential client");
      }
      const asked = parseScope(single(params, "scope"));
      // An audience shares what a person may do. A client's own token is for itself.
      if (asked.some(isAudienceScope)) {
        throw new OAuthError("invalid_scope", "an audience can only be asked for where a person signs in");
      }
      const scope = asked.filter((word) => client.scopes?.includes(word) === true && !SCOPES_OF_PEOPLE.includes(word));
      const granted = scope.length === 0 ? {} : { scope: scope.join(" ") };
      const { accessTokenSeconds } = lifetimesFor(client, lifetimes);
      const claims = {
        ...granted,
        iss: issuer,
        sub: client.id,
        aud: client.id,
        client_id: client.id,
        exp: toEpochSeconds(addSeconds(now, accessTokenSeconds)),
        iat: toEpochSeconds(now),
        jti: random(16).toString("base64url"),
        ...(confirmation === undefined ? {} : { cnf: { ...confirmation } }),
      };
      const algorithm = client.idTokenSigningAlgorithm;
      const token = await signer.sign(claims, { typ: ACCESS_TOKEN_JWT_TYP, algorithm });
      return {
        access_token: token,
        token_type: tokenTypeFor(confirmation),
        expires_in: accessTokenSeconds,
        ...granted,
      };
    },
  };
}
