import { setTimeout as sleep } from "node:timers/promises";
import { addSeconds, type Clock, describeError, type Logger } from "@dex/runtime";
import { type MailAddress, maskMailAddress } from "./mail-address.ts";
import type { Brand, WriteMail } from "./messages.ts";
import type { ClaimedMail, NextTry, NoticeSenders, Outbox } from "./ports.ts";
import { type ResolveParts, resolveMail } from "./resolve-mail.ts";
import { decideNextTry, LEASE_SECONDS, MAX_TRIES } from "./retry.ts";
import type { MailTransport, OutgoingMail, SendOutcome } from "./transport.ts";

export interface DeliverOneParts extends ResolveParts {
  readonly outbox: Pick<Outbox, "markSent" | "markFailed" | "markDiscarded">;
  readonly transport: MailTransport;
  readonly from: MailAddress;
  readonly brand: Brand;
  readonly writeMail: WriteMail;
  /** How rows are sent that are no mail. */
  readonly notices?: NoticeSenders | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when the process stops: then an outcome that cannot be written is not tried for ever. */
  readonly stopping: AbortSignal;
}

/** Sends one claimed row and writes down what came of it. Never throws. */
export type DeliverOne = (mail: ClaimedMail) => Promise<void>;

export function makeDeliverOne(parts: DeliverOneParts): DeliverOne {
  const { outbox, transport, logger, clock } = parts;
  return async (row) => {
    const claimedAt = clock();
    const about: Record<string, unknown> = { id: row.id, kind: row.kind, attempt: row.attempt };
    const notice = noticeOf(row, parts.notices);
    const what = notice === undefined ? "mail" : "notice";
    if (notice !== undefined) about.clientId = row.origin.clientId;
    const ready = await (notice?.(claimedAt) ?? prepare(row, parts, claimedAt));
    if (ready.kind === "discarded") {
      await record(() => outbox.markDiscarded(row.id, row.lease, ready.reason, clock()), claimedAt, parts);
      // Not said at info level: a line for each address that nobody has would only tell who asks.
      logger.debug(`${what} discarded`, { ...about, reason: ready.reason });
      return;
    }
    if (ready.kind === "ready") about.to = maskMailAddress(ready.mail.to);
    const outcome = ready.kind === "ready" ? await send(transport, ready.mail, logger) : ready;
    if (outcome.kind === "accepted") {
      if (await record(() => outbox.markSent(row.id, row.lease, clock()), claimedAt, parts)) {
        logger.info(`${what} sent`, about);
      } else {
        logger.error(`${what} sent but not marked so: it may be sent a second time`, about);
      }
      return;
    }
    const now = clock();
    const next: NextTry = decideNextTry(outcome, row.attempt, now);
    await record(() => outbox.markFailed(row.id, row.lease, outcome.error, next, now), claimedAt, parts);
    if (next.kind === "dead") logger.error(`${what} given up`, { ...about, error: outcome.error });
    else logger.warn(`${what} not sent yet`, { ...about, error: outcome.error, nextTryAt: next.at.toISOString() });
  };

  /** How this row is sent, when it is no mail. Never throws. */
  function noticeOf(row: ClaimedMail, senders: NoticeSenders = {}) {
    const sender = Object.hasOwn(senders, row.kind) ? senders[row.kind] : undefined;
    if (sender === undefined) return undefined;
    return async (now: Date): Promise<Exclude<Prepared, { kind: "ready" }> | { readonly kind: "accepted" }> => {
      // Counted when claimed, as for mail.
      if (row.attempt > MAX_TRIES) return { kind: "refused", error: "every process that tried to send it ended first" };
      try {
        return await sender(row, now);
      } catch (error) {
        logger.warn("a notice could not be made ready", { id: row.id, kind: row.kind, ...describeError(error) });
        return { kind: "failed", error: "it could not be made ready" };
      }
    };
  }
}

type Prepared =
  | { readonly kind: "ready"; readonly mail: OutgoingMail }
  | { readonly kind: "discarded"; readonly reason: string }
  | Exclude<SendOutcome, { kind: "accepted" }>;

/** The mail of a row, or why there is none. */
async function prepare(row: ClaimedMail, parts: DeliverOneParts, now: Date): Promise<Prepared> {
  const { from, brand, writeMail, logger } = parts;
  try {
    const resolved = await resolveMail(row, parts, now);
    if (resolved.kind !== "message") return resolved;
    const { content } = resolved;
    const mail = {
      ...writeMail(content),
      id: row.id,
      kind: row.kind,
      from,
      fromName: brand.issuerName,
      to: content.to,
    };
    return { kind: "ready", mail };
  } catch (error) {
    logger.warn("a mail could not be made ready", { id: row.id, kind: row.kind, ...describeError(error) });
    return { kind: "failed", error: "it could not be made ready" };
  }
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
