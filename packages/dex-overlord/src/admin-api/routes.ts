import {
  ADMIN_API,
  type ApiRoute,
  type ManagedClients,
  type ManagedConnectors,
  makeManagementRoutes,
  makeOpenApiRoutes,
  type OpenApiFacts,
} from "@dex/management";
import type { SealSecret } from "@dex/oidc";
import type { FetchDocument, Random } from "@dex/runtime";
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
  sealClientSecret?: SealSecret | undefined;
  fetchDocument: FetchDocument;
  ping: () => Promise<unknown>;
  /** Where the API is served. */
  listen: URL;
  random: Random;
}): readonly ApiRoute<Permission>[] {
  const { hasher } = parts;
  const routes: readonly ApiRoute<Permission>[] = [
    makeHealthRoute(parts),
    ...makeAdminRoutes(parts),
    ...makeManagementRoutes({
      ...parts,
      adminClients: "allowed",
      // What flags workers run with is not known here.
      httpKeys: "allowed",
      hashChosenSecret: (secret) => hasher.hash(secret),
      permission: "admin api secret" as const,
      conventions: ADMIN_API,
    }),
  ];
  const described = makeOpenApiRoutes({
    routes,
    paths: { "/api/v1/openapi.json": "describeApi" },
    permission: "anybody",
    facts: factsOf(parts.listen),
  });
  return [...routes, ...described];
}

function factsOf(listen: URL): OpenApiFacts<Permission> {
  return {
    title: "dex bootstrap admin API",
    description: "Makes the first admin, clients and connectors. For whoever holds the admin API secret.",
    server: listen.origin,
    securitySchemes: {
      adminApiSecret: {
        type: "apiKey",
        in: "header",
        name: "Authorization",
        description: "The secret as it is, as in dex v1, or behind the word Bearer.",
      },
    },
    security: (permission) => (permission === "anybody" ? [] : [{ adminApiSecret: [] }]),
    accessRefusals: (permission) => (permission === "anybody" ? [] : ["access_denied", "too_many_requests"]),
    conventions: ADMIN_API,
  };
}
