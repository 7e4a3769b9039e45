// A vitest globalSetup: one Postgres for the whole run. DEX_TEST_POSTGRES names a server to use instead.
import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { type RunningPostgres, startPostgres } from "./postgres.ts";
import { dropDatabasesOf } from "./test-database.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A superuser's DSN of the run's Postgres. */
    postgresAdminUrl: string;
    /** Part of the name of every database of this run. */
    postgresRunId: string;
  }
}

/** Called by vitest before the first test file. What it returns is called after the last, also after failures. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.DEX_TEST_POSTGRES;
  const own: RunningPostgres | undefined = given ? undefined : await startPostgres();
  const adminUrl = own?.adminUrl ?? given ?? "";
  const runId = randomBytes(4).toString("hex");
  project.provide("postgresAdminUrl", adminUrl);
  project.provide("postgresRunId", runId);
  return async () => {
    if (own === undefined) await dropDatabasesOf(adminUrl, runId);
    else await own.stop();
  };
}
