import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeMachine } from "./machine.ts";
import { type Measurement, measure, medianOf } from "./measure.ts";
import { type Options, parseOptions } from "./options.ts";
import { renderReport } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/scenarios.ts";
import { startSystem } from "./system.ts";

const RESULTS = join(import.meta.dirname, "..", "results");

const decision = parseOptions(
  process.argv.slice(2),
  SCENARIOS.map(({ name }) => name),
);
if (decision.kind === "exit") {
  (decision.code === 0 ? process.stdout : process.stderr).write(`${decision.message}\n`);
  process.exitCode = decision.code;
} else {
  process.exitCode = await run(decision.options);
}

/** Measures, prints and keeps the result; 1 when an operation failed or a token did not verify. */
async function run(options: Options): Promise<0 | 1> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const date = new Date();
  const machine = describeMachine();
  const chosen = SCENARIOS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  say("starting Postgres, dex-overlord and dex-worker");
  const system = await startSystem({ users: options.concurrency, profile: options.profile });
  // What was started runs in groups of its own and would not hear a Ctrl-C.
  const interrupted = () => void system.stop().finally(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    const measured = new Map<Scenario, [Measurement, ...Measurement[]]>();
    for (let round = 1; round <= options.rounds; round++) {
      for (const scenario of chosen) {
        say(`round ${round}: ${scenario.title}`);
        const one = await measure(scenario, system, options);
        const before = measured.get(scenario);
        measured.set(scenario, before === undefined ? [one] : [...before, one]);
      }
    }
    const { version: postgresVersion, durability } = system.postgres;
    const facts = { ...options, date, machine, postgresVersion, durability };
    const rows = [...measured].map(([scenario, rounds]) => ({ scenario, measured: medianOf(rounds) }));
    const report = renderReport(facts, rows);
    process.stdout.write(`${report}\n`);
    if (options.json !== undefined) {
      const rounds = [...measured.values()].flat();
      const { seconds, concurrency } = options;
      const json = { date, machine, postgresVersion, durability, seconds, concurrency, measurements: rounds };
      await writeFile(options.json, `${JSON.stringify(json, null, 2)}\n`);
    }
    if (options.record !== undefined) {
      await mkdir(RESULTS, { recursive: true });
      await writeFile(join(RESULTS, `${options.record}.md`), `# ${options.record}\n\n${report}\n`);
    }
    return rows.some((row) => row.measured.failures.length > 0) ? 1 : 0;
  } finally {
    await system.stop();
  }
}
