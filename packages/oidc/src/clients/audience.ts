// Cross-client audiences, dex v1 §3.6: a scope asks that another client may take the ID token for its own.
import { OAuthError, type OAuthErrorCode } from "../errors.ts";
import type { Clients } from "../ports.ts";
import type { Client } from "./client.ts";

const PREFIX = "audience:server:client_id:";

/** Whether the scope asks for an audience, well-formed or not. */
export function isAudienceScope(scope: string): boolean {
  return scope.startsWith(PREFIX);
}

/** The ids of the clients that the scope asks to be audiences, in its order. */
export function audiencesOf(scope: readonly string[]): readonly string[] {
  return scope.filter(isAudienceScope).map((word) => word.slice(PREFIX.length));
}

/** The scope that asks for this client as an audience. */
export function toAudienceScope(clientId: string): string {
  return PREFIX + clientId;
}

/** Whether `requester` may have tokens made for `audience`: for itself always, for another client when that one says so. */
export function mayMintFor(requester: Pick<Client, "id">, audience: Pick<Client, "id" | "trustedPeers">): boolean {
  return audience.id === requester.id || audience.trustedPeers.includes(requester.id);
}

/**
 * Refuses a scope with an audience that does not trust the requester now, or does not exist (TOK-19); which of both is
 * not told. One after the other: whoever makes up ids causes one look-up with each request, not many.
 */
export async function refuseAudiences(
  scope: readonly string[],
  requester: Pick<Client, "id">,
  { clients, code }: { clients: Clients; code: OAuthErrorCode },
): Promise<OAuthError | undefined> {
  for (const id of audiencesOf(scope)) {
    const audience = id === requester.id ? { id, trustedPeers: [] } : await clients.find(id);
    if (audience === undefined || !mayMintFor(requester, audience)) {
      return new OAuthError(code, "the scope asks for an audience that does not trust this client", {
        detail: `audience ${JSON.stringify(id.slice(0, 100))}`,
      });
    }
  }
  return undefined;
}

/**
 * The `aud` and `azp` of an ID token, OIDC Core §2. The client that asked is always among the audiences, since it must
 * find itself there; it is named as the authorized party wherever an audience was asked for.
 */
export function audienceClaims(
  requesterId: string,
  scope: readonly string[],
): { readonly aud: string | readonly string[]; readonly azp?: string } {
  const asked = audiencesOf(scope);
  if (asked.length === 0) return { aud: requesterId };
  const all = [...new Set([...asked, requesterId])];
  return { aud: all.length === 1 ? requesterId : all, azp: requesterId };
}
