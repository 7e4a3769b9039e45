// node packages/e2e/src/account-load/main.ts --minutes 20: the account load by hand. Exits 1 when anything is not as it must be.
import { parseArgs } from "node:util";
import { runAccountLoad } from "./account-load.ts";

const print = (text: string) => void process.stdout.write(`${text}\n`);

// Ended this way, no process of the fleet stays behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    visitors: { type: "string", default: "6" },
    "fault-every": { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  print(`usage: node packages/e2e/src/account-load/main.ts [--minutes 20] [--visitors 6] [--fault-every 10 (seconds)] [--seed 1]
Registers people and resets passwords on a fleet of its own while Redis, the mail server and workers are killed at random.`);
} else {
  const startedAt = performance.now();
  const report = await runAccountLoad({
    seconds: Number(values.minutes) * 60,
    visitors: Number(values.visitors),
    faultEverySeconds: Number(values["fault-every"]),
    seed: Number(values.seed),
    patienceSeconds: 15,
    // A worker that dies with a mail in its hands keeps it for ten minutes.
    drainSeconds: 660,
    say: (line) => print(`${((performance.now() - startedAt) / 1000).toFixed(0)} s  ${line}`),
  });
  print(JSON.stringify(report, null, 2));
  if (report.violations.length > 0 || report.stillWaiting > 0) process.exitCode = 1;
}
