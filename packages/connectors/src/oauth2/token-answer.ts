// The answer of a token endpoint (RFC 6749 §5), read as providers really send it: JSON or a form, an error under any
// status, a lifetime as text, a type in any case or none. Pure.
import type { JsonObject } from "@dex/runtime";
import * as z from "zod";

/** What a token endpoint gave. */
export interface ReceivedTokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly expiresInSeconds: number | undefined;
  /** All that was in the answer. */
  readonly body: JsonObject;
}

export type TokenAnswer =
  | ({ readonly kind: "token" } & ReceivedTokens)
  /**
   * `ourFault`: our registration there is wrong, or the server in trouble; no person can do anything about it. `error` is
   * what RFC 6749 §5.2 calls it.
   */
  | {
      readonly kind: "refused";
      readonly ourFault: boolean;
      readonly error: string | undefined;
      readonly detail: string;
    };

/** Errors of RFC 6749 §5.2 that speak of the client, not of the code; what GitHub calls them; and a server's own trouble. */
const OUR_FAULT: ReadonlySet<string> = new Set([
  ...["invalid_client", "unauthorized_client", "unsupported_grant_type"],
  ...["incorrect_client_credentials", "redirect_uri_mismatch"],
  ...["server_error", "temporarily_unavailable"],
]);
const MAX_ANSWER_LENGTH = 131_072;
const MAX_LIFETIME_SECONDS = 10 * 365 * 86_400;

const lifetime = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,12}$/)
    .transform(Number),
]);
const answerSchema = z.object({
  // RFC 6749 §A.12: printable ASCII. It goes into a header as it is.
  access_token: z.string().regex(/^[\x21-\x7e]{1,8192}$/),
  token_type: z.string().max(64).nullish(),
  refresh_token: z
    .string()
    .regex(/^[\x20-\x7e]{1,4096}$/)
    .optional()
    .catch(undefined),
  expires_in: lifetime.optional().catch(undefined),
});
// Facebook's error is an object with a type and a message.
const errorName = z.union([
  z.string().min(1),
  z.object({ type: z.string().min(1), message: z.string().optional().catch(undefined) }),
]);
const errorSchema = z.object({ error: errorName, error_description: z.string().nullish().catch(undefined) });

/** Reads an answer. One with an error is a failure whatever its status says (OAU-1): GitHub sends errors as 200. */
export function parseTokenAnswer(status: number, contentType: string, text: string): TokenAnswer {
  const body = parseBody(contentType, text);
  const error = errorSchema.safeParse(body);
  if (error.success) {
    const { error: said, error_description: description } = error.data;
    const code = typeof said === "string" ? said : said.type;
    const words = description ?? (typeof said === "string" ? "" : (said.message ?? ""));
    const detail = `token endpoint: ${quote(code)} ${quote(words)} (${status})`;
    return { kind: "refused", ourFault: OUR_FAULT.has(code) || status === 401, error: code.slice(0, 100), detail };
  }
  if (status < 200 || status > 299) return refused(`token endpoint: status ${status}`, status === 401);
  const answer = answerSchema.safeParse(body);
  if (!answer.success || body === undefined) {
    return refused(`token endpoint: no usable access token in ${quote(contentType)}`);
  }
  // RFC 6749 §7.1: a token of a type we do not know is not used. Who names none means Bearer.
  const type = answer.data.token_type ?? "bearer";
  if (type.toLowerCase() !== "bearer") return refused(`token endpoint: token of type ${quote(type)}`);
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds } = answer.data;
  // Zero and less say nothing: the token was just made.
  const expiresInSeconds = seconds !== undefined && seconds > 0 ? Math.min(seconds, MAX_LIFETIME_SECONDS) : undefined;
  return { kind: "token", accessToken, refreshToken, expiresInSeconds, body };
}

const jsonObject = z.record(z.string(), z.json());

function parseBody(contentType: string, text: string): JsonObject | undefined {
  if (text.length > MAX_ANSWER_LENGTH) return undefined;
  const type = contentType.split(";")[0]?.trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded" || type === "text/plain") {
    const form = new URLSearchParams(text);
    // Of two values one would be the wrong one.
    return form.size === new Set(form.keys()).size ? Object.fromEntries(form) : undefined;
  }
  try {
    const parsed = jsonObject.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function refused(detail: string, ourFault = false): TokenAnswer {
  return { kind: "refused", ourFault, error: undefined, detail };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
