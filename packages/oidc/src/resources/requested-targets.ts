// What an authorization request asks for at resources: RFC 8707 §2.1 and RFC 9396 §5.
import type { Client } from "../clients/client.ts";
import { single } from "../endpoints/parameters.ts";
import type { OAuthError } from "../errors.ts";
import { parseScope } from "../scope.ts";
import { chooseAuthorizationDetails } from "./authorization-details.ts";
import { chooseResources, resourcesIn } from "./choose-resources.ts";
import type { Resource, Resources } from "./resource.ts";
import type { AuthorizationDetail, GrantedResource } from "./terms.ts";

/** As it stands in the request, and then in the terms of the grant. Left out what was not asked for. */
export interface RequestedTargets {
  readonly resources?: readonly GrantedResource[];
  readonly authorizationDetails?: readonly AuthorizationDetail[];
}

export type TargetsDecision =
  | { readonly kind: "targets"; readonly targets: RequestedTargets }
  | { readonly kind: "refused"; readonly error: OAuthError };

/** Whether a request is about a resource: then it need not ask who the person is, by the scope openid. */
export function namesTargets(params: URLSearchParams): boolean {
  return resourcesIn(params).length > 0 || single(params, "authorization_details") !== undefined;
}

/**
 * The resources that are asked for by name or by authorization details, each with what of the scope it has and the client may
 * ask for. Our userinfo endpoint may be named among them and is nothing to be asked for: the scope openid leads there.
 */
export function decideTargets(
  params: URLSearchParams,
  parts: { readonly client: Client; readonly resources: Resources; readonly userinfoUrl: string },
): TargetsDecision {
  const { client, userinfoUrl } = parts;
  const identifiers = resourcesIn(params).filter((one) => one !== userinfoUrl);
  const named = chooseResources(identifiers, { ...parts, behalf: "person" });
  if (named.kind === "refused") return named;
  const text = single(params, "authorization_details");
  const detailed = text === undefined ? undefined : chooseAuthorizationDetails(text, parts);
  if (detailed?.kind === "refused") return detailed;
  const asked = parseScope(single(params, "scope")).filter((word) => client.scopes?.includes(word) ?? true);
  const all = [...new Set([...named.resources, ...(detailed?.resources ?? [])])];
  const resources = withScopeAt(all, asked);
  return {
    kind: "targets",
    targets: {
      ...(resources.length === 0 ? {} : { resources }),
      ...(detailed === undefined ? {} : { authorizationDetails: detailed.details }),
    },
  };
}

/** Each resource with its part of the scope. */
export function withScopeAt(resources: readonly Resource[], scope: readonly string[]): readonly GrantedResource[] {
  return resources.map(({ identifier, scopes }) => ({
    identifier,
    scope: scope.filter((word) => scopes.includes(word)),
  }));
}

/** The scope with that of the resources, each word once. */
export function withScopeOfResources(
  scope: readonly string[],
  { resources = [] }: RequestedTargets,
): readonly string[] {
  return [...new Set([...scope, ...resources.flatMap((one) => one.scope)])];
}
