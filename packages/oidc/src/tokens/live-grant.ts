import type { TokenFamilies, TokenGrant } from "../ports.ts";
import type { AccessToken } from "./access-token.ts";

/**
 * What an access token that we opened stands for now: undefined once its family, its user or its client has ended, or it was
 * given back itself. `scope` is what both the token and its grant still hold. One statement.
 */
export async function liveGrantOf(
  token: AccessToken,
  families: Pick<TokenFamilies, "findLive">,
  now: Date,
): Promise<{ readonly grant: TokenGrant; readonly scope: readonly string[] } | undefined> {
  const grant = await families.findLive(token.familyId, now, token.id);
  if (grant === undefined || grant.clientId !== token.clientId) return undefined;
  if (token.userId !== undefined && grant.user.id !== token.userId) return undefined;
  return { grant, scope: token.scope.filter((word) => grant.scope.includes(word)) };
}
