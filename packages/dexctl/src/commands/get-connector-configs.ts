import type { JsonObject } from "@dex/runtime";
import { Command } from "commander";
import { toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";

const EXAMPLES = `
With -o json the output can be fed to set-connector-configs: secrets are not shown, and keep their stored values.

Examples:
  dexctl --db-url postgres://dex@localhost/dex get-connector-configs
  dexctl get-connector-configs -o json > connectors.json`;

/** Lists the connectors. */
export function getConnectorConfigsCommand(context: CommandContext): Command {
  return new Command("get-connector-configs")
    .summary("list the connectors")
    .description("Lists the connectors, without their secrets.")
    .addOption(outputOption())
    .addHelpText("after", EXAMPLES)
    .action(async ({ output }: { output: OutputForm }) => {
      const connectors = await context.withManagement((management) => management.listConnectors());
      context.print(output === "table" ? renderConnectors(connectors) : renderData(connectors, output));
    });
}

function renderConnectors(connectors: readonly JsonObject[]): string {
  const count = `found ${connectors.length} connector ${connectors.length === 1 ? "config" : "configs"}`;
  const blocks = connectors.map(
    ({ id, type }) => `\n\nID:   ${toPrintable(String(id))}\nType: ${toPrintable(String(type))}`,
  );
  return [count, ...blocks].join("");
}
