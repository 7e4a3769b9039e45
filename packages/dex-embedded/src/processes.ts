import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The command line of a running process, or undefined when there is none. */
export function commandLineOf(pid: number): string | undefined {
  try {
    return process.platform === "linux"
      ? readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim() || undefined
      : execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Stops a process that an earlier, killed instance left behind, if it is still the one we mean. */
export async function stopLeftover(pid: number, isOurs: (commandLine: string) => boolean, signal: NodeJS.Signals) {
  const runs = () => isOurs(commandLineOf(pid) ?? "");
  if (!runs()) return;
  for (const [name, milliseconds] of [[signal, 10_000] as const, ["SIGKILL", 5000] as const]) {
    try {
      process.kill(pid, name);
    } catch {
      return; // it has ended by itself
    }
    for (const deadline = performance.now() + milliseconds; performance.now() < deadline; await sleep(20)) {
      if (!runs()) return;
    }
  }
}
