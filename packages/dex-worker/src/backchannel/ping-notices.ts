import type { SendNotice } from "@dex/email";
import type { Clients, NotificationSealer } from "@dex/oidc";
import { OutboundFailure, type PostJson } from "@dex/runtime";
import { z } from "zod";

/** The kind of the outbox rows that tell a client to come for its tokens. */
export const PING_NOTICE = "backchannel-authentication";

const payloadShape = z.object({ sealed: z.string().regex(/^(?:[0-9a-f]{2})+$/), until: z.number() });

/**
 * Tells clients in ping mode that there is an answer, CIBA Core §10.2. Where it goes is what the client has registered by then.
 * Its answer is not read. One that refuses is not asked again; it may poll. One that fails is, until the request is over.
 */
export function makePingNotices(parts: {
  clients: Clients;
  notifications: Pick<NotificationSealer, "open">;
  postJson: PostJson;
}): SendNotice {
  const { clients, notifications, postJson } = parts;
  return async (row, now) => {
    const payload = payloadShape.safeParse(row.payload);
    const clientId = row.origin.clientId;
    if (!payload.success || clientId === undefined) return { kind: "refused", error: "the row names no request" };
    const { sealed, until } = payload.data;
    if (until * 1000 <= now.getTime()) return { kind: "discarded", reason: "the request is over" };
    const uri = (await clients.find(clientId))?.details.backchannel_client_notification_endpoint;
    if (uri === undefined) return { kind: "discarded", reason: "the client takes no notifications" };
    const notification = notifications.open(clientId, Buffer.from(sealed, "hex"));
    if (notification === undefined) return { kind: "refused", error: "no key secret opens the notification" };
    try {
      const { clientNotificationToken: bearer, authReqId } = notification;
      const status = await postJson(uri, { bearer, body: { auth_req_id: authReqId } });
      if (status >= 200 && status < 300) return { kind: "accepted" };
      if (status < 500) return { kind: "discarded", reason: `answered ${status}` };
      return { kind: "failed", error: `answered ${status}` };
    } catch (error) {
      if (!(error instanceof OutboundFailure)) throw error;
      return { kind: "failed", error: "it could not be reached" };
    }
  };
}
