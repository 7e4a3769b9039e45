import { type ApiRoute, makeRoute } from "@dex/management";
import { z } from "zod";
import type { Permission } from "./access.ts";

const DEADLINE_MILLISECONDS = 2000;
const healthyAnswer = z.strictObject({ status: z.literal("ok") });
const sickAnswer = z.strictObject({ status: z.literal("unavailable") });

/** Whether the database answers in time; nothing more is told, since anybody may ask (LOG-5). */
export function makeHealthRoute({ ping }: { ping: () => Promise<unknown> }): ApiRoute<Permission> {
  return makeRoute({
    method: "GET",
    path: "/health",
    permission: "anybody",
    operationId: "getHealth",
    summary: "Tell whether the database answers",
    answers: {
      200: { description: "It does.", schema: healthyAnswer },
      503: { description: "It does not.", schema: sickAnswer },
    },
    refusals: [],
    async handle() {
      return (await answersInTime(ping))
        ? { status: 200, body: { status: "ok" } }
        : { status: 503, body: { status: "unavailable" }, headers: { "Retry-After": "1" } };
    },
  });
}

async function answersInTime(ping: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), DEADLINE_MILLISECONDS);
  });
  const answer = ping().then(
    () => true,
    () => false,
  );
  const result = await Promise.race([answer, deadline]);
  clearTimeout(timer);
  return result;
}
