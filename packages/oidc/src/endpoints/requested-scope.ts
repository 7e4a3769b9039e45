// What an authorization request asks for by scope and by the names of claims, and what of it a client can be granted.
import { isAudienceScope } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import type { ResponseType } from "../clients/client-details.ts";
import { OAuthError } from "../errors.ts";
import { namesTargets } from "../resources/requested-targets.ts";
import { parseScope, SUPPORTED_SCOPES } from "../scope.ts";
import { scopeOfClaim } from "../tokens/claims.ts";
import type { AuthorizationRequest } from "./authorization-request.ts";
import { parseClaims } from "./claims-parameter.ts";
import { single } from "./parameters.ts";
import { asksFor, responseTypeOf } from "./response-type.ts";

/** Also for the device authorization endpoint, which has the same rules. */
export function refuseScope(params: URLSearchParams, client: Client): OAuthError | undefined {
  const asked = parseScope(single(params, "scope"));
  // Dropped like others, the token would say less than the client relies on.
  if (asked.some((scope) => isAudienceScope(scope) && client.scopes?.includes(scope) === false)) {
    return new OAuthError("invalid_scope", "the client may not ask for this audience");
  }
  if (!asked.includes("openid")) {
    return namesTargets(params) && !asksFor(responseTypeOf(params), "id_token")
      ? undefined
      : new OAuthError("invalid_scope", "the scope openid is missing");
  }
  return grantableScope(asked, client, "code").includes("openid")
    ? undefined
    : new OAuthError("invalid_scope", "the client may not ask for the scope openid");
}

/**
 * What of the requested scope can be granted; the rest is dropped (AUT-8). Without refresh there is no offline access, and
 * without a code no refresh token (OIDC Core §11).
 */
export function grantableScope(
  asked: readonly string[],
  client: Client,
  responseType: ResponseType,
): readonly string[] {
  const known = SUPPORTED_SCOPES.filter(
    (scope) =>
      asked.includes(scope) &&
      (client.scopes?.includes(scope) ?? true) &&
      (scope !== "offline_access" || (client.grantTypes.includes("refresh_token") && asksFor(responseType, "code"))),
  );
  return [...known, ...asked.filter(isAudienceScope)];
}

/** Who may not have a scope may not have its claims one by one either: such are left out, as the scope is (AUT-8). */
export function requestedClaims(
  text: string | undefined,
  { scopes }: Client,
): Pick<AuthorizationRequest, "claims" | "subjects" | "essentialAcr"> {
  const parsed = text === undefined ? undefined : parseClaims(text);
  if (parsed === undefined) return {};
  const { subjects, essentialAcr } = parsed;
  const allowed = (claim: string) => scopes === undefined || scopes.includes(scopeOfClaim(claim) ?? "");
  const claims = { userinfo: parsed.claims.userinfo.filter(allowed), idToken: parsed.claims.idToken.filter(allowed) };
  return {
    ...(claims.userinfo.length + claims.idToken.length === 0 ? {} : { claims }),
    ...(subjects === undefined ? {} : { subjects }),
    ...(essentialAcr === undefined ? {} : { essentialAcr }),
  };
}
