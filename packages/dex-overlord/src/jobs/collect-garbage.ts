import type { Clock, Logger } from "@dex/runtime";
import type { Garbage } from "../ports.ts";

const BATCH_ROWS = 1000;

export type CollectionOutcome = "collected" | "stopped" | "lost";

export type CollectGarbage = (fence: number, signal: AbortSignal) => Promise<CollectionOutcome>;

/** One collection: small batches until nothing is left, so that no request ever waits behind a long delete. */
export function makeCollectGarbage(parts: { garbage: Garbage; clock: Clock; logger: Logger }): CollectGarbage {
  return async (fence, signal) => {
    const total: Record<string, number> = {};
    for (;;) {
      if (signal.aborted) return "stopped";
      const batch = await parts.garbage.collect(parts.clock(), BATCH_ROWS, fence);
      if (batch === undefined) return "lost";
      for (const [table, rows] of Object.entries(batch)) total[table] = (total[table] ?? 0) + rows;
      if (Object.values(batch).every((rows) => rows < BATCH_ROWS)) break;
    }
    const deleted = Object.fromEntries(Object.entries(total).filter(([, rows]) => rows > 0));
    if (Object.keys(deleted).length > 0) parts.logger.info("garbage collected", { deleted });
    return "collected";
  };
}
