// What other parties issued and may be used one time: by whichever worker is first.
import { createHash } from "node:crypto";
import type { UseOnce } from "@dex/connectors";
import { type Database, hot } from "./database.ts";

const USE = hot(
  "usedOnce.use",
  "INSERT INTO used_once (key_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1 AS one",
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
