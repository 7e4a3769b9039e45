// How an access token comes to a protected resource: as a bearer token, RFC 6750 §2, or beside a DPoP proof, RFC 9449 §7.1.
import { parseBearerToken } from "../endpoints/bearer-token.ts";
import { OAuthError } from "../errors.ts";
import type { TokenType } from "../grants/grant.ts";
import { type Confirmation, confirms } from "../tokens/confirmation.ts";
import type { ProofTarget } from "./dpop-proof.ts";
import type { ProvenSender, ProveSender, SenderEvidence } from "./prove-sender.ts";

export type PresentedToken =
  | { readonly kind: "token"; readonly scheme: TokenType; readonly token: string }
  | { readonly kind: "missing"; readonly detail: string }
  | { readonly kind: "refused"; readonly error: OAuthError };

/** The scheme of an Authorization header, in any case of letters (RFC 9110 §11.1); Bearer for every other one. */
export function schemeOf(authorization: string | undefined): TokenType {
  return /^dpop(?: |$)/i.test(authorization ?? "") ? "DPoP" : "Bearer";
}

/** The access token of a request and how it was sent. Only a bearer token may come in a form. */
export function parsePresentedToken(request: {
  readonly authorization: string | undefined;
  readonly query: URLSearchParams;
  readonly body?: URLSearchParams | undefined;
}): PresentedToken {
  const { authorization } = request;
  const scheme = schemeOf(authorization);
  // RFC 9449 §7.1 has the token in the characters of RFC 6750 §2.1.
  const asBearer = scheme === "DPoP" ? `Bearer${authorization?.slice(scheme.length)}` : authorization;
  const parsed = parseBearerToken({ ...request, authorization: asBearer });
  return parsed.kind === "token" ? { ...parsed, scheme } : parsed;
}

/**
 * The sender of a token that was presented to a resource, once it is known that the token is what it is bound to. Throws
 * invalid_token when a bound token comes without its key or a bearer token as a bound one (DPO-2), and invalid_dpop_proof.
 */
export function proveBearer(
  presented: { readonly scheme: TokenType; readonly token: string; readonly boundTo: Confirmation | undefined },
  request: { readonly evidence: SenderEvidence; readonly target: Omit<ProofTarget, "accessToken"> },
  proveSender: ProveSender,
  now: Date,
): ProvenSender {
  const { scheme, token, boundTo } = presented;
  const evidence = scheme === "DPoP" ? request.evidence : { ...request.evidence, dpop: [] };
  if (scheme === "DPoP" && boundTo?.jkt === undefined) {
    throw new OAuthError("invalid_token", "the access token is not bound to the key of a DPoP proof");
  }
  const sender = proveSender(evidence, { ...request.target, accessToken: token }, now);
  if (scheme === "DPoP" && sender.confirmation?.jkt === undefined) {
    throw new OAuthError("invalid_dpop_proof", "the DPoP proof is missing");
  }
  if (!confirms(sender.confirmation, boundTo)) {
    throw new OAuthError("invalid_token", "the access token is bound to another key than was shown");
  }
  return sender;
}
