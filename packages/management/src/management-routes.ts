import { renderClient } from "@dex/oidc";
import { z } from "zod";
import { ApiError } from "./api-error.ts";
import { type ClientAdministration, type ClientAdministrationParts, makeClientAdministration } from "./clients.ts";
import { type ConnectorAdministration, type ManagedConnectors, makeConnectorAdministration } from "./connectors.ts";
import type { ApiConventions } from "./conventions.ts";
import { type ApiRoute, withBody } from "./route.ts";

interface Offer<Permission extends string> {
  /** Who may call any of them. */
  readonly permission: Permission;
  readonly conventions: Pick<ApiConventions, "paths" | "createdStatus" | "connectorList">;
}

/** The routes that administer clients and connectors. */
export function makeManagementRoutes<Permission extends string>(
  parts: ClientAdministrationParts & { readonly connectors: ManagedConnectors } & Offer<Permission>,
): readonly ApiRoute<Permission>[] {
  return [
    ...clientRoutes(makeClientAdministration(parts), parts),
    ...connectorRoutes(makeConnectorAdministration(parts), parts),
  ];
}

const clientBody = z.strictObject({ client: z.unknown() });
const connectorsBody = z.strictObject({ connectors: z.unknown() });

function clientRoutes<Permission extends string>(
  clients: ClientAdministration,
  { permission, conventions: { paths, createdStatus } }: Offer<Permission>,
): readonly ApiRoute<Permission>[] {
  const wanted = {
    schema: clientBody,
    code: "bad_request",
    expected: 'an object with the one member "client"',
  } as const;
  return [
    {
      method: "GET",
      path: paths.clients,
      permission,
      handle: async () => ({ status: 200, body: { clients: await clients.list() } }),
    },
    {
      method: "POST",
      path: paths.client,
      permission,
      ...withBody(wanted, async ({ body, actor, now }) => {
        const outcome = await clients.create(body.client, actor, now);
        if (outcome.kind === "refused") throw new ApiError(outcome.code, outcome.reason);
        const shown = outcome.secret === undefined ? {} : { secret: outcome.secret.reveal() };
        return { status: createdStatus, body: { client: { ...renderClient(outcome.client), ...shown } } };
      }),
    },
    {
      method: "DELETE",
      path: `${paths.client}/:id`,
      permission,
      async handle({ id, actor }) {
        if (await clients.delete(id, actor)) return { status: 204 };
        throw new ApiError("resource_not_found", "there is no client with this id");
      },
    },
  ];
}

function connectorRoutes<Permission extends string>(
  connectors: ConnectorAdministration,
  { permission, conventions: { paths, connectorList } }: Offer<Permission>,
): readonly ApiRoute<Permission>[] {
  const expected = 'an object with the one member "connectors"';
  const asInV1 = connectorList === "as in dex v1";
  return [
    {
      method: "GET",
      path: paths.connectors,
      permission,
      async handle() {
        const list = await connectors.list();
        return { status: 200, body: asInV1 && list.length === 0 ? {} : { connectors: list } };
      },
    },
    {
      method: "PUT",
      path: paths.connectors,
      permission,
      ...withBody({ schema: connectorsBody, code: "invalid_request", expected }, async ({ body, actor }) => {
        const outcome = await connectors.replace(asInV1 ? (body.connectors ?? []) : body.connectors, actor);
        if (outcome.kind === "refused") throw new ApiError("invalid_request", outcome.reason);
        return asInV1 ? { status: 200 } : { status: 200, body: { connectors: outcome.connectors } };
      }),
    },
  ];
}
