import { addSeconds, type Random, sha256 } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import type { AuthorizationCodes, CodeRedemption, NewTokenFamily, TokenFamilies } from "../ports.ts";
import type { Resources } from "../resources/resource.ts";
import { parseTargetRequest } from "../resources/token-target.ts";
import { hashOfCode } from "../tokens/code.ts";
import type { Confirmation } from "../tokens/confirmation.ts";
import type { IssueTokens } from "../tokens/issue-tokens.ts";
import { lifetimesFor, type TokenLifetimes } from "../tokens/lifetimes.ts";
import { FIRST_GENERATION, type NewRefreshToken, type RefreshTokens } from "../tokens/refresh-token.ts";
import { newUuid } from "../tokens/uuid.ts";
import { decideCode } from "./decide-code.ts";
import type { Grant } from "./grant.ts";

export interface AuthorizationCodeGrantParts {
  readonly codes: AuthorizationCodes;
  readonly families: Pick<TokenFamilies, "revokeAll">;
  readonly refreshTokens: RefreshTokens;
  readonly issueTokens: IssueTokens;
  readonly random: Random;
  readonly lifetimes: TokenLifetimes;
  readonly resources: Resources;
  readonly userinfoUrl: string;
}

/** The authorization code grant, RFC 6749 §4.1.3 with RFC 7636: one statement when all is well. */
export function authorizationCodeGrant(parts: AuthorizationCodeGrantParts): Grant {
  const { codes, families, issueTokens } = parts;

  /** Says why nothing was redeemed, after doing what the reason demands. */
  async function refusalOf(redemption: CodeRedemption, now: Date): Promise<OAuthError> {
    const decision = decideCode(await codes.find(redemption.codeHash), redemption, now);
    if (decision.kind === "redeem") {
      // The code became good after the statement had refused it: a user enabled again in between, say.
      return new OAuthError("invalid_grant", "the code is not valid for this request", { detail: "changed meanwhile" });
    }
    if (decision.kind === "replayed") await families.revokeAll(decision.familyIds, "code replayed", now);
    if (decision.kind === "wrong verifier") await codes.countWrongVerifier(redemption.codeHash);
    return decision.error;
  }

  return {
    grantType: "authorization_code",
    async redeem({ params, client, confirmation }, now) {
      const request = parseCodeRequest(params);
      const target = parseTargetRequest(params, { ...parts, client });
      const { family, refreshToken } = newFamily(parts, { client, confirmation }, now);
      const redemption: CodeRedemption = {
        ...request,
        clientId: client.id,
        allowedConnectors: client.allowedConnectors,
        confirmation,
        asked: target,
        family,
      };
      const grant = await codes.redeem(redemption, now);
      if (grant === undefined) throw await refusalOf(redemption, now);
      const { scope, nonce } = grant;
      const offline = scope.includes("offline_access") ? refreshToken?.text() : undefined; // REF-11
      return issueTokens({ grant, client, scope, nonce, refreshToken: offline, confirmation, target }, now);
    },
  };
}

type CodeRequest = Pick<CodeRedemption, "codeHash" | "redirectUri" | "challengeOfVerifier">;

function parseCodeRequest(params: URLSearchParams): CodeRequest {
  const code = single(params, "code");
  if (code === undefined) throw new OAuthError("invalid_request", "code is missing");
  const codeHash = hashOfCode(code);
  if (codeHash === undefined) throw new OAuthError("invalid_grant", "the code is not one of ours");
  const verifier = single(params, "code_verifier");
  // RFC 7636 §4.1. Refused even where its hash would fit: short verifiers can be guessed (PKC-6).
  if (verifier !== undefined && !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) {
    throw new OAuthError("invalid_grant", "code_verifier must be 43 to 128 unreserved characters");
  }
  return {
    codeHash,
    redirectUri: single(params, "redirect_uri"),
    challengeOfVerifier: verifier === undefined ? undefined : sha256(verifier).toString("base64url"),
  };
}

/** What a grant of a person begins: also for the device authorization grant. */
export function newFamily(
  { random, refreshTokens, lifetimes }: Pick<AuthorizationCodeGrantParts, "random" | "refreshTokens" | "lifetimes">,
  { client, confirmation }: { client: Client; confirmation: Confirmation | undefined },
  now: Date,
): { family: NewTokenFamily; refreshToken: NewRefreshToken | undefined } {
  const id = newUuid(random, now);
  const mayRefresh = client.grantTypes.includes("refresh_token");
  const refreshToken = mayRefresh ? refreshTokens.make(id, FIRST_GENERATION) : undefined;
  const {
    refreshAbsoluteSeconds: absoluteSeconds,
    refreshIdleSeconds,
    accessTokenSeconds,
  } = lifetimesFor(client, lifetimes);
  return {
    refreshToken,
    family: {
      id,
      refreshTokenHash: refreshToken?.hash,
      refreshIdleExpiresAt: addSeconds(now, Math.min(refreshIdleSeconds, absoluteSeconds)),
      refreshExpiresAt: addSeconds(now, absoluteSeconds),
      accessExpiresAt: addSeconds(now, accessTokenSeconds),
      // RFC 9449 §5: a client that authenticates may go on with another key.
      ...(client.public && confirmation !== undefined ? { terms: { confirmation } } : {}),
    },
  };
}
