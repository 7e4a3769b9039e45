import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "./problem.ts";

const STOP_MILLISECONDS = 12_000;
const READY_MILLISECONDS = 30_000;
const LINES_SHOWN = 12;

export interface ChildProgram {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the program has ended, with how it ended. */
  readonly ended: Promise<string>;
  isRunning(): boolean;
  /** The last lines it wrote. */
  lastLines(): string;
  stop(): Promise<void>;
  kill(): void;
}

export interface ChildStart {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly cwd: string;
  /** How we are noticed to be gone: `channel` for stop-with-parent.ts, `input` for a closing standard input. */
  readonly leash: "channel" | "input";
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly stopSignal?: NodeJS.Signals;
}

/** Starts a program in a process group of its own, so that a Ctrl-C meant for us does not reach it behind our back. */
export function startChild(start: ChildStart): ChildProgram {
  mkdirSync(dirname(start.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(start.logFile, "w", 0o600);
  const child = spawn(start.command, [...start.args], {
    cwd: start.cwd,
    env: start.env,
    detached: true,
    stdio: start.leash === "channel" ? ["ignore", log, log, "ipc"] : ["pipe", log, log],
    ...start.user,
  });
  closeSync(log);
  let running = true;
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    );
  }).finally(() => {
    running = false;
  });
  child.stdin?.on("error", () => {}); // it may end before we let go
  const signalGroup = (signal: NodeJS.Signals) => {
    if (!running || child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // it has ended in this very moment
    }
  };
  return {
    name: start.name,
    pid: child.pid ?? 0,
    ended,
    isRunning: () => running,
    lastLines: () => lastLinesOf(start.logFile),
    kill: () => signalGroup("SIGKILL"),
    async stop() {
      if (!running) return;
      if (start.leash === "input") child.stdin?.end();
      else child.kill(start.stopSignal ?? "SIGTERM");
      const deadline = setTimeout(() => signalGroup("SIGKILL"), STOP_MILLISECONDS);
      await ended;
      clearTimeout(deadline);
    },
  };
}

function lastLinesOf(file: string): string {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-LINES_SHOWN);
  return lines.map((line) => `  ${line}`).join("\n");
}

/** Waits until `ready`; throws a Problem when the program ends before that or takes too long. */
export async function waitUntilReady(child: ChildProgram, ready: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = performance.now() + READY_MILLISECONDS; ; await sleep(20)) {
    if (child.isRunning() && (await ready())) return;
    if (!child.isRunning()) throw new Problem(describeEnd(child, await child.ended));
    if (performance.now() > deadline) {
      throw new Problem(
        `${child.name} was not ready in ${READY_MILLISECONDS / 1000} s; it last said:\n${child.lastLines()}`,
      );
    }
  }
}

export function describeEnd(child: ChildProgram, how: string): string {
  return `${child.name} ${how}; it last said:\n${child.lastLines()}`;
}

/** Whether a GET is answered with 200. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false; // not there yet
  }
}

/** Starts one of our programs from its sources. Its secrets are in `env`, never among the arguments. */
export function startOurs(parts: {
  name: string;
  program: "dex-overlord" | "dex-worker" | "example-app";
  root: string;
  logDirectory: string;
  env: NodeJS.ProcessEnv;
}): ChildProgram {
  const { name, program, root, logDirectory, env } = parts;
  return startChild({
    name,
    command: process.execPath,
    args: [
      "--import",
      join(import.meta.dirname, "stop-with-parent.ts"),
      join(root, "packages", program, "src", "main.ts"),
    ],
    env: { ...passedOn(process.env), ...env },
    logFile: join(logDirectory, `${name.replaceAll(" ", "-")}.log`),
    cwd: root,
    leash: "channel",
  });
}

// The rest of our environment is not the children's business; settings of theirs may be given to us.
function passedOn(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names =
    /^(PATH|HOME|LANG|LC_.*|TZ|TMPDIR|NODE_COMPILE_CACHE|NODE_EXTRA_CA_CERTS|SSL_CERT_.*|(DEX_WORKER|DEX_OVERLORD|EXAMPLE_APP)_.*)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => names.test(name)));
}
