import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@dex/runtime";

const FIRST_WAIT_SECONDS = 1;
const LAST_WAIT_SECONDS = 60;

/**
 * Tries until it works: after 1 s, then twice as long each time, at most 60 s. An error that `isPassing` does not take for
 * one that waiting heals is thrown at once.
 */
export async function waitForDatabase<T>(parts: {
  what: string;
  attempt: () => Promise<T>;
  isPassing: (error: unknown) => boolean;
  logger: Logger;
  sleepSeconds?: (seconds: number) => Promise<unknown>;
}): Promise<T> {
  const pause = parts.sleepSeconds ?? ((seconds: number) => sleep(seconds * 1000));
  for (let waitSeconds = FIRST_WAIT_SECONDS; ; waitSeconds = Math.min(2 * waitSeconds, LAST_WAIT_SECONDS)) {
    try {
      return await parts.attempt();
    } catch (error) {
      if (!parts.isPassing(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      parts.logger.warn("the database is not ready, trying again", { task: parts.what, waitSeconds, error: reason });
      await pause(waitSeconds);
    }
  }
}
