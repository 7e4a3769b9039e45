import { refuseAudiences } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { type TokenResponse, tokenTypeFor } from "../grants/grant.ts";
import type { Clients, TokenFamilies, TokenGrant } from "../ports.ts";
import type { Resources } from "../resources/resource.ts";
import { decideTarget, type TargetRequest } from "../resources/token-target.ts";
import type { Confirmation } from "./confirmation.ts";
import type { IssueAccessToken } from "./issue-access-token.ts";
import type { IssueIdToken } from "./issue-id-token.ts";

export interface IssueTokensInput {
  readonly grant: TokenGrant;
  readonly client: Client;
  /** What these tokens are for: the grant's scope, or less of it. */
  readonly scope: readonly string[];
  readonly nonce: string | undefined;
  readonly refreshToken: string | undefined;
  /** What the access token is bound to; undefined for a bearer token. */
  readonly confirmation: Confirmation | undefined;
  /** What the access token is to be for. */
  readonly target: TargetRequest;
}

export type IssueTokens = (input: IssueTokensInput, now: Date) => Promise<TokenResponse>;

/**
 * Renders what was granted into tokens, OIDC Core §3.1.3.3. One signature, and none without the scope `openid`; one more where
 * the access token is a JWT. Throws invalid_grant, and ends the family, when an audience of the scope has ceased to trust the client since it was granted:
 * what would be left is not what the person agreed to (TOK-19).
 */
export function makeIssueTokens(parts: {
  clients: Clients;
  families: Pick<TokenFamilies, "revoke">;
  issueIdToken: IssueIdToken;
  issueAccessToken: IssueAccessToken;
  resources: Resources;
  userinfoUrl: string;
}): IssueTokens {
  const { clients, families, issueIdToken, issueAccessToken } = parts;
  return async ({ grant, client, scope, nonce, refreshToken, confirmation, target: request }, now) => {
    const { familyId } = grant;
    const refusal = await refuseAudiences(scope, client, { clients, code: "invalid_grant" });
    if (refusal !== undefined) {
      await families.revoke(familyId, "audience no longer trusted", now);
      throw refusal;
    }
    const target = decideTarget(request, { terms: grant.terms, scope }, { ...parts, client });
    const {
      text: accessToken,
      lifetimeSeconds,
      authorizationDetails,
    } = await issueAccessToken({ grant, client, target, confirmation }, now);
    const idToken = scope.includes("openid")
      ? await issueIdToken({ grant, client, scope, nonce, userClaims: "by scope", beside: { accessToken } }, now)
      : undefined;
    return {
      access_token: accessToken,
      token_type: tokenTypeFor(confirmation),
      expires_in: lifetimeSeconds,
      // Always, since the token endpoint cannot know what the authorization request asked for (RFC 6749 §5.1). An empty one is
      // no scope that could be written.
      ...(target.scope.length === 0 ? {} : { scope: target.scope.join(" ") }),
      ...(authorizationDetails.length === 0 ? {} : { authorization_details: authorizationDetails }),
      ...(idToken === undefined ? {} : { id_token: idToken }),
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    };
  };
}
