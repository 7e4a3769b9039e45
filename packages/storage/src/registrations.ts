import type { PendingRegistration, Registrations } from "@dex/users";
import { AUDIT_COLUMNS, toAuditValues } from "./audit.ts";
import { cold, type Database } from "./database.ts";
import { sqlStateOf } from "./storage-unavailable.ts";
import { isStorable, orUndefined, toStoredText } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";

// No look at app_user: the statement does not know, and so cannot show, whether the address belongs to somebody (ACC-2).
// Sent once more by the same browser, the form changes what it asked for before; within a minute no second mail follows, so
// that somebody whose answer was lost may press the button again.
const BEGIN = cold(
  "registration.begin",
  `WITH kept AS (
    INSERT INTO registration AS r (id, email, display_name, connector_id, remote_id, password_hash, browser_hash, client_id,
      redirect_uri, flow_id, created_at, expires_at)
    VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (id) DO UPDATE SET display_name = EXCLUDED.display_name, connector_id = EXCLUDED.connector_id,
      remote_id = EXCLUDED.remote_id, password_hash = EXCLUDED.password_hash, browser_hash = EXCLUDED.browser_hash,
      expires_at = EXCLUDED.expires_at
    RETURNING id, email, client_id, redirect_uri, flow_id
  )
  INSERT INTO outbox (kind, cause, email, link_id, client_id, redirect_uri, flow_id, locale, occurred_at, due_at)
  SELECT 'confirm-registration', id || ' ' || floor(extract(epoch FROM $11::timestamptz) / 60)::bigint, email, id,
    client_id, redirect_uri, flow_id, $13, $11, $11
  FROM kept
  WHERE NOT EXISTS (SELECT FROM outbox o WHERE o.link_id = kept.id AND o.occurred_at > $11 - interval '1 minute')
  ON CONFLICT ON CONSTRAINT outbox_once DO NOTHING`,
);

const FIND = cold("registration.find", "SELECT * FROM registration WHERE id = $1::uuid AND expires_at > $2");

/**
 * All registrations for the address, in one order: two that are confirmed at once take turns, and the second then finds
 * its own gone.
 */
const LOCK = cold(
  "registration.lock",
  `SELECT id, expires_at > $2 AS live FROM registration
  WHERE email = (SELECT email FROM registration WHERE id = $1::uuid) ORDER BY id FOR UPDATE`,
);

const CONFIRM = cold(
  "registration.confirm",
  `WITH confirmed AS (
    DELETE FROM registration WHERE id = ANY ($9::uuid[]) RETURNING *
  ), chosen AS (
    SELECT * FROM confirmed WHERE id = $1::uuid
  ), created AS (
    INSERT INTO app_user (id, email, email_verified, display_name, admin, created_at)
    SELECT $2, email, true, $3, $4, $5::timestamptz FROM chosen
    RETURNING id
  ), linked AS (
    INSERT INTO remote_identity (connector_id, remote_id, user_id, created_at)
    SELECT chosen.connector_id, COALESCE(chosen.remote_id, created.id), created.id, $5 FROM chosen, created
  ), secured AS (
    INSERT INTO password (user_id, hash, changed_at)
    SELECT created.id, chosen.password_hash, $5 FROM chosen, created WHERE chosen.password_hash IS NOT NULL
  ), withdrawn AS (
    -- Mails of the others, if they have not gone out: what they would lead to is over.
    DELETE FROM outbox
    WHERE kind = 'confirm-registration' AND sent_at IS NULL AND link_id IN (SELECT id FROM confirmed)
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'user registered', id, $6, $7, $8 FROM created RETURNING id`,
);

interface RegistrationRow {
  readonly id: string;
  readonly email: string;
  readonly display_name: string | null;
  readonly connector_id: string;
  readonly remote_id: string | null;
  readonly password_hash: string | null;
  readonly browser_hash: Buffer;
  readonly client_id: string | null;
  readonly redirect_uri: string | null;
  readonly flow_id: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** People who asked for an account and have not confirmed their address. */
export function makeRegistrationStore(db: Database): Registrations {
  return {
    async begin(registration) {
      const { id, email, displayName, connectorId, proof, browserHash, origin, createdAt, expiresAt } = registration;
      await db.run(BEGIN, [
        id,
        email,
        toStoredText(displayName),
        connectorId,
        proof.kind === "identity" ? proof.remoteId : null,
        proof.kind === "password" ? proof.hash : null,
        browserHash,
        toStoredText(origin.clientId),
        toStoredText(origin.redirectUri),
        toStoredText(origin.flowId),
        createdAt,
        expiresAt,
        toStoredText(origin.locale),
      ]);
    },
    async find(id, now) {
      if (!isUuid(id)) return undefined;
      const [row] = await db.run<RegistrationRow>(FIND, [id, now]);
      return row && toRegistration(row);
    },
    async confirm(id, user, actor) {
      if (!isUuid(id) || !isStorable(user.id)) return "gone";
      const { createdAt, admin } = user;
      const values = [id, user.id, toStoredText(user.displayName), admin, createdAt, ...toAuditValues(actor)];
      try {
        return await db.transaction(async (tx) => {
          const locked = await tx.run<{ id: string; live: boolean }>(LOCK, [id, createdAt]);
          if (!locked.some((row) => row.id === id && row.live)) return "gone";
          const registered = await tx.run(CONFIRM, [...values, locked.map((row) => row.id)]);
          return registered.length > 0 ? "confirmed" : "gone";
        });
      } catch (error) {
        // Address or identity: the transaction has changed nothing, and the registration lives on until it expires.
        if (sqlStateOf(error) === "23505") return "taken";
        throw error;
      }
    },
  };
}

function toRegistration(row: RegistrationRow): PendingRegistration {
  const { remote_id: remoteId, password_hash: hash } = row;
  const proof = hash !== null ? ({ kind: "password", hash } as const) : undefined;
  return {
    id: row.id,
    email: row.email,
    displayName: orUndefined(row.display_name),
    connectorId: row.connector_id,
    proof: proof ?? { kind: "identity", remoteId: remoteId ?? "" },
    browserHash: row.browser_hash,
    origin: {
      clientId: orUndefined(row.client_id),
      redirectUri: orUndefined(row.redirect_uri),
      flowId: orUndefined(row.flow_id),
      locale: undefined,
    },
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
