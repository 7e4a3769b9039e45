import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { deletePostgresData } from "./postgres-place.ts";
import { Problem } from "./problem.ts";

/** What a data directory of ours may hold: nothing else is ever deleted. */
const OURS = /^(made-once\.json|embedded\.json|logs|postgres|postgres\.(new|password)|running\.sock)(\.new)?$/;

/** Makes the directory, or checks that it is ours to use. */
export function openDataDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem(`may not use the data directory ${directory} (${why}): make it yours or give another --data-dir`);
  }
  const foreign = existsSync(join(directory, "made-once.json"))
    ? undefined
    : readdirSync(directory).find((name) => !OURS.test(name));
  if (foreign !== undefined) {
    throw new Problem(`${directory} holds other things, such as ${foreign}: give an empty directory as --data-dir`);
  }
}

/** Deletes what earlier starts made, and only that. */
export function resetDataDirectory(directory: string, postgresDirectory: string | undefined): void {
  deletePostgresData(directory, postgresDirectory);
  for (const name of readdirSync(directory)) {
    if (name !== "running.sock" && OURS.test(name)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
