// What the management API answers, read like any other input from outside.
import type { Json } from "@dex/runtime";
import { z } from "zod";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { Answer } from "./request.ts";

/** One signed-in call of the management API; `path` begins below `/api/v1`. */
export type ApiCaller = (
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: Json,
) => Promise<Answer>;

export const jsonObject = z.record(z.string(), z.json());
export const errorAnswer = z.object({ error: z.string(), error_description: z.string().optional() });

export const clientKeyList = z.object({
  tokenEndpointAuthMethod: z.string().optional(),
  jwksURI: z.string().optional(),
  keys: z.array(jsonObject),
});
export const changedAuthentication = z.object({
  tokenEndpointAuthMethod: z.string(),
  endedSecrets: z.number(),
  secret: z.string().optional(),
});

export function expectStatus(status: number, answer: Answer): Answer {
  if (answer.status === status) return answer;
  const error = errorAnswer.safeParse(answer.body).data;
  const reason = error === undefined ? "no reason given" : (error.error_description ?? error.error);
  throw new Failure("refused", `${answer.from} refused with ${answer.status}: ${toPrintable(reason)}`);
}

/** Whether the API says that there is no such thing. Any other 404 comes from somebody else on the way. */
export function isUnknown(answer: Answer): boolean {
  return answer.status === 404 && errorAnswer.safeParse(answer.body).data?.error === "resource_not_found";
}

export function parseAnswer<T>(schema: z.ZodType<T>, answer: Answer, expected: string): T {
  const result = schema.safeParse(answer.body);
  if (result.success) return result.data;
  throw new Failure("refused", `${answer.from} answered with something else than ${expected}: is it a dex issuer?`);
}
