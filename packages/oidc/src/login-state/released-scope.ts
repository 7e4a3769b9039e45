import type { AuthorizationRequest } from "../endpoints/authorization-request.ts";
import { scopeOfClaim } from "../tokens/claims.ts";

/**
 * The scope of a request with the scopes whose claims it asks for one by one (OIDC Core §5.5): what a person has to agree
 * to, and what an upstream has to be asked for, is the same on either way.
 */
export function releasedScope({ scope, claims }: Pick<AuthorizationRequest, "scope" | "claims">): readonly string[] {
  const named = [...(claims?.userinfo ?? []), ...(claims?.idToken ?? [])].map(scopeOfClaim);
  return [...new Set([...scope, ...named.filter((one) => one !== undefined)])];
}
