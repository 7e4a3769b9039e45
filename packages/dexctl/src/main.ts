import { systemClock, systemRandom } from "@dex/runtime";
import { runProgram } from "./program.ts";

// Whoever reads our output may stop early, such as `head`.
process.stdout.on("error", () => process.exit(1));

const exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  print: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`${text}\n`),
  clock: systemClock,
  random: systemRandom,
});
// Written out first, then ended: an idle connection would keep the process for seconds.
process.stdout.write("", () => process.exit(exitCode));
