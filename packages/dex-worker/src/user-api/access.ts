// Who may use the management API: an admin client, by an access token that it got for itself (RFC 6749 §4.4).
import { ApiError } from "@dex/management";
import type { Client, OwnTokenVerifier } from "@dex/oidc";
import { z } from "zod";

/** What a route demands of its caller. Each route of the table names one (ADM-2). */
export const PERMISSIONS = ["admin client"] as const;
export type Permission = (typeof PERMISSIONS)[number];

// RFC 7519 NumericDate. Our own tokens carry whole seconds.
const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string().min(1).max(255),
  aud: z.union([z.string(), z.tuple([z.string()])]),
  client_id: z.string(),
  exp: z.number(),
});

export type TokenDecision =
  | { readonly kind: "client"; readonly clientId: string }
  | { readonly kind: "refused"; readonly error: ApiError };

/**
 * Whose client credentials the verified claims of an access token stand for. A token about a user, one for another
 * audience or another issuer, and one that has expired are refused, all in the same words.
 */
export function decideToken(
  claims: Readonly<Record<string, unknown>> | undefined,
  issuer: string,
  now: Date,
): TokenDecision {
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success) return refusedToken();
  const { iss, sub, aud, client_id, exp } = parsed.data;
  const audience = typeof aud === "string" ? aud : aud[0];
  // RFC 9068 §4, RFC 8725 §3.9. Subject, audience and client are one only when the client asked for itself: a token that
  // a person's sign-in produced names the person, whatever audience it has.
  if (iss !== issuer || audience !== sub || client_id !== sub) return refusedToken();
  if (exp * 1000 <= now.getTime()) return refusedToken();
  return { kind: "client", clientId: sub };
}

export type AccessDecision =
  | { readonly kind: "allowed"; readonly clientId: string }
  | { readonly kind: "refused"; readonly error: ApiError };

/** Whether the client, as it is now, may do what `permission` covers. */
export function decideAccess(
  client: Client | undefined,
  permission: Permission,
  policy: { readonly enabled: boolean },
): AccessDecision {
  if (client === undefined) return refusedToken();
  if (!policy.enabled) {
    return refused(
      "forbidden",
      "client credentials are not accepted here: dex-worker runs without --api-use-client-credentials",
    );
  }
  // A public client cannot hold credentials, so nobody can speak for it.
  if (permission === "admin client" && (!client.admin || client.public)) {
    return refused("forbidden", "this client is not an admin client");
  }
  return { kind: "allowed", clientId: client.id };
}

// One scheme, one token, nothing around it (RFC 6750 §2.1). 8 KiB is more than any token of ours.
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]{1,8192}=*)$/i;

/**
 * Checks the Authorization headers of a request and returns the id of the client that calls. Throws ApiError.
 * `find` must know a client that was just deleted as unknown: a token outlives its client.
 */
export function makeAccessCheck(parts: {
  verifier: OwnTokenVerifier;
  clients: { find(clientId: string): Promise<Client | undefined> };
  issuer: string;
  enabled: boolean;
}): (headers: readonly string[] | undefined, permission: Permission, now: Date) => Promise<string> {
  return async (headers, permission, now) => {
    const token = headers?.length === 1 ? BEARER.exec(headers[0] ?? "")?.[1] : undefined;
    if (token === undefined) throw refusedToken().error;
    const whose = decideToken(await parts.verifier.verify(token, "at+jwt"), parts.issuer, now);
    if (whose.kind === "refused") throw whose.error;
    const access = decideAccess(await parts.clients.find(whose.clientId), permission, parts);
    if (access.kind === "refused") throw access.error;
    return access.clientId;
  };
}

function refusedToken() {
  return refused("unauthorized", "a valid access token of an admin client is required");
}

function refused(code: "unauthorized" | "forbidden", message: string) {
  // RFC 6750 §3: every 401 carries the challenge.
  const headers: Record<string, string> = code === "unauthorized" ? { "WWW-Authenticate": "Bearer" } : {};
  return { kind: "refused", error: new ApiError(code, message, headers) } as const;
}
