// The routes below `/mail`: what became of the mail that was promised, and another try for what was given up.
import type { MailQueue, QueuedMail } from "@dex/email";
import type { JsonObject } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { z } from "zod";
import { ApiError } from "./api-error.ts";
import { DEFAULT_PAGE, MAX_PAGE } from "./page-token.ts";
import { type ApiRoute, makeRoute } from "./route.ts";
import { okAnswer, pageQuery } from "./user-shapes.ts";

const STATES = ["waiting", "sent", "dead", "discarded"] as const;

const mailQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(STATES).describe("waiting when left out; dead: given up after many tries.").optional(),
});
const instant = z.iso.datetime();
/** A mail without its text, which may hold links. */
export const mailShape = z.strictObject({
  id: z.uuid(),
  kind: z.string(),
  state: z.enum(STATES),
  recipient: z.string(),
  attempts: z.int().min(0),
  lastError: z.string().optional(),
  createdAt: instant,
  dueAt: instant.describe("When it is tried next, while it waits.").optional(),
  endedAt: instant.describe("When it was sent, given up or discarded.").optional(),
});
const mailsAnswer = z.strictObject({ mail: z.array(mailShape), nextPageToken: z.string().optional() });

export function makeMailRoutes<Permission extends string>({
  mailQueue,
  permission,
}: {
  readonly mailQueue: MailQueue<Actor>;
  readonly permission: Permission;
}): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "GET",
      path: "/mail",
      permission,
      operationId: "listMail",
      summary: "List promised mail of one state, the newest first",
      query: mailQuery,
      answers: { 200: { description: "A page of mail.", schema: mailsAnswer } },
      refusals: ["max_results_too_high"],
      async handle({ query: { state = "waiting", maxResults = DEFAULT_PAGE, nextPageToken } }) {
        if (maxResults > MAX_PAGE) {
          throw new ApiError("max_results_too_high", `maxResults: expected at most ${MAX_PAGE}`);
        }
        const page = await mailQueue.list({ state, limit: maxResults, after: nextPageToken });
        if (page === undefined) throw new ApiError("invalid_request", "nextPageToken: is none of ours");
        const more = page.next === undefined ? {} : { nextPageToken: page.next };
        return { status: 200, body: { mail: page.mails.map(renderMail), ...more } };
      },
    }),
    makeRoute({
      method: "POST",
      path: "/mail/:id/retry",
      permission,
      operationId: "retryMail",
      summary: "Try a dead mail again, at once",
      answers: { 200: { description: "It is due now.", schema: okAnswer } },
      refusals: ["resource_not_found", "not_dead"],
      async handle({ params, actor, now }) {
        const outcome = await mailQueue.retry(params.id, actor, now);
        if (outcome === "unknown") throw new ApiError("resource_not_found", "there is no mail with this id");
        if (outcome === "not dead") throw new ApiError("not_dead", "only a dead mail can be tried again");
        return { status: 200, body: { ok: true } };
      },
    }),
  ];
}

function renderMail(mail: QueuedMail): JsonObject {
  const { id, kind, state, recipient, attempts, lastError, occurredAt, dueAt, endedAt } = mail;
  return {
    id,
    kind,
    state,
    recipient,
    attempts,
    ...(lastError === undefined ? {} : { lastError }),
    createdAt: occurredAt.toISOString(),
    ...(dueAt === undefined ? {} : { dueAt: dueAt.toISOString() }),
    ...(endedAt === undefined ? {} : { endedAt: endedAt.toISOString() }),
  };
}
