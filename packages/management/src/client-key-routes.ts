// The public keys and certificates of a client over HTTP.
import { ApiError } from "./api-error.ts";
import type { ClientKeyAdministration, KeyRefusal } from "./client-keys.ts";
import { addedClientKeyAnswer, clientKeyBody, clientKeysAnswer, describedClientKeyBody } from "./client-shapes.ts";
import { type ApiRoute, makeRoute } from "./route.ts";

/** The routes below `/clients/:id/keys`. */
export function makeClientKeyRoutes<Permission extends string>({
  keys,
  permission,
}: {
  readonly keys: ClientKeyAdministration;
  readonly permission: Permission;
}): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "GET",
      path: "/clients/:id/keys",
      permission,
      operationId: "listClientKeys",
      summary: "List the public keys and certificates of a client, and when each was used last",
      answers: { 200: { description: "What proves it beside secrets.", schema: clientKeysAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params, now }) {
        const list = await keys.list(params.id, now);
        if (list === undefined) throw notThere({ kind: "unknown" });
        return { status: 200, body: list };
      },
    }),
    makeRoute({
      method: "POST",
      path: "/clients/:id/keys",
      permission,
      operationId: "addClientKey",
      summary: "Add a public key to those of a client, with its certificate as x5c; those that there are go on working",
      body: { schema: clientKeyBody, described: describedClientKeyBody, code: "invalid_request" },
      answers: { 201: { description: "The key.", schema: addedClientKeyAnswer } },
      refusals: ["invalid_request", "forbidden", "resource_not_found", "duplicate_id"],
      async handle({ params, body, actor, now }) {
        const outcome = await keys.add(params.id, body.key, actor, now);
        if (outcome.kind !== "added") throw notThere(outcome);
        return { status: 201, body: { key: outcome.shown } };
      },
    }),
    makeRoute({
      method: "DELETE",
      path: "/clients/:id/keys/:keyid",
      permission,
      operationId: "removeClientKey",
      summary: "Take a key or certificate from a client, by its id or kid",
      answers: { 204: { description: "It proves nothing any more." } },
      refusals: ["invalid_request", "forbidden", "resource_not_found", "last_key"],
      async handle({ params, actor, now }) {
        const outcome = await keys.remove({ clientId: params.id, id: params.keyid }, actor, now);
        if (outcome.kind !== "done") throw notThere(outcome);
        return { status: 204 };
      },
    }),
  ];
}

function notThere(outcome: KeyRefusal): ApiError {
  return outcome.kind === "refused"
    ? new ApiError(outcome.code, outcome.reason)
    : new ApiError("resource_not_found", "there is no such client, or no such key of it");
}
