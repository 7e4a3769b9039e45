// A vitest globalSetup: one fleet for all files that do not break anything. Files that do start their own.
import { type FleetFacts, startFleet } from "@dex/testing";
import type { TestProject } from "vitest/node";

/** What a test file may know of the fleet; its processes belong to the setup. */
export interface SharedFleet {
  readonly facts: FleetFacts;
  readonly workerOrigins: readonly string[];
  readonly logDirectory: string;
}

declare module "vitest" {
  interface ProvidedContext {
    sharedFleet: SharedFleet;
  }
}

/** Called by vitest before the first test file. What it returns is called after the last, also after failures. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const fleet = await startFleet({ workerEnv: { DEX_WORKER_LOG_DEBUG: "true" } });
  const { facts, workerOrigins, logDirectory } = fleet;
  project.provide("sharedFleet", { facts, workerOrigins, logDirectory });
  return () => fleet.stop();
}
