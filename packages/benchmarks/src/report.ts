import type { Machine } from "./machine.ts";
import type { Measurement } from "./measure.ts";
import type { Scenario } from "./scenario.ts";

export interface ReportFacts {
  readonly date: Date;
  readonly machine: Machine;
  readonly postgresVersion: string;
  readonly durability: string;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly concurrency: number;
  readonly note: string | undefined;
}

const COLUMNS = [
  "path",
  "per second",
  "p50 ms",
  "p99 ms",
  "worker µs",
  "floor",
  "ratio",
  "Postgres µs",
  "floor",
  "ratio",
  "statements",
  "floor",
  "commits",
  "floor",
  "errors",
];

/** The result as Markdown: what was measured where, then a row for each scenario. */
export function renderReport(
  facts: ReportFacts,
  rows: readonly { readonly scenario: Scenario; readonly measured: Measurement }[],
): string {
  const cells = rows.map(({ scenario, measured }) => toCells(scenario, measured));
  const hashing = rows
    .filter(({ measured }) => measured.hashingMicroseconds >= 1)
    .map(({ scenario, measured }) => `${scenario.title} ${measured.hashingMicroseconds.toFixed(0)} µs`);
  const failures = rows.flatMap(({ scenario, measured }) =>
    [...new Set(measured.failures)]
      .slice(0, 3)
      .map((failure) => `- ${scenario.title}: ${failure.replace(/\s+/g, " ")}`),
  );
  return [
    renderFacts(facts),
    renderTable([COLUMNS, ...cells]),
    ...(hashing.length === 0 ? [] : [`Threads that hash passwords, beside that: ${hashing.join(", ")}.`]),
    ...(failures.length === 0 ? [] : [`Errors:\n\n${failures.join("\n")}`]),
  ].join("\n\n");
}

function renderFacts(facts: ReportFacts): string {
  const { machine, rounds, seconds, warmUpSeconds, concurrency } = facts;
  return [
    `- date: ${facts.date.toISOString()}`,
    `- commit: ${machine.commit}`,
    `- machine: ${machine.processor}, ${machine.cores} cores, load ${machine.load.toFixed(1)} before the start`,
    `- versions: Node ${machine.node}, PostgreSQL ${facts.postgresVersion} (${facts.durability})`,
    `- load: ${concurrency} virtual users; ${rounds} x ${seconds} s each after ${warmUpSeconds} s of warm-up; medians`,
    "- the load comes from the same machine: rates and latencies say less than processor time",
    ...(facts.note === undefined ? [] : [`- note: ${facts.note}`]),
  ].join("\n");
}

function toCells(scenario: Scenario, measured: Measurement): readonly string[] {
  const { floor } = scenario;
  const { statements } = measured;
  const besideFloor = (value: number, least: number | undefined) => [
    value.toFixed(0),
    least === undefined ? "" : String(least),
    // A path that the floor sends past the database has no ratio there.
    least === undefined || least === 0 ? "" : (value / least).toFixed(2),
  ];
  return [
    scenario.title,
    measured.operationsPerSecond.toFixed(0),
    measured.p50Milliseconds.toFixed(1),
    measured.p99Milliseconds.toFixed(1),
    ...besideFloor(measured.serverMicroseconds, floor?.server),
    ...besideFloor(measured.databaseMicroseconds, floor?.database),
    statements === undefined ? "not counted" : statements.toFixed(2),
    floor === undefined ? "" : String(floor.statements),
    measured.commits.toFixed(2),
    floor === undefined ? "" : String(floor.commits),
    String(measured.failures.length),
  ];
}

function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const render = (row: readonly string[]) => `| ${row.map(pad).join(" | ")} |`;
  const line = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  const [head = [], ...body] = rows;
  return [render(head), `| ${line.join(" | ")} |`, ...body.map(render)].join("\n");
}
