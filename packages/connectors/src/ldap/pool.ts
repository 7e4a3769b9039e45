// A bounded set of open things that are used one at a time: connections to a directory. tarn keeps them; here is what it
// leaves open: how many may wait, how long one may be used, and that closing lets those finish who have come already.
import { Pool as Tarn, TimeoutError } from "tarn";
import { UpstreamUnreachable } from "../bounded-fetch.ts";

export interface Poolable {
  alive(): boolean;
  close(): void;
}

export interface Pool<Member> {
  /**
   * Runs `work` with a member nobody else has meanwhile. Waits while all are taken; throws UpstreamUnreachable when that
   * takes too long, when none can be opened, or when `work` does not end in time, which closes its member.
   */
  use<Result>(work: (member: Member) => Promise<Result>): Promise<Result>;
  /** How many are open and unused; how many are in use. */
  count(): { readonly idle: number; readonly busy: number };
  /** Closes the unused ones now and the others when they come back. */
  close(): void;
}

export interface PoolParts<Member extends Poolable> {
  readonly size: number;
  open(): Promise<Member>;
  /** Makes a member ready for its next use, which also shows whether it still works. Throws when it does not. */
  prepare(member: Member): Promise<void>;
  readonly limits: PoolLimits;
}

export interface PoolLimits {
  /** For a member of one's own, whether one comes back or is opened. */
  readonly waitMilliseconds: number;
  readonly useMilliseconds: number;
  readonly idleMilliseconds: number;
  /** Beyond, who comes is turned away at once. */
  readonly maxWaiting: number;
}

const REAP_MILLISECONDS = 1_000;
const RETRY_MILLISECONDS = 50;

export function makePool<Member extends Poolable>(parts: PoolParts<Member>): Pool<Member> {
  const { size, limits } = parts;
  let closed = false;
  /** Made ready when they were opened: not once more before their first use. */
  const fresh = new WeakSet<Member>();
  const tarn = new Tarn<Member>({
    min: 0,
    max: size,
    create: openReady,
    // CAST: its types leave out what it does, which is to wait for the answer.
    validate: (member) => isStillGood(member) as unknown as boolean,
    destroy: (member) => member.close(),
    acquireTimeoutMillis: limits.waitMilliseconds,
    createTimeoutMillis: limits.useMilliseconds,
    idleTimeoutMillis: limits.idleMilliseconds,
    reapIntervalMillis: Math.min(REAP_MILLISECONDS, limits.idleMilliseconds),
    createRetryIntervalMillis: RETRY_MILLISECONDS,
    // Whoever waits is told why none can be opened, and does not wait for a second try.
    propagateCreateError: true,
  });

  async function openReady(): Promise<Member> {
    const member = await parts.open();
    try {
      await parts.prepare(member);
    } catch (error) {
      member.close();
      throw error;
    }
    fresh.add(member);
    return member;
  }

  /** It may have gone stale while nobody used it. Only a newly opened one tells whether the server is there. */
  async function isStillGood(member: Member): Promise<boolean> {
    if (!member.alive()) return false;
    if (fresh.delete(member)) return true;
    return parts.prepare(member).then(
      () => true,
      () => false,
    );
  }

  async function take(): Promise<{ member: Member; giveBack: () => void }> {
    if (!closed) {
      if (tarn.numPendingAcquires() >= limits.maxWaiting + room())
        throw new UpstreamUnreachable("too many are waiting");
      try {
        const member = await tarn.acquire().promise;
        return { member, giveBack: () => void tarn.release(member) };
      } catch (error) {
        // What was closed meanwhile gives nothing out any more, to nobody who waits.
        if (!closed) throw error instanceof TimeoutError ? new UpstreamUnreachable("no connection in time") : error;
      }
    }
    const member = await openReady();
    return { member, giveBack: () => member.close() };
  }

  /** Those who will be given one that is about to be opened do not count as waiting. */
  const room = () => Math.max(0, size - tarn.numUsed());

  return {
    async use(work) {
      const { member, giveBack } = await take();
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        member.close();
      }, limits.useMilliseconds);
      try {
        return await work(member);
      } catch (error) {
        throw late ? new UpstreamUnreachable("no complete answer in time") : error;
      } finally {
        clearTimeout(timer);
        giveBack();
      }
    },
    count: () => ({ idle: tarn.numFree(), busy: tarn.numUsed() }),
    close() {
      closed = true;
      // It waits for those in use.
      void tarn.destroy();
    },
  };
}
