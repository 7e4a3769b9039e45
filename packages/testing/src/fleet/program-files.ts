import { join } from "node:path";

/** `sources` runs packages/ unbuilt; `bundles` runs dist/, as the images do. */
export type ProgramFiles = "sources" | "bundles";
export type ProgramName = "dex-worker" | "dex-overlord" | "dexctl" | "example-app";

/** The top of the repository. */
export const repositoryRoot = join(import.meta.dirname, "..", "..", "..", "..");

/** The file to run for a program. They are started by path: this package imports none of their modules. */
export function programFile(name: ProgramName, files: ProgramFiles): string {
  return files === "bundles"
    ? join(repositoryRoot, "dist", `${name}.js`)
    : join(repositoryRoot, "packages", name, "src", "main.ts");
}
