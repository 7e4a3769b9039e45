import { Option } from "commander";
import type { DatabaseManagement, Management } from "../management.ts";

/** What a command is handed. */
export interface CommandContext {
  /** Runs `work` on what the global settings name and lets go of it afterwards. */
  withManagement<T>(work: (management: Management) => Promise<T>): Promise<T>;
  /** The same where only a database will do; a Failure when the settings name an issuer. */
  withDatabase<T>(work: (database: DatabaseManagement) => Promise<T>): Promise<T>;
  /** Writes lines to standard output. */
  print(text: string): void;
  /** The text of a file, or of standard input for `-`; a Failure when it cannot be read or is larger than 4 MiB. */
  readInput(file: string): Promise<string>;
}

export type OutputForm = "table" | "json";

/** `-o`, for commands that list. */
export function outputOption(): Option {
  return new Option("-o, --output <form>", "how to print it").choices(["table", "json"]).default("table");
}

export function renderJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}
