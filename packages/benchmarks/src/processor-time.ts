// Processor time as the kernel accounts it, in ticks of 10 ms: over seconds of load that is exact enough.
import { readdirSync, readFileSync } from "node:fs";

const MICROSECONDS_PER_TICK = 10_000; // USER_HZ is 100 on every Linux that Node runs on
/** What Node calls the threads of its Worker; in dex-worker only passwords are hashed there. */
const HASHING_THREAD = "WorkerThread";

export interface ProcessTime {
  /** Of the process with all its threads. */
  readonly total: number;
  /** The part of it that the threads took which hash passwords. */
  readonly hashing: number;
}

/** Microseconds a process has run, in user mode and in the kernel for it. */
export function timeOfProcess(pid: number): ProcessTime {
  let hashing = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readStat(`/proc/${pid}/task/${thread}/stat`);
    if (stat?.name === HASHING_THREAD) hashing += stat.own;
  }
  return { total: readStat(`/proc/${pid}/stat`)?.own ?? 0, hashing: hashing };
}

/** The same of a process and all its children, those that have ended included. */
export function timeOfFamily(pid: number): number {
  const parent = readStat(`/proc/${pid}/stat`);
  if (parent === undefined) throw new Error(`process ${pid} has ended`);
  let sum = parent.own + parent.ofEndedChildren;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readStat(`/proc/${entry}/stat`);
    if (stat?.parentPid === pid) sum += stat.own + stat.ofEndedChildren;
  }
  return sum;
}

interface Stat {
  readonly name: string;
  readonly parentPid: number;
  readonly own: number;
  readonly ofEndedChildren: number;
}

/** undefined when it has ended meanwhile. See proc_pid_stat(5). */
function readStat(file: string): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold any character, so what follows is counted from the last one.
  const nameEnds = text.lastIndexOf(")");
  const fields = text.slice(nameEnds + 2).split(" ");
  const ticks = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) * MICROSECONDS_PER_TICK;
  return {
    name: text.slice(text.indexOf("(") + 1, nameEnds),
    parentPid: Number(fields[1]),
    own: ticks(11),
    ofEndedChildren: ticks(13),
  };
}
