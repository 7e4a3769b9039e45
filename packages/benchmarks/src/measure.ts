import { openHttpClient } from "./http-client.ts";
import { median, percentile, runLoad, verifyAll } from "./load.ts";
import { timeOfProcess } from "./processor-time.ts";
import type { Scenario } from "./scenario.ts";
import type { System } from "./system.ts";

/** One scenario in one round. Everything "per operation" is a mean over the round. */
export interface Measurement {
  readonly scenario: string;
  readonly operations: number;
  readonly operationsPerSecond: number;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  /** Processor time of the worker without its hashing threads. */
  readonly serverMicroseconds: number;
  readonly hashingMicroseconds: number;
  readonly databaseMicroseconds: number;
  readonly statements: number | undefined;
  readonly commits: number;
  /** Operations that failed, in the warm-up too, and answers that did not verify. */
  readonly failures: readonly string[];
}

/** Warms up, measures, and then verifies what came. */
export async function measure(
  scenario: Scenario,
  system: System,
  options: { seconds: number; warmUpSeconds: number; concurrency: number },
): Promise<Measurement> {
  const http = openHttpClient(options.concurrency);
  try {
    const lanes = await Promise.all(
      Array.from({ length: options.concurrency }, (_, index) => scenario.openLane({ system, http, index })),
    );
    const warmUp = await runLoad(lanes, options.warmUpSeconds);
    const before = await readCounters(system);
    const run = await runLoad(lanes, options.seconds);
    const after = await readCounters(system);
    const unverified = await verifyAll([...warmUp.proofs, ...run.proofs]);
    const perOperation = (left: number, right: number) => (right - left) / Math.max(1, run.operations);
    const hashing = perOperation(before.worker.hashing, after.worker.hashing);
    return {
      scenario: scenario.name,
      operations: run.operations,
      operationsPerSecond: run.operations / run.seconds,
      p50Milliseconds: percentile(run.latenciesMilliseconds, 0.5),
      p99Milliseconds: percentile(run.latenciesMilliseconds, 0.99),
      serverMicroseconds: perOperation(before.worker.total, after.worker.total) - hashing,
      hashingMicroseconds: hashing,
      databaseMicroseconds: perOperation(before.database.processorTime, after.database.processorTime),
      statements:
        before.database.statements === undefined || after.database.statements === undefined
          ? undefined
          : perOperation(before.database.statements, after.database.statements),
      commits: perOperation(before.database.commits, after.database.commits),
      failures: [...warmUp.failures, ...run.failures, ...unverified],
    };
  } finally {
    http.close();
  }
}

async function readCounters(system: System) {
  const database = await system.postgres.readCounters();
  return { database, worker: timeOfProcess(system.workerPid) };
}

/** The median of each number over the rounds of one scenario; failures are kept all. */
export function medianOf(rounds: readonly [Measurement, ...Measurement[]]): Measurement {
  const of = (pick: (one: Measurement) => number) => median(rounds.map(pick));
  const [first] = rounds;
  return {
    scenario: first.scenario,
    operations: of((one) => one.operations),
    operationsPerSecond: of((one) => one.operationsPerSecond),
    p50Milliseconds: of((one) => one.p50Milliseconds),
    p99Milliseconds: of((one) => one.p99Milliseconds),
    serverMicroseconds: of((one) => one.serverMicroseconds),
    hashingMicroseconds: of((one) => one.hashingMicroseconds),
    databaseMicroseconds: of((one) => one.databaseMicroseconds),
    statements: first.statements === undefined ? undefined : of((one) => one.statements ?? 0),
    commits: of((one) => one.commits),
    failures: rounds.flatMap((one) => one.failures),
  };
}
