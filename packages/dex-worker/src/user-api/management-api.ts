// The management API of a worker, `<issuer>/api/v1`: clients and connectors, for admin clients.
import {
  type ApiRoute,
  type ManagedClients,
  type ManagedConnectors,
  makeJsonApi,
  makeManagementRoutes,
  USER_API,
} from "@dex/management";
import type { Client, OwnTokenVerifier } from "@dex/oidc";
import type { Clock, Logger, Random } from "@dex/runtime";
import type { Router } from "express";
import { replyWith } from "../middleware/error-reply.ts";
import { makeAccessCheck, PERMISSIONS, type Permission } from "./access.ts";

export interface ManagementApiParts {
  readonly clients: ManagedClients & { find(clientId: string): Promise<Client | undefined> };
  readonly connectors: ManagedConnectors;
  readonly verifier: OwnTokenVerifier;
  /** The issuer exactly as in the `iss` of our tokens. */
  readonly issuer: string;
  /** --api-use-client-credentials. Without it every request is refused. */
  readonly enabled: boolean;
  readonly hashChosenSecret: (secret: string) => Promise<string>;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Every route of the API. */
export function makeApiRoutes(parts: ManagementApiParts): readonly ApiRoute<Permission>[] {
  return makeManagementRoutes({
    ...parts,
    adminClients: "refused",
    permission: "admin client",
    conventions: USER_API,
  });
}

/** The API as a router, to be mounted at `<issuer path>/api/v1`. */
export function makeManagementApi(parts: ManagementApiParts): Router {
  const checkAccess = makeAccessCheck(parts);
  return makeJsonApi({
    routes: makeApiRoutes(parts),
    permissions: PERMISSIONS,
    conventions: USER_API,
    // What the API does not answer itself, the application's error handler answers in JSON too.
    before: replyWith("bearer"),
    authorize: async (request, permission, now) => {
      const id = await checkAccess(request.headersDistinct.authorization, permission, now);
      return { kind: "client", id, address: request.ip };
    },
    clock: parts.clock,
    logger: parts.logger,
  });
}
