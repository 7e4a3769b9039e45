// What can be changed of a client that there is.

import type { FetchDocument } from "@dex/runtime";
import { ApiError } from "./api-error.ts";
import { clientBody, describedClientChangesBody } from "./client-shapes.ts";
import { type ChangeableClients, changeClient } from "./clients.ts";
import { type ApiRoute, makeRoute } from "./route.ts";

/** The routes that change clients, below `/clients/:id`. */
export function makeClientChangeRoutes<Permission extends string>(parts: {
  readonly clients: ChangeableClients;
  readonly fetchDocument: FetchDocument;
  readonly permission: Permission;
}): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "PATCH",
      path: "/clients/:id",
      permission: parts.permission,
      operationId: "changeClient",
      summary: "Say which connectors people may sign in to a client through, an empty list allows all; or its grants",
      body: { schema: clientBody, described: describedClientChangesBody, code: "invalid_request" },
      answers: { 204: { description: "It is stored; sign-ins and tokens by other connectors or grants are refused." } },
      refusals: ["invalid_request", "resource_not_found"],
      async handle({ params, body, actor }) {
        const outcome = await changeClient(parts, params.id, body.client, actor);
        if (outcome.kind === "refused") throw new ApiError("invalid_request", outcome.reason);
        if (outcome.kind === "unknown") throw new ApiError("resource_not_found", "there is no client with this id");
        return { status: 204 };
      },
    }),
  ];
}
