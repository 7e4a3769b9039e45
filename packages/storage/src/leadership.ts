// Who leads holds an advisory lock for the life of one connection. The lock says who may begin; the fence, a number that
// grows with each leader and is checked inside every write, says whose writes still count. A leader that was asleep while
// its connection died finds its fence outgrown.
import { describeError, type Logger, type Secret } from "@dex/runtime";
import pg from "pg";
import { isUnavailable, StorageUnavailable } from "./storage-unavailable.ts";

// "dexl" in ASCII.
const LEADER_LOCK = 0x64_65_78_6c;

/** Being the leader. */
export interface Leadership {
  /** For every write of the leader: the database refuses it once another has taken over. */
  readonly fence: number;
  /** Resolves when the leadership has ended, by `release` or with the connection. Never rejects. */
  readonly lost: Promise<void>;
  /** Whether nothing has been heard of its end. Asks nobody; `confirm` does. */
  isHeld(): boolean;
  /** Asks the database: whether the connection still answers and no other leader has come. Never rejects. */
  confirm(): Promise<boolean>;
  /** Gives the leadership up, so that another may take it at once. Harmless when it is lost. */
  release(): Promise<void>;
}

export interface Candidacy {
  /** Becomes the leader, or undefined while another one is. Throws StorageUnavailable. */
  tryAcquire(): Promise<Leadership | undefined>;
}

/** Runs for leader. `url` must be a direct connection: a pooler in transaction mode would drop the lock. */
export function openLeadership(parts: { url: Secret<string>; logger: Logger }): Candidacy {
  return {
    async tryAcquire() {
      const client = new pg.Client({
        connectionString: parts.url.reveal(),
        application_name: "dex leader",
        connectionTimeoutMillis: 900,
        query_timeout: 5_000,
        keepAlive: true,
        keepAliveInitialDelayMillis: 5_000,
      });
      const ended = whenEnded(client, parts.logger);
      try {
        await client.connect();
        const fence = await acquire(client);
        if (fence !== undefined) return toLeadership(client, fence, ended);
      } catch (error) {
        await client.end().catch(() => undefined);
        throw isUnavailable(error) ? new StorageUnavailable(error) : error;
      }
      await client.end();
      return undefined;
    },
  };
}

function whenEnded(client: pg.Client, logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    client.on("error", (error) => {
      logger.warn("leader's database connection lost", describeError(error));
      resolve();
    });
    client.on("end", () => resolve());
  });
}

async function acquire(client: pg.Client): Promise<number | undefined> {
  // So that the server too notices within half a minute that a leader's host is gone, and frees its lock.
  await client.query("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3");
  const { rows } = await client.query<{ held: boolean }>("SELECT pg_try_advisory_lock($1) AS held", [LEADER_LOCK]);
  if (rows[0]?.held !== true) return undefined;
  const fenced = await client.query<{ fence: number }>(
    "UPDATE leadership SET fence = fence + 1, acquired_at = now() RETURNING fence::double precision AS fence",
  );
  const fence = fenced.rows[0]?.fence;
  if (fence === undefined) throw new Error("the database has no leadership row: was it migrated?");
  return fence;
}

function toLeadership(client: pg.Client, fence: number, ended: Promise<void>): Leadership {
  let held = true;
  const lost = ended.then(() => {
    held = false;
  });
  return {
    fence,
    lost,
    isHeld: () => held,
    async confirm() {
      if (!held) return false;
      try {
        const { rows } = await client.query("SELECT FROM leadership WHERE fence = $1", [fence]);
        return rows.length > 0;
      } catch {
        return false;
      }
    },
    async release() {
      held = false;
      await client.end().catch(() => undefined);
    },
  };
}
