// What is told of a token to who may ask, RFC 7662 §2.2: of one that does not stand, or of which the asker has no business to
// know, nothing but that.
import { type JsonObject, toEpochSeconds } from "@dex/runtime";
import { audienceClaims, audiencesOf } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { decideRefresh } from "../grants/decide-refresh.ts";
import { tokenTypeFor } from "../grants/grant.ts";
import type { Revocations, TokenFamilies, TokenGrant, TokenUser } from "../ports.ts";
import type { Resources } from "../resources/resource.ts";
import type { AccessToken } from "./access-token.ts";
import { acrOf } from "./acr.ts";
import { userClaims } from "./claims.ts";
import type { Confirmation } from "./confirmation.ts";
import { lifetimesFor, type TokenLifetimes } from "./lifetimes.ts";
import { liveGrantOf } from "./live-grant.ts";
import type { ClientAccessToken, OwnToken } from "./own-token.ts";
import type { RefreshToken } from "./refresh-token.ts";
import { type Subjects, sectorOf } from "./subject.ts";

export interface IntrospectParts {
  readonly issuer: string;
  readonly families: Pick<TokenFamilies, "findLive" | "find">;
  readonly revocations: Pick<Revocations, "stands">;
  readonly subjects: Subjects;
  readonly lifetimes: TokenLifetimes;
  readonly resources?: Resources | undefined;
}

const INACTIVE: JsonObject = { active: false };

/**
 * The members of the answer for `asker`, who has authenticated: the client that the token was issued to, or, for an access
 * token, one of its audience. Everybody else learns no more than of a forged one (INT-1). One statement, or none.
 */
export async function introspect(
  presented: OwnToken,
  asker: Client,
  parts: IntrospectParts,
  now: Date,
): Promise<JsonObject> {
  const told = await describe(presented, asker, parts, now);
  return told === undefined ? INACTIVE : { active: true, ...told, iss: parts.issuer };
}

function describe(
  presented: OwnToken,
  asker: Client,
  parts: IntrospectParts,
  now: Date,
): Promise<JsonObject | undefined> {
  switch (presented.kind) {
    case "access token":
      return describeAccessToken(presented.token, asker, parts, now);
    case "client access token":
      return describeClientToken(presented.token, asker, parts);
    case "refresh token":
      return describeRefreshToken(presented.token, asker, parts, now);
  }
}

async function describeAccessToken(
  token: AccessToken,
  asker: Client,
  parts: IntrospectParts,
  now: Date,
): Promise<JsonObject | undefined> {
  if (!mayAskAbout(token, asker, parts)) return undefined;
  const live = await liveGrantOf(token, parts.families, now);
  if (live === undefined) return undefined;
  const { grant, scope } = live;
  return {
    ...(scope.length === 0 ? {} : { scope: scope.join(" ") }),
    client_id: token.clientId,
    ...usernameOf(grant.user, scope),
    token_type: tokenTypeFor(token.confirmation),
    exp: toEpochSeconds(token.expiresAt),
    ...(token.issuedAt === undefined ? {} : { iat: toEpochSeconds(token.issuedAt) }),
    // In the sector of who asks: to them the person has one name, wherever they hear it (OIDC Core §8).
    sub: parts.subjects.of(grant, sectorOf(asker)),
    aud: token.audience === undefined ? audienceClaims(token.clientId, scope).aud : audOf(token.audience),
    jti: token.id,
    // RFC 8693 §4.1
    ...(grant.terms?.act === undefined ? {} : { act: grant.terms.act }),
    // RFC 9470 §6.2: what the resource is to compare with what it needs.
    ...(grant.terms?.direct?.authTime === "unknown" ? {} : { auth_time: toEpochSeconds(grant.authTime) }),
    acr: acrOf(grant.amr),
    ...detailsOf(token, grant),
    ...confirmationOf(token.confirmation),
  };
}

async function describeClientToken(
  token: ClientAccessToken,
  asker: Client,
  parts: IntrospectParts,
): Promise<JsonObject | undefined> {
  const { id, clientId, audience, scope } = token;
  const { revocations } = parts;
  if (!mayAskAbout(token, asker, parts)) return undefined;
  if (!(await revocations.stands(token))) return undefined;
  return {
    ...(scope.length === 0 ? {} : { scope: scope.join(" ") }),
    client_id: clientId,
    token_type: tokenTypeFor(token.confirmation),
    exp: toEpochSeconds(token.expiresAt),
    iat: toEpochSeconds(token.issuedAt),
    sub: clientId,
    aud: audOf(audience),
    jti: id,
    ...token.memberships,
    ...confirmationOf(token.confirmation),
  };
}

/** Whether it could be used now. To ask is not to use: nothing ends here, not even for one that was replaced long ago. */
async function describeRefreshToken(
  token: RefreshToken,
  asker: Client,
  { families, subjects, lifetimes }: IntrospectParts,
  now: Date,
): Promise<JsonObject | undefined> {
  const family = await families.find(token.familyId);
  if (family === undefined) return undefined;
  const { grant } = family;
  const presented = {
    familyId: family.id,
    clientId: asker.id,
    presentedHash: token.hash,
    presentedGeneration: token.generation,
    scope: undefined,
    allowedConnectors: asker.allowedConnectors,
    // Whether the upstream is due is found out at its use; that it refused the person the last time counts.
    upstreamAskedSince: new Date(0),
    confirmation: grant.terms?.confirmation,
  };
  const decision = decideRefresh(
    family,
    presented,
    { graceSeconds: lifetimesFor(asker, lifetimes).refreshGraceSeconds },
    now,
  );
  if (decision.kind !== "rotate" && decision.kind !== "repeat") return undefined;
  const ends = Math.min(family.idleExpiresAt.getTime(), family.expiresAt.getTime());
  return {
    scope: grant.scope.join(" "),
    client_id: family.clientId,
    ...usernameOf(grant.user, grant.scope),
    exp: toEpochSeconds(new Date(ends)),
    sub: subjects.of(grant, sectorOf(asker)),
    aud: family.clientId,
    ...confirmationOf(grant.terms?.confirmation),
  };
}

/** The client that it was issued to, one of its audience, or one that a resource of its audience asks by. */
function mayAskAbout(
  { clientId, audience = [], scope }: Pick<AccessToken, "clientId" | "audience" | "scope">,
  { id }: Client,
  { resources }: IntrospectParts,
): boolean {
  if (clientId === id || audiencesOf(scope).includes(id) || audience.includes(id)) return true;
  return audience.some((identifier) => resources?.find(identifier)?.introspectedBy.includes(id) === true);
}

function audOf(audience: readonly string[]): string | readonly string[] {
  const [only, ...more] = audience;
  return more.length === 0 && only !== undefined ? only : audience;
}

/** RFC 9396 §9.1. */
function detailsOf(token: AccessToken, { terms }: TokenGrant): JsonObject {
  const granted = terms?.authorizationDetails ?? [];
  const details = token.authorizationDetails ?? granted.filter((_one, place) => token.details?.includes(place));
  return details.length === 0 ? {} : { authorization_details: details };
}

/** A name for people, where the scope releases one. */
function usernameOf(user: TokenUser, scope: readonly string[]): JsonObject {
  const { preferred_username: preferred, email } = userClaims(user, scope);
  const username = preferred ?? email;
  return username === undefined ? {} : { username };
}

/** RFC 9449 §6.2, RFC 8705 §3.2. */
function confirmationOf(confirmation: Confirmation | undefined): JsonObject {
  return confirmation === undefined ? {} : { cnf: { ...confirmation } };
}
