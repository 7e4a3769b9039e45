// Registering the resources that tokens are made for, whoever asks and however.
import { changeResource, parseResource, type Resource, renderResource, whyNotBeside } from "@dex/oidc";
import type { JsonObject } from "@dex/runtime";
import type { Actor } from "@dex/users";

/** What is needed of the stored resources. */
export interface ManagedResources {
  /** All of them, ordered by identifier. */
  list(): Promise<readonly Resource[]>;
  add(resource: Resource, actor: Actor): Promise<"added" | "identifier taken">;
  /** Puts `next` in its place where it still is `read`. */
  replace(read: Resource, next: Resource, actor: Actor): Promise<"done" | "changed">;
  remove(identifier: string, actor: Actor): Promise<"removed" | "unknown">;
}

export type ResourceOutcome =
  | { readonly kind: "done"; readonly resource: JsonObject }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "taken" }
  | { readonly kind: "unknown" };

export interface ResourceAdministration {
  list(): Promise<readonly JsonObject[]>;
  /** `wanted` is a resource as somebody described it, unchecked. */
  add(wanted: unknown, actor: Actor): Promise<ResourceOutcome>;
  /** Changes the members that are named; null takes one away. */
  change(identifier: string, changes: Readonly<Record<string, unknown>>, actor: Actor): Promise<ResourceOutcome>;
  remove(identifier: string, actor: Actor): Promise<"removed" | "unknown">;
}

export function makeResourceAdministration({
  resources,
}: {
  readonly resources: ManagedResources;
}): ResourceAdministration {
  return {
    list: async () => (await resources.list()).map(renderResource),
    async add(wanted, actor) {
      const parsed = parseResource(wanted);
      if (parsed.kind === "refused") return parsed;
      const reason = whyNotBeside(parsed.resource, await resources.list());
      if (reason !== undefined) return { kind: "refused", reason };
      const outcome = await resources.add(parsed.resource, actor);
      return outcome === "added" ? { kind: "done", resource: renderResource(parsed.resource) } : { kind: "taken" };
    },
    async change(identifier, changes, actor) {
      const all = await resources.list();
      const read = all.find((one) => one.identifier === identifier);
      if (read === undefined) return { kind: "unknown" };
      const parsed = changeResource(read, changes);
      if (parsed.kind === "refused") return parsed;
      const others = all.filter((one) => one !== read);
      const reason = whyNotBeside(parsed.resource, others);
      if (reason !== undefined) return { kind: "refused", reason };
      return (await resources.replace(read, parsed.resource, actor)) === "done"
        ? { kind: "done", resource: renderResource(parsed.resource) }
        : { kind: "refused", reason: "somebody else changed the resource at the same moment: try again" };
    },
    remove: resources.remove,
  };
}
