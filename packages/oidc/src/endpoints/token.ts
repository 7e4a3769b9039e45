import type { ClientAuthentication } from "../clients/client-authentication.ts";
import { OAuthError } from "../errors.ts";
import type { Grant } from "../grants/grant.ts";
import { type GrantParts, makeGrants } from "../grants/grants.ts";
import { type ClientEndpoint, refuseMalformedForm } from "./client-request.ts";
import { single } from "./parameters.ts";

export interface TokenEndpointParts extends GrantParts {
  readonly clientAuthentication: ClientAuthentication;
}

const TOKEN_PARAMETERS = [
  "grant_type",
  "code",
  "redirect_uri",
  "code_verifier",
  "refresh_token",
  "scope",
  "username",
  "password",
] as const;

/** The token endpoint, RFC 6749 §3.2: what holds for every grant, before the grant itself. */
export function makeTokenEndpoint(parts: TokenEndpointParts): ClientEndpoint {
  const { clientAuthentication } = parts;
  const grants: ReadonlyMap<string, Grant> = new Map(makeGrants(parts).map((grant) => [grant.grantType, grant]));
  return {
    path: "/token",
    crossOrigin: true,
    async handle(request, now) {
      const malformed = refuseMalformedForm(request, TOKEN_PARAMETERS);
      if (malformed !== undefined) throw malformed;
      const { body } = request;
      const grantType = single(body, "grant_type");
      if (grantType === undefined) throw new OAuthError("invalid_request", "grant_type is missing");
      const grant = grants.get(grantType);
      if (grant === undefined) throw new OAuthError("unsupported_grant_type", "this grant_type is not supported");
      const client = await clientAuthentication.authenticate(request, now);
      // AUT-13
      if (!client.grantTypes.includes(grant.grantType)) {
        throw new OAuthError("unauthorized_client", `the client may not use the ${grant.grantType} grant`);
      }
      const answer = await grant.redeem({ params: body, client, confirmation: undefined }, now);
      return { kind: "json", status: 200, body: answer };
    },
  };
}
