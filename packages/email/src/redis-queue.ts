// The way through Redis: due rows become BullMQ jobs, which spread over the fleet. A job is only a hint that a row may be
// due; it carries the row's id and nothing else, and losing or doubling it changes nothing.
import type { Logger, Secret } from "@dex/runtime";
import { type ConnectionOptions, Queue, Worker } from "bullmq";
import { Redis, type RedisOptions } from "ioredis";

const QUEUE = "mail";
/** Braces keep all keys of a queue in one slot of a Redis cluster. */
const PREFIX = "{dex}";
const ANSWER_MILLISECONDS = 1000;
const CLOSE_MILLISECONDS = 2000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface JobQueue {
  /** Queues the rows that are not queued yet. False when Redis did not take them all within a second or so. */
  relay(ids: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
}

/** Connects in the background, at once and whenever the connection was lost. `handle` gets each id that a job names. */
export function openJobQueue(parts: {
  url: Secret<string>;
  handle: (id: string) => Promise<void>;
  concurrency: number;
  logger: Logger;
}): JobQueue {
  const { url, handle, concurrency, logger } = parts;
  const connections: Redis[] = [];
  const hold = watch(connections, logger);
  // Asked while somebody waits: fail at once when Redis is away, and soon when it hangs.
  const asking = hold(
    connect(url, { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: ANSWER_MILLISECONDS }),
  );
  // Blocks on Redis for its next job, for as long as it takes.
  const listening = hold(connect(url, { maxRetriesPerRequest: null }));
  // The worker makes a copy to block on, and forgets to end it when Redis is away: it would reconnect for ever.
  const copy = listening.duplicate.bind(listening);
  listening.duplicate = (...options) => hold(copy(...options));
  const queue = new Queue(QUEUE, { connection: toConnection(asking), prefix: PREFIX });
  const worker = new Worker(
    QUEUE,
    async ({ id }) => {
      // Whoever can write to Redis can write any job.
      if (id !== undefined && UUID.test(id)) await handle(id);
    },
    {
      connection: toConnection(listening),
      prefix: PREFIX,
      concurrency,
      // A finished job must be gone: while its id exists, the row could not be queued for its next try.
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      // A stalled job is harmless, since the row decides; the row's own count ends a mail that kills its senders.
      maxStalledCount: 1000,
    },
  );
  // Each repeats what its connections say, which is where we listen; unheard, it would end the process.
  queue.on("error", () => undefined);
  worker.on("error", () => undefined);
  return {
    async relay(ids) {
      if (asking.status !== "ready") return false;
      if (ids.length === 0) return true;
      const jobs = ids.map((id) => ({
        name: "deliver",
        data: { id },
        opts: { jobId: id, removeOnComplete: true, removeOnFail: true },
      }));
      return succeeds(queue.addBulk(jobs), 2 * ANSWER_MILLISECONDS);
    },
    async close() {
      // Their goodbye waits for an answer of Redis, without which a job of ours would look stalled for half a minute. With
      // Redis away they are ended at once.
      const closing = Promise.all([worker.close(listening.status !== "ready"), queue.close()]);
      await succeeds(closing, CLOSE_MILLISECONDS);
      for (const connection of connections) connection.disconnect();
    },
  };
}

type Waiting = Pick<RedisOptions, "enableOfflineQueue" | "maxRetriesPerRequest" | "commandTimeout">;

function connect(url: Secret<string>, waiting: Waiting): Redis {
  return new Redis(url.reveal(), {
    connectTimeout: 2000,
    retryStrategy: (times) => Math.min(times * 100, 1000),
    ...waiting,
  });
}

/** BullMQ describes what it needs of a connection in a type of its own. */
function toConnection(connection: Redis): ConnectionOptions {
  return connection;
}

/** Takes connections into `connections`; says once that Redis is lost and once that it is back, whichever noticed first. */
function watch(connections: Redis[], logger: Logger): (connection: Redis) => Redis {
  let lost = false;
  return (connection) => {
    connections.push(connection);
    // Only the error's code: its message may hold the address with its password, a reply error the command.
    connection.on("error", (error: Error & { code?: unknown }) => {
      if (!lost)
        logger.warn("the mail queue in Redis is away; mail goes out through the database", { code: error.code });
      lost = true;
    });
    connection.on("ready", () => {
      if (lost) logger.info("the mail queue in Redis is back");
      lost = false;
    });
    return connection;
  };
}

async function succeeds(work: Promise<unknown>, withinMilliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMilliseconds);
  });
  const done = work.then(
    () => true,
    () => false,
  );
  const outcome = await Promise.race([done, deadline]);
  clearTimeout(timer);
  return outcome;
}
