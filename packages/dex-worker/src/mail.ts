import { type Delivery, makeLogTransport, openSmtpTransport, parseMailAddress, startDelivery } from "@dex/email";
import type { Clock, Logger } from "@dex/runtime";
import type { Storage } from "@dex/storage";
import type { WorkerConfig } from "./config.ts";

/** Never seen by anybody: without a mail server, mail goes into the log. */
const SENDER_OF_LOGGED_MAIL = "dex@localhost";

/** Delivers the outbox until closed: over SMTP where a server is configured, else into the log. */
export function startMail(
  config: WorkerConfig,
  parts: { outbox: Storage["outbox"]; clock: Clock; logger: Logger },
): Delivery {
  const from = config.emailFrom ?? parseMailAddress(SENDER_OF_LOGGED_MAIL);
  if (from === undefined) throw new Error("mail has no sender");
  const transport = config.smtpUrl === undefined ? makeLogTransport(parts.logger) : openSmtpTransport(config.smtpUrl);
  const delivery = startDelivery({
    ...parts,
    transport,
    from,
    brand: { issuerName: config.issuerName, issuer: config.issuer },
    redis: config.redisUrl === undefined ? undefined : { url: config.redisUrl },
  });
  return {
    async close() {
      await delivery.close();
      await transport.close();
    },
  };
}
