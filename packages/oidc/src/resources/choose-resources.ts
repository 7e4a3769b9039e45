// Which resources a client may have tokens for, RFC 8707 §2: one rule for every place where `resource` can be sent.
import type { Client } from "../clients/client.ts";
import { OAuthError } from "../errors.ts";
import type { Resource, Resources } from "./resource.ts";
import { isResourceIdentifier, MAX_RESOURCES_ASKED } from "./resource.ts";

export type ResourceChoice =
  | { readonly kind: "chosen"; readonly resources: readonly Resource[] }
  | { readonly kind: "refused"; readonly error: OAuthError };

interface AskingFor {
  readonly client: Pick<Client, "id" | "dynamic">;
  readonly resources: Resources;
  readonly behalf: "person" | "client";
}

/**
 * The resources of these identifiers, each once, where the client may ask for every one of them. `behalf`: of a person, who
 * is asked, or of the client itself, and then the resource has to name it. Whether one is unknown or only not for this client
 * is not told.
 */
export function chooseResources(asked: readonly string[], { client, resources, behalf }: AskingFor): ResourceChoice {
  if (asked.length > MAX_RESOURCES_ASKED) return refused(`more than ${MAX_RESOURCES_ASKED} resources were asked for`);
  if (!asked.every(isResourceIdentifier)) return refused("resource must be an absolute URI without a fragment");
  const found = [...new Set(asked)].map((identifier) => resources.find(identifier));
  const known = found.filter((one) => one !== undefined);
  const isOpen = ({ dynamicClients }: Resource) =>
    behalf === "person" && !(client.dynamic && dynamicClients === "named");
  const mayAsk = (one: Resource) => one.allowedClients?.includes(client.id) ?? isOpen(one);
  return known.length === found.length && known.every(mayAsk)
    ? { kind: "chosen", resources: known }
    : refused("the client cannot have tokens for this resource");
}

/** The resources that a request names; empty ones count as left out, as every parameter does (RFC 6749 §3.1). */
export function resourcesIn(params: URLSearchParams): readonly string[] {
  return params.getAll("resource").filter((text) => text !== "");
}

function refused(message: string): ResourceChoice {
  return { kind: "refused", error: new OAuthError("invalid_target", message) };
}
