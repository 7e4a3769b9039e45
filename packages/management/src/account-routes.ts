// The routes below `/account`: which clients hold refresh tokens of a user, and which tokens these are. Open to that user too.
import type { UserDirectory } from "@dex/users";
import { ApiError } from "./api-error.ts";
import { type ApiRoute, makeRoute } from "./route.ts";
import { refreshClientsAnswer, refreshTokensAnswer, renderRefreshClient, renderRefreshToken } from "./user-shapes.ts";
import { UNKNOWN_USER } from "./users.ts";

export function makeAccountRoutes<Permission extends string>({
  users,
  permission,
}: {
  readonly users: Pick<UserDirectory, "refreshClients" | "revokeRefresh" | "refreshTokens" | "revokeRefreshToken">;
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
    makeRoute({
      method: "GET",
      path: "/account/:userid/refresh-tokens",
      permission,
      operationId: "listRefreshTokens",
      summary: "List the refresh tokens of a user one by one, such as one for each device, the last used first",
      answers: { 200: { description: "The tokens, without their values.", schema: refreshTokensAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params, now }) {
        const tokens = await users.refreshTokens(params.userid, now);
        if (tokens === undefined) throw new ApiError(UNKNOWN_USER.code, UNKNOWN_USER.reason);
        return { status: 200, body: { refreshTokens: tokens.map(renderRefreshToken) } };
      },
    }),
    makeRoute({
      method: "DELETE",
      path: "/account/:userid/refresh-tokens/:tokenid",
      permission,
      operationId: "revokeRefreshToken",
      summary: "End one refresh token of a user, with the access tokens that came of it",
      answers: { 204: { description: "It is good for nothing any more." } },
      refusals: ["resource_not_found"],
      async handle({ params, actor, now }) {
        if (!(await users.revokeRefreshToken(params.userid, params.tokenid, actor, now))) {
          throw new ApiError("resource_not_found", "the user has no such refresh token");
        }
        return { status: 204 };
      },
    }),
  ];
}
