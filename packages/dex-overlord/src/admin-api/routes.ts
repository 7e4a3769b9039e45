import {
  ADMIN_API,
  type ApiRoute,
  type ManagedClients,
  type ManagedConnectors,
  makeManagementRoutes,
} from "@dex/management";
import type { Random } from "@dex/runtime";
import type { PasswordHasher } from "@dex/users";
import type { AdminUsers } from "../ports.ts";
import type { Permission } from "./access.ts";
import { makeAdminRoutes } from "./admins.ts";
import { makeHealthRoute } from "./health.ts";

/** Every route of the admin API, each with its permission. */
export function makeAdminApiRoutes(parts: {
  users: AdminUsers;
  clients: ManagedClients;
  connectors: ManagedConnectors;
  localConnectorId: string;
  hasher: Pick<PasswordHasher, "hash">;
  ping: () => Promise<unknown>;
  random: Random;
}): readonly ApiRoute<Permission>[] {
  const { hasher } = parts;
  return [
    makeHealthRoute(parts),
    ...makeAdminRoutes(parts),
    ...makeManagementRoutes({
      ...parts,
      adminClients: "allowed",
      hashChosenSecret: (secret) => hasher.hash(secret),
      permission: "admin api secret" as const,
      conventions: ADMIN_API,
    }),
  ];
}
