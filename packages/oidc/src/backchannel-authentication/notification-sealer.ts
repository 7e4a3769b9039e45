import { type KeySecrets, makeSealer, type Random } from "@dex/runtime";
import { z } from "zod";

/** What a client in ping mode is told, and what it knows us by: CIBA Core §10.2. Both are secrets. */
export interface BackchannelNotification {
  readonly authReqId: string;
  readonly clientNotificationToken: string;
}

/** Notifications as they wait for the decision in the database: of one client each, and read by nobody without the key secrets. */
export interface NotificationSealer {
  seal(clientId: string, notification: BackchannelNotification): Buffer;
  open(clientId: string, sealed: Buffer): BackchannelNotification | undefined;
}

const shape = z.strictObject({ authReqId: z.string(), clientNotificationToken: z.string() });

export function makeNotificationSealer(parts: {
  secrets: KeySecrets;
  salt: Buffer;
  random: Random;
}): NotificationSealer {
  const sealer = makeSealer({ ...parts, purpose: "backchannel-notification" });
  return {
    seal: (clientId, notification) => sealer.seal(Buffer.from(JSON.stringify(notification)), clientId),
    open(clientId, sealed) {
      const opened = sealer.open(sealed, clientId);
      return opened && shape.parse(JSON.parse(opened.plaintext.toString()));
    },
  };
}
