import type { RotationPlan, SigningKeySet, SigningKeyWriter, StoredSigningKey } from "@dex/keys";
import type { JsonObject } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { AUDIT_COLUMNS, OVERLORD, toAuditValues } from "./audit.ts";
import { cold, type Database, type Runner } from "./database.ts";
import { holdFence } from "./leader-fence.ts";
import { orUndefined, toStoredJson } from "./stored-text.ts";

export interface SigningKeyStore extends SigningKeyWriter {
  /** Asks the leader for a rotation outside the schedule. Harmless when one is asked for already. */
  requestRotation(actor: Actor, now: Date): Promise<void>;
}

const LOAD = cold(
  "signingKey.load",
  `SELECT i.jwks_max_age_seconds, i.rotation_requested_at, k.id, k.algorithm, k.state, k.public_jwk,
    k.sealed_private_key, k.created_at, k.activated_at, k.retired_at
  FROM installation i LEFT JOIN signing_key k ON true
  ORDER BY k.created_at, k.id`,
);

const REMOVE = cold("signingKey.remove", "DELETE FROM signing_key WHERE id = ANY ($1::text[])");
const RETIRE = cold(
  "signingKey.retire",
  "UPDATE signing_key SET state = 'retired', retired_at = $2 WHERE id = ANY ($1::text[])",
);
const ACTIVATE = cold(
  "signingKey.activate",
  "UPDATE signing_key SET state = 'active', activated_at = $2 WHERE id = ANY ($1::text[])",
);
const ADD = cold(
  "signingKey.add",
  `INSERT INTO signing_key (id, algorithm, state, public_jwk, sealed_private_key, created_at, activated_at, retired_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
);
const RESEAL = cold("signingKey.reseal", "UPDATE signing_key SET sealed_private_key = $2 WHERE id = $1");
const AUDIT = cold(
  "signingKey.audit",
  `INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT $1::text, id, $3, $4, $5 FROM unnest($2::text[]) AS id`,
);
const SET_MAX_AGE = cold(
  "signingKey.setMaxAge",
  "UPDATE installation SET jwks_max_age_seconds = $1 WHERE jwks_max_age_seconds <> $1",
);
// A request that came after the plan was made is for the next tick.
const ROTATION_DONE = cold(
  "signingKey.rotationDone",
  "UPDATE installation SET rotation_requested_at = NULL WHERE rotation_requested_at <= $1",
);
const REQUEST_ROTATION = cold(
  "signingKey.requestRotation",
  `WITH requested AS (
    UPDATE installation SET rotation_requested_at = $1 WHERE rotation_requested_at IS NULL RETURNING one
  )
  INSERT INTO audit_event (${AUDIT_COLUMNS}) SELECT 'key rotation requested', NULL, $2, $3, $4 FROM requested`,
);

type KeyRow = {
  readonly jwks_max_age_seconds: number;
  readonly rotation_requested_at: Date | null;
} & (
  | { readonly id: null }
  | {
      readonly id: string;
      readonly algorithm: StoredSigningKey["algorithm"];
      readonly state: StoredSigningKey["state"];
      readonly public_jwk: JsonObject;
      readonly sealed_private_key: Buffer;
      readonly created_at: Date;
      readonly activated_at: Date | null;
      readonly retired_at: Date | null;
    }
);

/** Signing keys, their private parts sealed. Written by the leader alone. */
export function makeSigningKeyStore(db: Database): SigningKeyStore {
  return {
    async load(): Promise<SigningKeySet> {
      const rows = await db.run<KeyRow>(LOAD);
      const [first] = rows;
      if (first === undefined) throw new Error("the database has no installation row: was it migrated?");
      return {
        keys: rows.flatMap(toStoredKey),
        jwksMaxAgeSeconds: first.jwks_max_age_seconds,
        rotationRequestedAt: orUndefined(first.rotation_requested_at),
      };
    },
    apply: (plan, jwksMaxAgeSeconds, fence, now) =>
      db.transaction(async (tx) => {
        if (!(await holdFence(tx, fence))) return false;
        await applyPlan(tx, plan, now);
        await tx.run(SET_MAX_AGE, [jwksMaxAgeSeconds]);
        if (plan.rotationDone) await tx.run(ROTATION_DONE, [now]);
        return true;
      }),
    async requestRotation(actor, now) {
      await db.run(REQUEST_ROTATION, [now, ...toAuditValues(actor)]);
    },
  };
}

/** Retires before it activates: at no moment does an algorithm have two active keys. */
async function applyPlan(tx: Runner, plan: RotationPlan, now: Date): Promise<void> {
  const audit = (event: string, ids: readonly string[]) => tx.run(AUDIT, [event, ids, ...toAuditValues(OVERLORD)]);
  if (plan.remove.length > 0) {
    await tx.run(REMOVE, [plan.remove]);
    await audit("signing key removed", plan.remove);
  }
  if (plan.retire.length > 0) {
    await tx.run(RETIRE, [plan.retire, now]);
    await audit("signing key retired", plan.retire);
  }
  for (const key of plan.add) await tx.run(ADD, toValues(key));
  if (plan.add.length > 0) {
    const ids = plan.add.map(({ id }) => id);
    await audit("signing key added", ids);
  }
  if (plan.activate.length > 0) {
    await tx.run(ACTIVATE, [plan.activate, now]);
    await audit("signing key activated", plan.activate);
  }
  for (const { id, sealedPrivateKey } of plan.reseal) await tx.run(RESEAL, [id, sealedPrivateKey]);
}

function toValues(key: StoredSigningKey): readonly unknown[] {
  const { id, algorithm, state, sealedPrivateKey, createdAt, activatedAt, retiredAt } = key;
  return [id, algorithm, state, toStoredJson(key.publicJwk), sealedPrivateKey, createdAt, activatedAt, retiredAt];
}

function toStoredKey(row: KeyRow): readonly StoredSigningKey[] {
  if (row.id === null) return []; // the outer join: there is no key yet
  return [
    {
      id: row.id,
      algorithm: row.algorithm,
      state: row.state,
      publicJwk: row.public_jwk,
      sealedPrivateKey: row.sealed_private_key,
      createdAt: row.created_at,
      activatedAt: orUndefined(row.activated_at),
      retiredAt: orUndefined(row.retired_at),
    },
  ];
}
