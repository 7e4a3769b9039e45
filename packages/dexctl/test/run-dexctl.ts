import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const scriptFile = fileURLToPath(new URL("../../../scripts/dexctl", import.meta.url));
/** The sources, or the bundle where it has just been made of them (scripts/test.mjs). */
export const mainFile = process.env.DEX_TEST_DEXCTL ?? fileURLToPath(new URL("../src/main.ts", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  readonly cwd?: string;
}

/** Runs dexctl as a person would, as a program of its own, with no environment but PATH and what is given. */
export function runDexctl(args: readonly string[], surroundings: Surroundings = {}): Promise<Finished> {
  return run(process.execPath, [mainFile, ...args], surroundings);
}

/** Runs any program to its end. */
export async function run(file: string, args: readonly string[], surroundings: Surroundings = {}): Promise<Finished> {
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...surroundings.env },
    cwd: surroundings.cwd,
    stdio: "pipe",
  });
  const collected = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    collected.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    collected.stderr += text;
  });
  // The program may end without reading all of its input.
  child.stdin.on("error", () => {});
  child.stdin.end(surroundings.stdin ?? "");
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  return { code, ...collected };
}
