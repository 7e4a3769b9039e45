// The access token of a person's grant: sealed for ourselves and for resources that ask about it, a JWT (RFC 9068) for those
// that read it themselves.
import { addSeconds, type JsonObject, type Random, toEpochSeconds } from "@dex/runtime";
import { audienceClaims } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import type { TokenGrant, TokenSigner } from "../ports.ts";
import type { AuthorizationDetail } from "../resources/terms.ts";
import type { TokenTarget } from "../resources/token-target.ts";
import type { AccessTokens } from "./access-token.ts";
import { acrOf } from "./acr.ts";
import type { Confirmation } from "./confirmation.ts";
import { ACCESS_TOKEN_JWT_TYP, newFamilyTokenId } from "./jwt-access-token.ts";
import { lifetimesFor, type TokenLifetimes } from "./lifetimes.ts";
import { type Subjects, sectorOf } from "./subject.ts";

export interface AccessTokenOrder {
  readonly grant: TokenGrant;
  readonly client: Client;
  readonly target: TokenTarget;
  /** What it is bound to; undefined for a bearer token. */
  readonly confirmation: Confirmation | undefined;
}

export interface IssuedAccessToken {
  readonly text: string;
  readonly lifetimeSeconds: number;
  /** What it entitles to beside its scope, for the answer (RFC 9396 §7). */
  readonly authorizationDetails: readonly AuthorizationDetail[];
}

export type IssueAccessToken = (order: AccessTokenOrder, now: Date) => Promise<IssuedAccessToken>;

/** No signature where it is sealed, one where it is a JWT: with an ID token beside it that makes two. */
export function makeIssueAccessToken(parts: {
  issuer: string;
  userinfoUrl: string;
  accessTokens: AccessTokens;
  signer: TokenSigner;
  subjects: Subjects;
  random: Random;
  lifetimes: TokenLifetimes;
}): IssueAccessToken {
  const { accessTokens, signer, random, lifetimes } = parts;
  return async (order, now) => {
    const { grant, client, target, confirmation } = order;
    const { accessTokenSeconds } = lifetimesFor(client, lifetimes);
    const lifetimeSeconds = Math.min(accessTokenSeconds, target.mostSeconds ?? accessTokenSeconds);
    const all = grant.terms?.authorizationDetails ?? [];
    const authorizationDetails = all.filter((_one, place) => target.details.includes(place));
    if (target.format === "jwt") {
      const told = {
        ...accessTokenClaims(order, parts),
        ...(authorizationDetails.length === 0 ? {} : { authorization_details: authorizationDetails }),
        exp: toEpochSeconds(addSeconds(now, lifetimeSeconds)),
        iat: toEpochSeconds(now),
        jti: newFamilyTokenId(grant.familyId, random),
      };
      const options = { typ: ACCESS_TOKEN_JWT_TYP, algorithm: target.signingAlgorithm };
      return { text: await signer.sign(told, options), lifetimeSeconds, authorizationDetails };
    }
    const { familyId, clientId, user } = grant;
    const { audience, scope, details } = target;
    const token = { familyId, clientId, userId: user.id, scope, confirmation, audience, details };
    return { text: accessTokens.issue(token, lifetimeSeconds, now), lifetimeSeconds, authorizationDetails };
  };
}

/** RFC 9068 §2.2, without what is of this one token. The person is called what the client calls them. */
function accessTokenClaims(
  { grant, client, target, confirmation }: AccessTokenOrder,
  { issuer, userinfoUrl, subjects }: { issuer: string; userinfoUrl: string; subjects: Subjects },
): JsonObject {
  const { scope } = target;
  // Made for no resource, it is taken where a sealed one is.
  const audience = target.audience ?? [userinfoUrl, ...[audienceClaims(client.id, scope).aud].flat()];
  const [only, ...more] = audience;
  const { groups } = grant.user;
  return {
    iss: issuer,
    sub: subjects.of(grant, sectorOf(client)),
    aud: more.length === 0 && only !== undefined ? only : audience,
    client_id: client.id,
    ...(scope.length === 0 ? {} : { scope: scope.join(" ") }),
    // RFC 8693 §4.1
    ...(grant.terms?.act === undefined ? {} : { act: grant.terms.act }),
    ...(grant.terms?.direct?.authTime === "unknown" ? {} : { auth_time: toEpochSeconds(grant.authTime) }),
    acr: acrOf(grant.amr),
    ...(grant.amr.length === 0 ? {} : { amr: grant.amr }),
    ...(groups === undefined || !scope.includes("groups") ? {} : { groups }),
    ...(confirmation === undefined ? {} : { cnf: { ...confirmation } }),
  };
}
