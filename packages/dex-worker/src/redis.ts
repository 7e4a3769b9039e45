import { describeError, type Logger, type Secret } from "@dex/runtime";
import { Redis } from "ioredis";

const LONGEST_RETRY_MILLISECONDS = 2000;

/**
 * The connection for counting attempts. A request never waits for Redis: what cannot be sent at once fails, and Postgres
 * counts instead.
 */
export function openRedis(url: Secret<string>, logger: Logger): Redis {
  const redis = new Redis(url.reveal(), {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1000,
    retryStrategy: (attempt) => Math.min(attempt * 100, LONGEST_RETRY_MILLISECONDS),
  });
  let reachable = true;
  redis.on("error", (error) => {
    if (reachable) logger.warn("redis is away", describeError(error));
    reachable = false;
  });
  redis.on("ready", () => {
    if (!reachable) logger.info("redis is back");
    reachable = true;
  });
  return redis;
}
