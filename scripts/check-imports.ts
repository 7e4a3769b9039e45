// Compares every import, manifest and file name with the house's rules. Prints what breaks them and exits 1.
// usage: node scripts/check-imports.ts [top of the repository]
import { existsSync, readdirSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { ARROWS, IGNORED_TOP_LEVEL, TEST_PACKAGES, TOP_LEVEL } from "./import-table.ts";
import { type Package, type ReadFile, readPackages } from "./repository.ts";
import { findEmptyName, findForbiddenText, type Violation } from "./source-rules.ts";
import type { Import } from "./source-text.ts";

const SCOPE = "@dex/";
// Loaded by name of the tool, not by an import of ours.
const IMPLIED_DEPENDENCY = /^@types\//;

function checkRepository(root: string): readonly Violation[] {
  const packages = readPackages(root);
  return [
    ...checkTopLevel(root),
    ...packages.flatMap((one) => [
      ...checkTableRow(one),
      ...checkManifest(one),
      ...one.files.flatMap((file) => [
        ...[findEmptyName(file.path)].filter((violation) => violation !== undefined),
        ...findForbiddenText(file),
        ...file.imports.flatMap((found) => checkImport(root, one, file, found, packages)),
      ]),
      ...checkFileCycles(one),
    ]),
    ...checkPackageCycles(packages),
  ];
}

function checkTopLevel(root: string): readonly Violation[] {
  return readdirSync(root)
    .filter((name) => !TOP_LEVEL.includes(name) && !IGNORED_TOP_LEVEL.includes(name) && !name.endsWith(".log"))
    .map((name) => ({
      path: name,
      line: 1,
      message: "does not belong at the top of the repository; move it into a package, deploy/ or scripts/",
    }));
}

function checkTableRow({ folder, manifest }: Package): readonly Violation[] {
  const path = `packages/${folder}/package.json`;
  const problems: string[] = [];
  if (ARROWS[folder] === undefined)
    problems.push("package has no row in scripts/import-table.ts; decide what it may import");
  if (manifest.name !== SCOPE + folder) problems.push(`package is named ${manifest.name}; name it ${SCOPE}${folder}`);
  return problems.map((message) => ({ path, line: 1, message }));
}

function checkImport(
  root: string,
  own: Package,
  file: ReadFile,
  found: Import,
  packages: readonly Package[],
): readonly Violation[] {
  const { specifier } = found;
  const refuse = (message: string) => [{ path: file.path, line: found.line, message }];
  if (isBuiltin(specifier)) {
    return specifier.startsWith("node:") ? [] : refuse(`write node:${specifier}`);
  }
  if (specifier.startsWith(".")) {
    const target = posix.normalize(posix.join(posix.dirname(file.path), specifier));
    if (!target.startsWith(`packages/${own.folder}/`)) {
      return refuse(`${specifier} leaves the package; import what the other package exports, by its name`);
    }
    if (!existsSync(join(root, target))) return refuse(`${specifier} does not exist; relative imports end in .ts`);
    return [];
  }
  const name = packageNameOf(specifier);
  if (name.startsWith(SCOPE)) {
    const target = packages.find((candidate) => candidate.manifest.name === name);
    if (target === undefined) return refuse(`${name} is not a package of this repository`);
    const entry = `.${specifier.slice(name.length)}`;
    if (!target.manifest.exports.includes(entry)) {
      return refuse(`${specifier} is not in the exports of ${name}; import a listed entry or list this one`);
    }
    const objection = objectToArrow(own, file, found, target.folder);
    if (objection !== undefined) return refuse(objection);
  }
  return checkDeclared(own, file, found, name).flatMap(refuse);
}

/** Why this arrow is not in the table, or undefined when it is. */
function objectToArrow(own: Package, file: ReadFile, found: Import, target: string): string | undefined {
  const row = ARROWS[own.folder];
  if (row === undefined || row.values.includes(target)) return undefined;
  const testing = file.isTest || TEST_PACKAGES.includes(own.folder);
  if (testing && own.manifest.devDependencies.includes(SCOPE + target) && own.folder !== "testing") return undefined;
  if (target === "testing") return "testing is for tests; move this into a test or do without it";
  if (row.types?.includes(target)) {
    return found.typeOnly ? undefined : `only types of ${target} may be used here; write import type`;
  }
  const allowed = [...row.values, ...(row.types ?? []).map((name) => `types of ${name}`)].join(", ") || "nothing";
  return `${own.folder} may not import ${target} (it may import: ${allowed}); hand the part in instead, or change the table first`;
}

function checkDeclared(own: Package, file: ReadFile, found: Import, name: string): readonly string[] {
  const { dependencies, devDependencies } = own.manifest;
  if (dependencies.includes(name)) return [];
  const listedForDevelopment = devDependencies.includes(name) || devDependencies.includes(typesOf(name));
  // Types are gone before anything runs, tests are not shipped, and the runner is the workspace's own.
  const developmentIsEnough = file.isTest || found.typeOnly || TEST_PACKAGES.includes(own.folder);
  if (listedForDevelopment && developmentIsEnough) return [];
  if (name === "vitest" && developmentIsEnough) return [];
  const where = developmentIsEnough ? "devDependencies" : "dependencies";
  return [`${name} is not in the ${where} of packages/${own.folder}/package.json; add it there`];
}

function checkManifest({ folder, manifest, files }: Package): readonly Violation[] {
  if (files.length === 0) return [];
  const path = `packages/${folder}/package.json`;
  const used = new Set(files.flatMap((file) => file.imports.map((found) => packageNameOf(found.specifier))));
  const usedWhenRunning = new Set(
    files
      .filter((file) => !file.isTest)
      .flatMap((file) => file.imports.filter((found) => !found.typeOnly))
      .map((found) => packageNameOf(found.specifier)),
  );
  const unused = manifest.dependencies
    .filter((name) => !usedWhenRunning.has(name))
    .map((name) =>
      used.has(name)
        ? `${name} is needed by tests or types only; move it to devDependencies`
        : `${name} is never imported; remove it from dependencies`,
    );
  const unusedForDevelopment = manifest.devDependencies
    .filter((name) => !used.has(name) && !IMPLIED_DEPENDENCY.test(name))
    .map((name) => `${name} is never imported; remove it from devDependencies`);
  return [...unused, ...unusedForDevelopment].map((message) => ({ path, line: 1, message }));
}

function checkFileCycles({ files }: Package): readonly Violation[] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      file.imports
        .filter((found) => found.specifier.startsWith("."))
        .map((found) => posix.normalize(posix.join(posix.dirname(file.path), found.specifier))),
    ]),
  );
  return findCycles(edges).map((cycle) => ({
    path: cycle[0] ?? "",
    line: 1,
    message: `import cycle: ${cycle.map((path) => posix.basename(path)).join(" -> ")}; move what both need into a file of its own`,
  }));
}

function checkPackageCycles(packages: readonly Package[]): readonly Violation[] {
  const edges = new Map(
    packages.map((one) => [
      one.folder,
      one.files
        .filter((file) => !file.isTest)
        .flatMap((file) => file.imports.map((found) => found.specifier))
        .filter((specifier) => specifier.startsWith(SCOPE))
        .map((specifier) => packageNameOf(specifier).slice(SCOPE.length)),
    ]),
  );
  return findCycles(edges).map((cycle) => ({
    path: `packages/${cycle[0]}/package.json`,
    line: 1,
    message: `cycle between packages: ${cycle.join(" -> ")}; let the one declare what it needs and the other be handed in`,
  }));
}

/** One cycle per knot, each as a walk that ends where it began. */
function findCycles(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const done = new Set<string>();
  const cycles: (readonly string[])[] = [];
  const visit = (node: string, walk: readonly string[]) => {
    const seenAt = walk.indexOf(node);
    if (seenAt !== -1) {
      cycles.push([...walk.slice(seenAt), node]);
      return;
    }
    if (done.has(node)) return;
    for (const next of new Set(edges.get(node) ?? [])) visit(next, [...walk, node]);
    done.add(node);
  };
  for (const node of edges.keys()) visit(node, []);
  return cycles;
}

function packageNameOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function typesOf(name: string): string {
  return `@types/${name.replace(/^@/, "").replace("/", "__")}`;
}

const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
const violations = checkRepository(root);
for (const { path, line, message } of violations) console.error(`${path}:${line}: ${message}`);
if (violations.length > 0) {
  console.error(`${violations.length} ${violations.length === 1 ? "breach" : "breaches"} of the house's rules`);
  process.exitCode = 1;
}
