// What mail delivery needs from outside. storage fulfils the outbox.
import type { JsonObject } from "@dex/runtime";
import type { SendOutcome } from "./transport.ts";

/** One row of the outbox, claimed by this caller until its lease ends. Holds no secret; all else is read when claimed. */
export interface ClaimedMail {
  /** A UUID; also the name of its job in Redis and the left half of its Message-ID. */
  readonly id: string;
  /** Proves that the claim is still ours. Another claim of the same row gets another one. */
  readonly lease: string;
  /** Claims of this row so far, this one included: a process that died while sending has used up one too. */
  readonly attempt: number;
  /** Which mail: one of the kinds in the README, if this version knows it. */
  readonly kind: string;
  /** Whether a user with this very address has confirmed it. */
  readonly recipient: { readonly address: string; readonly verified: boolean };
  /** A user has the address that the row names. */
  readonly addressTaken: boolean;
  /** What the mailed link stands for. Not live: used, expired, superseded, of another address or of a disabled user. */
  readonly link: { readonly id: string; readonly live: boolean } | undefined;
  /** The connector that the message is about. */
  readonly connectorId: string | undefined;
  /** The name of the client that the message is about; undefined when it is about none or the client is gone. */
  readonly clientName: string | undefined;
  readonly origin: MailOrigin;
  /** What a row that is no mail is made of. */
  readonly payload?: JsonObject | undefined;
  /** When that happened which the message tells of. */
  readonly occurredAt: Date;
}

/** Where the person was who caused a mail. */
export interface MailOrigin {
  readonly clientId: string | undefined;
  readonly redirectUri: string | undefined;
  readonly flowId: string | undefined;
  /** A BCP 47 tag. */
  readonly locale: string | undefined;
}

/**
 * Sends what is no mail: a row of another kind, with the same tries, leases and end. May throw: then it is tried again.
 * `discarded`: nobody is to get it any more.
 */
export type SendNotice = (
  row: ClaimedMail,
  now: Date,
) => Promise<SendOutcome | { readonly kind: "discarded"; readonly reason: string }>;

/** By the kind of their rows. */
export type NoticeSenders = Readonly<Record<string, SendNotice>>;

/** A row that is due, for relaying. */
export interface DueMail {
  readonly id: string;
  readonly dueAt: Date;
}

/** What becomes of a row whose sending failed: due again at an instant, or given up and kept for people to see. */
export type NextTry = { readonly kind: "retry"; readonly at: Date } | { readonly kind: "dead" };

/** Mail that was promised in the transaction of its cause. Each method is one statement. */
export interface Outbox {
  /**
   * Claims up to `limit` due rows, the longest waiting first, and makes them due again `leaseSeconds` later. Rows that
   * another caller is claiming at this moment are passed over, never waited for: of two callers each row goes to one.
   */
  claimDue(limit: number, now: Date, leaseSeconds: number): Promise<readonly ClaimedMail[]>;
  /** Claims this row when it is due; undefined when it is not: unknown, done, leased, waiting, or just being claimed. */
  claim(id: string, now: Date, leaseSeconds: number): Promise<ClaimedMail | undefined>;
  /** Ends the row. False, changing nothing, when the lease is no longer the row's. */
  markSent(id: string, lease: string, now: Date): Promise<boolean>;
  /** Notes `error`, a short reason without addresses, and what is next. False, changing nothing, when the lease is lost. */
  markFailed(id: string, lease: string, error: string, next: NextTry, now: Date): Promise<boolean>;
  /** Ends the row unsent: nobody is to get it any more. False, changing nothing, when the lease is lost. */
  markDiscarded(id: string, lease: string, reason: string, now: Date): Promise<boolean>;
  /** Due rows, the longest waiting first. Claims nothing. */
  listDue(limit: number, now: Date): Promise<readonly DueMail[]>;
}

/** `dead`: given up, a person should look. `discarded`: ended unsent, since nobody was to get it any more. */
export type MailState = "waiting" | "sent" | "dead" | "discarded";

/** A row of the outbox as an operator sees it. */
export interface QueuedMail {
  readonly id: string;
  readonly kind: string;
  readonly state: MailState;
  /** In full, for operators; masked in logs. The id of the client that a notice goes to. */
  readonly recipient: string;
  readonly attempts: number;
  /** Why the last try failed, or why it was discarded; our own words and codes, no address in them. */
  readonly lastError: string | undefined;
  readonly occurredAt: Date;
  /** When it is tried next, while it waits. */
  readonly dueAt: Date | undefined;
  /** When it was sent, given up or discarded. */
  readonly endedAt: Date | undefined;
}

export interface MailQuery {
  readonly state: MailState;
  readonly limit: number;
  /** The `next` of the page before. */
  readonly after: string | undefined;
}

/** The outbox for people who look after it. Each method is one statement. */
export interface MailQueue<Actor> {
  /**
   * Rows in this state, the newest cause first; `next` leads to the rows after them and is undefined on the last page.
   * Undefined when `after` is nothing that `next` ever was.
   */
  list(
    query: MailQuery,
  ): Promise<{ readonly mails: readonly QueuedMail[]; readonly next: string | undefined } | undefined>;
  /**
   * Makes a dead mail due at once, with all tries ahead of it again, and notes who did (ADM-6). Of two callers one gets
   * `due`. A mail in any other state stays as it is.
   */
  retry(id: string, actor: Actor, now: Date): Promise<"due" | "not dead" | "unknown">;
}

/** What the mailed links are for; each purpose has tokens of its own. */
export type MailLinkPurpose =
  | "registration"
  | "verify email"
  | "reset password"
  | "invitation"
  | "change email"
  | "backchannel request";

/** The address to mail for this purpose and id of a link. Made when the mail is sent, and never kept (ACC-8, LOG-1). */
export type LinkFor = (purpose: MailLinkPurpose, id: string) => URL;

/** A promised reset mail: `id` is that of its row, where the rest of the link stands, and becomes that of the link. */
export interface PasswordResetRequest {
  readonly id: string;
  readonly email: string;
}

/**
 * Finds out whose password a reset mail is about, and opens the link for it. Said again for the same mail it changes
 * nothing and answers the same, as long as the link lives. `superseded`: a newer one took its place, or it was used.
 */
export type OpenPasswordReset = (
  request: PasswordResetRequest,
  now: Date,
) => Promise<"link" | "no password" | "nobody" | "superseded">;
