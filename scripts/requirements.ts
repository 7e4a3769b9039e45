// Prints which tests hold which security requirement. With --missing it prints only those that have neither a test nor a
// reason, and exits 1 when there are any.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { NOT_YET, REQUIREMENTS } from "./requirement-list.ts";
import { findTestsById, type NamingTest } from "./tests-by-id.ts";

const ID = /\b(?:[A-Z]{3}|TX)-\d{1,2}\b/g;

function printAll(tests: ReadonlyMap<string, readonly NamingTest[]>): void {
  for (const [id, title] of Object.entries(REQUIREMENTS)) {
    console.log(`${id}  ${title}`);
    for (const { path, name } of tests.get(id) ?? []) console.log(`    ${path}: ${name.slice(0, 120)}`);
    if (!tests.has(id)) console.log(`    ${NOT_YET[id] === undefined ? "MISSING" : `not yet: ${NOT_YET[id]}`}`);
  }
}

const tests = findTestsById(dirname(dirname(fileURLToPath(import.meta.url))), ID);
const missing = Object.keys(REQUIREMENTS).filter((id) => !tests.has(id) && NOT_YET[id] === undefined);
if (!process.argv.includes("--missing")) printAll(tests);
for (const id of missing) console.error(`${id} has no test: ${REQUIREMENTS[id]}`);
const held = Object.keys(REQUIREMENTS).filter((id) => tests.has(id)).length;
console.log(
  `${held} requirements held by tests, ${missing.length} missing, ${Object.keys(NOT_YET).length} not yet due`,
);
if (missing.length > 0) process.exitCode = 1;
