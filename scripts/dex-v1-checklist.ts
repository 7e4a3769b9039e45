// Writes packages/e2e/dex-v1-checklist.md: each behaviour of dex v1 that we answer for, with the tests that hold it. With
// --check it writes nothing and exits 1 when the file is not what it would write, or an item has neither test nor reason.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHANGED, ITEM_GROUPS, NOTHING_TO_HOLD } from "./dex-v1-items.ts";
import { findTestsById, type NamingTest } from "./tests-by-id.ts";

const ITEM = /\bv1 ([A-Z]\d\d)\b/g;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const place = join(root, "packages", "e2e", "dex-v1-checklist.md");

const tests = findTestsById(root, ITEM);
const items = Object.entries(ITEM_GROUPS).flatMap(([group, { count }]) =>
  Array.from({ length: count }, (_, index) => `${group}${String(index + 1).padStart(2, "0")}`),
);

const problems = [
  ...items
    .filter((item) => !tests.has(item) && !NOTHING_TO_HOLD.has(item))
    .map((item) => `${item} has no test: name one "(v1 ${item})"`),
  ...[...tests.keys(), ...Object.keys(CHANGED), ...NOTHING_TO_HOLD]
    .filter((item) => !items.includes(item))
    .map((item) => `${item} is no item of the checklist`),
  ...[...NOTHING_TO_HOLD]
    .filter((item) => CHANGED[item] === undefined)
    .map((item) => `${item} has nothing to hold, and no reason says why`),
];

function render(): string {
  const held = items.filter((item) => tests.has(item)).length;
  const changed = items.filter((item) => CHANGED[item] !== undefined).length;
  const sections = Object.entries(ITEM_GROUPS).map(([group, { title }]) => {
    const rows = items.filter((item) => item.startsWith(group)).map(renderRow);
    return [`## ${title}`, "", "| Item | Held by | Different on purpose |", "|---|---|---|", ...rows, ""].join("\n");
  });
  return [
    "# What dex v1 did, and the tests that hold it",
    "",
    `Made by \`node scripts/dex-v1-checklist.ts\`; CI fails when it is out of date. ${items.length} items, ${held} held by tests, ${changed} of`,
    "them different from dex v1 on purpose.",
    "",
    ...sections,
  ].join("\n");
}

function renderRow(item: string): string {
  const named = [...new Map((tests.get(item) ?? []).map((test) => [`${test.path} ${test.name}`, test])).values()];
  return `| ${item} | ${named.map(renderTest).join("<br>") || "nothing"} | ${escapeCell(CHANGED[item] ?? "")} |`;
}

function renderTest({ path, name }: NamingTest): string {
  const sentence = name.replace(/\s*\((?:v1 [A-Z]\d\d(?:, )?)+\)/g, "");
  return `\`${path}\`: ${escapeCell(sentence)}`;
}

function escapeCell(text: string): string {
  return text.replaceAll("\\", "").replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

for (const problem of problems) console.error(problem);
const text = render();
if (!process.argv.includes("--check")) writeFileSync(place, text);
else if (readFileSync(place, "utf8") !== text) {
  console.error("packages/e2e/dex-v1-checklist.md is out of date: run node scripts/dex-v1-checklist.ts");
  process.exitCode = 1;
}
if (problems.length > 0) process.exitCode = 1;
console.log(`${items.length} items of dex v1, ${items.length - problems.length} held or explained`);
