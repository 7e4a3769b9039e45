import type { CheckClientAssertion } from "../client-jwts/client-assertion.ts";
import { type ClientAuthentication, makeClientAuthentication } from "../clients/client-authentication.ts";
import { OAuthError } from "../errors.ts";
import type { Grant, TokenResponse } from "../grants/grant.ts";
import { type GrantParts, makeGrants } from "../grants/grants.ts";
import type { ChosenSecretVerifier, ClientSecretUpgrades, Clients, FailureCounter } from "../ports.ts";
import { refuseRepeated, refuseUnsafeParameters, single } from "./parameters.ts";

/** A token request as it came, RFC 6749 §3.2. */
export interface TokenRequest {
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly query: URLSearchParams;
  readonly body: URLSearchParams;
  /** The peer's address, for throttling. */
  readonly source: string;
}

export interface TokenEndpoint {
  /** The members of the JSON answer. Throws an OAuthError when nothing is issued. */
  handle(request: TokenRequest, now: Date): Promise<TokenResponse>;
}

export interface TokenEndpointParts extends GrantParts {
  readonly clients: Clients;
  readonly failures: FailureCounter;
  readonly chosenSecrets: ChosenSecretVerifier;
  readonly secretUpgrades: ClientSecretUpgrades;
  readonly checkAssertion?: CheckClientAssertion | undefined;
}

const TOKEN_PARAMETERS = [
  "grant_type",
  "code",
  "redirect_uri",
  "code_verifier",
  "refresh_token",
  "scope",
  "client_id",
  "client_secret",
  "client_assertion",
  "client_assertion_type",
  "username",
  "password",
] as const;

/** The token endpoint, RFC 6749 §3.2: what holds for every grant, before the grant itself. */
export function makeTokenEndpoint(parts: TokenEndpointParts): TokenEndpoint {
  const clientAuthentication: ClientAuthentication = makeClientAuthentication(parts);
  const grants: ReadonlyMap<string, Grant> = new Map(makeGrants(parts).map((grant) => [grant.grantType, grant]));
  return {
    async handle(request, now) {
      const malformed = refuseMalformed(request);
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
      return grant.redeem(body, client, now);
    },
  };
}

/** TOK-7: a form in the body, each parameter once, and nothing in the URL, where it would end in a log. */
function refuseMalformed({ contentType, query, body }: TokenRequest): OAuthError | undefined {
  const inUrl = TOKEN_PARAMETERS.find((name) => query.has(name));
  if (inUrl !== undefined) return new OAuthError("invalid_request", `${inUrl} belongs into the body, not into the URL`);
  const [mediaType = ""] = (contentType ?? "").split(";");
  if (mediaType.trim().toLowerCase() !== "application/x-www-form-urlencoded") {
    return new OAuthError("invalid_request", "the body must be application/x-www-form-urlencoded");
  }
  return refuseUnsafeParameters(body) ?? refuseRepeated(body, TOKEN_PARAMETERS);
}
