// The name, which Apple tells once: beside the first authorization response, in a member of the form (`user`).
import * as z from "zod";

const MAX_LENGTH = 4096;
const part = z
  .string()
  .max(100)
  .regex(/^\P{Cc}*$/u)
  .refine((text) => text.isWellFormed())
  .optional()
  .catch(undefined);
const firstAnswer = z.object({ name: z.object({ firstName: part, lastName: part }) });

/**
 * Pure. The name that the form holds, if any. Nobody signed it: it is what the person's browser says, good enough to address
 * them by. The address beside it is not read; the ID token has one.
 */
export function readFirstName(answer: URLSearchParams | undefined): string | undefined {
  const text = answer?.get("user") ?? "";
  if (text === "" || text.length > MAX_LENGTH) return undefined;
  const parsed = firstAnswer.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { firstName = "", lastName = "" } = parsed.data.name;
  return `${firstName} ${lastName}`.trim() || undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
