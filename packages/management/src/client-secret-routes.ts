// The secrets of a client over HTTP.
import { ApiError } from "./api-error.ts";
import type { ClientSecretAdministration, SecretRefusal } from "./client-secrets.ts";
import {
  addedClientSecretAnswer,
  clientSecretBody,
  clientSecretsAnswer,
  describedClientSecretBody,
  describedClientSecretEndBody,
} from "./client-shapes.ts";
import { type ApiRoute, makeRoute } from "./route.ts";

/** The routes below `/clients/:id/secrets`. */
export function makeClientSecretRoutes<Permission extends string>({
  secrets,
  permission,
}: {
  readonly secrets: ClientSecretAdministration;
  readonly permission: Permission;
}): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "GET",
      path: "/clients/:id/secrets",
      permission,
      operationId: "listClientSecrets",
      summary: "List the secrets of a client, oldest first, without what is secret about them",
      answers: { 200: { description: "What is kept of them.", schema: clientSecretsAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params, now }) {
        const list = await secrets.list(params.id, now);
        if (list === undefined) throw notThere({ kind: "unknown" });
        return { status: 200, body: { secrets: list } };
      },
    }),
    makeRoute({
      method: "POST",
      path: "/clients/:id/secrets",
      permission,
      operationId: "addClientSecret",
      summary: "Make another secret for a client, which is shown this once; two can work at a time",
      body: { schema: clientSecretBody, described: describedClientSecretBody, code: "invalid_request" },
      answers: { 201: { description: "The secret.", schema: addedClientSecretAnswer } },
      refusals: ["invalid_request", "forbidden", "resource_not_found", "secret_limit"],
      async handle({ params, body, actor, now }) {
        const outcome = await secrets.add(params.id, body.secret, actor, now);
        if (outcome.kind !== "added") throw notThere(outcome);
        return { status: 201, body: { secret: { ...outcome.shown, secret: outcome.secret.reveal() } } };
      },
    }),
    makeRoute({
      method: "PATCH",
      path: "/clients/:id/secrets/:secretid",
      permission,
      operationId: "expireClientSecret",
      summary: "Say when a secret of a client ends; null for never",
      body: { schema: clientSecretBody, described: describedClientSecretEndBody, code: "invalid_request" },
      answers: { 204: { description: "It is stored." } },
      refusals: ["invalid_request", "forbidden", "resource_not_found"],
      async handle({ params, body, actor }) {
        const secret = { clientId: params.id, id: params.secretid };
        const outcome = await secrets.expire(secret, body.secret, actor);
        if (outcome.kind !== "done") throw notThere(outcome);
        return { status: 204 };
      },
    }),
    makeRoute({
      method: "DELETE",
      path: "/clients/:id/secrets/:secretid",
      permission,
      operationId: "removeClientSecret",
      summary: "End a secret of a client for good",
      answers: { 204: { description: "It proves nothing any more." } },
      refusals: ["resource_not_found", "last_secret"],
      async handle({ params, actor }) {
        const outcome = await secrets.remove({ clientId: params.id, id: params.secretid }, actor);
        if (outcome.kind !== "done") throw notThere(outcome);
        return { status: 204 };
      },
    }),
  ];
}

function notThere(outcome: SecretRefusal): ApiError {
  return outcome.kind === "refused"
    ? new ApiError(outcome.code, outcome.reason)
    : new ApiError("resource_not_found", "there is no such client, or no such secret of it");
}
