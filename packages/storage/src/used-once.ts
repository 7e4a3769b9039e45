// What other parties issued and may be used one time: by whichever worker is first.
import { createHash } from "node:crypto";
import type { UseOnce } from "@dex/connectors";
import type { UseBothOnce, UsedOnce } from "@dex/oidc";
import { type Database, hot } from "./database.ts";

const USE = hot(
  "usedOnce.use",
  "INSERT INTO used_once (key_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1 AS one",
);

const USE_BOTH = hot(
  "usedOnce.useBoth",
  `WITH first AS (
    INSERT INTO used_once (key_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1 AS one
  ), second AS (
    INSERT INTO used_once (key_hash, expires_at) SELECT $3::bytea, $4::timestamptz FROM first
    ON CONFLICT DO NOTHING RETURNING 1 AS one
  )
  SELECT EXISTS (SELECT FROM first) AS first, EXISTS (SELECT FROM second) AS second`,
);

/**
 * One statement, so of callers who race exactly one gets true. A key whose time is over stays used until it is collected:
 * what it stands for is refused for its age then.
 */
export function makeUseOnce(db: Pick<Database, "run">): UseOnce {
  return async (key, until) => {
    const rows = await db.run(USE, [createHash("sha256").update(key).digest(), until]);
    return rows.length === 1;
  };
}

/** Two of different kinds in one statement, which all callers name in the same order, so that no two wait for each other. */
export function makeUseBothOnce(db: Pick<Database, "run">): UseBothOnce {
  return async (first, second): Promise<UsedOnce> => {
    const values = [first, second].flatMap(({ key, until }) => [createHash("sha256").update(key).digest(), until]);
    const [row] = await db.run<{ first: boolean; second: boolean }>(USE_BOTH, values);
    if (row?.first !== true) return "neither";
    return row.second ? "both" : "first alone";
  };
}
