import { JWT_BEARER } from "../client-jwts/client-assertion.ts";
import { type CompactJws, parseCompactJws } from "../client-jwts/compact-jws.ts";
import { OAuthError } from "../errors.ts";

/** Who a request says it comes from, and what it offers as proof: nothing, for the method `none`. */
export type ClientCredentials = SecretCredentials | AssertionCredentials;

export interface SecretCredentials {
  readonly method: "client_secret_basic" | "client_secret_post" | "none";
  readonly clientId: string;
  readonly secret: string | undefined;
}

export interface AssertionCredentials {
  readonly method: "client_assertion";
  readonly clientId: string;
  readonly assertion: CompactJws;
}

export type PresentedCredentials =
  | { readonly kind: "presented"; readonly credentials: ClientCredentials }
  | { readonly kind: "refused"; readonly error: OAuthError };

const MAX_LENGTH = 1024;
const MAX_HEADER_LENGTH = 4096;
const MAX_ASSERTION_LENGTH = 8192;

/** The credentials of a token request, RFC 6749 §2.3.1. A request may use one method only, §2.3 (TOK-6). */
export function parseClientCredentials(authorization: string | undefined, body: URLSearchParams): PresentedCredentials {
  const bodyId = body.get("client_id") || undefined;
  const bodySecret = body.get("client_secret") || undefined;
  const assertion = body.has("client_assertion") || body.has("client_assertion_type");
  const methods = [authorization !== undefined, bodySecret !== undefined, assertion].filter(Boolean).length;
  if (methods > 1) return refused("invalid_request", "more than one method of client authentication was used");
  if (assertion) return parseAssertion(body, bodyId);
  if (authorization !== undefined) {
    const basic = parseBasic(authorization);
    if (basic === undefined) return refused("invalid_client", "the Authorization header is not well-formed Basic");
    if (bodyId !== undefined && bodyId !== basic.clientId) {
      return refused("invalid_request", "client_id differs from the client that authenticates");
    }
    return { kind: "presented", credentials: basic };
  }
  if (bodyId === undefined) return refused("invalid_client", "client authentication is missing");
  if (bodyId.length > MAX_LENGTH || (bodySecret?.length ?? 0) > MAX_LENGTH) {
    return refused("invalid_client", "client_id or client_secret is too long");
  }
  const method = bodySecret === undefined ? "none" : "client_secret_post";
  return { kind: "presented", credentials: { method, clientId: bodyId, secret: bodySecret } };
}

/** RFC 7521 §4.2, RFC 7523 §2.2. Without a client_id the subject says whom to look up; what it says is checked afterwards. */
function parseAssertion(body: URLSearchParams, bodyId: string | undefined): PresentedCredentials {
  if (body.get("client_assertion_type") !== JWT_BEARER) {
    return refused("invalid_client", "this client_assertion_type is not supported");
  }
  const assertion = parseCompactJws(body.get("client_assertion") ?? "", MAX_ASSERTION_LENGTH);
  const subject = assertion?.claims.sub;
  if (assertion === undefined || typeof subject !== "string" || subject === "" || subject.length > MAX_LENGTH) {
    return refused("invalid_client", "client authentication failed");
  }
  // RFC 7521 §4.2.1
  if (bodyId !== undefined && bodyId !== subject) {
    return refused("invalid_client", "client_id differs from the client that authenticates");
  }
  return { kind: "presented", credentials: { method: "client_assertion", clientId: subject, assertion } };
}

/** RFC 7617 §2, with id and secret form-encoded inside as RFC 6749 §2.3.1 asks (TOK-9). */
function parseBasic(header: string): SecretCredentials | undefined {
  if (header.length > MAX_HEADER_LENGTH) return undefined;
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header) ?? [];
  const pair = encoded === undefined ? undefined : decodeBase64(encoded);
  const colon = pair?.indexOf(":") ?? -1;
  if (pair === undefined || colon < 1) return undefined;
  const clientId = decodeFormValue(pair.slice(0, colon));
  const secret = decodeFormValue(pair.slice(colon + 1));
  if (clientId === undefined || secret === undefined) return undefined;
  if (clientId.length > MAX_LENGTH || secret.length > MAX_LENGTH) return undefined;
  return { method: "client_secret_basic", clientId, secret };
}

function decodeBase64(text: string): string | undefined {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function decodeFormValue(text: string): string | undefined {
  try {
    const value = decodeURIComponent(text.replaceAll("+", " "));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    return /[\0-\x1f\x7f]/.test(value) ? undefined : value;
  } catch {
    return undefined;
  }
}

function refused(code: "invalid_request" | "invalid_client", message: string): PresentedCredentials {
  return { kind: "refused", error: new OAuthError(code, message) };
}
