import { OAuthError } from "../errors.ts";
import { refuseUnsafeParameters } from "./parameters.ts";

export type BearerToken =
  | { readonly kind: "token"; readonly token: string }
  /** Nothing that claims to be a bearer token: the challenge names no error, RFC 6750 §3.1. */
  | { readonly kind: "missing"; readonly detail: string }
  | { readonly kind: "refused"; readonly error: OAuthError };

const MAX_HEADER_LENGTH = 16_384;

/** The access token of a request, from the header or from the form, RFC 6750 §2. Never from the URL (RFC 9700 §4.3.2). */
export function parseBearerToken(request: {
  authorization: string | undefined;
  query: URLSearchParams;
  body?: URLSearchParams | undefined;
}): BearerToken {
  const { authorization, query, body } = request;
  if (query.has("access_token")) return refused("invalid_request", "an access token must not be sent in the URL");
  const unsafe = body === undefined ? undefined : refuseUnsafeParameters(body);
  if (unsafe !== undefined) return { kind: "refused", error: unsafe };
  const inBody = body?.getAll("access_token") ?? [];
  const [first] = inBody;
  if (inBody.length > 1 || (first !== undefined && authorization !== undefined)) {
    return refused("invalid_request", "the access token was sent more than once");
  }
  if (first !== undefined) return asToken(first);
  if (authorization === undefined) return { kind: "missing", detail: "neither header nor form holds a token" };
  if (!/^bearer(?: |$)/i.test(authorization)) return { kind: "missing", detail: "the scheme is not Bearer" };
  return asToken(authorization.slice("bearer".length).replace(/^ +/, ""));
}

function asToken(text: string): BearerToken {
  // RFC 6750 §2.1 b64token
  return text.length <= MAX_HEADER_LENGTH && /^[A-Za-z0-9._~+/-]+=*$/.test(text)
    ? { kind: "token", token: text }
    : refused("invalid_token", "the access token is not well-formed");
}

function refused(code: "invalid_request" | "invalid_token", message: string): BearerToken {
  return { kind: "refused", error: new OAuthError(code, message) };
}
