import { addSeconds, type JsonObject, type Random } from "@dex/runtime";
import { refuseAudiences } from "../clients/audience.ts";
import type { DirectGrants } from "../direct-grants/direct-grants.ts";
import {
  decideExchangeScope,
  EXCHANGED_TYPES,
  type ExchangeRequest,
  parseExchangeRequest,
  TOKEN_EXCHANGE_GRANT,
} from "../direct-grants/exchange-request.ts";
import {
  actorOf,
  type Bringer,
  type ExchangeActor,
  type ExchangeSubject,
  type ExchangeSubjectParts,
  subjectOfConnector,
  subjectOfOwnToken,
} from "../direct-grants/exchange-subject.ts";
import { decideExchangeTarget, type SubjectReach } from "../direct-grants/exchange-target.ts";
import { OAuthError } from "../errors.ts";
import type { Clients, GrantTerms } from "../ports.ts";
import { type RequestedTargets, withScopeAt } from "../resources/requested-targets.ts";
import { decideTarget, type TargetRequest } from "../resources/token-target.ts";
import type { AccessTokens } from "../tokens/access-token.ts";
import { stillBound } from "../tokens/confirmation.ts";
import type { AccessTokenOrder, IssueAccessToken } from "../tokens/issue-access-token.ts";
import type { IssueIdToken } from "../tokens/issue-id-token.ts";
import { lifetimesFor, secondsUntil, type TokenLifetimes } from "../tokens/lifetimes.ts";
import { newUuid } from "../tokens/uuid.ts";
import { type Grant, type TokenResponse, tokenTypeFor } from "./grant.ts";

export interface TokenExchangeParts extends ExchangeSubjectParts {
  readonly clients: Clients;
  readonly directGrants: Pick<DirectGrants, "open">;
  readonly accessTokens: AccessTokens;
  readonly issueAccessToken: IssueAccessToken;
  readonly issueIdToken: IssueIdToken;
  readonly random: Random;
  readonly lifetimes: TokenLifetimes;
}

/** How often tokens can be exchanged on, and how many can act for one another: a chain that only grows is an attack or a loop. */
const MAX_DERIVED = 10;
const MAX_ACTORS = 5;
const SESSION_HASH_BYTES = 32;

/**
 * The token exchange, RFC 8693: a token of a connector's issuer, as in dex v2, or an access token of ours becomes one for the
 * client that brings it. What comes of it never lives longer than what it came of, nor can it do more, and there is nothing to
 * refresh it with (TX-1). Which resources it can be for, see decideExchangeTarget.
 */
export function tokenExchangeGrant(parts: TokenExchangeParts): Grant {
  return {
    grantType: TOKEN_EXCHANGE_GRANT,
    async redeem({ params, client, confirmation, shown }, now) {
      if (client.public) {
        throw new OAuthError("unauthorized_client", "the token exchange needs a confidential client");
      }
      const request = parseExchangeRequest(params);
      const bringer = { client, confirmation, shown };
      const subject = await findSubject(request, bringer, parts, now);
      const actor =
        request.actorToken === undefined ? undefined : await actorOf(request.actorToken, bringer, parts, now);
      const target = decideExchangeTarget(params, request, subject.reach, { ...parts, client });
      const scope = decideExchangeScope(request, client, subject.scope, target);
      if (scope instanceof OAuthError) throw scope;
      const refusal = await refuseAudiences(scope, client, { clients: parts.clients, code: "invalid_target" });
      if (refusal !== undefined) throw refusal;
      return issue({ request, bringer, subject, actor, scope, target }, parts, now);
    },
  };
}

function findSubject(
  { subject }: ExchangeRequest,
  bringer: Bringer,
  parts: ExchangeSubjectParts,
  now: Date,
): Promise<ExchangeSubject> {
  return subject.kind === "own"
    ? subjectOfOwnToken(subject.token, bringer, parts, now)
    : subjectOfConnector(subject, bringer, parts, now);
}

interface Exchange {
  readonly request: ExchangeRequest;
  readonly bringer: Bringer;
  readonly subject: ExchangeSubject;
  readonly actor: ExchangeActor | undefined;
  readonly scope: readonly string[];
  /** Undefined where it is for ourselves. */
  readonly target: TargetRequest | undefined;
}

async function issue(exchange: Exchange, parts: TokenExchangeParts, now: Date): Promise<TokenResponse> {
  const { request, subject, actor, scope } = exchange;
  const terms = termsOf(exchange);
  const target =
    exchange.target && decideTarget(exchange.target, { terms, scope }, { ...parts, client: exchange.bringer.client });
  const { client } = exchange.bringer;
  const confirmation = stillBound(exchange.bringer.confirmation, subject.boundTo);
  const notAfter = earliestOf(subject.validUntil, actor?.validUntil);
  const lifetimes = lifetimesFor(client, parts.lifetimes);
  const most = request.requested === "id_token" ? lifetimes.idTokenSeconds : lifetimes.accessTokenSeconds;
  const seconds = secondsUntil(notAfter, Math.min(most, target?.mostSeconds ?? most), now);
  if (seconds < 1) throw new OAuthError("invalid_request", "the subject token has expired");
  const grant = await parts.directGrants.open(
    {
      ...subject,
      id: newUuid(parts.random, now),
      clientId: client.id,
      sessionHash: subject.sessionHash ?? parts.random(SESSION_HASH_BYTES),
      scope,
      nonce: undefined,
      terms,
      authTime: subject.authTime ?? now,
      refresh: undefined,
      accessExpiresAt: addSeconds(now, seconds),
      origin: { kind: "token exchange" },
    },
    now,
  );
  if (grant === undefined) {
    // RFC 8693 §2.2.2: of a subject token too that is good and does not do.
    throw new OAuthError("invalid_request", "the person cannot have tokens", { detail: "disabled, or gone meanwhile" });
  }
  if (target !== undefined) {
    return issueForResources({ grant, client, target: { ...target, mostSeconds: seconds }, confirmation }, parts, now);
  }
  const answer = { issued_token_type: EXCHANGED_TYPES[request.requested], expires_in: seconds, ...granted(scope) };
  if (request.requested === "id_token") {
    const order = { grant, client, scope, nonce: undefined, userClaims: "by scope", beside: {}, notAfter } as const;
    return { ...answer, access_token: await parts.issueIdToken(order, now), token_type: "N_A" };
  }
  const token = { familyId: grant.familyId, clientId: client.id, userId: grant.user.id, scope, confirmation };
  const accessToken = parts.accessTokens.issue(token, seconds, now);
  return { ...answer, access_token: accessToken, token_type: tokenTypeFor(confirmation) };
}

async function issueForResources(
  order: AccessTokenOrder,
  { issueAccessToken }: TokenExchangeParts,
  now: Date,
): Promise<TokenResponse> {
  const { text, lifetimeSeconds, authorizationDetails } = await issueAccessToken(order, now);
  const { scope } = order.target;
  return {
    access_token: text,
    issued_token_type: EXCHANGED_TYPES.access_token,
    token_type: tokenTypeFor(order.confirmation),
    expires_in: lifetimeSeconds,
    ...granted(scope),
    ...(authorizationDetails.length === 0 ? {} : { authorization_details: authorizationDetails }),
  };
}

/** RFC 6749 §3.3 has no word for an empty scope. */
function granted(scope: readonly string[]): { readonly scope?: string } {
  return scope.length === 0 ? {} : { scope: scope.join(" ") };
}

/** Throws where the chain has become too long. */
function termsOf({ subject, actor, scope, target }: Exchange): GrantTerms {
  const families = [...subject.derivedFrom.families, ...(actor?.derivedFrom.families ?? [])];
  const tokens = [...subject.derivedFrom.tokens, ...(actor?.derivedFrom.tokens ?? [])];
  const act = actor === undefined ? subject.act : { sub: actor.subject, ...(subject.act && { act: subject.act }) };
  if (tokens.length > MAX_DERIVED || depthOf(act) > MAX_ACTORS) {
    throw new OAuthError("invalid_request", "the subject token comes of too many exchanges");
  }
  return {
    direct: { authTime: subject.authTime === undefined ? "unknown" : "known" },
    ...(tokens.length === 0 ? {} : { derivedFrom: { families, tokens } }),
    ...(act === undefined ? {} : { act }),
    ...(target === undefined ? {} : targetsOf(target, subject.reach, scope)),
  };
}

/** As where a person is asked. */
function targetsOf({ named }: TargetRequest, { details }: SubjectReach, scope: readonly string[]): RequestedTargets {
  const types = named.flatMap(({ authorizationDetailsTypes }) => authorizationDetailsTypes.map(({ type }) => type));
  const authorizationDetails = details.filter(({ type }) => types.includes(type));
  return {
    resources: withScopeAt(named, scope),
    ...(authorizationDetails.length === 0 ? {} : { authorizationDetails }),
  };
}

function depthOf(act: JsonObject | undefined): number {
  let depth = 0;
  for (let one: unknown = act; typeof one === "object" && one !== null; one = Reflect.get(one, "act")) depth += 1;
  return depth;
}

function earliestOf(...ends: readonly (Date | undefined)[]): Date | undefined {
  const known = ends.filter((end) => end !== undefined).map((end) => end.getTime());
  return known.length === 0 ? undefined : new Date(Math.min(...known));
}
