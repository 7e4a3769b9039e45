import { fork } from "node:child_process";
import { once } from "node:events";
import type { HostAnswer, HostRequest } from "./postgres-host.ts";

export interface RunningPostgres {
  /** A superuser's DSN of the maintenance database. */
  readonly adminUrl: string;
  /** Stops the server; deletes its data unless the caller named the data directory. Harmless when called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a private Postgres on 127.0.0.1. With `dataDirectory` its data outlives `stop`, so that a test can bring the same
 * server back at the same `port`; without, everything is below the system's temporary directory and goes with `stop`.
 * As root it runs as the user `postgres`, which is created where it is missing: Postgres refuses to run as root.
 * It ends with this process too, whatever ends this process.
 */
export async function startPostgres(options: HostRequest = {}): Promise<RunningPostgres> {
  const host = fork(new URL("./postgres-host.ts", import.meta.url), { execArgv: [], stdio: "ignore" });
  const exited = once(host, "exit");
  host.send(options);
  const [answer] = (await Promise.race([
    once(host, "message"),
    exited.then(() => [{ problem: "its process ended" }]),
  ])) as [HostAnswer];
  if ("problem" in answer) {
    await exited;
    throw new Error(answer.problem);
  }
  return {
    adminUrl: answer.adminUrl,
    async stop() {
      if (host.connected) host.disconnect();
      await exited;
    },
  };
}
