// The resources that tokens are made for. An identifier is a URL, so it stands in the address percent-encoded.
import { resourceChangesShape, resourceShape } from "@dex/oidc";
import { z } from "zod";
import { ApiError } from "./api-error.ts";
import { type ManagedResources, makeResourceAdministration, type ResourceOutcome } from "./resources.ts";
import { type ApiReply, type ApiRoute, makeRoute } from "./route.ts";

const resourceBody = z.strictObject({ resource: z.unknown() });
const changesBody = z.strictObject({ resource: resourceChangesShape });
const resourceAnswer = z.strictObject({ resource: resourceShape });
const described = { schema: resourceBody, code: "invalid_request" } as const;

/** The routes that register resources. */
export function makeResourceRoutes<Permission extends string>(parts: {
  readonly resources: ManagedResources;
  readonly permission: Permission;
}): readonly ApiRoute<Permission>[] {
  const { permission } = parts;
  const resources = makeResourceAdministration(parts);
  return [
    makeRoute({
      method: "GET",
      path: "/resources",
      permission,
      operationId: "listResources",
      summary: "List the resources that tokens are made for, ordered by identifier",
      answers: {
        200: { description: "All resources.", schema: z.strictObject({ resources: z.array(resourceShape) }) },
      },
      refusals: [],
      handle: async () => ({ status: 200, body: { resources: await resources.list() } }),
    }),
    makeRoute({
      method: "POST",
      path: "/resources",
      permission,
      operationId: "addResource",
      summary: "Register a resource that clients can ask tokens for",
      body: { ...described, described: resourceAnswer },
      answers: { 201: { description: "The resource.", schema: resourceAnswer } },
      refusals: ["invalid_request", "duplicate_id"],
      handle: async ({ body, actor }) => replyTo(await resources.add(body.resource, actor), 201),
    }),
    makeRoute({
      method: "PATCH",
      path: "/resources/:identifier",
      permission,
      operationId: "changeResource",
      summary: "Change members of a resource; null takes one away, the others stay",
      body: { schema: changesBody, code: "invalid_request" },
      answers: { 200: { description: "The resource as stored.", schema: resourceAnswer } },
      refusals: ["invalid_request", "resource_not_found"],
      handle: async ({ params, body, actor }) =>
        replyTo(await resources.change(params.identifier, body.resource, actor), 200),
    }),
    makeRoute({
      method: "DELETE",
      path: "/resources/:identifier",
      permission,
      operationId: "removeResource",
      summary: "Remove a resource: no more tokens are made for it, and those that there are go on to their end",
      answers: { 204: { description: "There is no such resource any more." } },
      refusals: ["resource_not_found"],
      async handle({ params, actor }) {
        if ((await resources.remove(params.identifier, actor)) === "removed") return { status: 204 };
        throw unknown();
      },
    }),
  ];
}

function replyTo(outcome: ResourceOutcome, status: 200 | 201): ApiReply {
  switch (outcome.kind) {
    case "done":
      return { status, body: { resource: outcome.resource } };
    case "refused":
      throw new ApiError("invalid_request", outcome.reason);
    case "taken":
      throw new ApiError("duplicate_id", "a resource with this identifier exists");
    case "unknown":
      throw unknown();
  }
}

function unknown(): ApiError {
  return new ApiError("resource_not_found", "there is no resource with this identifier");
}
