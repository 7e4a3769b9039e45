import type { SendNotice } from "@dex/email";
import {
  type Clients,
  LOGOUT_TOKEN_TYP,
  logoutTokenClaims,
  type Subjects,
  sectorOf,
  type TokenSigner,
} from "@dex/oidc";
import { OutboundFailure, type PostForm } from "@dex/runtime";
import { z } from "zod";

/** The kind of the outbox rows that become logout tokens. */
export const LOGOUT_NOTICE = "backchannel-logout";

const payloadShape = z.object({
  userId: z.string(),
  connectorId: z.string(),
  remoteId: z.string().optional(),
  session: z.string().regex(/^[0-9a-f]{64}$/),
});

/**
 * Sends logout tokens, OIDC Back-Channel Logout §2.5. The token is made when it is sent, since it is good for two minutes
 * only; where it goes is what the client has registered by then.
 */
export function makeLogoutNotices(parts: {
  issuer: string;
  clients: Clients;
  signer: TokenSigner;
  subjects: Subjects;
  postForm: PostForm;
}): SendNotice {
  const { issuer, clients, signer, subjects, postForm } = parts;
  return async (row, now) => {
    const payload = payloadShape.safeParse(row.payload);
    const clientId = row.origin.clientId;
    if (!payload.success || clientId === undefined) return { kind: "refused", error: "the row names no session" };
    const client = await clients.find(clientId);
    const uri = client?.details.backchannel_logout_uri;
    if (client === undefined || uri === undefined)
      return { kind: "discarded", reason: "the client takes no logout tokens" };
    const { userId: id, remoteId, connectorId, session } = payload.data;
    const subject = subjects.of({ user: { id, remoteId }, connectorId }, sectorOf(client));
    const sessionHash = Buffer.from(session, "hex");
    const claims = logoutTokenClaims({ issuer, clientId, subject, sessionHash, jti: row.id }, now);
    const token = await signer.sign(claims, { typ: LOGOUT_TOKEN_TYP, algorithm: client.idTokenSigningAlgorithm });
    try {
      const status = await postForm(uri, new URLSearchParams({ logout_token: token }));
      // §2.8 says 200; many answer 204.
      return status >= 200 && status < 300 ? { kind: "accepted" } : { kind: "failed", error: `answered ${status}` };
    } catch (error) {
      if (!(error instanceof OutboundFailure)) throw error;
      return { kind: "failed", error: "it could not be reached" };
    }
  };
}
