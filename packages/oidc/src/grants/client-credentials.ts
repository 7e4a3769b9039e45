import { addSeconds, type JsonObject, type Random, toEpochSeconds } from "@dex/runtime";
import { isAudienceScope } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { algorithmWithin } from "../clients/profile.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import type { TokenSigner } from "../ports.ts";
import type { Resource, Resources } from "../resources/resource.ts";
import { parseTargetRequest, type TargetParts } from "../resources/token-target.ts";
import { parseScope, SUPPORTED_SCOPES } from "../scope.ts";
import { ACCESS_TOKEN_JWT_TYP } from "../tokens/jwt-access-token.ts";
import { lifetimesFor, type TokenLifetimes } from "../tokens/lifetimes.ts";
import { type Grant, tokenTypeFor } from "./grant.ts";

/** These are about a person, and nobody is behind this grant (TOK-15). */
const SCOPES_OF_PEOPLE: readonly string[] = SUPPORTED_SCOPES;

/**
 * The client credentials grant, RFC 6749 §4.4: the client speaks for itself. Answers with a JWT (RFC 9068) and with
 * neither ID token nor refresh token. No round trip.
 */
export function clientCredentialsGrant(parts: {
  issuer: string;
  signer: TokenSigner;
  random: Random;
  lifetimes: TokenLifetimes;
  resources: Resources;
  userinfoUrl: string;
}): Grant {
  const { issuer, signer, random, lifetimes } = parts;
  return {
    grantType: "client_credentials",
    async redeem({ params, client, confirmation }, now) {
      if (client.public) {
        throw new OAuthError("unauthorized_client", "the client_credentials grant needs a confidential client");
      }
      const asked = parseScope(single(params, "scope"));
      // An audience shares what a person may do. A client's own token is for itself.
      if (asked.some(isAudienceScope)) {
        throw new OAuthError("invalid_scope", "an audience can only be asked for where a person signs in");
      }
      const resources = resourcesOf(params, { ...parts, client });
      // An administrator's word for the client itself, or for the client at the resource: nobody else is asked here.
      const allowed = client.scopes ?? resources.flatMap(({ scopes }) => scopes);
      const known = (word: string) => resources.length === 0 || resources.some(({ scopes }) => scopes.includes(word));
      refuseStrange(asked, resources.length === 0 ? allowed : undefined);
      const told = membershipsOf(client, asked);
      const scope = asked.filter(
        (word) =>
          isMembership(word, told) || (allowed.includes(word) && known(word) && !SCOPES_OF_PEOPLE.includes(word)),
      );
      const granted = scope.length === 0 ? {} : { scope: scope.join(" ") };
      const caps = resources.map((one) => one.accessTokenSeconds).filter((cap) => cap !== undefined);
      const lifetimeSeconds = Math.min(lifetimesFor(client, lifetimes).accessTokenSeconds, ...caps);
      const audience = resources.map(({ identifier }) => identifier);
      const claims = {
        ...granted,
        ...told,
        iss: issuer,
        sub: client.id,
        aud: audience.length > 1 ? audience : (audience[0] ?? client.id),
        client_id: client.id,
        exp: toEpochSeconds(addSeconds(now, lifetimeSeconds)),
        iat: toEpochSeconds(now),
        jti: random(16).toString("base64url"),
        ...(confirmation === undefined ? {} : { cnf: { ...confirmation } }),
      };
      const { details, idTokenSigningAlgorithm } = client;
      const algorithm = algorithmWithin(details, resources[0]?.signingAlgorithm ?? idTokenSigningAlgorithm);
      const token = await signer.sign(claims, { typ: ACCESS_TOKEN_JWT_TYP, algorithm });
      return {
        access_token: token,
        token_type: tokenTypeFor(confirmation),
        expires_in: lifetimeSeconds,
        ...granted,
      };
    },
  };
}

/** What the scope `groups` releases of the client itself, RFC 9068 §2.2.3.1: what an administrator says it is. */
function membershipsOf({ details, scopes }: Client, asked: readonly string[]): JsonObject {
  const { groups, roles } = details;
  if (!asked.includes(MEMBERSHIPS) || scopes?.includes(MEMBERSHIPS) === false) return {};
  return { ...(groups === undefined ? {} : { groups }), ...(roles === undefined ? {} : { roles }) };
}

const MEMBERSHIPS = "groups";

function isMembership(word: string, told: JsonObject): boolean {
  return word === MEMBERSHIPS && Object.keys(told).length > 0;
}

/**
 * Scopes of people are left out of what is granted, as many clients always ask for them. What nobody has heard of is refused, and
 * so is what there never is here, a refresh token (dex v2). `allowed`: undefined where a resource says what it knows.
 */
function refuseStrange(asked: readonly string[], allowed: readonly string[] | undefined): void {
  const strange = asked.find(
    (word) => word === "offline_access" || (!SCOPES_OF_PEOPLE.includes(word) && allowed?.includes(word) === false),
  );
  if (strange === undefined) return;
  throw new OAuthError("invalid_scope", "the scope holds what the client cannot have for itself", {
    detail: `scope ${JSON.stringify(strange.slice(0, 100))}`,
  });
}

/**
 * The resources that the token is for, RFC 8707; none where it is for the client itself. Such a token is a JWT whatever its
 * resource reads, since it belongs to no family; who cannot read it asks about it.
 */
function resourcesOf(params: URLSearchParams, parts: TargetParts): readonly Resource[] {
  const { named, userinfo, authorizationDetails } = parseTargetRequest(params, parts, "client");
  if (userinfo) throw new OAuthError("invalid_target", "nobody is behind this grant whom userinfo could tell of");
  if (authorizationDetails !== undefined) {
    throw new OAuthError("invalid_authorization_details", "authorization_details need a person who allows them");
  }
  return named;
}
