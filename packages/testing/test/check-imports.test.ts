// Runs scripts/check-imports.ts as the program it is, each time on a small repository made for one rule.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = join(import.meta.dirname, "..", "..", "..", "scripts", "check-imports.ts");

type Files = Readonly<Record<string, string>>;

const manifest = (name: string, more: object = {}) =>
  JSON.stringify({ name: `@dex/${name}`, exports: { ".": "./src/index.ts" }, ...more });

/** Lawful as it stands; each row below adds the one file that breaks a rule. */
const lawful: Files = {
  "README.md": "# x\n",
  "packages/runtime/package.json": manifest("runtime"),
  "packages/runtime/src/index.ts": "export const now = () => new Date();\n",
  "packages/keys/package.json": manifest("keys", {
    dependencies: { "@dex/runtime": "workspace:*" },
    devDependencies: { "@dex/testing": "workspace:*" },
  }),
  "packages/keys/src/index.ts": 'import { now } from "@dex/runtime";\nexport const created = now;\n',
  "packages/keys/src/index.test.ts": 'import { test } from "vitest";\nimport "@dex/testing";\ntest("x", () => {});\n',
  "packages/testing/package.json": manifest("testing"),
  "packages/testing/src/index.ts": "export const port = 0;\n",
};

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "dex-imports-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function check(files: Files): { status: number | null; output: string } {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const run = spawnSync(process.execPath, [script, root], { encoding: "utf8" });
  return { status: run.status, output: run.stderr };
}

test("a repository that keeps the rules passes in silence", () => {
  expect(check(lawful)).toEqual({ status: 0, output: "" });
});

const breaches: readonly { rule: string; add: Files; says: RegExp }[] = [
  {
    rule: "a package imports one that the table does not allow it",
    add: { "packages/runtime/src/clock.ts": 'import { created } from "@dex/keys";\nexport const x = created;\n' },
    says: /packages\/runtime\/src\/clock\.ts:1: runtime may not import keys/,
  },
  {
    rule: "sources import testing",
    add: { "packages/keys/src/signer.ts": '\nimport { port } from "@dex/testing";\nexport const x = port;\n' },
    says: /signer\.ts:2: testing is for tests/,
  },
  {
    rule: "a value is imported where only types may be",
    add: {
      "packages/storage/package.json": manifest("storage", { devDependencies: { "@dex/keys": "workspace:*" } }),
      "packages/storage/src/index.ts": 'import { created } from "@dex/keys";\nexport const x = created;\n',
    },
    says: /storage\/src\/index\.ts:1: only types of keys may be used here; write import type/,
  },
  {
    rule: "an import reaches past the exports of a package",
    add: { "packages/keys/src/deep.ts": 'import { now } from "@dex/runtime/src/clock.ts";\nexport const x = now;\n' },
    says: /deep\.ts:1: @dex\/runtime\/src\/clock\.ts is not in the exports/,
  },
  {
    rule: "a relative import leaves its package",
    add: { "packages/keys/src/out.ts": 'import { now } from "../../runtime/src/index.ts";\nexport const x = now;\n' },
    says: /out\.ts:1: .* leaves the package/,
  },
  {
    rule: "a relative import leads nowhere",
    add: { "packages/keys/src/gone.ts": 'export { x } from "./missing";\n' },
    says: /gone\.ts:1: \.\/missing does not exist; relative imports end in \.ts/,
  },
  {
    rule: "files import each other",
    add: {
      "packages/keys/src/a.ts": 'import { b } from "./b.ts";\nexport const a = () => b;\n',
      "packages/keys/src/b.ts": 'import { a } from "./a.ts";\nexport const b = () => a;\n',
    },
    says: /import cycle: a\.ts -> b\.ts -> a\.ts/,
  },
  {
    rule: "packages import each other",
    add: {
      "packages/runtime/package.json": manifest("runtime", { dependencies: { "@dex/keys": "workspace:*" } }),
      "packages/runtime/src/clock.ts": 'export { created } from "@dex/keys";\n',
    },
    says: /cycle between packages: keys -> runtime -> keys/,
  },
  {
    rule: "a package uses what its manifest does not list",
    add: { "packages/keys/src/uses.ts": 'import { SignJWT } from "jose";\nexport const x = SignJWT;\n' },
    says: /uses\.ts:1: jose is not in the dependencies of packages\/keys\/package\.json/,
  },
  {
    rule: "a manifest lists what nobody imports",
    add: { "packages/testing/package.json": manifest("testing", { dependencies: { pg: "catalog:" } }) },
    says: /testing\/package\.json:1: pg is never imported/,
  },
  {
    rule: "a dependency is used by tests alone",
    add: {
      "packages/runtime/package.json": manifest("runtime", { dependencies: { jose: "catalog:" } }),
      "packages/runtime/src/x.test.ts": 'import "jose";\n',
    },
    says: /jose is needed by tests or types only; move it to devDependencies/,
  },
  {
    rule: "a package has no row in the table",
    add: { "packages/ldap/package.json": manifest("ldap") },
    says: /package has no row in scripts\/import-table\.ts/,
  },
  {
    rule: "something new stands at the top",
    add: { "src/index.ts": "export {};\n" },
    says: /src:1: does not belong at the top/,
  },
  {
    rule: "a file's name says nothing",
    add: { "packages/keys/src/utils.ts": "export const x = 1;\n" },
    says: /utils\.ts names nothing/,
  },
  {
    rule: "every proxy is trusted (NET-2)",
    add: { "packages/keys/src/app.ts": 'app.set("trust proxy", true);\n' },
    says: /app\.ts:1: trust proxy: true believes every peer/,
  },
  {
    rule: "a value is pasted into SQL (SQL-1)",
    add: { "packages/keys/src/sql.ts": `export const q = (db, id) =>\n  db.raw(\`select \${id}\`);\n` },
    says: /sql\.ts:2: a value is pasted into SQL text/,
  },
  {
    rule: "SQL is put together with + (SQL-1)",
    add: { "packages/keys/src/sql.ts": 'export const q = (db, id) => db.raw("select " + id);\n' },
    says: /sql\.ts:1: SQL text is put together/,
  },
  {
    rule: "markup is written raw (BRO-11)",
    add: { "packages/keys/src/page.ts": "export const show = (node, name) => {\n  node.innerHTML = name;\n};\n" },
    says: /page\.ts:2: markup is written without escaping/,
  },
  {
    rule: "the clock is read",
    add: { "packages/keys/src/late.ts": "export const late = () => Date.now() > 0 || new Date();\n" },
    says: /late\.ts:1: reads the clock[\s\S]*late\.ts:1: reads the clock/,
  },
  {
    rule: "chance is made",
    add: { "packages/keys/src/id.ts": "export const id = () => Math.random();\n" },
    says: /id\.ts:1: makes its own chance/,
  },
];

test.each(breaches)("it is refused when $rule", ({ add, says }) => {
  const { status, output } = check({ ...lawful, ...add });
  expect(output).toMatch(says);
  expect(status).toBe(1);
});

const lawfulLooks: readonly { what: string; text: string }[] = [
  { what: "a comment that names a breach", text: "// Date.now() is forbidden\n/* Math.random() too */\nexport {};\n" },
  { what: "a string that quotes one", text: 'export const told = "Date.now()";\n' },
  { what: "an import inside a template", text: 'export const told = `\nimport x from "nowhere";\n`;\n' },
  { what: "a regular expression with quotes", text: "export const quote = /[\"'`/]/;\nexport const y = 'z';\n" },
  { what: "a date made of an argument", text: "export const at = (ms: number) => new Date(ms);\n" },
  { what: "SQL with a constant of the module", text: `export const q = (db) => db.raw(\`select \${COLUMNS}\`);\n` },
  { what: "a template inside a template", text: `export const nested = \`\${\`\${1}\`}\`;\n` },
];

test.each(lawfulLooks)("$what is no breach", ({ text }) => {
  expect(check({ ...lawful, "packages/keys/src/innocent.ts": text })).toEqual({ status: 0, output: "" });
});
