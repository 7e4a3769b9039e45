// A bounded set of open things that are used one at a time: connections to a directory.
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
  readonly waitMilliseconds: number;
  readonly useMilliseconds: number;
  readonly idleMilliseconds: number;
  /** Beyond, who comes is turned away at once. */
  readonly maxWaiting: number;
}

export function makePool<Member extends Poolable>(parts: PoolParts<Member>): Pool<Member> {
  const { size, limits } = parts;
  const idle: { readonly member: Member; readonly timer: NodeJS.Timeout }[] = [];
  const waiting = new Set<() => void>();
  let busy = 0;
  let closed = false;

  function enter(): Promise<void> {
    if (busy < size) {
      busy += 1;
      return Promise.resolve();
    }
    if (waiting.size >= limits.maxWaiting) return Promise.reject(new UpstreamUnreachable("too many are waiting"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(go);
        reject(new UpstreamUnreachable("all connections are in use"));
      }, limits.waitMilliseconds);
      const go = () => {
        clearTimeout(timer);
        resolve();
      };
      waiting.add(go);
    });
  }

  /** The place goes to who waits longest; `busy` stays as it is then. */
  function leave(): void {
    const [next] = waiting;
    if (next === undefined) busy -= 1;
    else {
      waiting.delete(next);
      next();
    }
  }

  async function take(): Promise<Member> {
    for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
      clearTimeout(kept.timer);
      if (!kept.member.alive()) continue;
      try {
        await parts.prepare(kept.member);
        return kept.member;
      } catch {
        // It went stale while nobody used it. Only a fresh one tells whether the server is there.
        kept.member.close();
      }
    }
    const member = await parts.open();
    try {
      await parts.prepare(member);
      return member;
    } catch (error) {
      member.close();
      throw error;
    }
  }

  function giveBack(member: Member): void {
    if (closed || !member.alive()) {
      member.close();
      return;
    }
    const entry = {
      member,
      timer: setTimeout(() => {
        idle.splice(idle.indexOf(entry), 1);
        member.close();
      }, limits.idleMilliseconds).unref(),
    };
    idle.push(entry);
  }

  return {
    async use(work) {
      await enter();
      try {
        const member = await take();
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
          giveBack(member);
        }
      } finally {
        leave();
      }
    },
    count: () => ({ idle: idle.filter(({ member }) => member.alive()).length, busy }),
    close() {
      closed = true;
      for (const { member, timer } of idle.splice(0)) {
        clearTimeout(timer);
        member.close();
      }
    },
  };
}
