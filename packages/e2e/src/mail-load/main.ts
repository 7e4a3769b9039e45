// node packages/e2e/src/mail-load/main.ts --mails 10000: the mail load by hand. Exits 1 when a mail is lost or given up.
import { parseArgs } from "node:util";
import { runMailLoad } from "./mail-load.ts";

const print = (text: string) => void process.stdout.write(`${text}\n`);

// Ended this way, no process of the fleet stays behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const { values } = parseArgs({
  options: {
    mails: { type: "string", default: "10000" },
    trouble: { type: "string", default: "0.04" },
    "fault-every": { type: "string", default: "6" },
    minutes: { type: "string", default: "25" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  print(`usage: node packages/e2e/src/mail-load/main.ts [--mails 10000] [--trouble 0.04 (share of mails)] [--fault-every 6 (seconds)]
       [--minutes 25 (at most)] [--seed 1]
Sends a queue of mails from a fleet of its own to a mail server that fails at random, while the server, Redis, Postgres and
workers are taken away at random.`);
} else {
  const startedAt = performance.now();
  const report = await runMailLoad({
    mails: Number(values.mails),
    trouble: Number(values.trouble),
    faultEverySeconds: Number(values["fault-every"]),
    seconds: Number(values.minutes) * 60,
    seed: Number(values.seed),
    say: (line) => print(`${((performance.now() - startedAt) / 1000).toFixed(0)} s  ${line}`),
  });
  print(JSON.stringify(report, null, 2));
  if (report.lost > 0 || report.dead > 0 || report.waiting > 0) process.exitCode = 1;
}
