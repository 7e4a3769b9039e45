import { type LoginState, type Resources, SUPPORTED_SCOPES } from "@dex/oidc";
import type { Json } from "@dex/runtime";
import type { ResourceView } from "@dex/web";

/** Neither an audience nor what stands for a resource, which are told beside. */
export function isScopeOfOurs(word: string): boolean {
  return (SUPPORTED_SCOPES as readonly string[]).includes(word);
}

/** What a request asks for at other services, for the person who is to allow it: every member that was asked for is shown. */
export function describeAskedOfResources(
  { resources: asked = [], authorizationDetails = [] }: LoginState["request"],
  resources: Resources,
): readonly ResourceView[] {
  return asked.map(({ identifier, scope }) => {
    const resource = resources.find(identifier);
    const types = resource?.authorizationDetailsTypes ?? [];
    const details = authorizationDetails.flatMap(({ type, ...members }) => {
      const known = types.find((one) => one.type === type);
      const told = Object.entries(members).flatMap(([name, value]) => tell(name, value));
      return known === undefined ? [] : [{ name: known.name, members: told }];
    });
    return { name: resource?.name ?? identifier, scopes: scope, details };
  });
}

/** One line for each value inside, called by its path. Names that would make a line look like another are left in JSON. */
function tell(name: string, value: Json | undefined): readonly { readonly name: string; readonly value: string }[] {
  const inside = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  return inside.length > 0 && inside.every(([one]) => /^[A-Za-z0-9_-]{1,64}$/.test(one))
    ? inside.flatMap(([one, item]) => tell(`${name}.${one}`, item))
    : [{ name, value: toText(value) }];
}

function toText(value: Json | undefined): string {
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
