import type { Logger } from "@dex/runtime";
import { maskMailAddress } from "./mail-address.ts";
import type { MailTransport } from "./transport.ts";

/**
 * dex v1's "fake": for a dex that has no mail server. Says that a mail was due, never what is in it or to whom exactly
 * (LOG-1, LOG-2).
 */
export function makeLogTransport(logger: Logger): MailTransport {
  return {
    async send(mail) {
      logger.info("mail not sent: no mail server is configured", { kind: mail.kind, to: maskMailAddress(mail.to) });
      return { kind: "accepted" };
    },
    async close() {},
  };
}
