import { parseCompactJws } from "../client-jwts/compact-jws.ts";
import { checkTrustedAssertion, type TrustedAssertionParts } from "../client-jwts/trusted-assertion.ts";
import type { Client } from "../clients/client.ts";
import type { TrustedIssuer } from "../clients/trusted-issuers.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import { lifetimesFor, secondsUntil, type TokenLifetimes } from "../tokens/lifetimes.ts";
import type { Grant } from "./grant.ts";

export const JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";

export interface JwtBearerParts extends TrustedAssertionParts {
  /** The client credentials grant: what a client gets that speaks for itself. */
  readonly speakForItself: Grant;
  readonly lifetimes: TokenLifetimes;
}

/** RFC 7521 §4.1.1. One message for every reason, of a client that there is not, too: which there are is nobody's business. */
export const ASSERTION_REFUSED = "the assertion is not valid";
const MAX_ASSERTION_LENGTH = 16_384;

/**
 * The JWT bearer grant, RFC 7523 §2.1: a token of an issuer outside, which an administrator trusts for this client, stands for the
 * client itself. What comes of it speaks for the client, as with client credentials, and never outlives the token.
 */
export function jwtBearerGrant(parts: JwtBearerParts): Grant {
  const { speakForItself, lifetimes } = parts;
  return {
    grantType: JWT_BEARER_GRANT,
    provesClient: true,
    async redeem(request, now) {
      const { client, params } = request;
      if (client.public)
        throw new OAuthError("unauthorized_client", "the JWT bearer grant needs a confidential client");
      const text = single(params, "assertion");
      if (text === undefined) throw new OAuthError("invalid_request", "assertion is missing");
      const assertion = parseCompactJws(text, MAX_ASSERTION_LENGTH);
      if (assertion === undefined) throw refused("it is no signed JWT");
      const outcome = await checkTrustedAssertion(assertion, client.details.trusted_issuers ?? [], parts, now);
      if (outcome.kind === "refused") throw refused(outcome.reason);
      const { accessTokenSeconds } = lifetimesFor(client, lifetimes);
      const seconds = secondsUntil(outcome.validUntil, accessTokenSeconds, now);
      if (seconds < 1) throw refused("it has expired");
      return speakForItself.redeem({ ...request, client: standingFor(client, outcome.by, seconds) }, now);
    },
  };
}

/** The client with no more than its issuer may stand for. */
function standingFor(client: Client, { scopes }: TrustedIssuer, seconds: number): Client {
  const allowed = scopes?.filter((word) => client.scopes?.includes(word) ?? true) ?? client.scopes;
  return { ...client, scopes: allowed, details: { ...client.details, access_token_lifetime: seconds } };
}

function refused(detail: string): OAuthError {
  return new OAuthError("invalid_grant", ASSERTION_REFUSED, { detail });
}
