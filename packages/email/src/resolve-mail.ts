// What becomes of a claimed row: a message, nothing, or never anything. Found out when it is sent, not when it was promised.
import { type MailAddress, parseMailAddress } from "./mail-address.ts";
import type { MessageName } from "./message-names.ts";
import type { MailContent } from "./messages.ts";
import type { ClaimedMail, LinkFor, MailLinkPurpose, OpenPasswordReset } from "./ports.ts";
import { MAX_TRIES } from "./retry.ts";

export type ResolvedMail =
  | { readonly kind: "message"; readonly content: MailContent }
  /** Nobody is to get it any more. */
  | { readonly kind: "discarded"; readonly reason: string }
  /** There will never be such a mail, and a person should know. */
  | { readonly kind: "refused"; readonly error: string };

export interface ResolveParts {
  readonly linkFor: LinkFor;
  readonly openPasswordReset: OpenPasswordReset;
}

/** Kinds of rows that carry the id of a link. */
const LINK_PURPOSES: Readonly<Record<string, { message: MessageName; purpose: MailLinkPurpose }>> = {
  "confirm-registration": { message: "confirm-registration", purpose: "registration" },
  "verify-email": { message: "verify-email", purpose: "verify email" },
  invitation: { message: "invitation", purpose: "invitation" },
  "confirm-email-change": { message: "confirm-email-change", purpose: "change email" },
  "backchannel-request": { message: "backchannel-request", purpose: "backchannel request" },
};

/** Kinds that tell a user of something; they go to a verified address only. */
const NOTICES: readonly string[] = [
  "password-changed",
  "email-change-requested",
  "identity-linked",
  "identity-unlinked",
  "refresh-token-replayed",
] satisfies readonly MessageName[];

/** Throws when the database does not answer: then the row is tried again. */
export async function resolveMail(row: ClaimedMail, parts: ResolveParts, now: Date): Promise<ResolvedMail> {
  // Counted when claimed: whoever had it before us has died of it, eight times.
  if (row.attempt > MAX_TRIES) return refused("every process that tried to send it ended first");
  const to = parseMailAddress(row.recipient.address);
  if (to === undefined) return refused("the address is not one plain address");
  if (row.kind === "password-reset") return resolveReset(row, to, parts, now);
  const linked = Object.hasOwn(LINK_PURPOSES, row.kind) ? LINK_PURPOSES[row.kind] : undefined;
  if (linked !== undefined) return resolveLink(row, to, linked, parts.linkFor);
  // The address that was a user's until now. Whoever promised this mail has seen to it that it had been verified.
  if (row.kind === "email-changed") return message("email-changed", row, to);
  const notice = NOTICES.find((name) => name === row.kind);
  if (notice === undefined) return refused("this version of dex does not know this kind of mail");
  // Otherwise anybody could enter a stranger's address and have us fill their mailbox. Nothing that a person could mend.
  if (!row.recipient.verified) return discarded("the address is not verified");
  return message(notice as MessageName, row, to); // the list above holds nothing else
}

function resolveLink(
  row: ClaimedMail,
  to: MailAddress,
  { message: name, purpose }: { message: MessageName; purpose: MailLinkPurpose },
  linkFor: LinkFor,
): ResolvedMail {
  if (row.link === undefined) return refused("the row names no link");
  if (!row.link.live) return discarded("its link is used, expired or superseded");
  // ACC-2: only the owner of the mailbox learns that there is an account.
  if (purpose === "registration" && row.addressTaken) return message("account-exists", row, to);
  return message(name, row, to, linkFor(purpose, row.link.id));
}

async function resolveReset(
  row: ClaimedMail,
  to: MailAddress,
  { openPasswordReset, linkFor }: ResolveParts,
  now: Date,
): Promise<ResolvedMail> {
  const answer = await openPasswordReset({ id: row.id, email: to.address }, now);
  switch (answer) {
    case "link":
      return message("password-reset", row, to, linkFor("reset password", row.id));
    case "no password":
      return message("no-password", row, to);
    case "nobody":
      return discarded("nobody has this address");
    case "superseded":
      return discarded("its link is used, expired or superseded");
  }
}

function message(name: MessageName, row: ClaimedMail, to: MailAddress, link?: URL): ResolvedMail {
  const { clientName, connectorId, occurredAt, origin } = row;
  const { locale } = origin;
  return { kind: "message", content: { message: name, to, link, clientName, connectorId, occurredAt, locale } };
}

function refused(error: string): ResolvedMail {
  return { kind: "refused", error };
}

function discarded(reason: string): ResolvedMail {
  return { kind: "discarded", reason };
}
