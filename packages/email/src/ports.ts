// What mail delivery needs from outside. storage fulfils the outbox.

/** One row of the outbox, claimed by this caller until its lease ends. Holds no secret; all else is read when claimed. */
export interface ClaimedMail {
  /** A UUID; also the name of its job in Redis and the left half of its Message-ID. */
  readonly id: string;
  /** Proves that the claim is still ours. Another claim of the same row gets another one. */
  readonly lease: string;
  /** Claims of this row so far, this one included: a process that died while sending has used up one too. */
  readonly attempt: number;
  /** Which message: one of the kinds of messages.ts, if this version knows it. */
  readonly kind: string;
  readonly recipient: { readonly address: string; readonly verified: boolean };
  /** The name of the client that the message is about; undefined when it is about none or the client is gone. */
  readonly clientName: string | undefined;
  /** When that happened which the message tells of. */
  readonly occurredAt: Date;
}

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
  /** Due rows, the longest waiting first. Claims nothing. */
  listDue(limit: number, now: Date): Promise<readonly DueMail[]>;
}
