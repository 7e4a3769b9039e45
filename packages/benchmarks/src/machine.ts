import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg } from "node:os";
import { repositoryRoot } from "@dex/testing";

/** Where and of what a result was taken. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly node: string;
  /** Processes that wanted to run, over the last minute: more than a few at the start, and others took part. */
  readonly load: number;
  readonly commit: string;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown processor",
    cores: availableParallelism(),
    node: process.versions.node,
    load: loadavg()[0] ?? 0,
    commit: describeCommit(),
  };
}

function describeCommit(): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: repositoryRoot, encoding: "utf8" }).trim();
  try {
    const changed = git("status", "--porcelain", "--", "packages") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${changed ? " with uncommitted changes" : ""}`;
  } catch {
    return "unknown";
  }
}
