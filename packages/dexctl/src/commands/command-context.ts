import type { Clock, Random } from "@dex/runtime";
import { Option } from "commander";
import type { DatabaseManagement, Management } from "../management.ts";
import type { DataForm } from "../render-data.ts";

/** What a command is handed. */
export interface CommandContext {
  /** Runs `work` on what the global settings name and lets go of it afterwards. */
  withManagement<T>(work: (management: Management) => Promise<T>): Promise<T>;
  /** The same where only a database will do; a Failure when the settings name an issuer. */
  withDatabase<T>(work: (database: DatabaseManagement) => Promise<T>): Promise<T>;
  /** Writes lines to standard output. */
  print(text: string): void;
  /** Writes a line to standard error. */
  warn(text: string): void;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly random: Random;
  /** The text of a file, or of standard input for `-`; a Failure when it cannot be read or is larger than 4 MiB. */
  readInput(file: string): Promise<string>;
}

export type OutputForm = "table" | DataForm;

/** `-o`, for commands that show data. */
export function outputOption(): Option {
  return new Option("-o, --output <form>", "how to print it").choices(["table", "json", "yaml"]).default("table");
}
