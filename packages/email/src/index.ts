export { type Delivery, type DeliveryParts, startDelivery } from "./delivery.ts";
export { type Emailer, type EmailerResult, parseEmailerConfig, readEmailerConfig } from "./emailer-config.ts";
export { makeLogTransport } from "./log-transport.ts";
export { type MailAddress, mailAddress, maskMailAddress, parseMailAddress } from "./mail-address.ts";
export { type MailgunAccount, openMailgunTransport } from "./mailgun-transport.ts";
export { type Brand, speaks } from "./messages.ts";
export type {
  ClaimedMail,
  DueMail,
  LinkFor,
  MailLinkPurpose,
  MailOrigin,
  MailQuery,
  MailQueue,
  MailState,
  NextTry,
  NoticeSenders,
  OpenPasswordReset,
  Outbox,
  PasswordResetRequest,
  QueuedMail,
  SendNotice,
} from "./ports.ts";
export { openSmtpTransport } from "./smtp-transport.ts";
export { parseSmtpUrl, type SmtpServer, smtpUrl } from "./smtp-url.ts";
export {
  type MailTemplates,
  type MailTemplatesResult,
  NO_TEMPLATES,
  readMailTemplates,
} from "./template-files.ts";
export type { MailTransport, OutgoingMail, SendOutcome } from "./transport.ts";
