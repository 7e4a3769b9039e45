import type { ClientAuthentication } from "../clients/client-authentication.ts";
import { OAuthError } from "../errors.ts";
import type { Revocations } from "../ports.ts";
import type { OwnToken, ReadOwnToken } from "../tokens/own-token.ts";
import { type ClientEndpoint, refuseMalformedForm } from "./client-request.ts";
import { single } from "./parameters.ts";

export const REVOCATION_PATH = "/revoke";

export interface RevocationEndpointParts {
  readonly clientAuthentication: ClientAuthentication;
  readonly readOwnToken: ReadOwnToken;
  readonly revocations: Pick<Revocations, "endFamily" | "endAccessToken">;
}

/**
 * The revocation endpoint, RFC 7009. A client ends what was issued to it: with a refresh token everything of its grant, with
 * an access token that one. What is no live token of ours is answered like success (§2.2), another client's token with
 * invalid_grant, and nothing happens to it (§2.1, REV-2). Throws what the stores throw: an end that was not written down is
 * never reported (REV-3).
 */
export function makeRevocationEndpoint(parts: RevocationEndpointParts): ClientEndpoint {
  const { clientAuthentication, revocations } = parts;

  async function end(presented: OwnToken, clientId: string, now: Date): Promise<void> {
    if (presented.kind === "refresh token") {
      const owner = await revocations.endFamily({ familyId: presented.token.familyId, clientId }, now);
      if (owner !== undefined && owner !== clientId) throw foreign();
      return;
    }
    const { token } = presented;
    if (token.clientId !== clientId) throw foreign();
    const userId = presented.kind === "access token" ? presented.token.userId : undefined;
    await revocations.endAccessToken({ id: token.id, clientId, userId, expiresAt: token.expiresAt });
  }

  return {
    path: REVOCATION_PATH,
    crossOrigin: true,
    async handle(request, now) {
      const malformed = refuseMalformedForm(request, ["token", "token_type_hint"]);
      if (malformed !== undefined) throw malformed;
      const client = await clientAuthentication.authenticate(request, now);
      const text = single(request.body, "token");
      if (text === undefined) throw new OAuthError("invalid_request", "token is missing");
      const presented = await parts.readOwnToken(text, now);
      if (presented !== undefined) await end(presented, client.id, now);
      return { kind: "empty" };
    },
  };
}

function foreign(): OAuthError {
  return new OAuthError("invalid_grant", "the token was issued to another client");
}
