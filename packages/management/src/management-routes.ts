import { renderClient } from "@dex/oidc";
import { ApiError } from "./api-error.ts";
import {
  clientBody,
  clientsAnswer,
  connectorsAnswer,
  connectorsAnswerOfV1,
  connectorsBody,
  createdClientAnswer,
  describedClientBody,
  describedConnectorsBody,
} from "./client-shapes.ts";
import { type ClientAdministration, type ClientAdministrationParts, makeClientAdministration } from "./clients.ts";
import { type ConnectorAdministration, type ManagedConnectors, makeConnectorAdministration } from "./connectors.ts";
import type { ApiConventions } from "./conventions.ts";
import { type ApiRoute, makeRoute } from "./route.ts";

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

function clientRoutes<Permission extends string>(
  clients: ClientAdministration,
  { permission, conventions: { paths, createdStatus } }: Offer<Permission>,
): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "GET",
      path: paths.clients,
      permission,
      operationId: "listClients",
      summary: "List the clients, ordered by id",
      answers: { 200: { description: "All clients.", schema: clientsAnswer } },
      refusals: [],
      handle: async () => ({ status: 200, body: { clients: await clients.list() } }),
    }),
    makeRoute({
      method: "POST",
      path: paths.client,
      permission,
      operationId: "createClient",
      summary: "Make a client; its secret is shown this once",
      body: { schema: clientBody, described: describedClientBody, code: "bad_request" },
      answers: { [createdStatus]: { description: "The client.", schema: createdClientAnswer } },
      refusals: ["bad_request", "forbidden", "duplicate_id"],
      async handle({ body, actor, now }) {
        const outcome = await clients.create(body.client, actor, now);
        if (outcome.kind === "refused") throw new ApiError(outcome.code, outcome.reason);
        const shown = outcome.secret === undefined ? {} : { secret: outcome.secret.reveal() };
        return { status: createdStatus, body: { client: { ...renderClient(outcome.client), ...shown } } };
      },
    }),
    makeRoute({
      method: "DELETE",
      path: `${paths.client}/:id`,
      permission,
      operationId: "deleteClient",
      summary: "Delete a client with its codes, tokens and consents",
      answers: { 204: { description: "There is no such client any more." } },
      refusals: ["resource_not_found"],
      async handle({ params, actor }) {
        if (await clients.delete(params.id, actor)) return { status: 204 };
        throw new ApiError("resource_not_found", "there is no client with this id");
      },
    }),
  ];
}

function connectorRoutes<Permission extends string>(
  connectors: ConnectorAdministration,
  { permission, conventions: { paths, connectorList } }: Offer<Permission>,
): readonly ApiRoute<Permission>[] {
  const asInV1 = connectorList === "as in dex v1";
  const schema = asInV1 ? connectorsAnswerOfV1 : connectorsAnswer;
  return [
    makeRoute({
      method: "GET",
      path: paths.connectors,
      permission,
      operationId: "listConnectors",
      summary: "List the connectors, without their secrets",
      answers: { 200: { description: "All connectors; what is listed can be put back.", schema } },
      refusals: [],
      async handle() {
        const list = await connectors.list();
        return { status: 200, body: asInV1 && list.length === 0 ? {} : { connectors: list } };
      },
    }),
    makeRoute({
      method: "PUT",
      path: paths.connectors,
      permission,
      operationId: "replaceConnectors",
      summary: "Replace all connectors, or none; a secret that is left out keeps its stored value",
      body: { schema: connectorsBody, described: describedConnectorsBody, code: "invalid_request" },
      answers: { 200: { description: "The list is stored.", ...(asInV1 ? {} : { schema: connectorsAnswer }) } },
      refusals: ["invalid_request"],
      async handle({ body, actor }) {
        const outcome = await connectors.replace(asInV1 && body.connectors === null ? [] : body.connectors, actor);
        if (outcome.kind === "refused") throw new ApiError("invalid_request", outcome.reason);
        return asInV1 ? { status: 200 } : { status: 200, body: { connectors: outcome.connectors } };
      },
    }),
  ];
}
