// What the result of an exchange is for, RFC 8693 §2.1 and RFC 8707 §2.2.
import { isAudienceScope } from "../clients/audience.ts";
import { OAuthError } from "../errors.ts";
import { containsAuthorizationDetails } from "../resources/authorization-details.ts";
import { resourcesIn } from "../resources/choose-resources.ts";
import type { Resource } from "../resources/resource.ts";
import type { AuthorizationDetail } from "../resources/terms.ts";
import { parseTargetRequest, type TargetParts, type TargetRequest } from "../resources/token-target.ts";
import type { ExchangeRequest } from "./exchange-request.ts";

/** As much of a subject token as counts for who brings it. */
export interface SubjectReach {
  /** It can be used with ourselves, and with the clients that its scope names. */
  readonly ourselves: boolean;
  /** Registered resources that it can be used at. */
  readonly resources: readonly string[];
  /** It was made for who brings it: they take it where they are called, and call others for it. */
  readonly taken: boolean;
  /** What it entitles to at those resources, RFC 9396. */
  readonly details: readonly AuthorizationDetail[];
}

/**
 * Of which resources the result is to be; undefined: it is for ourselves, and the clients that are named as audiences. What is
 * not asked for is as it was in the subject token. A resource can be had (TX-1)
 *
 * - where the subject token is for it: the same, or less of it;
 * - where the client was called with the subject token, as the resource's own client (`introspectedBy`) or as an audience of its
 *   scope, or has it of a connector, and the resource names that client (`allowedClients`). The person is not asked here: it is
 *   the administrator's word that this service calls that one for people.
 *
 * So a client that holds a token for one resource makes none for another of it, whatever the person allowed. `audience` may call
 * a registered resource by its identifier as `resource` does. Throws invalid_target, or invalid_authorization_details.
 */
export function decideExchangeTarget(
  params: URLSearchParams,
  { audiences, requested, scope = [] }: Pick<ExchangeRequest, "audiences" | "requested" | "scope">,
  reach: SubjectReach,
  parts: TargetParts,
): TargetRequest | undefined {
  const clients = audiences.filter((one) => !isResource(one, parts));
  const asked = [...new Set([...resourcesIn(params), ...audiences.filter((one) => isResource(one, parts))])];
  const toClients = clients.length > 0 || scope.some(isAudienceScope);
  const wanted = asked.length > 0 || toClients || reach.ourselves ? asked : reach.resources;
  const request = parseTargetRequest(withResources(params, wanted), parts);
  if (!containsAuthorizationDetails(reach.details, request.authorizationDetails ?? [])) {
    throw new OAuthError("invalid_authorization_details", "the subject token does not have the authorization_details");
  }
  if (request.named.length === 0) {
    if (!reach.ourselves) throw refused("the subject token was made for a resource");
    return undefined;
  }
  if (toClients) throw refused("a token is for resources or for clients: ask for one token for each");
  if (requested === "id_token") throw refused("an ID token is for no resource");
  if (request.userinfo && !reach.ourselves) throw refused("the subject token was made for a resource");
  if (!request.named.every((one) => mayHave(one, reach, parts))) {
    throw refused("the client cannot have tokens for this resource by this exchange");
  }
  return request;
}

function isResource(audience: string, { resources }: TargetParts): boolean {
  return resources.find(audience) !== undefined;
}

function withResources(params: URLSearchParams, identifiers: readonly string[]): URLSearchParams {
  const all = new URLSearchParams(params);
  all.delete("resource");
  for (const one of identifiers) all.append("resource", one);
  return all;
}

function mayHave({ identifier, allowedClients }: Resource, reach: SubjectReach, { client }: TargetParts): boolean {
  return reach.resources.includes(identifier) || (reach.taken && allowedClients?.includes(client.id) === true);
}

function refused(message: string): OAuthError {
  return new OAuthError("invalid_target", message);
}
