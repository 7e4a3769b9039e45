// What the checks read of the repository: its packages, their manifests and their sources.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SourceFile } from "./source-rules.ts";
import { findImports, type Import, scanSource } from "./source-text.ts";

export interface Manifest {
  readonly name: string;
  /** The entries others may import: "." and "./x". */
  readonly exports: readonly string[];
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

export interface ReadFile extends SourceFile {
  readonly imports: readonly Import[];
}

export interface Package {
  /** The folder below packages/. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly files: readonly ReadFile[];
}

/** Every package below `root`, ordered by folder. */
export function readPackages(root: string): readonly Package[] {
  const base = join(root, "packages");
  return readdirSync(base, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(base, entry.name, "package.json")))
    .map((entry) => entry.name)
    .sort()
    .map((folder) => ({
      folder,
      manifest: readManifest(join(base, folder, "package.json")),
      files: ["src", "test"].flatMap((part) =>
        listSources(join(base, folder, part)).map((path) =>
          readSource(root, folder, `packages/${folder}/${part}/${path}`),
        ),
      ),
    }));
}

function readManifest(path: string): Manifest {
  const json: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof json !== "object" || json === null) throw new Error(`${path}: expected an object`);
  const keysOf = (member: unknown) => (typeof member === "object" && member !== null ? Object.keys(member) : []);
  const exported = "exports" in json ? json.exports : {};
  return {
    name: "name" in json ? String(json.name) : "",
    exports: typeof exported === "string" ? ["."] : keysOf(exported),
    dependencies: keysOf("dependencies" in json ? json.dependencies : {}),
    devDependencies: keysOf("devDependencies" in json ? json.devDependencies : {}),
  };
}

function listSources(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !path.split("/").includes("node_modules"))
    .sort();
}

function readSource(root: string, packageName: string, path: string): ReadFile {
  const text = readFileSync(join(root, path), "utf8");
  const scanned = scanSource(text);
  const isTest = path.endsWith(".test.ts") || path.startsWith(`packages/${packageName}/test/`);
  return { path, packageName, isTest, text, scanned, imports: findImports(scanned) };
}
