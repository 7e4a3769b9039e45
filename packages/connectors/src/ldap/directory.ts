// One directory as everything here speaks to it: connections that are bound as the service account, a bound on how many ask
// at once, and a breaker that leaves a broken directory alone.
import type { Clock } from "@dex/runtime";
import { UpstreamUnreachable } from "../bounded-fetch.ts";
import { makeCircuitBreaker } from "../circuit-breaker.ts";
import type { LoginOutcome } from "../connector.ts";
import { LoginRefused, outcomeOf, unavailable } from "../login-refused.ts";
import { type LdapConnection, openLdapConnection } from "./connection.ts";
import { makePool, type Pool } from "./pool.ts";
import type { LdapSettings } from "./settings.ts";

const POOL_LIMITS = { waitMilliseconds: 5_000, useMilliseconds: 10_000, idleMilliseconds: 300_000, maxWaiting: 200 };

export interface Directory {
  /** Runs `work` with a connection of its own, bound as the service account. What it throws becomes its outcome. */
  ask(work: (connection: LdapConnection) => Promise<LoginOutcome>): Promise<LoginOutcome>;
  readonly count: Pool<LdapConnection>["count"];
  /** Who asks already gets an answer still. */
  close(): void;
}

export function openDirectory(settings: LdapSettings, clock: Clock): Directory {
  const pool = makePool({
    size: settings.poolSize,
    open: () => openLdapConnection(settings.server),
    prepare: (connection) => becomeService(connection, settings),
    limits: POOL_LIMITS,
  });
  // The pool bounds how many are on their way, the breaker whether anybody is sent at all.
  const breaker = makeCircuitBreaker(clock, { maxInFlight: settings.poolSize + POOL_LIMITS.maxWaiting });
  return {
    async ask(work) {
      const admission = breaker.admit();
      if (admission.kind === "refused") return { kind: "unavailable", detail: admission.reason };
      let answered = true;
      try {
        return await outcomeOf(async () => {
          try {
            return await pool.use(work);
          } catch (error) {
            answered = !(error instanceof UpstreamUnreachable);
            throw error;
          }
        });
      } finally {
        admission.settle(answered ? "answered" : "failed");
      }
    },
    count: pool.count,
    close: pool.close,
  };
}

/** Throws LoginRefused when it may not, UpstreamUnreachable when nobody answers. */
export async function becomeService(connection: LdapConnection, { service, find }: LdapSettings): Promise<void> {
  if (service === undefined) return becomeNobody(connection, find.kind === "search");
  const bound = await connection.bind(service.dn, service.password.reveal());
  if (bound.kind !== "bound") throw unavailable(`the service account is refused: ${bound.why}`);
}

/** Many directories forbid it, which only matters to who searches as nobody. Any answer shows that the server is there. */
async function becomeNobody(connection: LdapConnection, needed: boolean): Promise<void> {
  try {
    await connection.bindAsNobody();
  } catch (error) {
    if (needed || !(error instanceof LoginRefused)) throw error;
  }
}
