export { type Delivery, type DeliveryParts, startDelivery } from "./delivery.ts";
export { makeLogTransport } from "./log-transport.ts";
export { type MailAddress, mailAddress, maskMailAddress, parseMailAddress } from "./mail-address.ts";
export type { Brand } from "./messages.ts";
export type {
  ClaimedMail,
  DueMail,
  MailOrigin,
  MailQuery,
  MailQueue,
  MailState,
  NextTry,
  Outbox,
  QueuedMail,
} from "./ports.ts";
export { openSmtpTransport } from "./smtp-transport.ts";
export { smtpUrl } from "./smtp-url.ts";
export type { MailTransport, OutgoingMail, SendOutcome } from "./transport.ts";
