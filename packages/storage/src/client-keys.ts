// When the keys and certificates of clients were used last.
import { cold, type Database } from "./database.ts";
import { isStorable, toStoredJson } from "./stored-text.ts";

export interface ClientKeyStore {
  /** The day, as YYYY-MM-DD, on which each key of the client was used last; those that never were are missing. */
  lastUses(clientId: string): Promise<ReadonlyMap<string, string>>;
  /** Writes days of use down; an earlier day than the stored one changes nothing, and clients that are gone are passed over. */
  recordUses(uses: readonly CredentialUse[]): Promise<void>;
}

/** That a secret or a key of a client was right. */
export interface CredentialUse {
  readonly clientId: string;
  readonly credentialId: string;
  /** As YYYY-MM-DD. */
  readonly day: string;
}

/** A client that publishes a new key every day is not remembered for ever. */
const MOST_REMEMBERED = 50;

const LAST_USES = cold(
  "clientKey.lastUses",
  "SELECT key_id, used_on::text AS day FROM client_key_use WHERE client_id = $1",
);

// Clients are held in one order, so that two workers never wait for each other: one forgets what the other may write.
const RECORD_USES = cold(
  "clientKey.recordUses",
  `WITH held AS (
    SELECT id FROM client WHERE id = ANY ($2::text[]) ORDER BY id FOR NO KEY UPDATE
  ), used AS (
    SELECT w.client_id, w.key_id, w.day FROM jsonb_to_recordset($1::jsonb) AS w (client_id text, key_id text, day date)
    JOIN held ON held.id = w.client_id
  ), forgotten AS (
    DELETE FROM client_key_use u USING (
      SELECT k.client_id, k.key_id, row_number() OVER (PARTITION BY k.client_id ORDER BY k.used_on DESC, k.key_id) AS place
      FROM client_key_use k JOIN held ON held.id = k.client_id
    ) old
    WHERE u.client_id = old.client_id AND u.key_id = old.key_id AND old.place > ${MOST_REMEMBERED}
      AND NOT EXISTS (SELECT FROM used WHERE used.client_id = u.client_id AND used.key_id = u.key_id)
  )
  INSERT INTO client_key_use AS u (client_id, key_id, used_on)
  SELECT client_id, key_id, day FROM used ORDER BY client_id, key_id
  ON CONFLICT (client_id, key_id) DO UPDATE SET used_on = EXCLUDED.used_on WHERE u.used_on < EXCLUDED.used_on`,
);

/** Keys lie in what the client registered; here is what is known of them beside. */
export function makeClientKeyStore(db: Database): ClientKeyStore {
  return {
    async lastUses(clientId) {
      if (!isStorable(clientId)) return new Map();
      const rows = await db.run<{ key_id: string; day: string }>(LAST_USES, [clientId]);
      return new Map(rows.map(({ key_id, day }) => [key_id, day]));
    },
    async recordUses(uses) {
      const rows = uses.map(({ clientId, credentialId, day }) => ({ client_id: clientId, key_id: credentialId, day }));
      await db.run(RECORD_USES, [toStoredJson(rows), uses.map(({ clientId }) => clientId)]);
    },
  };
}
