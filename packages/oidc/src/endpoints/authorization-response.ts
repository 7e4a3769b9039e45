import { type OAuthError, renderErrorDescription } from "../errors.ts";
import type { AuthorizationRequest } from "./authorization-request.ts";

/** Where an answer goes, and the state that goes with it. */
export type ResponseTarget = Pick<AuthorizationRequest, "redirectUri" | "state">;

/** The URL that takes the code to the client, RFC 6749 §4.1.2. Names the issuer always: RFC 9207 §2 (AUT-1, AUT-2). */
export function renderAuthorizationSuccess(request: ResponseTarget, code: string, issuer: string): string {
  return withQuery(request.redirectUri, [["code", code], ...stateAndIssuer(request, issuer)]);
}

/** The URL that takes an error to the client, RFC 6749 §4.1.2.1. */
export function renderAuthorizationError(request: ResponseTarget, error: OAuthError, issuer: string): string {
  return withQuery(request.redirectUri, [
    ["error", error.code],
    ["error_description", renderErrorDescription(error)],
    ...stateAndIssuer(request, issuer),
  ]);
}

function stateAndIssuer(request: ResponseTarget, issuer: string): readonly (readonly [string, string])[] {
  return request.state === undefined
    ? [["iss", issuer]]
    : [
        ["state", request.state],
        ["iss", issuer],
      ];
}

// Appended as text: URL would write the registered redirect_uri anew, and its query must stay as it is (RFC 6749 §3.1.2).
function withQuery(uri: string, members: readonly (readonly [string, string])[]): string {
  const separator = !uri.includes("?") ? "?" : /[?&]$/.test(uri) ? "" : "&";
  return uri + separator + members.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}
