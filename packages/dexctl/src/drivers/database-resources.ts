import { type ManagedResources, makeResourceAdministration } from "@dex/management/resources";
import type { Actor } from "@dex/users";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { ResourceManagement } from "../resource-management.ts";

/** Resources by way of the store. */
export function makeDatabaseResources(parts: {
  stores: { readonly resources: ManagedResources };
  actor: Actor;
}): ResourceManagement {
  const { actor } = parts;
  const resources = makeResourceAdministration(parts.stores);
  return {
    listResources: resources.list,
    async addResource(resource) {
      const outcome = await resources.add(resource, actor);
      if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
      if (outcome.kind === "taken") {
        throw new Failure("refused", "a resource with this identifier exists already: change it with resources set");
      }
    },
    async changeResource(identifier, changes) {
      const outcome = await resources.change(identifier, changes, actor);
      if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
      return outcome.kind === "done" ? "done" : "unknown";
    },
    removeResource: (identifier) => resources.remove(identifier, actor),
  };
}
