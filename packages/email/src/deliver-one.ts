import { setTimeout as sleep } from "node:timers/promises";
import { addSeconds, type Clock, describeError, type Logger } from "@dex/runtime";
import { type MailAddress, maskMailAddress, parseMailAddress } from "./mail-address.ts";
import { type Brand, renderMessage, toMailContent } from "./messages.ts";
import type { ClaimedMail, NextTry, Outbox } from "./ports.ts";
import { decideNextTry, LEASE_SECONDS, MAX_TRIES } from "./retry.ts";
import type { MailTransport, OutgoingMail, SendOutcome } from "./transport.ts";

export interface DeliverOneParts {
  readonly outbox: Pick<Outbox, "markSent" | "markFailed">;
  readonly transport: MailTransport;
  readonly from: MailAddress;
  readonly brand: Brand;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when the process stops: then an outcome that cannot be written is not tried for ever. */
  readonly stopping: AbortSignal;
}

/** Sends one claimed row and writes down what came of it. Never throws. */
export type DeliverOne = (mail: ClaimedMail) => Promise<void>;

export function makeDeliverOne(parts: DeliverOneParts): DeliverOne {
  const { outbox, transport, from, brand, logger, clock } = parts;
  return async (mail) => {
    const claimedAt = clock();
    const ready = prepare(mail, from, brand);
    const outcome = ready.kind === "refused" ? ready : await send(transport, ready.mail, logger);
    const about = {
      id: mail.id,
      kind: mail.kind,
      attempt: mail.attempt,
      ...("mail" in ready ? { to: maskMailAddress(ready.mail.to) } : {}),
    };
    if (outcome.kind === "accepted") {
      if (await record(() => outbox.markSent(mail.id, mail.lease, clock()), claimedAt, parts)) {
        logger.info("mail sent", about);
      } else {
        logger.error("mail sent but not marked so: it may be sent a second time", about);
      }
      return;
    }
    const now = clock();
    const next: NextTry = decideNextTry(outcome, mail.attempt, now);
    await record(() => outbox.markFailed(mail.id, mail.lease, outcome.error, next, now), claimedAt, parts);
    if (next.kind === "dead") logger.error("mail given up", { ...about, error: outcome.error });
    else logger.warn("mail not sent yet", { ...about, error: outcome.error, nextTryAt: next.at.toISOString() });
  };
}

type Prepared = { readonly kind: "ready"; readonly mail: OutgoingMail } | Extract<SendOutcome, { kind: "refused" }>;

/** The mail of a row, or why there will never be one. */
function prepare(row: ClaimedMail, from: MailAddress, brand: Brand): Prepared {
  // Counted when claimed: whoever had it before us has died of it, eight times.
  if (row.attempt > MAX_TRIES) return { kind: "refused", error: "every process that tried to send it ended first" };
  const content = toMailContent(row);
  if (content === undefined) return { kind: "refused", error: "this version of dex does not know this kind of mail" };
  const to = parseMailAddress(row.recipient.address);
  if (to === undefined) return { kind: "refused", error: "the address is not one plain address" };
  // Otherwise anybody could enter a stranger's address and have us fill their mailbox.
  if (!row.recipient.verified) return { kind: "refused", error: "the address is not verified" };
  const message = renderMessage(content, brand);
  return { kind: "ready", mail: { ...message, id: row.id, kind: row.kind, from, fromName: brand.issuerName, to } };
}

/** A transport does not throw; were one to, the row must still learn of it. Whether it was sent is then unknown. */
async function send(transport: MailTransport, mail: OutgoingMail, logger: Logger): Promise<SendOutcome> {
  try {
    return await transport.send(mail);
  } catch (error) {
    logger.error("a mail transport threw", { kind: mail.kind, ...describeError(error) });
    return { kind: "unknown", error: "the transport threw" };
  }
}

const RECORD_EVERY_MILLISECONDS = 1000;

/**
 * Writes an outcome, again and again while the database is away: an accepted mail that nobody notes down is sent twice.
 * Ends with the lease, since by then the row is somebody else's, and when the process stops. False when not written.
 */
async function record(write: () => Promise<boolean>, claimedAt: Date, parts: DeliverOneParts): Promise<boolean> {
  const leaseEndsAt = addSeconds(claimedAt, LEASE_SECONDS);
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (parts.stopping.aborted || parts.clock() >= leaseEndsAt) return false;
      parts.logger.warn("the outcome of a mail waits for the database", describeError(error));
    }
    // Woken early by the stop, for one last try.
    await sleep(RECORD_EVERY_MILLISECONDS, undefined, { signal: parts.stopping }).catch(() => undefined);
  }
}
