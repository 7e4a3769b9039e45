// A database that several overlords share, in memory: one lock, one fence, one set of keys.
import type { RotationPlan, SigningKeySet, SigningKeyWriter, StoredSigningKey } from "@dex/keys";
import type { Garbage, Lead, Leadership } from "../src/ports.ts";

export interface SharedDatabase {
  keys: SigningKeySet;
  fence: number;
  holder: Lead | undefined;
  garbage: number;
  /** Every write that was accepted, with the fence it carried. */
  readonly writes: { what: "keys" | "garbage"; fence: number }[];
  failWith: Error | undefined;
}

export function makeSharedDatabase(): SharedDatabase {
  return {
    keys: { keys: [], jwksMaxAgeSeconds: 300, rotationRequestedAt: undefined },
    fence: 0,
    holder: undefined,
    garbage: 0,
    writes: [],
    failWith: undefined,
  };
}

function answer(database: SharedDatabase): void {
  if (database.failWith !== undefined) throw database.failWith;
}

export function signingKeysOf(database: SharedDatabase): SigningKeyWriter {
  return {
    async load() {
      answer(database);
      return database.keys;
    },
    async apply(plan, jwksMaxAgeSeconds, fence, now) {
      answer(database);
      if (fence !== database.fence) return false;
      const { rotationRequestedAt } = database.keys;
      database.keys = {
        keys: applyPlan(database.keys.keys, plan, now),
        jwksMaxAgeSeconds,
        rotationRequestedAt: plan.rotationDone ? undefined : rotationRequestedAt,
      };
      database.writes.push({ what: "keys", fence });
      return true;
    },
  };
}

function applyPlan(keys: readonly StoredSigningKey[], plan: RotationPlan, now: Date): readonly StoredSigningKey[] {
  const moved = keys
    .filter((key) => !plan.remove.includes(key.id))
    .map((key): StoredSigningKey => {
      const resealed = { ...key, ...plan.reseal.find(({ id }) => id === key.id) };
      if (plan.activate.includes(key.id)) return { ...resealed, state: "active", activatedAt: now };
      return plan.retire.includes(key.id) ? { ...resealed, state: "retired", retiredAt: now } : resealed;
    });
  return [...moved, ...plan.add];
}

export function garbageOf(database: SharedDatabase): Garbage {
  return {
    async collect(_now, limit, fence) {
      answer(database);
      if (fence !== database.fence) return undefined;
      const deleted = Math.min(limit, database.garbage);
      database.garbage -= deleted;
      database.writes.push({ what: "garbage", fence });
      return { session: deleted };
    },
  };
}

export function leadershipOf(database: SharedDatabase): Leadership {
  return {
    async tryAcquire() {
      answer(database);
      if (database.holder !== undefined) return undefined;
      const fence = ++database.fence;
      const ended = Promise.withResolvers<void>();
      const lead: Lead = {
        fence,
        lost: ended.promise,
        isHeld: () => database.holder === lead,
        async release() {
          if (database.holder === lead) database.holder = undefined;
          ended.resolve();
        },
      };
      database.holder = lead;
      return lead;
    },
  };
}
