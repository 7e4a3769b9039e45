// What upstreams gave us to ask them again. Who asks is settled by a lease in the row: one at a time, on all workers.
import { AUDIT_COLUMNS } from "./audit.ts";
import { cold, type Database, hot } from "./database.ts";
import { orUndefined, toStoredText, toStoredTexts } from "./stored-text.ts";

/** Whose grant it is: one of each user and connector. */
export interface GrantOwner {
  readonly userId: string;
  readonly connectorId: string;
}

/** A grant whose lease the caller holds. */
export interface LeasedGrant {
  /** Undefined when it was forgotten with its connector. */
  readonly sealed: Buffer | undefined;
  readonly remoteId: string;
  /** What was asked of the upstream when it gave this. */
  readonly asked: readonly string[];
}

/** The grant as it was when the statement began; `leased` when it is the caller's now. */
export interface GrantState {
  readonly leased: LeasedGrant | undefined;
  readonly outcome: "good" | "refused";
  readonly checkedAt: Date;
  /** When the upstream could not be asked. */
  readonly unavailableAt: Date | undefined;
}

/** What a connector said now of the user. Undefined groups are those that it was not asked for. */
export interface RefreshedClaims {
  readonly groups: readonly string[] | undefined;
  readonly preferredUsername: string | undefined;
}

export type GrantSettlement =
  | { readonly kind: "good"; readonly sealed: Buffer | undefined; readonly claims: RefreshedClaims | undefined }
  /** `gone`: for good, so the user's token families of this connector end too. */
  | { readonly kind: "refused"; readonly gone: boolean }
  | { readonly kind: "unavailable" };

export interface UpstreamGrants {
  /**
   * Takes the lease until `leaseUntil` unless somebody holds it at `now`, or an answer came at `since` or later. Of racing
   * callers one gets it. Undefined when there is no grant.
   */
  lease(
    owner: GrantOwner,
    lease: { readonly id: string; readonly until: Date },
    since: Date,
    now: Date,
  ): Promise<GrantState | undefined>;
  /** Stores what the upstream gave in place of the grant; false when the lease is lost. */
  keep(owner: GrantOwner, leaseId: string, sealed: Buffer): Promise<boolean>;
  /**
   * Ends the lease with what came of it. With `claims`, live families and sessions of this user and connector tell them from
   * now on. `refused` ends the user's sessions through this connector, and their unspent codes. False when the lease is lost: then nothing has changed.
   */
  settle(owner: GrantOwner, leaseId: string, settlement: GrantSettlement, now: Date): Promise<boolean>;
}

const LEASE = hot(
  "upstreamGrant.lease",
  `WITH taken AS (
    UPDATE upstream_grant SET lease = $3::uuid, lease_until = $4::timestamptz
    WHERE user_id = $1 AND connector_id = $2 AND (lease_until IS NULL OR lease_until <= $6::timestamptz)
      AND checked_at < $5::timestamptz AND (unavailable_at IS NULL OR unavailable_at < $5)
    RETURNING user_id
  )
  SELECT sealed, remote_id, asked, outcome, checked_at, unavailable_at, EXISTS (SELECT FROM taken) AS taken
  FROM upstream_grant WHERE user_id = $1 AND connector_id = $2`,
);

const KEEP = hot(
  "upstreamGrant.keep",
  "UPDATE upstream_grant SET sealed = $4 WHERE user_id = $1 AND connector_id = $2 AND lease = $3::uuid RETURNING user_id",
);

/**
 * The user comes first, as in all statements that lock more than one row of theirs. Groups that were not asked for stay as
 * they are: this grant cannot tell them. Of who was refused nothing is left that yields new tokens without the upstream being
 * asked: sessions and codes end, and families ask at each use. Whoever is welcome again goes on with those.
 */
const SETTLE = hot(
  "upstreamGrant.settle",
  `WITH person AS (
    SELECT id FROM app_user WHERE id = $1 FOR NO KEY UPDATE
  ), settled AS (
    UPDATE upstream_grant g
    SET outcome = $5::text, checked_at = $4::timestamptz, sealed = COALESCE($6::bytea, g.sealed), unavailable_at = NULL,
      lease = NULL, lease_until = NULL
    FROM person WHERE g.user_id = person.id AND g.connector_id = $2 AND g.lease = $3::uuid
    RETURNING g.user_id, 'groups' = ANY (g.asked) AS groups_asked
  ), families AS (
    UPDATE token_family f
    SET groups = CASE WHEN s.groups_asked THEN $8::text[] ELSE f.groups END, preferred_username = $9::text
    FROM settled s
    WHERE $7 AND f.user_id = s.user_id AND f.connector_id = $2 AND f.revoked_at IS NULL
      AND f.idle_expires_at > $4 AND f.expires_at > $4
      AND (f.groups, f.preferred_username)
        IS DISTINCT FROM (CASE WHEN s.groups_asked THEN $8 ELSE f.groups END, $9)
  ), ended_families AS (
    UPDATE token_family f SET revoked_at = $4, revocation_reason = 'user gone upstream', sealed_current = NULL
    FROM settled s
    WHERE $10 AND f.user_id = s.user_id AND f.connector_id = $2 AND f.revoked_at IS NULL
    RETURNING f.id, f.user_id, f.client_id
  ), audited AS (
    INSERT INTO audit_event (${AUDIT_COLUMNS}, detail)
    SELECT 'token family revoked', user_id, 'worker', client_id, NULL,
      jsonb_build_object('reason', 'user gone upstream', 'family', id, 'client', client_id)
    FROM ended_families
  ), signed_out AS (
    DELETE FROM session o USING settled s WHERE $5 = 'refused' AND o.user_id = s.user_id AND o.connector_id = $2
  ), ended_codes AS (
    UPDATE authorization_code c SET expires_at = LEAST(c.expires_at, $4)
    FROM settled s
    WHERE $5 = 'refused' AND c.user_id = s.user_id AND c.connector_id = $2 AND c.spent_at IS NULL
  ), sessions AS (
    UPDATE session o
    SET groups = CASE WHEN s.groups_asked THEN $8::text[] ELSE o.groups END, preferred_username = $9::text
    FROM settled s
    WHERE $7 AND o.user_id = s.user_id AND o.connector_id = $2
      AND (o.groups, o.preferred_username)
        IS DISTINCT FROM (CASE WHEN s.groups_asked THEN $8 ELSE o.groups END, $9)
  )
  SELECT user_id FROM settled`,
);

const RELEASE = cold(
  "upstreamGrant.release",
  `UPDATE upstream_grant SET unavailable_at = $4, lease = NULL, lease_until = NULL
  WHERE user_id = $1 AND connector_id = $2 AND lease = $3::uuid RETURNING user_id`,
);

interface GrantRow {
  readonly sealed: Buffer | null;
  readonly remote_id: string;
  readonly asked: readonly string[];
  readonly outcome: "good" | "refused";
  readonly checked_at: Date;
  readonly unavailable_at: Date | null;
  readonly taken: boolean;
}

/** Upstream grants as rows. They are written by the sign-in that brought them. */
export function makeUpstreamGrantStore(db: Database): UpstreamGrants {
  return {
    async lease({ userId, connectorId }, { id, until }, since, now) {
      const [row] = await db.run<GrantRow>(LEASE, [userId, connectorId, id, until, since, now]);
      return row === undefined ? undefined : toState(row);
    },
    async keep({ userId, connectorId }, leaseId, sealed) {
      return (await db.run(KEEP, [userId, connectorId, leaseId, sealed])).length > 0;
    },
    async settle({ userId, connectorId }, leaseId, settlement, now) {
      const which = [userId, connectorId, leaseId, now];
      if (settlement.kind === "unavailable") return (await db.run(RELEASE, which)).length > 0;
      const { sealed, claims } = settlement.kind === "good" ? settlement : { sealed: undefined, claims: undefined };
      const told = [claims !== undefined, toStoredTexts(claims?.groups), toStoredText(claims?.preferredUsername)];
      const gone = settlement.kind === "refused" && settlement.gone;
      return (await db.run(SETTLE, [...which, settlement.kind, sealed, ...told, gone])).length > 0;
    },
  };
}

function toState(row: GrantRow): GrantState {
  const { remote_id, asked, outcome, checked_at, unavailable_at } = row;
  return {
    leased: row.taken ? { sealed: orUndefined(row.sealed), remoteId: remote_id, asked } : undefined,
    outcome,
    checkedAt: checked_at,
    unavailableAt: orUndefined(unavailable_at),
  };
}
