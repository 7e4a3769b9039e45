// Runs the jobs while this process leads, and stands by while another one does. node-cron only wakes it: what is due is
// decided from the database, so a missed or doubled tick changes nothing.
import { UnopenableKeys } from "@dex/keys";
import { describeError, type Logger } from "@dex/runtime";
import { schedule } from "node-cron";
import type { Lead, Leadership } from "../ports.ts";
import { type Cadence, makeCadence } from "./cadence.ts";
import type { CollectGarbage } from "./collect-garbage.ts";
import type { RotateKeys } from "./rotate-keys.ts";
import type { SealConnectors } from "./seal-connectors.ts";

const EVERY_SECOND = "* * * * * *";
/** One small read: no secret stands in plain text for longer than two ticks. */
const SEALING_INTERVAL_SECONDS = 1;

export interface LeadJobs {
  role(): "leader" | "standby";
  /** Tries once to lead and does what is due; then goes on every second. Resolves when the first try has ended. */
  start(): Promise<void>;
  /** Ends the ticks, waits for the one under way and lets another overlord lead. */
  close(): Promise<void>;
}

export function makeLeadJobs(parts: {
  leadership: Leadership;
  rotateKeys: RotateKeys;
  sealConnectors: SealConnectors;
  sealClientSecrets: SealConnectors;
  collectGarbage: CollectGarbage;
  rotationIntervalSeconds: number;
  gcIntervalSeconds: number;
  /** Sets the clock of the jobs after the database's. Called once a second; throws while the database is away. */
  followClock: () => Promise<void>;
  /** Milliseconds of a clock that never jumps. */
  monotonic: () => number;
  logger: Logger;
  /** Nothing that waiting could heal. */
  onFatal: (error: UnopenableKeys) => void;
}): LeadJobs {
  const { leadership, logger } = parts;
  const seconds = () => parts.monotonic() / 1000;
  let leading: { lead: Lead; cadences: Cadences; abort: AbortController } | undefined;
  let running: Promise<void> | undefined;
  let ticks: { destroy(): unknown } | undefined;
  let reachable = true;

  function newCadences(): Cadences {
    const [rotation, gc] = [parts.rotationIntervalSeconds, parts.gcIntervalSeconds];
    return {
      rotation: makeCadence({ intervalSeconds: rotation, firstSeconds: seconds() }),
      sealing: makeCadence({ intervalSeconds: SEALING_INTERVAL_SECONDS, firstSeconds: seconds() }),
      clientSecrets: makeCadence({ intervalSeconds: SEALING_INTERVAL_SECONDS, firstSeconds: seconds() }),
      // As in dex v1 the first collection comes one interval after the start.
      garbage: makeCadence({ intervalSeconds: gc, firstSeconds: seconds() + gc }),
    };
  }

  function stepDown(reason: string): void {
    if (leading === undefined) return;
    const { lead, abort } = leading;
    abort.abort();
    leading = undefined;
    void lead.release();
    logger.warn("leadership lost, standing by", { reason });
  }

  async function takeLead(): Promise<void> {
    const lead = await leadership.tryAcquire();
    if (lead === undefined || !lead.isHeld()) return;
    void lead.lost.then(() => {
      if (leading?.lead === lead) stepDown("the connection that holds the lock broke");
    });
    leading = { lead, cadences: newCadences(), abort: new AbortController() };
    logger.info("leading", { fence: lead.fence });
  }

  async function runDue(): Promise<void> {
    if (leading === undefined) return;
    const { lead, cadences, abort } = leading;
    const jobs = [
      { name: "rotate keys", cadence: cadences.rotation, run: () => parts.rotateKeys(lead.fence) },
      { name: "seal connectors", cadence: cadences.sealing, run: () => parts.sealConnectors(lead.fence) },
      {
        name: "seal client secrets",
        cadence: cadences.clientSecrets,
        run: () => parts.sealClientSecrets(lead.fence),
      },
      { name: "collect garbage", cadence: cadences.garbage, run: () => parts.collectGarbage(lead.fence, abort.signal) },
    ];
    for (const job of jobs) {
      if (abort.signal.aborted || !job.cadence.isDue(seconds())) continue;
      try {
        if ((await job.run()) === "lost") stepDown("another overlord leads");
        job.cadence.succeeded(seconds());
      } catch (error) {
        if (error instanceof UnopenableKeys) parts.onFatal(error);
        logger.error("job failed", { job: job.name, ...describeError(error) });
        job.cadence.failed(seconds());
      }
    }
  }

  async function tick(): Promise<void> {
    try {
      await parts.followClock();
      if (leading?.lead.isHeld() === false) stepDown("the lock is lost");
      if (leading === undefined) await takeLead();
      if (!reachable) logger.info("the database answers again");
      reachable = true;
    } catch (error) {
      if (reachable) logger.warn("the database does not answer, trying every second", describeError(error));
      reachable = false;
      return;
    }
    await runDue();
  }

  // Ticks never overlap, not even the first with the second.
  async function tickAlone(): Promise<void> {
    if (running !== undefined) return;
    running = tick().finally(() => {
      running = undefined;
    });
    await running;
  }

  return {
    role: () => (leading === undefined ? "standby" : "leader"),
    async start() {
      await tickAlone();
      ticks = schedule(EVERY_SECOND, () => tickAlone(), { noOverlap: true });
    },
    async close() {
      await ticks?.destroy();
      leading?.abort.abort();
      await running;
      const lead = leading?.lead;
      leading = undefined;
      await lead?.release();
    },
  };
}

interface Cadences {
  readonly rotation: Cadence;
  readonly sealing: Cadence;
  readonly clientSecrets: Cadence;
  readonly garbage: Cadence;
}
