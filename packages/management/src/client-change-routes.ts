// What can be changed of a client that there is.
import { ApiError } from "./api-error.ts";
import { type ClientAuthenticationParts, changeClientAuthentication } from "./client-authentication.ts";
import {
  clientAuthenticationAnswer,
  clientAuthenticationBody,
  clientBody,
  describedClientAuthenticationBody,
  describedClientChangesBody,
} from "./client-shapes.ts";
import { type ChangeParts, changeClient } from "./clients.ts";
import { type ApiRoute, makeRoute } from "./route.ts";

/** The routes that change clients, below `/clients/:id`. */
export function makeClientChangeRoutes<Permission extends string>(
  parts: ClientAuthenticationParts & ChangeParts & { readonly permission: Permission },
): readonly ApiRoute<Permission>[] {
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
      async handle({ params, body, actor, now }) {
        const outcome = await changeClient(parts, params.id, body.client, actor, now);
        if (outcome.kind === "refused") throw new ApiError("invalid_request", outcome.reason);
        if (outcome.kind === "unknown") throw new ApiError("resource_not_found", "there is no client with this id");
        return { status: 204 };
      },
    }),
    makeRoute({
      method: "PUT",
      path: "/clients/:id/authentication",
      permission: parts.permission,
      operationId: "changeClientAuthentication",
      summary: "Say how a client proves itself: its secrets end where it has no use for them any more",
      body: {
        schema: clientAuthenticationBody,
        described: describedClientAuthenticationBody,
        code: "invalid_request",
      },
      answers: { 200: { description: "It proves itself so from now on.", schema: clientAuthenticationAnswer } },
      refusals: ["invalid_request", "forbidden", "resource_not_found"],
      async handle({ params, body, actor, now }) {
        const outcome = await changeClientAuthentication(parts, params.id, body.authentication, actor, now);
        if (outcome.kind === "refused") throw new ApiError(outcome.code, outcome.reason);
        if (outcome.kind === "unknown") throw new ApiError("resource_not_found", "there is no client with this id");
        const shown = outcome.secret === undefined ? {} : { secret: outcome.secret.reveal() };
        return { status: 200, body: { authentication: { ...outcome.shown, ...shown } } };
      },
    }),
  ];
}
