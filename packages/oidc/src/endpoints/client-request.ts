import type { JsonObject } from "@dex/runtime";
import { OAuthError } from "../errors.ts";
import type { ClientCertificate } from "../mutual-tls/client-certificate.ts";
import { refuseRepeated, refuseUnsafeParameters } from "./parameters.ts";

/** A form that a client posts with its authentication, as it came: to the token endpoint (RFC 6749 §3.2) and its kin. */
export interface ClientRequest {
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly query: URLSearchParams;
  readonly body: URLSearchParams;
  /** The peer's address, for throttling. */
  readonly source: string;
  /** The header Accept. */
  readonly accept?: string | undefined;
  /** The header DPoP, each time it was sent (RFC 9449 §4.1). */
  readonly dpop?: readonly string[] | undefined;
  /** Of the TLS connection that the client made, whoever ended it (RFC 8705). */
  readonly clientCertificate?: ClientCertificate | undefined;
}

/** What such an endpoint answers with when it does not throw an OAuthError. */
export type ClientAnswer = (
  | { readonly kind: "json"; readonly status: 200 | 201; readonly body: JsonObject }
  | { readonly kind: "jwt"; readonly jwt: string; readonly contentType: string }
  | { readonly kind: "empty" }
) & {
  /** For the header DPoP-Nonce, RFC 9449 §8.2. */
  readonly dpopNonce?: string | undefined;
};

/** An endpoint for clients, below the issuer. */
export interface ClientEndpoint {
  readonly path: `/${string}`;
  /** Whether pages of clients may call it (NET-7). */
  readonly crossOrigin: boolean;
  /** Throws an OAuthError when the request is refused. */
  handle(request: ClientRequest, now: Date): Promise<ClientAnswer>;
}

/** What proves who the client is, RFC 6749 §2.3 and RFC 7521 §4.2. */
const CREDENTIALS = ["client_id", "client_secret", "client_assertion", "client_assertion_type"] as const;

/**
 * Refuses what is no form, or has one of the credentials or of `parameters` twice or in the URL, where it would end in a
 * log (TOK-7). Each of `repeatable` may come more than once.
 */
export function refuseMalformedForm(
  { contentType, query, body }: ClientRequest,
  parameters: readonly string[],
  repeatable: readonly string[] = [],
): OAuthError | undefined {
  const names = [...parameters, ...CREDENTIALS];
  const inUrl = [...names, ...repeatable].find((name) => query.has(name));
  if (inUrl !== undefined) return new OAuthError("invalid_request", `${inUrl} belongs into the body, not into the URL`);
  const [mediaType = ""] = (contentType ?? "").split(";");
  if (mediaType.trim().toLowerCase() !== "application/x-www-form-urlencoded") {
    return new OAuthError("invalid_request", "the body must be application/x-www-form-urlencoded");
  }
  return refuseUnsafeParameters(body) ?? refuseRepeated(body, names);
}
