import {
  type Delivery,
  type Emailer,
  type LinkFor,
  type MailLinkPurpose,
  type MailTransport,
  makeLogTransport,
  type NoticeSenders,
  openMailgunTransport,
  openSmtpTransport,
  parseMailAddress,
  startDelivery,
} from "@dex/email";
import { backchannelRequestUrl } from "@dex/oidc";
import type { Clock, Logger } from "@dex/runtime";
import type { Storage } from "@dex/storage";
import { type LinkTokens, makeLinkTokens } from "@dex/users";
import type { LinkPlace } from "./accounts/mailed-link.ts";
import type { WorkerConfig } from "./config.ts";

/** Never seen by anybody: without a mail server, mail goes into the log. */
const SENDER_OF_LOGGED_MAIL = "dex@localhost";

export interface MailParts {
  readonly storage: Pick<Storage, "outbox" | "accountLinks">;
  /** What is delivered with it and is no mail. Rows of such kinds are given up where nobody sends them. */
  readonly notices?: NoticeSenders;
  /** With the key secrets, what the tokens of mailed links are made with. */
  readonly salt: Buffer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Delivers the outbox until closed: in the way that is configured, else into the log. */
export function startMail(config: WorkerConfig, parts: MailParts): Delivery {
  const { storage, salt, clock, logger, notices } = parts;
  const { emailer, templates } = config.mail;
  const from = emailer?.from ?? config.emailFrom ?? parseMailAddress(SENDER_OF_LOGGED_MAIL);
  if (from === undefined) throw new Error("mail has no sender");
  const transport = openTransport(emailer, logger);
  const delivery = startDelivery({
    outbox: storage.outbox,
    notices,
    clock,
    logger,
    transport,
    from,
    templates,
    locale: config.emailLocale,
    brand: { issuerName: config.issuerName, issuer: config.issuer, logo: config.issuerLogoUrl },
    linkFor: makeLinkFor(config.issuer, makeLinkTokens({ secrets: config.keySecrets, salt })),
    openPasswordReset: (request, now) => storage.accountLinks.openPasswordReset(request, now),
    redis: config.redisUrl === undefined ? undefined : { url: config.redisUrl },
  });
  return {
    async close() {
      await delivery.close();
      await transport.close();
    },
  };
}

function openTransport(emailer: Emailer | undefined, logger: Logger): MailTransport {
  switch (emailer?.type) {
    case "smtp":
      return openSmtpTransport(emailer.server);
    case "mailgun":
      return openMailgunTransport(emailer.account);
    case "fake":
    case undefined:
      return makeLogTransport(logger);
  }
}

/** The page behind each kind of link, below the issuer. A registration and a user's address are confirmed at one place. */
const LINK_PLACES: Readonly<Record<Exclude<MailLinkPurpose, "backchannel request">, LinkPlace>> = {
  registration: "verify-email",
  "verify email": "verify-email",
  "reset password": "reset-password",
  invitation: "accept-invitation",
  "change email": "change-email",
};

/** Links in mails lead to the configured issuer, whatever host a request named (ACC-9). */
export function makeLinkFor(issuer: URL, tokens: Pick<LinkTokens, "issue">): LinkFor {
  return (purpose, id) => {
    if (purpose === "backchannel request") return new URL(backchannelRequestUrl(issuer.href, id));
    const link = new URL(`${issuer.href.replace(/\/+$/, "")}/${LINK_PLACES[purpose]}`);
    link.searchParams.set("token", tokens.issue(purpose, id));
    return link;
  };
}
