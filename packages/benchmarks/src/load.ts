import type { Lane, Proof } from "./scenario.ts";

export interface LoadRun {
  readonly operations: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Of every operation that succeeded, ascending. */
  readonly latenciesMilliseconds: readonly number[];
  readonly proofs: readonly Proof[];
  /** Why lanes ended early. */
  readonly failures: readonly string[];
}

/** Lets every lane repeat its operation until time is up; what is under way then is finished and counted. */
export async function runLoad(lanes: readonly Lane[], seconds: number): Promise<LoadRun> {
  const latencies: number[] = [];
  const proofs: Proof[] = [];
  const failures: string[] = [];
  const start = performance.now();
  const deadline = start + seconds * 1000;
  await Promise.all(
    lanes.map(async (operate) => {
      for (let before = start; before < deadline; ) {
        try {
          const proof = await operate();
          const after = performance.now();
          latencies.push(after - before);
          before = after;
          if (proof !== undefined) proofs.push(proof);
        } catch (error) {
          // A lane is a chain of states, such as refresh tokens: after a failure nothing it does means anything.
          failures.push(describe(error));
          return;
        }
      }
    }),
  );
  const elapsed = (performance.now() - start) / 1000;
  latencies.sort((left, right) => left - right);
  return { operations: latencies.length, seconds: elapsed, latenciesMilliseconds: latencies, proofs, failures };
}

/** Checks what the operations brought. Returns why it did not hold, for each that failed. */
export async function verifyAll(proofs: readonly Proof[]): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const proof of proofs) {
    try {
      await proof();
    } catch (error) {
      failures.push(describe(error));
    }
  }
  return failures;
}

/** The value below which this share of an ascending list lies; 0 for an empty one. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? 0;
}

/** The middle of any list; 0 for an empty one. */
export function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((left, right) => left - right),
    0.5,
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
