// A vitest globalSetup: one fleet for all files that do not break anything. Files that do start their own.
import { randomBytes } from "node:crypto";
import { type FleetFacts, startFleet } from "@dex/testing";
import type { TestProject } from "vitest/node";

/** What a test file may know of the fleet; its processes belong to the setup. */
export interface SharedFleet {
  readonly facts: FleetFacts;
  readonly workerOrigins: readonly string[];
  readonly logDirectory: string;
  /** With it clients register themselves, RFC 7591 section 3. */
  readonly registrationToken: string;
}

declare module "vitest" {
  interface ProvidedContext {
    sharedFleet: SharedFleet;
  }
}

/** Called by vitest before the first test file. What it returns is called after the last, also after failures. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const registrationToken = randomBytes(32).toString("base64");
  const fleet = await startFleet({
    workerEnv: {
      DEX_WORKER_LOG_DEBUG: "true",
      DEX_WORKER_ENABLE_FRONT_CHANNEL_TOKENS: "true",
      DEX_WORKER_ENABLE_CLIENT_REGISTRATION: "true",
      DEX_WORKER_CLIENT_REGISTRATION_TOKENS: registrationToken,
      DEX_WORKER_PASSWORD_GRANT_CONNECTORS: "local",
      // The relying parties of the tests listen on this machine.
      DEX_WORKER_INSECURE_PRIVATE_CLIENT_ADDRESSES: "true",
    },
  });
  const { facts, workerOrigins, logDirectory } = fleet;
  project.provide("sharedFleet", { facts, workerOrigins, logDirectory, registrationToken });
  return () => fleet.stop();
}
