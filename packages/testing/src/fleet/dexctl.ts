import { spawn } from "node:child_process";
import { type ProgramFiles, programFile } from "./program-files.ts";
import { passedOn } from "./running-program.ts";

export interface DexctlRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs dexctl as a program, on the database or, with other variables in `env`, over HTTP. */
export function runDexctl(
  args: readonly string[],
  options: { env: Readonly<Record<string, string>>; stdin?: string; programs?: ProgramFiles },
): Promise<DexctlRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [programFile("dexctl", options.programs ?? "sources"), ...args], {
      env: { ...passedOn(), ...options.env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ status: code ?? 1, stdout, stderr }));
    child.stdin.end(options.stdin ?? "");
  });
}

/** Creates a client with `dexctl new-client` and reads its KEY=VALUE output as a shell would. Throws when it fails. */
export async function newClientWithDexctl(
  redirectUris: readonly string[],
  databaseUrl: string,
): Promise<{ id: string; secret: string }> {
  const run = await runDexctl(["new-client", ...redirectUris], { env: { DEXCTL_DB_URL: databaseUrl } });
  const value = (name: string) => new RegExp(`^(?:export )?${name}=['"]?([^'"\n]*)['"]?$`, "m").exec(run.stdout)?.[1];
  const id = value("DEX_APP_CLIENT_ID");
  const secret = value("DEX_APP_CLIENT_SECRET");
  if (run.status !== 0 || id === undefined || secret === undefined) {
    throw new Error(`dexctl new-client ended with ${run.status}: ${run.stderr}`);
  }
  return { id, secret };
}
