// Counts of attempts in fixed windows, shared by all workers. In Redis where there is one, else in an unlogged table.
import { createHash } from "node:crypto";
import type { FailureCounter } from "@dex/oidc";
import { addSeconds } from "@dex/runtime";
import { type Database, hot } from "./database.ts";

/** What a count is kept under. Hashed: of one size, fit for any store, and silent about whose address it stands for. */
export function attemptKey(kind: "account" | "source" | "failure", name: string): Buffer {
  return createHash("sha256").update(`${kind}\0${name}`).digest();
}

export interface AttemptWindow {
  readonly attempts: number;
  readonly windowEndsAt: Date;
}

/** Counts one attempt at `key`. Of racing callers each gets another number. */
export type CountAttempt = (key: Buffer, windowSeconds: number, now: Date) => Promise<AttemptWindow>;

/** An INSERT into attempt_count of `rows` ends with this. A window that is over begins anew. */
export function countingUpsert(rows: string, now: string): string {
  return `INSERT INTO attempt_count AS a (key, attempts, window_ends_at) VALUES ${rows}
    ON CONFLICT (key) DO UPDATE SET
      attempts = CASE WHEN a.window_ends_at <= ${now} THEN 1 ELSE a.attempts + 1 END,
      window_ends_at = CASE WHEN a.window_ends_at <= ${now} THEN EXCLUDED.window_ends_at ELSE a.window_ends_at END
    RETURNING key, attempts, window_ends_at`;
}

const COUNT = hot("failure.count", countingUpsert("($1::bytea, 1, $2::timestamptz)", "$3::timestamptz"));

/** Counts in Postgres. */
export function countInDatabase(db: Database): CountAttempt {
  return async (key, windowSeconds, now) => {
    type Row = { readonly attempts: number; readonly window_ends_at: Date };
    const [row] = await db.run<Row>(COUNT, [key, addSeconds(now, windowSeconds), now]);
    if (row === undefined) throw new Error("counting an attempt returned no row");
    return { attempts: row.attempts, windowEndsAt: row.window_ends_at };
  };
}

/** The engine's counter of failures, on either kind of counting. */
export function makeFailureCounter(countAttempt: CountAttempt): FailureCounter {
  return {
    async count(key, windowSeconds, now) {
      const { attempts, windowEndsAt } = await countAttempt(attemptKey("failure", key), windowSeconds, now);
      return { failures: attempts, windowEndsAt };
    },
  };
}
