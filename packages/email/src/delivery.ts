import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, describeError, type Logger, type Secret } from "@dex/runtime";
import { FALLBACK_LANGUAGE } from "./built-in.ts";
import { makeDeliverOne } from "./deliver-one.ts";
import type { MailAddress } from "./mail-address.ts";
import { type Brand, makeMailWriter } from "./messages.ts";
import type { NoticeSenders, Outbox } from "./ports.ts";
import { openJobQueue } from "./redis-queue.ts";
import type { ResolveParts } from "./resolve-mail.ts";
import { LEASE_SECONDS } from "./retry.ts";
import { type MailTemplates, NO_TEMPLATES } from "./template-files.ts";
import type { MailTransport } from "./transport.ts";

export interface DeliveryParts extends ResolveParts {
  readonly outbox: Outbox;
  /** Stays the caller's to close, after the delivery. */
  readonly transport: MailTransport;
  readonly from: MailAddress;
  readonly brand: Brand;
  /** What replaces built-in messages. */
  readonly templates?: MailTemplates | undefined;
  /** The language of mail to whoever has not said theirs. English when left out. */
  readonly locale?: string;
  /** How rows are sent that are no mail. */
  readonly notices?: NoticeSenders | undefined;
  /** Without Redis, and whenever it is away, rows are claimed from the database directly. */
  readonly redis?: { readonly url: Secret<string> } | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long the outbox rests between two looks at it. */
  readonly pollSeconds?: number;
}

export interface Delivery {
  /** Starts nothing new, finishes what is being sent (at most some ten seconds), then lets go of Redis. */
  close(): Promise<void>;
}

const POLL_SECONDS = 2;
/** Claimed and sent together, so that no claimed row waits behind another. */
const CONCURRENCY = 5;
const RELAY_AT_ONCE = 500;
/** A row that nobody took out of Redis for this long is taken from the database, whatever Redis thinks of it. */
const OVERDUE_MILLISECONDS = 60_000;

/** Delivers the outbox until closed. Any number of processes may do so at once. */
export function startDelivery(parts: DeliveryParts): Delivery {
  const { outbox, redis, logger, clock, pollSeconds = POLL_SECONDS } = parts;
  const { templates = NO_TEMPLATES, locale = FALLBACK_LANGUAGE } = parts;
  const stop = new AbortController();
  const stopping = stop.signal;
  const deliverOne = makeDeliverOne({ ...parts, writeMail: makeMailWriter({ ...parts, templates, locale }), stopping });
  const underWay = new Set<Promise<void>>();

  async function claimAndDeliver(id: string): Promise<void> {
    if (stopping.aborted) return; // the row stays due
    const mail = await outbox.claim(id, clock(), LEASE_SECONDS);
    if (mail !== undefined) await deliverOne(mail);
  }

  const queue =
    redis &&
    openJobQueue({
      url: redis.url,
      concurrency: CONCURRENCY,
      logger,
      handle(id) {
        const work = claimAndDeliver(id).catch((error: unknown) => {
          logger.warn("a mail waits for the database", describeError(error));
        });
        underWay.add(work);
        return work.finally(() => underWay.delete(work));
      },
    });

  /** True when Redis has taken all due rows; those that wait in vain are delivered here. */
  async function relay(): Promise<boolean> {
    if (queue === undefined || !(await queue.relay([]))) return false;
    const now = clock();
    const due = await outbox.listDue(RELAY_AT_ONCE, now);
    if (!(await queue.relay(due.map(({ id }) => id)))) return false;
    const overdue = due.filter(({ dueAt }) => now.getTime() - dueAt.getTime() > OVERDUE_MILLISECONDS);
    for (let first = 0; first < overdue.length; first += CONCURRENCY) {
      await Promise.all(overdue.slice(first, first + CONCURRENCY).map(({ id }) => claimAndDeliver(id)));
    }
    return true;
  }

  async function drain(): Promise<void> {
    for (let claimed = CONCURRENCY; claimed === CONCURRENCY && !stopping.aborted; ) {
      const mails = await outbox.claimDue(CONCURRENCY, clock(), LEASE_SECONDS);
      await Promise.all(mails.map(deliverOne));
      claimed = mails.length;
    }
  }

  async function run(): Promise<void> {
    let databaseAway = false;
    while (!stopping.aborted) {
      try {
        if (!(await relay())) await drain();
        if (databaseAway) logger.info("mail delivery has its database back");
        databaseAway = false;
      } catch (error) {
        // Said once, not every two seconds of an outage.
        if (!databaseAway) logger.warn("mail delivery waits for the database", describeError(error));
        databaseAway = true;
      }
      await sleep(pollSeconds * 1000, undefined, { signal: stopping }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async close() {
      stop.abort();
      await running;
      await Promise.all(underWay);
      await queue?.close();
    },
  };
}
