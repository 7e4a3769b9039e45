import { parseArgs } from "node:util";

export interface Options {
  /** How long each scenario is measured in each round. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  /** Virtual users at once, each with one request under way. */
  readonly concurrency: number;
  /** Scenarios by name; all when empty. */
  readonly only: readonly string[];
  readonly json: string | undefined;
  /** The name under which the result is kept in results/. */
  readonly record: string | undefined;
  /** What a reader of the result should know, such as that the machine was busy. */
  readonly note: string | undefined;
  /** Where the worker writes its CPU profile. */
  readonly profile: string | undefined;
}

export type OptionsDecision =
  | { readonly kind: "run"; readonly options: Options }
  | { readonly kind: "exit"; readonly code: 0 | 2; readonly message: string };

/** Longer or wider runs say nothing more, and might be started by mistake. */
const MOST = { seconds: 60, rounds: 20, concurrency: 64 };
const DEFAULTS = { seconds: 5, rounds: 1, concurrency: 8 };

/** What is to be run, or what to say instead. `scenarios` are the names that there are. */
export function parseOptions(argv: readonly string[], scenarios: readonly string[]): OptionsDecision {
  let values: ReturnType<typeof parseFlags>;
  try {
    values = parseFlags(argv);
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
  if (values.help === true) return { kind: "exit", code: 0, message: helpText(scenarios) };
  const mistakes: string[] = [];
  const number = (name: keyof typeof MOST, whole: boolean): number => {
    const text = values[name];
    const value = text === undefined ? DEFAULTS[name] : Number(text);
    const fits = value > 0 && value <= MOST[name] && (!whole || Number.isInteger(value));
    if (!fits) mistakes.push(`--${name}: found ${text}, expected a number above 0, at most ${MOST[name]}`);
    return value;
  };
  const seconds = number("seconds", false);
  const rounds = number("rounds", true);
  const concurrency = number("concurrency", true);
  const only = values.only ?? [];
  for (const name of only) {
    if (!scenarios.includes(name)) mistakes.push(`--only: there is no "${name}", only ${scenarios.join(", ")}`);
  }
  // It becomes the name of a file.
  if (values.record !== undefined && !/^[a-z0-9][a-z0-9-]{0,63}$/.test(values.record)) {
    mistakes.push("--record: expected a name of lower case letters, digits and dashes");
  }
  if (mistakes.length > 0) return refused(mistakes.join("\n"));
  const { json, record, note, profile } = values;
  const warmUpSeconds = Math.min(2, seconds / 2);
  return { kind: "run", options: { seconds, warmUpSeconds, rounds, concurrency, only, json, record, note, profile } };
}

function parseFlags(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      seconds: { type: "string" },
      rounds: { type: "string" },
      concurrency: { type: "string" },
      only: { type: "string", multiple: true },
      json: { type: "string" },
      record: { type: "string" },
      note: { type: "string" },
      profile: { type: "string" },
      help: { type: "boolean" },
    },
  }).values;
}

function refused(message: string): OptionsDecision {
  return { kind: "exit", code: 2, message: `${message}\nsee --help` };
}

function helpText(scenarios: readonly string[]): string {
  return `benchmarks: what each step costs, measured on one worker of this machine

usage: node packages/benchmarks/src/main.ts [--name value ...]

Starts a private Postgres, one dex-overlord and one dex-worker on loopback, runs each scenario with keep-alive
connections, and prints a table of rates, latencies and processor time beside the floor of the protocol.

  --seconds N      how long each scenario is measured in each round (default ${DEFAULTS.seconds}, at most ${MOST.seconds})
  --rounds N       how often everything is measured; the table shows medians (default ${DEFAULTS.rounds}, at most ${MOST.rounds})
  --concurrency N  virtual users at once (default ${DEFAULTS.concurrency}, at most ${MOST.concurrency})
  --only NAME      this scenario alone; may be given several times
  --json FILE      write every measurement of every round there
  --record NAME    write the table to packages/benchmarks/results/NAME.md
  --note TEXT      a sentence to stand with the result, such as that the machine was busy
  --profile DIR    write a CPU profile of the worker there
  --help           prints this text

scenarios: ${scenarios.join(", ")}`;
}
