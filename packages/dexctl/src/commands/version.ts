import { VERSION } from "@dex/runtime";
import { Command } from "commander";
import type { CommandContext } from "./command-context.ts";

/** Prints the versions of dex and of what it runs on. */
export function versionCommand(context: CommandContext): Command {
  return new Command("version")
    .summary("print the version")
    .description("Prints the versions of dex and of Node.")
    .addHelpText("after", "\nExample:\n  dexctl version")
    .action(() => context.print(`dex version ${VERSION}\nnode version ${process.versions.node}`));
}
