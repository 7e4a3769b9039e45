import type { MailAddress } from "./mail-address.ts";
import type { RenderedMessage } from "./messages.ts";

/** One mail, ready to go. */
export interface OutgoingMail extends RenderedMessage {
  /** The outbox row: every try of the same mail carries the same Message-ID. */
  readonly id: string;
  readonly kind: string;
  readonly from: MailAddress;
  readonly fromName: string;
  readonly to: MailAddress;
}

/** The same at every try of a mail, so that a receiver can drop a second copy. */
export function messageIdOf({ id, from }: Pick<OutgoingMail, "id" | "from">): string {
  return `<${id}@${from.address.slice(from.address.lastIndexOf("@") + 1)}>`;
}

/**
 * What came of handing a mail over. `error` is a short reason from our own words, codes and status numbers: what a server
 * says may name the recipient (LOG-2).
 */
export type SendOutcome =
  | { readonly kind: "accepted" }
  /** The server will never take this mail for this recipient. */
  | { readonly kind: "refused"; readonly error: string }
  /** The server surely did not take it; another try may do better. */
  | { readonly kind: "failed"; readonly error: string }
  /** All of it was handed over and no answer came: the server may have taken it. */
  | { readonly kind: "unknown"; readonly error: string };

/** Hands mail to the outside. */
export interface MailTransport {
  /** Never throws for what a server or a network does; answers within a bounded time. */
  send(mail: OutgoingMail): Promise<SendOutcome>;
  close(): Promise<void>;
}
