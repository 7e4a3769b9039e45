// The routes that answer what clients ask of a user by name (CIBA) in that user's place. An administrator who may call them can
// sign in as anybody to such a client, so a deployment has to want them.
import type { BackchannelDecisions, PendingBackchannelRequest } from "@dex/oidc";
import type { JsonObject, Random } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { z } from "zod";
import { ApiError } from "./api-error.ts";
import { type ApiReply, type ApiRoute, makeRoute } from "./route.ts";
import { UNKNOWN_USER } from "./users.ts";

export const backchannelRequestShape = z.strictObject({
  id: z.string(),
  clientID: z.string(),
  clientName: z.string().optional(),
  scope: z.string().describe("What the client asks for, words with spaces between."),
  bindingMessage: z.string().describe("What the client says that it is about.").optional(),
  createdAt: z.iso.datetime().describe("RFC 3339"),
  expiresAt: z.iso.datetime().describe("RFC 3339"),
});
const backchannelRequestsAnswer = z.strictObject({ backchannelRequests: z.array(backchannelRequestShape) });

const SESSION_HASH_BYTES = 32;

export interface BackchannelDecisionParts {
  readonly requests: BackchannelDecisions<Actor>;
  /** --enable-backchannel-decisions-by-administrators. */
  readonly enabled: boolean;
  /** Who acts for the people, as clients are told: ourselves. Which administrator it was, stands in the audit events. */
  readonly issuer: string;
  readonly connectorsWithoutOfflineAccess: () => readonly string[];
  readonly random: Random;
}

export function makeBackchannelRequestRoutes<Permission extends string>(
  parts: BackchannelDecisionParts & { readonly permission: Permission },
): readonly ApiRoute<Permission>[] {
  const { requests, permission } = parts;
  const answering = [
    {
      verb: "approve",
      operationId: "approveBackchannelRequest",
      decision: "approved",
      summary: "Allow what a client asks of a user, in the user's place: the client is told that nobody signed in",
    },
    {
      verb: "deny",
      operationId: "denyBackchannelRequest",
      decision: "denied",
      summary: "Refuse what a client asks of a user, in the user's place",
    },
  ] as const;
  return [
    makeRoute({
      method: "GET",
      path: "/users/:id/backchannel-requests",
      permission,
      operationId: "listBackchannelRequests",
      summary: "List what clients ask of a user by name and nobody has answered, the newest first",
      answers: { 200: { description: "The requests, at most 100.", schema: backchannelRequestsAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params, now }) {
        refuseUnlessEnabled(parts);
        const pending = await requests.pending(params.id, now);
        if (pending === undefined) throw new ApiError(UNKNOWN_USER.code, UNKNOWN_USER.reason);
        return { status: 200, body: { backchannelRequests: pending.map(render) } };
      },
    }),
    ...answering.map(({ verb, decision, ...facts }) =>
      makeRoute({
        ...facts,
        method: "POST",
        path: `/users/:id/backchannel-requests/:requestid/${verb}`,
        permission,
        answers: { 204: { description: "It is decided." } },
        refusals: ["resource_not_found", "already_decided", "user_unavailable"],
        handle: ({ params, actor, now }) => decide(parts, { params, decision, actor, now }),
      }),
    ),
  ];
}

async function decide(
  parts: BackchannelDecisionParts,
  {
    params,
    decision,
    actor,
    now,
  }: {
    readonly params: { readonly id: string; readonly requestid: string };
    readonly decision: "approved" | "denied";
    readonly actor: Actor;
    readonly now: Date;
  },
): Promise<ApiReply> {
  refuseUnlessEnabled(parts);
  const outcome = await parts.requests.decide(
    { userId: params.id, requestId: params.requestid },
    {
      decision,
      actor: { sub: parts.issuer },
      sessionHash: parts.random(SESSION_HASH_BYTES),
      connectorsWithoutOfflineAccess: parts.connectorsWithoutOfflineAccess(),
    },
    actor,
    now,
  );
  switch (outcome) {
    case "decided":
      return { status: 204 };
    case "unknown":
      throw new ApiError("resource_not_found", "no client asks this of the user");
    case "expired":
      throw new ApiError("resource_not_found", "the request has expired");
    case "decided before":
      throw new ApiError("already_decided", "the request was answered before");
    case "nobody to sign in":
      throw new ApiError("user_unavailable", "the user is disabled, or has no identity that the client takes");
  }
}

/** After the permission, so that who is no administrator learns nothing of the setting. */
function refuseUnlessEnabled({ enabled }: Pick<BackchannelDecisionParts, "enabled">): void {
  if (enabled) return;
  throw new ApiError(
    "forbidden",
    "administrators answer for nobody here: the worker runs without --enable-backchannel-decisions-by-administrators",
  );
}

function render(request: PendingBackchannelRequest): JsonObject {
  return {
    id: request.id,
    clientID: request.clientId,
    ...(request.clientName ? { clientName: request.clientName } : {}),
    scope: request.scope.join(" "),
    ...(request.bindingMessage === undefined ? {} : { bindingMessage: request.bindingMessage }),
    createdAt: request.createdAt.toISOString(),
    expiresAt: request.expiresAt.toISOString(),
  };
}
