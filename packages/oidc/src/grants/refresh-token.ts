import { addSeconds, type Sealer } from "@dex/runtime";
import { refuseAudiences } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { demandsOf } from "../clients/profile.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import type {
  Clients,
  RefreshRotation,
  StoredFamily,
  TokenFamilies,
  TokenGrant,
  UpstreamAnswer,
  UpstreamRefresher,
} from "../ports.ts";
import type { Resources } from "../resources/resource.ts";
import { parseTargetRequest, type TargetRequest } from "../resources/token-target.ts";
import { parseScope } from "../scope.ts";
import { type Confirmation, stillBound } from "../tokens/confirmation.ts";
import type { IssueTokens } from "../tokens/issue-tokens.ts";
import { lifetimesFor, type TokenLifetimes } from "../tokens/lifetimes.ts";
import type { RefreshToken, RefreshTokens } from "../tokens/refresh-token.ts";
import { decideRefresh } from "./decide-refresh.ts";
import type { Grant, TokenResponse } from "./grant.ts";

export interface RefreshTokenGrantParts {
  readonly clients: Clients;
  readonly families: TokenFamilies;
  readonly refreshTokens: RefreshTokens;
  /** For the successor that a rotated token leaves in the row. */
  readonly successorSealer: Sealer;
  readonly issueTokens: IssueTokens;
  readonly lifetimes: TokenLifetimes;
  readonly upstream: UpstreamRefresher;
  readonly resources: Resources;
  readonly userinfoUrl: string;
}

interface RefreshRequest {
  /** As it was sent. */
  readonly text: string;
  readonly token: RefreshToken;
  readonly scope: readonly string[] | undefined;
  readonly confirmation: Confirmation | undefined;
  readonly target: TargetRequest;
}

/**
 * The refresh token grant, RFC 6749 §6, with a new refresh token at each use, but for clients whose profile keeps them as they
 * are (profile.ts): one statement when all is well. Where an upstream can be asked about the user and is due, that statement
 * refuses, the upstream is asked, and it is run again.
 */
export function refreshTokenGrant(parts: RefreshTokenGrantParts): Grant {
  const { clients, families, refreshTokens, successorSealer, issueTokens, lifetimes, upstream } = parts;

  function render(
    grant: TokenGrant,
    client: Client,
    request: RefreshRequest,
    refreshToken: string | undefined,
    now: Date,
  ) {
    // The family keeps its whole scope for later; these tokens carry what was asked for (REF-9). REF-10: no nonce.
    const scope = request.scope ?? grant.scope;
    return issueTokens(
      {
        ...{ grant, client, scope, nonce: undefined, refreshToken },
        confirmation: stillBound(request.confirmation, grant.terms?.confirmation),
        target: request.target,
      },
      now,
    );
  }

  /** The refusal path: gives the successor again inside the grace interval, ends the family after a replay. */
  async function afterRefusal(
    rotation: RefreshRotation,
    client: Client,
    request: RefreshRequest & { readonly nextText: string; readonly revalidated: boolean },
    now: Date,
  ): Promise<TokenResponse> {
    const family = await families.find(rotation.familyId);
    const decision = decideRefresh(
      family,
      rotation,
      { graceSeconds: lifetimesFor(client, lifetimes).refreshGraceSeconds },
      now,
    );
    if (decision.kind === "repeat") {
      const successor = successorSealer.open(decision.sealedSuccessor, rotation.familyId);
      if (successor === undefined) throw new Error("opening the successor of a refresh token: no key secret fits");
      return render(decision.family.grant, client, request, successor.plaintext.toString(), now);
    }
    if (decision.kind === "replayed") await families.revoke(decision.familyId, "refresh token replayed", now);
    if (decision.kind === "revalidate first") {
      if (request.revalidated) throw unavailable("the upstream's answer was overtaken by another", 1);
      const checkedAt = refuseUnlessGood(await askUpstream(decision.family, now));
      // The answer may have been another request's, and another worker's clock a little behind.
      const upstreamAskedSince = new Date(Math.min(checkedAt.getTime(), rotation.upstreamAskedSince.getTime()));
      return rotate({ ...rotation, upstreamAskedSince }, client, { ...request, revalidated: true }, now);
    }
    if (decision.kind === "rotate") {
      // It became good after the statement had refused it: a user enabled again in between, say.
      throw new OAuthError("invalid_grant", "the refresh token is not valid", { detail: "changed meanwhile" });
    }
    throw decision.error;
  }

  function askUpstream({ grant: { user, connectorId } }: StoredFamily, now: Date): Promise<UpstreamAnswer> {
    return upstream.revalidate({ userId: user.id, connectorId }, now);
  }

  /** What takes the token's place: itself where the client's profile keeps refresh tokens as they are (profile.ts). */
  function nextOf({ text, token }: RefreshRequest, client: Client): { readonly text: string; readonly hash: Buffer } {
    if (demandsOf(client.details).refreshToken !== undefined) return { text, hash: token.hash };
    const made = refreshTokens.make(token.familyId, token.generation + 1);
    return { text: made.text(), hash: made.hash };
  }

  async function rotate(
    rotation: RefreshRotation,
    client: Client,
    request: RefreshRequest & { readonly nextText: string; readonly revalidated: boolean },
    now: Date,
  ): Promise<TokenResponse> {
    const grant = await families.rotate(rotation, now);
    if (grant === undefined) return afterRefusal(rotation, client, request, now);
    return render(grant, client, request, request.nextText === request.text ? undefined : request.nextText, now);
  }

  return {
    grantType: "refresh_token",
    async redeem({ params, client, confirmation, shown }, now) {
      const target = parseTargetRequest(params, { ...parts, client });
      const request = { ...parseRefreshRequest(params, refreshTokens), confirmation, target };
      // Before anything is consumed: who asks for too much by name keeps the token.
      const refusal = await refuseAudiences(request.scope ?? [], client, { clients, code: "invalid_scope" });
      if (refusal !== undefined) throw refusal;
      const { familyId, generation, hash } = request.token;
      const next = nextOf(request, client);
      const rotation: RefreshRotation = {
        familyId,
        clientId: client.id,
        presentedHash: hash,
        presentedGeneration: generation,
        nextHash: next.hash,
        sealedNext: successorSealer.seal(Buffer.from(next.text), familyId),
        scope: request.scope,
        allowedConnectors: client.allowedConnectors,
        confirmation: shown,
        asked: target,
        upstreamAskedSince: addSeconds(now, -lifetimes.upstreamRefreshSeconds),
        idleExpiresAt: addSeconds(now, lifetimesFor(client, lifetimes).refreshIdleSeconds),
      };
      return rotate(rotation, client, { ...request, nextText: next.text, revalidated: false }, now);
    },
  };
}

/** REF-13: neither spends the token nor ends the family, so whoever is welcome again goes on with what they have. */
function refuseUnlessGood(answer: UpstreamAnswer): Date {
  if (answer.kind === "good") return answer.checkedAt;
  if (answer.kind === "unavailable") throw unavailable(answer.detail, answer.retryAfterSeconds);
  const detail = `the upstream refused the user: ${answer.detail}`;
  throw new OAuthError("invalid_grant", "the user must sign in again", { detail, noteworthy: true });
}

function unavailable(reason: string, retryAfterSeconds: number): OAuthError {
  const detail = `the upstream could not be asked: ${reason}`;
  const description = "the user's provider cannot be asked just now; try again with the same refresh token";
  return new OAuthError("temporarily_unavailable", description, { detail, retryAfterSeconds, noteworthy: true });
}

function parseRefreshRequest(
  params: URLSearchParams,
  refreshTokens: RefreshTokens,
): Omit<RefreshRequest, "confirmation" | "target"> {
  const text = single(params, "refresh_token");
  if (text === undefined) throw new OAuthError("invalid_request", "refresh_token is missing");
  const token = refreshTokens.open(text);
  if (token === undefined) {
    throw new OAuthError("invalid_grant", "the refresh token is not valid", { detail: "it was not sealed by us" });
  }
  const scope = parseScope(single(params, "scope"));
  return { text, token, scope: scope.length === 0 ? undefined : scope };
}
