import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Set by scripts/test.mjs, which finds by it whoever was left behind. */
const RUN_MARK = "DEX_TEST_RUN";
const STOP_MILLISECONDS = 15_000;

export interface ProgramStart {
  /** How it is called in messages, such as `worker 2`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** All of its environment beside what passedOn() names: nothing else leaks in from ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where both of its output streams go, in the order in which it writes. */
  readonly logFile: string;
}

/** A process of ours that is watched: what it writes is kept, and its end is noticed. */
export interface RunningProgram {
  readonly name: string;
  readonly pid: number;
  /** Everything it wrote since the first start. */
  logs(): string;
  isRunning(): boolean;
  /** Waits for its end for at most so long; false when it still runs then. */
  ended(milliseconds: number): Promise<boolean>;
  /** Asks it to stop and waits; a program that does not end in time is killed. Harmless when it has ended. */
  stop(): Promise<void>;
  /** Sends SIGKILL and waits for the end. */
  kill(): Promise<void>;
  /** Sends any signal, such as SIGSTOP, without waiting. */
  signal(name: NodeJS.Signals): void;
  /** Does what Ctrl-C at a terminal does: SIGINT to it and everything it started in its process group. */
  interrupt(): void;
  /** Starts it again, as before but for the settings in `env`, which stay. It must have ended. */
  restart(env?: Readonly<Record<string, string>>): void;
}

const alive = new Set<ChildProcess>();
// The last resort: whatever way we end, short of SIGKILL, nobody stays behind.
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** Starts the program in a process group of its own, so that a Ctrl-C meant for us does not reach it behind our back. */
export function startProgram(start: ProgramStart): RunningProgram {
  let settings = start;
  let child = launch(settings);
  const running = () => alive.has(child);
  const ended = async (milliseconds: number) => {
    for (const deadline = performance.now() + milliseconds; running() && performance.now() < deadline; ) {
      await sleep(10);
    }
    return !running();
  };
  const kill = async () => {
    if (running()) child.kill("SIGKILL");
    await ended(STOP_MILLISECONDS);
  };
  return {
    name: start.name,
    get pid() {
      return child.pid ?? 0;
    },
    logs: () => readFileSync(start.logFile, "utf8"),
    isRunning: running,
    ended,
    kill,
    async stop() {
      if (!running()) return;
      child.kill("SIGTERM");
      // A program that a test has paused would never hear it.
      child.kill("SIGCONT");
      if (!(await ended(STOP_MILLISECONDS))) await kill();
    },
    signal: (name) => void child.kill(name),
    interrupt() {
      if (running() && child.pid !== undefined) process.kill(-child.pid, "SIGINT");
    },
    restart(env = {}) {
      if (running()) throw new Error(`${start.name} still runs: stop it first`);
      settings = { ...settings, env: { ...settings.env, ...env } };
      child = launch(settings);
    },
  };
}

function launch(start: ProgramStart): ChildProcess {
  const log = openSync(start.logFile, "a", 0o600);
  const child = spawn(start.command, [...start.args], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...passedOn(), ...start.env },
  });
  closeSync(log);
  alive.add(child);
  child.once("exit", () => alive.delete(child));
  child.once("error", () => alive.delete(child));
  return child;
}

/** Waits until `ready` resolves to true; fails with the end of the program's log when it dies or time is up. */
export async function waitUntilReady(
  program: RunningProgram,
  ready: () => Promise<boolean>,
  milliseconds = 30_000,
): Promise<void> {
  for (const deadline = performance.now() + milliseconds; ; ) {
    if (await ready().catch(() => false)) return;
    const lastLines = program.logs().trimEnd().split("\n").slice(-15).join("\n");
    if (!program.isRunning()) throw new Error(`${program.name} ended before it was ready:\n${lastLines}`);
    if (performance.now() > deadline) throw new Error(`${program.name} was not ready in time:\n${lastLines}`);
    await sleep(25);
  }
}

/** Whether a GET of `url` is answered with 200. */
export async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.status === 200;
}

/** What every program may know of our environment. Compiled code is kept between programs: they start in half the time. */
export function passedOn(): NodeJS.ProcessEnv {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE, [RUN_MARK]: process.env[RUN_MARK] };
}
