import type { Random } from "@dex/runtime";
import type { PasswordHasher } from "@dex/users";
import type { AdminUsers, ManagedClients, ManagedConnectors } from "../ports.ts";
import { makeAdminRoutes } from "./admins.ts";
import { makeClientRoutes } from "./clients.ts";
import { makeConnectorRoutes } from "./connectors.ts";
import { makeHealthRoute } from "./health.ts";
import type { ApiRoute } from "./route.ts";

/** Every route of the admin API, each with its permission. */
export function makeAdminApiRoutes(parts: {
  users: AdminUsers;
  clients: ManagedClients;
  connectors: ManagedConnectors;
  localConnectorId: string;
  hasher: Pick<PasswordHasher, "hash">;
  ping: () => Promise<unknown>;
  random: Random;
}): readonly ApiRoute[] {
  const { hasher } = parts;
  return [
    makeHealthRoute(parts),
    ...makeAdminRoutes(parts),
    ...makeClientRoutes({ ...parts, hashChosenSecret: (secret) => hasher.hash(secret) }),
    ...makeConnectorRoutes(parts),
  ];
}
