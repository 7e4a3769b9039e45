// Writes packages/e2e/*-checklist.md: each behaviour that we answer for, with the tests that hold it. With --check it
// writes nothing and exits 1 when a file is not what it would write, or an item has neither test nor reason.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { advisoryItems } from "./advisory-items.ts";
import { certificationItems } from "./certification-items.ts";
import { connectorItems } from "./connector-items.ts";
import { dexV1Items } from "./dex-v1-items.ts";
import { findTestsById, type NamingTest } from "./tests-by-id.ts";

/** A list of behaviours, by numbers that test names carry. */
export interface Checklist {
  /** The file, below packages/e2e. */
  readonly file: string;
  readonly title: string;
  /** What the items are items of, for messages. */
  readonly of: string;
  /** Finds the items that the title of a test names. Global; its first group is the item. */
  readonly pattern: RegExp;
  /** The items that such a group stands for, where it is more than one. */
  readonly itemsOf?: (group: string) => readonly string[];
  /** What of a title only names items, and is left out of the table. */
  readonly mention: RegExp;
  readonly groups: readonly { readonly title: string; readonly items: readonly string[] }[];
  /** Item -> what is different and why. A test holds what dex does instead, or the reason says why there is nothing to hold. */
  readonly changed: Readonly<Record<string, string>>;
  /** Changed items for which nothing is left that a test could hold. */
  readonly nothingToHold: ReadonlySet<string>;
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function problemsOf(list: Checklist, tests: ReadonlyMap<string, unknown>): readonly string[] {
  const items = list.groups.flatMap((group) => group.items);
  return [
    ...items
      .filter((item) => !tests.has(item) && !list.nothingToHold.has(item))
      .map((item) => `${list.of}: ${item} has no test that names it`),
    ...[...tests.keys(), ...Object.keys(list.changed), ...list.nothingToHold]
      .filter((item) => !items.includes(item))
      .map((item) => `${list.of}: ${item} is no item of the checklist`),
    ...[...list.nothingToHold]
      .filter((item) => list.changed[item] === undefined)
      .map((item) => `${list.of}: ${item} has nothing to hold, and no reason says why`),
  ];
}

function render(list: Checklist, tests: ReadonlyMap<string, readonly NamingTest[]>): string {
  const items = list.groups.flatMap((group) => group.items);
  const held = items.filter((item) => tests.has(item)).length;
  const changed = items.filter((item) => list.changed[item] !== undefined).length;
  const sections = list.groups.map((group) => {
    const rows = group.items.map((item) => renderRow(list, item, tests.get(item) ?? []));
    return [`## ${group.title}`, "", "| Item | Held by | Different on purpose |", "|---|---|---|", ...rows, ""].join(
      "\n",
    );
  });
  return [
    `# ${list.title}`,
    "",
    `Made by \`node scripts/checklists.ts\`; CI fails when it is out of date. ${items.length} items, ${held} held by tests, ${changed} of`,
    `them different from ${list.of} on purpose.`,
    "",
    ...sections,
  ].join("\n");
}

function renderRow(list: Checklist, item: string, holding: readonly NamingTest[]): string {
  const named = [...new Map(holding.map((test) => [`${test.path} ${test.name}`, test])).values()];
  const tests = named.map(({ path, name }) => `\`${path}\`: ${escapeCell(name.replace(list.mention, ""))}`);
  return `| ${item} | ${tests.join("<br>") || "nothing"} | ${escapeCell(list.changed[item] ?? "")} |`;
}

function escapeCell(text: string): string {
  return text.replaceAll("\\", "").replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function testsByItem({ pattern, itemsOf = (group) => [group] }: Checklist): ReadonlyMap<string, readonly NamingTest[]> {
  const byItem = new Map<string, NamingTest[]>();
  for (const [group, naming] of findTestsById(root, pattern)) {
    for (const item of itemsOf(group)) byItem.set(item, [...(byItem.get(item) ?? []), ...naming]);
  }
  return byItem;
}

for (const list of [dexV1Items, connectorItems, certificationItems, advisoryItems]) {
  const tests = testsByItem(list);
  const problems = problemsOf(list, tests);
  for (const problem of problems) console.error(problem);
  const place = join(root, "packages", "e2e", list.file);
  const text = render(list, tests);
  if (!process.argv.includes("--check")) writeFileSync(place, text);
  else if (readFileSync(place, "utf8") !== text) {
    console.error(`packages/e2e/${list.file} is out of date: run node scripts/checklists.ts`);
    process.exitCode = 1;
  }
  if (problems.length > 0) process.exitCode = 1;
  const count = list.groups.reduce((sum, { items }) => sum + items.length, 0);
  console.log(`${count} items of ${list.of}, ${count - problems.length} held or explained`);
}
