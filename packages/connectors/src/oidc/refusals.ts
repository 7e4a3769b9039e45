// What openid-client and the transport report as errors, sorted by who is at fault. Pure.
import * as client from "openid-client";
import { UpstreamUnreachable } from "../bounded-fetch.ts";
import type { LoginRefusal } from "../connector.ts";
import { LoginRefused } from "../login-refused.ts";

/** RFC 6749 §4.1.2.1 and OIDC Core §3.1.2.6: the person, or the upstream for the person, said no. */
const DENIED: ReadonlySet<string> = new Set([
  "access_denied",
  "login_required",
  "interaction_required",
  "consent_required",
  "account_selection_required",
]);
const UPSTREAM_AT_FAULT: ReadonlySet<string> = new Set(["server_error", "temporarily_unavailable"]);
/** Errors of the token endpoint that no person can do anything about: our registration there is wrong. */
const MISCONFIGURED: ReadonlySet<string> = new Set(["invalid_client", "unauthorized_client", "unsupported_grant_type"]);

/** `detail` carries codes and our own words; what the upstream wrote is cut short and quoted. */
export function toRefusal(error: unknown): LoginRefusal {
  if (error instanceof client.AuthorizationResponseError) {
    const detail = `authorization response: ${quote(error.error)} ${quote(error.error_description ?? "")}`;
    if (DENIED.has(error.error)) return { kind: "refused", reason: "denied upstream", detail };
    if (UPSTREAM_AT_FAULT.has(error.error)) return { kind: "unavailable", detail };
    return { kind: "refused", reason: "invalid answer", detail };
  }
  if (error instanceof client.ResponseBodyError) {
    const detail = `upstream error: ${quote(error.error)} ${quote(error.error_description ?? "")} (${error.status})`;
    return error.status >= 500 || MISCONFIGURED.has(error.error)
      ? { kind: "unavailable", detail }
      : { kind: "refused", reason: "invalid answer", detail };
  }
  if (error instanceof client.WWWAuthenticateChallengeError) {
    // RFC 6750 §3: about the token that userinfo was asked with.
    if (error.cause.some(({ scheme }) => scheme === "bearer")) {
      return {
        kind: "refused",
        reason: "invalid answer",
        detail: `upstream refused the access token (${error.status})`,
      };
    }
    return { kind: "unavailable", detail: `upstream refused our client authentication (${error.status})` };
  }
  for (let cause = error, depth = 0; depth < 8; depth += 1) {
    if (cause instanceof UpstreamUnreachable) return { kind: "unavailable", detail: cause.message };
    if (cause instanceof Response) return fromStatus(cause.status);
    if (!(cause instanceof Error)) break;
    cause = cause.cause;
  }
  return { kind: "refused", reason: "invalid answer", detail: describe(error) };
}

/** Runs a call of openid-client; what it throws becomes a refusal. */
export async function callUpstream<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw new LoginRefused(toRefusal(error));
  }
}

function fromStatus(status: number): LoginRefusal {
  const detail = `upstream answered with status ${status}`;
  return status >= 500 ? { kind: "unavailable", detail } : { kind: "refused", reason: "invalid answer", detail };
}

/** Messages of the libraries are fixed texts; their causes, which hold claims and tokens, are left out. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "failed";
  const inner = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${inner}`.slice(0, 300);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
