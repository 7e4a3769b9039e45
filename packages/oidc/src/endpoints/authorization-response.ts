// How an answer of the authorization endpoint travels: in the query, in the fragment, or in a form that the browser posts.
import { type OAuthError, renderErrorDescription } from "../errors.ts";
import type { AuthorizationRequest, VerifiedRedirectUri } from "./authorization-request.ts";

/** Where an answer goes and how, and the state that goes with it. */
export type ResponseTarget = Pick<AuthorizationRequest, "redirectUri" | "responseMode" | "state">;

/** The parameters of an answer, in this order. */
export type ResponseMembers = readonly (readonly [name: string, value: string])[];

/** What the browser is to do. */
export type AuthorizationResponse =
  | { readonly kind: "redirect"; readonly to: string }
  /** OAuth 2.0 Form Post Response Mode §2: a page of ours posts the fields to `to`. */
  | { readonly kind: "form_post"; readonly to: VerifiedRedirectUri; readonly fields: ResponseMembers };

/** Takes what was asked for to the client, with the state and the issuer: RFC 9207 §2 (AUT-1, AUT-2). */
export function renderAuthorizationResponse(
  target: ResponseTarget,
  members: ResponseMembers,
  issuer: string,
): AuthorizationResponse {
  const { state } = target;
  return renderMembers(target, [
    ...members,
    ...(state === undefined ? [] : [["state", state] as const]),
    ["iss", issuer],
  ]);
}

/** Takes these parameters to the client and no others. */
export function renderMembers(
  { redirectUri, responseMode }: Omit<ResponseTarget, "state">,
  all: ResponseMembers,
): AuthorizationResponse {
  switch (responseMode) {
    case "form_post":
      return { kind: "form_post", to: redirectUri, fields: all };
    case "fragment":
      return { kind: "redirect", to: `${redirectUri}#${renderForm(all)}` };
    case "query":
      return { kind: "redirect", to: withQuery(redirectUri, all) };
  }
}

/** What an error says, RFC 6749 §4.1.2.1 and OIDC Core §3.2.2.6. */
export function errorMembers(error: OAuthError): ResponseMembers {
  return [
    ["error", error.code],
    ["error_description", renderErrorDescription(error)],
  ];
}

// Appended as text: URL would write the registered redirect_uri anew, and its query must stay as it is (RFC 6749 §3.1.2).
function withQuery(uri: string, members: ResponseMembers): string {
  const separator = !uri.includes("?") ? "?" : /[?&]$/.test(uri) ? "" : "&";
  return uri + separator + renderForm(members);
}

function renderForm(members: ResponseMembers): string {
  return members.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}
