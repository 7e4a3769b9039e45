import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { codeOf } from "./problem.ts";

/** Writes JSON that only its owner may read. A reader finds the old content or the new, never a part. */
export function writePrivateJson(file: string, value: object): void {
  const next = `${file}.new`;
  rmSync(next, { force: true }); // of a start that was killed; there is one instance per directory
  try {
    writeFileSync(next, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/** The value in the file, or undefined when there is no such file. */
export function readPrivateJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new Error(`reading ${file}`, { cause: error });
  }
}
