// Keeps what a worker holds in memory at most about a second behind the database, by one cheap statement a second, and its
// clock on the database's (security requirements §4.8).
import { describeError, type FollowingClock, type Logger } from "@dex/runtime";

export interface Changes {
  /** The database's clock and a number for each watched area that moves with every change. */
  read(): Promise<{ now: Date; versions: Readonly<Record<WatchedArea, number>> }>;
}
export type WatchedArea = "clients" | "connectors" | "keys" | "resources";

const POLL_MILLISECONDS = 1000;
const ALARMING_OFFSET_MILLISECONDS = 2000;

export interface ChangeWatcher {
  /** Reads once and brings every area up to date. Throws when the database is away. */
  refresh(): Promise<void>;
  /** Refreshes every second until closed; failures are logged once and ended by a line when it works again. */
  start(): void;
  /** Whether the last refresh reached the database. */
  upToDate(): boolean;
  close(): void;
}

export function makeChangeWatcher(parts: {
  changes: Changes;
  /** Called when an area changed, and once at the first refresh. */
  reload: Readonly<Record<WatchedArea, () => Promise<void>>>;
  clock: FollowingClock;
  logger: Logger;
}): ChangeWatcher {
  const { changes, reload, clock, logger } = parts;
  const seen = new Map<WatchedArea, number>();
  let timer: NodeJS.Timeout | undefined;
  let reachable = true;
  let offsetReported = false;

  async function refresh(): Promise<void> {
    const before = clock.monotonic();
    const { now, versions } = await changes.read();
    clock.follow(now, before, clock.monotonic());
    reportOffset();
    for (const area of ["keys", "connectors", "resources", "clients"] as const) {
      if (seen.get(area) === versions[area]) continue;
      await reload[area]();
      seen.set(area, versions[area]); // only now: a failed reload is tried again
    }
  }

  function reportOffset(): void {
    const milliseconds = Math.round(clock.hostAheadMilliseconds());
    const alarming = Math.abs(milliseconds) > ALARMING_OFFSET_MILLISECONDS;
    if (alarming && !offsetReported) logger.error("host clock differs from the database's", { milliseconds });
    offsetReported = alarming;
  }

  async function tick(): Promise<void> {
    try {
      await refresh();
      if (!reachable) logger.info("changes are followed again");
      reachable = true;
    } catch (error) {
      if (reachable) logger.warn("changes cannot be followed", describeError(error));
      reachable = false;
    }
    if (timer !== undefined) timer = setTimeout(() => void tick(), POLL_MILLISECONDS);
  }

  return {
    refresh,
    start() {
      timer = setTimeout(() => void tick(), POLL_MILLISECONDS);
    },
    upToDate: () => reachable,
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
