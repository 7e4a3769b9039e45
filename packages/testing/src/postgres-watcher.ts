// A program: waits until whoever started it is gone, however that came about, then ends the Postgres in the directory it
// was given. A test run that was killed would leave its server running for ever.
import { readFile, rm } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

const [directory = "", keep] = process.argv.slice(2);

// Standard input is a pipe that only the starter holds open. It never carries anything.
process.stdin.resume();
await new Promise((resolve) => process.stdin.once("close", resolve));
const pid = await readPid();
if (pid !== undefined) {
  process.kill(pid, "SIGQUIT"); // immediate shutdown, with all its children
  for (let tries = 0; tries < 100 && (await readPid()) !== undefined; tries++) await setTimeout(50);
}
if (keep !== "keep") await rm(directory, { recursive: true, force: true });

/** The first line of Postgres' own file, which it removes when it ends. */
async function readPid(): Promise<number | undefined> {
  try {
    const [line = ""] = (await readFile(`${directory}/postmaster.pid`, "utf8")).split("\n");
    return /^\d+$/.test(line) ? Number(line) : undefined;
  } catch {
    return undefined;
  }
}
