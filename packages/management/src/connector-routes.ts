// One connector at a time: whoever changes another meanwhile loses nothing.
import type { CheckStep } from "@dex/connectors";
import { ApiError } from "./api-error.ts";
import { checkAnswer, connectorAnswer, connectorBody, describedConnectorBody } from "./client-shapes.ts";
import { type ManagedConnectors, makeConnectorAdministration } from "./connectors.ts";
import { type ApiRoute, makeRoute } from "./route.ts";

/**
 * Tries whatever of a connector's upstream can be tried without a person. `not open`: its configuration cannot be used.
 */
export type CheckConnector = (
  id: string,
) => Promise<"unknown" | "not open" | "nothing to check" | readonly CheckStep[]>;

/** The routes of single connectors, below `/connectors/:id`. */
export function makeConnectorRoutes<Permission extends string>(parts: {
  readonly connectors: ManagedConnectors;
  readonly checkConnector: CheckConnector;
  readonly permission: Permission;
}): readonly ApiRoute<Permission>[] {
  const { permission } = parts;
  const connectors = makeConnectorAdministration(parts);
  return [
    makeRoute({
      method: "PUT",
      path: "/connectors/:id",
      permission,
      operationId: "saveConnector",
      summary: "Add a connector, or put it in the place of that with its id; a secret that is left out keeps its value",
      body: { schema: connectorBody, described: describedConnectorBody, code: "invalid_request" },
      answers: { 200: { description: "The connector as stored, without secrets.", schema: connectorAnswer } },
      refusals: ["invalid_request"],
      async handle({ params, body, actor }) {
        const outcome = await connectors.save({ ...body.connector, id: params.id }, actor);
        if (outcome.kind === "refused") throw new ApiError("invalid_request", outcome.reason);
        return { status: 200, body: { connector: outcome.connectors[0] ?? {} } };
      },
    }),
    makeRoute({
      method: "DELETE",
      path: "/connectors/:id",
      permission,
      operationId: "deleteConnector",
      summary:
        "Remove a connector; nobody signs in through it any more, and refresh tokens that came by it are refused",
      answers: { 204: { description: "There is no such connector any more." } },
      refusals: ["resource_not_found"],
      async handle({ params, actor }) {
        if ((await connectors.remove(params.id, actor)) === "removed") return { status: 204 };
        throw new ApiError("resource_not_found", "there is no connector with this id");
      },
    }),
    makeRoute({
      method: "POST",
      path: "/connectors/:id/check",
      permission,
      operationId: "checkConnector",
      summary:
        "Try what can be tried of a connector without a person: discovery, bind, certificates, token endpoint, clock",
      answers: { 200: { description: "What was tried, in order, and what was found.", schema: checkAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params }) {
        const outcome = await parts.checkConnector(params.id);
        if (outcome === "unknown") throw new ApiError("resource_not_found", "there is no connector with this id");
        return { status: 200, body: { steps: toSteps(outcome).map((step) => ({ ...step })) } };
      },
    }),
  ];
}

function toSteps(outcome: "not open" | "nothing to check" | readonly CheckStep[]): readonly CheckStep[] {
  if (outcome === "not open") {
    return [{ name: "configuration", ok: false, detail: "it cannot be opened: see the log of dex-worker" }];
  }
  if (outcome === "nothing to check") {
    return [{ name: "configuration", ok: true, detail: "this kind asks nothing of anybody else" }];
  }
  return outcome;
}
