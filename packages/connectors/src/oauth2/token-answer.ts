// The answer of a token endpoint (RFC 6749 §5), read as providers really send it: JSON or a form, an error under any
// status, a lifetime as text, a type in any case or none. Pure.
import * as z from "zod";

export type TokenAnswer =
  | { readonly kind: "token"; readonly accessToken: string }
  /** `ourFault`: our registration there is wrong, no person can do anything about it. */
  | { readonly kind: "refused"; readonly ourFault: boolean; readonly detail: string };

/** Errors of RFC 6749 §5.2 that speak of the client, not of the code; the second line is what GitHub calls them. */
const OUR_FAULT: ReadonlySet<string> = new Set([
  ...["invalid_client", "unauthorized_client", "unsupported_grant_type"],
  ...["incorrect_client_credentials", "redirect_uri_mismatch"],
]);

const answerSchema = z.object({
  // RFC 6749 §A.12: printable ASCII. It goes into a header as it is.
  access_token: z.string().regex(/^[\x21-\x7e]{1,8192}$/),
  token_type: z.string().max(64).nullish(),
});
const errorSchema = z.object({ error: z.string().min(1), error_description: z.string().nullish().catch(undefined) });

/** Reads an answer. One with an error is a failure whatever its status says (OAU-1): GitHub sends errors as 200. */
export function parseTokenAnswer(status: number, contentType: string, text: string): TokenAnswer {
  const body = parseBody(contentType, text);
  const error = errorSchema.safeParse(body);
  if (error.success) {
    const { error: code, error_description: description } = error.data;
    const detail = `token endpoint: ${quote(code)} ${quote(description ?? "")} (${status})`;
    return { kind: "refused", ourFault: OUR_FAULT.has(code) || status === 401, detail };
  }
  if (status < 200 || status > 299) return refused(`token endpoint: status ${status}`, status === 401);
  const answer = answerSchema.safeParse(body);
  if (!answer.success) return refused(`token endpoint: no usable access token in ${quote(contentType)}`);
  // RFC 6749 §7.1: a token of a type we do not know is not used. Who names none means Bearer.
  const type = answer.data.token_type ?? "bearer";
  if (type.toLowerCase() !== "bearer") return refused(`token endpoint: token of type ${quote(type)}`);
  return { kind: "token", accessToken: answer.data.access_token };
}

function parseBody(contentType: string, text: string): unknown {
  const type = contentType.split(";")[0]?.trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded" || type === "text/plain") {
    const form = new URLSearchParams(text);
    // Of two values one would be the wrong one.
    return form.size === new Set(form.keys()).size ? Object.fromEntries(form) : undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(detail: string, ourFault = false): TokenAnswer {
  return { kind: "refused", ourFault, detail };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
