import type { Connectors, StoredConnector } from "@dex/connectors";
import type { Json, JsonObject } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { holdFence } from "./leader-fence.ts";
import { toStoredJson } from "./stored-text.ts";

export interface ConnectorStore extends Connectors {
  /** Makes these the only connectors, or changes nothing. Of two callers the later one's list stands. Ids are unique. */
  replaceAll(connectors: readonly StoredConnector[], actor: Actor): Promise<void>;
  /** The same, provided that the stored ones still are those that `read` lists: of two callers one gets `changed`. */
  replaceRead(
    read: readonly StoredConnector[],
    connectors: readonly StoredConnector[],
    actor: Actor,
  ): Promise<"replaced" | "changed">;
  /**
   * Gives a connector another configuration, provided that it still is as it was read. "lost": `fence` is not the leader's
   * any more. Without an audit event: meant for sealing, where nobody changed anything that means something.
   */
  replaceUnchanged(read: StoredConnector, config: JsonObject, fence: number): Promise<"replaced" | "changed" | "lost">;
}

/**
 * Readers go on. Without it the lists of two callers could mix: neither sees what the other is about to insert.
 */
export const LOCK_CONNECTORS = cold("connector.lock", "LOCK TABLE connector IN SHARE ROW EXCLUSIVE MODE");

const REPLACE_ALL = cold(
  "connector.replaceAll",
  `WITH wanted AS (
    SELECT id, type, config FROM jsonb_to_recordset($1::jsonb) AS w (id text, type text, config jsonb)
  ), removed AS (
    DELETE FROM connector WHERE id NOT IN (SELECT id FROM wanted) RETURNING id
  ), saved AS (
    INSERT INTO connector AS c (id, type, config) SELECT id, type, config FROM wanted
    ON CONFLICT (id) DO UPDATE SET type = EXCLUDED.type, config = EXCLUDED.config
    WHERE (c.type, c.config) IS DISTINCT FROM (EXCLUDED.type, EXCLUDED.config)
    RETURNING id
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS})
  SELECT 'connector removed', id, $2, $3, $4 FROM removed
  UNION ALL
  SELECT 'connector saved', id, $2, $3, $4 FROM saved`,
);

const IS_UNCHANGED = cold(
  "connector.isUnchanged",
  `SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'type', type, 'config', config) ORDER BY id COLLATE "C"), '[]') = $1::jsonb
    AS unchanged
  FROM connector`,
);

const REPLACE_UNCHANGED = cold(
  "connector.replaceUnchanged",
  "UPDATE connector SET config = $4 WHERE id = $1 AND type = $2 AND config = $3::jsonb RETURNING id",
);

/**
 * Connectors as rows. A configuration is written as it was given, with the secrets that we have at upstream providers:
 * whoever writes it (dexctl on the database) may hold no key secret to seal them with. The leading overlord seals them
 * within two seconds.
 */
export function makeConnectorStore(db: Database): ConnectorStore {
  return {
    async list() {
      const all = db.sql("connector").select("id", "type", "config").orderBy("id");
      const rows = await db.query<{ id: string; type: string; config: JsonObject }>("connector.list", all);
      return rows.map(({ id, type, config }) => ({ id, type, config }));
    },
    async replaceAll(connectors, actor) {
      await db.transaction(async (tx) => {
        await tx.run(LOCK_CONNECTORS);
        await tx.run(REPLACE_ALL, [toStoredJson(toRows(connectors)), ...toAuditValues(actor)]);
      });
    },
    replaceRead: (read, connectors, actor) =>
      db.transaction(async (tx) => {
        await tx.run(LOCK_CONNECTORS);
        const inOrder = toRows(read.toSorted((left, right) => (left.id < right.id ? -1 : 1)));
        const [row] = await tx.run<{ unchanged: boolean }>(IS_UNCHANGED, [toStoredJson(inOrder)]);
        if (row?.unchanged !== true) return "changed";
        await tx.run(REPLACE_ALL, [toStoredJson(toRows(connectors)), ...toAuditValues(actor)]);
        return "replaced";
      }),
    replaceUnchanged: ({ id, type, config: before }, config, fence) =>
      db.transaction(async (tx) => {
        if (!(await holdFence(tx, fence))) return "lost";
        const replaced = await tx.run(REPLACE_UNCHANGED, [id, type, toStoredJson(before), toStoredJson(config)]);
        return replaced.length > 0 ? "replaced" : "changed";
      }),
  };
}

function toRows(connectors: readonly StoredConnector[]): Json {
  return connectors.map(({ id, type, config }) => ({ id, type, config }));
}
