// What an access token is for, RFC 8707 §2.2: of all that was granted, as much as one token request asks for.
import { isAudienceScope } from "../clients/audience.ts";
import type { Client, SigningAlgorithm } from "../clients/client.ts";
import { algorithmWithin } from "../clients/profile.ts";
import { single } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import type { GrantTerms } from "../ports.ts";
import { SUPPORTED_SCOPES } from "../scope.ts";
import {
  containsAuthorizationDetails,
  narrowAuthorizationDetails,
  parseAuthorizationDetails,
} from "./authorization-details.ts";
import { chooseResources, resourcesIn } from "./choose-resources.ts";
import type { Resource, Resources } from "./resource.ts";
import type { AskedOfGrant } from "./terms.ts";

/** The same with what is known of the resources. */
export interface TargetRequest extends AskedOfGrant {
  readonly named: readonly Resource[];
  /** Our own userinfo endpoint is named, which needs no registration. */
  readonly userinfo: boolean;
}

/** What one access token is made for. */
export interface TokenTarget {
  /** Its `aud`; undefined: ourselves, and the clients that its scope names. */
  readonly audience: readonly string[] | undefined;
  readonly scope: readonly string[];
  readonly format: "jwt" | "opaque";
  /** The resource's, unless the client's profile forbids that. */
  readonly signingAlgorithm: SigningAlgorithm;
  readonly mostSeconds: number | undefined;
  /** Places in GrantTerms.authorizationDetails. */
  readonly details: readonly number[];
}

export interface TargetParts {
  readonly client: Client;
  readonly resources: Resources;
  /** The address of our userinfo endpoint, which is the name of that resource. */
  readonly userinfoUrl: string;
}

/**
 * Reads `resource` and `authorization_details` of a token request. Throws invalid_target for what is no resource that the
 * client may ask for on behalf of a person, and for a JWT that would be for several: who reads one of those trusts whoever
 * else it is shown to (RFC 9068 §5). Our userinfo endpoint may stand beside any.
 */
export function parseTargetRequest(
  params: URLSearchParams,
  { client, resources, userinfoUrl }: TargetParts,
  behalf: "person" | "client" = "person",
): TargetRequest {
  const asked = resourcesIn(params);
  const registered = asked.filter((one) => one !== userinfoUrl);
  const choice = chooseResources(registered, { client, resources, behalf });
  if (choice.kind === "refused") throw choice.error;
  const { resources: named } = choice;
  if (named.length > 1 && named.some(({ tokenFormat }) => tokenFormat === "jwt")) {
    throw new OAuthError("invalid_target", "a JWT access token is for one resource: ask for one token for each");
  }
  const text = single(params, "authorization_details");
  const details = text === undefined ? undefined : parseAuthorizationDetails(text);
  if (text !== undefined && details === undefined) {
    throw new OAuthError("invalid_authorization_details", "authorization_details must be a JSON array of objects");
  }
  return {
    named,
    userinfo: registered.length < asked.length,
    resources: named.map(({ identifier }) => identifier),
    authorizationDetails: details,
  };
}

/** Why what a token request names is not for this grant: the specification of what the stores compare. */
export function refuseUngranted(
  terms: GrantTerms | undefined,
  asked: AskedOfGrant | undefined,
): OAuthError | undefined {
  const granted = (terms?.resources ?? []).map(({ identifier }) => identifier);
  if (asked?.resources.every((one) => granted.includes(one)) === false) {
    return new OAuthError("invalid_target", "the resource was not granted");
  }
  return containsAuthorizationDetails(terms?.authorizationDetails ?? [], asked?.authorizationDetails ?? [])
    ? undefined
    : new OAuthError("invalid_authorization_details", "the authorization_details were not granted");
}

/**
 * What the token is for. The resources that were named; else the only one that was granted, if there still is one; else
 * ourselves. `scope` is that of the request, within what was granted. Each resource's part of it is what the person allowed
 * there and the resource still has.
 */
export function decideTarget(
  request: TargetRequest,
  granted: { readonly terms: GrantTerms | undefined; readonly scope: readonly string[] },
  parts: TargetParts,
): TokenTarget {
  const { terms, scope } = granted;
  const chosen = request.userinfo ? request.named : withImplied(request, terms, parts);
  const { idTokenSigningAlgorithm, details } = parts.client;
  if (chosen.length === 0) {
    return {
      audience: undefined,
      scope: terms?.resources === undefined ? scope : scope.filter(isOurs),
      format: details.access_token_format ?? "opaque",
      signingAlgorithm: idTokenSigningAlgorithm,
      mostSeconds: undefined,
      details: [],
    };
  }
  const ofResources = chosen.flatMap((one) => scopeOf(one, terms));
  const wanted = (word: string) => ofResources.includes(word) || (request.userinfo && isOurs(word));
  const caps = chosen.map(({ accessTokenSeconds }) => accessTokenSeconds).filter((cap) => cap !== undefined);
  return {
    audience: [...chosen.map(({ identifier }) => identifier), ...(request.userinfo ? [parts.userinfoUrl] : [])],
    scope: scope.filter(wanted),
    format: chosen.some(({ tokenFormat }) => tokenFormat === "jwt") ? "jwt" : "opaque",
    signingAlgorithm: algorithmWithin(details, chosen[0]?.signingAlgorithm ?? idTokenSigningAlgorithm),
    mostSeconds: caps.length === 0 ? undefined : Math.min(...caps),
    details: detailsFor(chosen, request, terms),
  };
}

function withImplied(
  { named }: TargetRequest,
  terms: GrantTerms | undefined,
  { client, resources }: TargetParts,
): readonly Resource[] {
  const [only, ...more] = terms?.resources ?? [];
  if (named.length > 0 || only === undefined || more.length > 0) return named;
  const choice = chooseResources([only.identifier], { client, resources, behalf: "person" });
  return choice.kind === "chosen" ? choice.resources : [];
}

function scopeOf({ identifier, scopes }: Resource, terms: GrantTerms | undefined): readonly string[] {
  const allowed = terms?.resources?.find((one) => one.identifier === identifier)?.scope ?? [];
  return allowed.filter((word) => scopes.includes(word));
}

function detailsFor(
  chosen: readonly Resource[],
  { authorizationDetails: asked }: TargetRequest,
  terms: GrantTerms | undefined,
): readonly number[] {
  const all = terms?.authorizationDetails ?? [];
  const types = chosen.flatMap(({ authorizationDetailsTypes }) => authorizationDetailsTypes.map(({ type }) => type));
  const wanted = narrowAuthorizationDetails(all, asked);
  return all.flatMap((one, place) => (types.includes(one.type) && wanted.includes(one) ? [place] : []));
}

/** A scope that means something at our own userinfo endpoint, or names a client. */
function isOurs(word: string): boolean {
  return (SUPPORTED_SCOPES as readonly string[]).includes(word) || isAudienceScope(word);
}
