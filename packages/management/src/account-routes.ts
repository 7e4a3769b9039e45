// The routes below `/account`: which clients hold refresh tokens of a user. Open to that user too.
import type { UserDirectory } from "@dex/users";
import { ApiError } from "./api-error.ts";
import { type ApiRoute, makeRoute } from "./route.ts";
import { refreshClientsAnswer, renderRefreshClient } from "./user-shapes.ts";
import { UNKNOWN_USER } from "./users.ts";

export function makeAccountRoutes<Permission extends string>({
  users,
  permission,
}: {
  readonly users: Pick<UserDirectory, "refreshClients" | "revokeRefresh">;
  /** The user in the path, or who may do it for anybody. */
  readonly permission: Permission;
}): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "GET",
      path: "/account/:userid/refresh",
      permission,
      operationId: "listRefreshClients",
      summary: "List the clients that hold refresh tokens of a user, each once",
      answers: { 200: { description: "The clients.", schema: refreshClientsAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params, now }) {
        const clients = await users.refreshClients(params.userid, now);
        if (clients === undefined) throw new ApiError(UNKNOWN_USER.code, UNKNOWN_USER.reason);
        return { status: 200, body: { clients: clients.map(renderRefreshClient) } };
      },
    }),
    makeRoute({
      method: "DELETE",
      path: "/account/:userid/refresh/:clientid",
      permission,
      operationId: "revokeRefreshClient",
      summary: "End all tokens that a client has of a user; harmless when it has none",
      answers: { 200: { description: "The client holds no token of this user any more." } },
      refusals: ["resource_not_found"],
      async handle({ params, actor, now }) {
        const ended = await users.revokeRefresh(params.userid, params.clientid, actor, now);
        if (ended === undefined) throw new ApiError(UNKNOWN_USER.code, UNKNOWN_USER.reason);
        return { status: 200 };
      },
    }),
  ];
}
