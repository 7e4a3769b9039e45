import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet, MailSink } from "@dex/testing";

export interface FaultCounts {
  redis: number;
  mailServer: number;
  workers: number;
  postgres: number;
}

const DOWN_MILLISECONDS = 1_500;

/**
 * Kills Redis, the mail server or a worker (and takes Postgres away, where that is wanted), at random and never two at once, until stopped; whatever was killed comes back.
 * `seed` makes the order repeatable; the moments are those of the machine.
 */
export function startFaults(
  { fleet, mailServer }: { fleet: Fleet; mailServer: MailSink },
  { everySeconds, seed, postgresToo = "no" }: { everySeconds: number; seed: number; postgresToo?: "yes" | "no" },
): { readonly counts: FaultCounts; stop(): Promise<void> } {
  const counts: FaultCounts = { redis: 0, mailServer: 0, workers: 0, postgres: 0 };
  const stopping = new AbortController();
  const draw = randomFrom(seed);

  async function killSomething(): Promise<void> {
    const choice = Math.floor(draw() * (postgresToo === "yes" ? 4 : 3));
    if (choice === 0) {
      counts.redis += 1;
      await fleet.redis.kill();
      await sleep(DOWN_MILLISECONDS);
      fleet.redis.restart();
    } else if (choice === 1) {
      counts.mailServer += 1;
      await mailServer.kill();
      await sleep(DOWN_MILLISECONDS);
      await mailServer.restart();
    } else if (choice === 3) {
      counts.postgres += 1;
      await fleet.postgres.stop();
      await sleep(DOWN_MILLISECONDS);
      await fleet.postgres.restart();
    } else {
      counts.workers += 1;
      const index = Math.floor(draw() * fleet.workers.length);
      await fleet.workers[index]?.kill();
      await sleep(DOWN_MILLISECONDS);
      fleet.workers[index]?.restart();
      await fleet.workerIsBack(index);
    }
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      const pause = everySeconds * 1000 * (0.5 + draw());
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (!stopping.signal.aborted) await killSomething();
    }
  })();
  return {
    counts,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Numbers from 0 to 1 that follow from the seed (a linear congruential generator: chance is all that is asked of it). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
