// The answer that a browser brings back from an authorization endpoint (RFC 6749 §4.1.2). Pure.
import type { LoginRefusal } from "../connector.ts";
import { invalidAnswer, LoginRefused } from "../login-refused.ts";
import type { OAuth2Endpoints } from "./provider.ts";

const MAX_CODE_LENGTH = 4096;

/** RFC 6749 §4.1.2.1: errors that mean no, from the person or for the person. */
const DENIED: ReadonlySet<string> = new Set(["access_denied", "login_required", "interaction_required"]);
const UPSTREAM_AT_FAULT: ReadonlySet<string> = new Set(["server_error", "temporarily_unavailable"]);

/** The code in it. The caller has matched `state` with the login state; here it is once more. Throws LoginRefused. */
export function readCode(query: URLSearchParams, state: string, endpoints: OAuth2Endpoints): string {
  if (state === "" || query.get("state") !== state) throw invalidAnswer("state is another one");
  const iss = query.get("iss");
  if (iss !== null && !isFrom(iss, endpoints)) throw invalidAnswer("iss is another server");
  const error = query.get("error");
  if (error !== null) throw new LoginRefused(toRefusal(error, query.get("error_description") ?? ""));
  const code = query.get("code") ?? "";
  if (code === "" || code.length > MAX_CODE_LENGTH) throw invalidAnswer("code is missing or too long");
  return code;
}

/**
 * RFC 9207, as far as it can be checked without metadata: an answer that names another server is not looked at (MIX-1).
 */
function isFrom(iss: string, { issuer, authorizationEndpoint }: OAuth2Endpoints): boolean {
  if (issuer !== undefined) return iss === issuer;
  return URL.parse(iss)?.origin === new URL(authorizationEndpoint).origin;
}

function toRefusal(error: string, description: string): LoginRefusal {
  const words = [error, description].map((text) => JSON.stringify(text.slice(0, 200)));
  const detail = `authorization response: ${words.join(" ")}`;
  if (DENIED.has(error)) return { kind: "refused", reason: "denied upstream", detail };
  return UPSTREAM_AT_FAULT.has(error)
    ? { kind: "unavailable", detail }
    : { kind: "refused", reason: "invalid answer", detail };
}
