// Asks an upstream again, at a refresh, whether it still vouches for a user. One asks at a time, on all workers; the others
// wait for the answer. No statement is open while an upstream is waited for.
import { setTimeout as sleep } from "node:timers/promises";
import type { Connector, LoginOutcome, ProvedIdentity, UpstreamGrant, UpstreamRefresh } from "@dex/connectors";
import { newUuid, type UpstreamAnswer, type UpstreamRefresher } from "@dex/oidc";
import { addSeconds, type Clock, describeError, type Logger, type Random } from "@dex/runtime";
import type { GrantOwner, GrantSettlement, GrantState, LeasedGrant, UpstreamGrants } from "@dex/storage";
import type { ConnectorSet } from "../live/connector-set.ts";
import type { GrantSubject, UpstreamGrantSealer } from "./upstream-grant-sealer.ts";

/** After this long the lease of a worker that died is taken over. A worker that lives has given up by then. */
const LEASE_SECONDS = 30;
const ASK_SECONDS = 25;
/** Whoever waits for another's answer gives up after this long: their client tries again. */
const WAIT_SECONDS = 12;
const FIRST_PAUSE_MILLISECONDS = 25;
const LONGEST_PAUSE_MILLISECONDS = 400;
const RETRY_AFTER_SECONDS = 5;

export interface UpstreamRefresherParts {
  readonly connectors: ConnectorSet;
  readonly grants: UpstreamGrants;
  readonly sealer: UpstreamGrantSealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What is recorded, and why the user gets no tokens, if they get none. */
interface Verdict {
  readonly settlement: GrantSettlement;
  readonly problem: Exclude<UpstreamAnswer, { readonly kind: "good" }> | undefined;
}

export function makeUpstreamRefresher(parts: UpstreamRefresherParts): UpstreamRefresher {
  const { grants, clock, random } = parts;
  // Within this process nobody but the first of them polls.
  const underWay = new Map<string, Promise<UpstreamAnswer>>();

  async function revalidate(owner: GrantOwner, since: Date): Promise<UpstreamAnswer> {
    const giveUpAt = addSeconds(clock(), WAIT_SECONDS);
    for (let pause = FIRST_PAUSE_MILLISECONDS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MILLISECONDS)) {
      const now = clock();
      const lease = { id: newUuid(random, now), until: addSeconds(now, LEASE_SECONDS) };
      const state = await grants.lease(owner, lease, since, now);
      // Gone with its identity: what hung on it has ended too.
      if (state === undefined) return { kind: "good", checkedAt: since };
      if (state.leased !== undefined) {
        const { problem, settlement } = await ask(parts, owner, lease.id, state.leased);
        const checkedAt = clock();
        if (await grants.settle(owner, lease.id, settlement, checkedAt)) return problem ?? { kind: "good", checkedAt };
        // A new sign-in has brought another grant meanwhile.
      } else {
        const answer = answerIn(state, since);
        if (answer !== undefined) return answer;
      }
      if (clock() >= giveUpAt) return unavailable("another request was asking for too long");
      await sleep(pause);
    }
  }

  return {
    revalidate({ userId, connectorId }, now) {
      const key = JSON.stringify([userId, connectorId]);
      const asked = underWay.get(key) ?? revalidate({ userId, connectorId }, now).finally(() => underWay.delete(key));
      underWay.set(key, asked);
      return asked;
    },
  };
}

/** What another request has learned since `since`. */
function answerIn({ outcome, checkedAt, unavailableAt }: GrantState, since: Date): UpstreamAnswer | undefined {
  if (checkedAt >= since) {
    return outcome === "good" ? { kind: "good", checkedAt } : { kind: "refused", detail: "when another request asked" };
  }
  const failed = unavailableAt !== undefined && unavailableAt >= since;
  return failed ? unavailable("another request could not ask either") : undefined;
}

async function ask(
  parts: UpstreamRefresherParts,
  owner: GrantOwner,
  leaseId: string,
  leased: LeasedGrant,
): Promise<Verdict> {
  const { connectors, sealer, logger } = parts;
  const { connector, upstream = "" } = connectors.find(owner.connectorId) ?? {};
  if (connector === undefined) return failed(unavailable("the connector cannot be opened"));
  // Its operator has turned that off: as with any connector that cannot be asked, what it said last counts.
  if (connector.refresh === undefined) return good(undefined, undefined);
  const of = { ...owner, remoteId: leased.remoteId, upstream };
  const opened = leased.sealed && sealer.open(of, leased.sealed);
  if (opened === undefined) {
    const detail =
      leased.sealed === undefined
        ? "forgotten with the connector"
        : "sealed under another key secret, or given by another upstream";
    logger.warn("upstream grant cannot be used", { ...owner, detail });
    return refused(detail);
  }
  const kept: { last?: UpstreamGrant } = {};
  try {
    const keep = async (next: UpstreamGrant) => {
      if (!(await parts.grants.keep(owner, leaseId, sealOf(sealer, of, next)))) {
        throw new Error("the lease of an upstream grant was lost");
      }
      kept.last = next;
    };
    const outcome = await askInTime(parts, connector, leased, { ...opened, keep });
    // The last that was kept must not be undone by one of before.
    const before = kept.last === undefined && opened.outdated ? opened.grant : undefined;
    return toVerdict(parts, of, outcome, before);
  } catch (error) {
    logger.error("upstream refresh failed", { ...owner, ...describeError(error) });
    return failed(unavailable("asking failed"));
  }
}

async function askInTime(
  { clock }: UpstreamRefresherParts,
  { refresh }: Connector,
  { remoteId, asked }: LeasedGrant,
  { grant, keep }: Pick<UpstreamRefresh, "grant" | "keep">,
): Promise<LoginOutcome> {
  const waiting = new AbortController();
  const tooLate = sleep(ASK_SECONDS * 1000, undefined, { signal: waiting.signal }).then(
    (): LoginOutcome => ({ kind: "unavailable", detail: `no answer within ${ASK_SECONDS} s` }),
  );
  tooLate.catch(() => undefined);
  try {
    const answer = refresh?.({
      grant,
      remoteId,
      asked: { groups: asked.includes("groups"), offlineAccess: true },
      now: clock(),
      keep,
    });
    return await Promise.race([answer ?? tooLate, tooLate]);
  } finally {
    waiting.abort();
  }
}

function toVerdict(
  { sealer, logger }: UpstreamRefresherParts,
  of: GrantSubject,
  outcome: LoginOutcome,
  before: UpstreamGrant | undefined,
): Verdict {
  const { userId, connectorId } = of;
  switch (outcome.kind) {
    case "identity": {
      if (outcome.identity.remoteId !== of.remoteId) return refused("it is about somebody else now");
      const next = outcome.grant ?? before;
      return good(next && sealOf(sealer, of, next), outcome);
    }
    case "refused": {
      const detail = `${outcome.reason}: ${outcome.detail}`;
      logger.info("upstream refused a refresh", { userId, connectorId, detail });
      return refused(detail, outcome.reason === "user gone");
    }
    case "unavailable":
      logger.warn("upstream cannot be asked", { connectorId, detail: outcome.detail });
      return failed(unavailable(outcome.detail));
    case "throttled":
    case "busy":
      return failed({ kind: "unavailable", detail: outcome.kind, retryAfterSeconds: outcome.retryAfterSeconds });
  }
}

function sealOf(sealer: UpstreamGrantSealer, of: GrantSubject, grant: UpstreamGrant): Buffer {
  const sealed = sealer.seal(of, grant);
  if (sealed === undefined) throw new Error("an upstream grant is too large to be kept");
  return sealed;
}

function good(sealed: Buffer | undefined, proved: ProvedIdentity | undefined): Verdict {
  const claims = proved && {
    groups: proved.identity.groups,
    preferredUsername: proved.identity.preferredUsername,
  };
  return { settlement: { kind: "good", sealed, claims }, problem: undefined };
}

/** `gone` ends what hangs on the user's being there; who is merely not welcome may be so again (REF-13). */
function refused(detail: string, gone = false): Verdict {
  return { settlement: { kind: "refused", gone }, problem: { kind: "refused", detail } };
}

function failed(problem: NonNullable<Verdict["problem"]>): Verdict {
  return { settlement: { kind: "unavailable" }, problem };
}

function unavailable(detail: string): NonNullable<Verdict["problem"]> {
  return { kind: "unavailable", detail, retryAfterSeconds: RETRY_AFTER_SECONDS };
}
