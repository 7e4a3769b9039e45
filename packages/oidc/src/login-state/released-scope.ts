import { isAudienceScope } from "../clients/audience.ts";
import type { AuthorizationRequest } from "../endpoints/authorization-request.ts";
import { SUPPORTED_SCOPES } from "../scope.ts";
import { scopeOfClaim } from "../tokens/claims.ts";

/**
 * The scope of a request with the scopes whose claims it asks for one by one (OIDC Core §5.5): what a person has to agree
 * to, and what an upstream has to be asked for, is the same on either way. What is asked for at a resource goes by the
 * resource's name, since the same word is something else at another: an identifier, and `<identifier> <scope>`, which no
 * scope can be taken for.
 */
export function releasedScope({
  scope,
  claims,
  resources = [],
}: Pick<AuthorizationRequest, "scope" | "claims" | "resources">): readonly string[] {
  const named = [...(claims?.userinfo ?? []), ...(claims?.idToken ?? [])].map(scopeOfClaim);
  const ours = (word: string) => (SUPPORTED_SCOPES as readonly string[]).includes(word) || isAudienceScope(word);
  const plain = resources.length === 0 ? scope : scope.filter(ours);
  const atResources = resources.flatMap((one) => [
    one.identifier,
    ...one.scope.map((word) => `${one.identifier} ${word}`),
  ]);
  return [...new Set([...plain, ...named.filter((one) => one !== undefined), ...atResources])];
}
