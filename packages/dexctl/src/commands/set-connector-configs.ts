import type { Json } from "@dex/runtime";
import { Command } from "commander";
import { z } from "zod";
import { Failure } from "../failure.ts";
import type { CommandContext } from "./command-context.ts";

const EXAMPLES = `
The file holds a JSON array of objects with "id", "type" and the members of that type. It replaces all connectors, or none
when there is a mistake in it. A secret that is left out keeps its stored value.

Examples:
  dexctl --db-url postgres://dex@localhost/dex set-connector-configs connectors.json
  dexctl get-connector-configs -o json | jq 'map(select(.id != "old"))' | dexctl set-connector-configs -`;

/** Replaces all connectors by those in a file. */
export function setConnectorConfigsCommand(context: CommandContext): Command {
  return new Command("set-connector-configs")
    .summary("replace all connectors by those in a file")
    .description("Replaces all connectors by those in a file.")
    .argument("<file>", "a JSON file, or - for standard input")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string) => {
      const configs = parseJson(await context.readInput(file), file);
      const count = await context.withManagement((management) => management.replaceConnectors(configs));
      context.print(`saved ${count} connector ${count === 1 ? "config" : "configs"}`);
    });
}

function parseJson(text: string, file: string): Json {
  try {
    return z.json().parse(JSON.parse(text));
  } catch {
    // The parser's own message quotes the text around the mistake, and that may be a secret.
    const name = file === "-" ? "standard input" : file;
    throw new Failure("refused", `${name} does not hold JSON: expected an array of connectors`);
  }
}
