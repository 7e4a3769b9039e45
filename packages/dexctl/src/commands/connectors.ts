import type { JsonObject } from "@dex/runtime";
import { Command, InvalidArgumentError } from "commander";
import type { Management } from "../management.ts";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { importConnectorsCommand } from "./connectors-import.ts";
import { testConnectorCommand } from "./connectors-test.ts";
import { type AddOptions, readConnectorFile, type SecretSource, unknownConnector } from "./read-connector-file.ts";

const EXAMPLES = `
Examples:
  dexctl connectors list
  dexctl connectors add github.yaml --secret-file clientSecret=/run/secrets/github
  dexctl connectors test github
  dexctl connectors import dex-v2-config.yaml --dry-run`;

/** Lists, adds, tries and removes connectors one by one. */
export function connectorsCommand(context: CommandContext): Command {
  return new Command("connectors")
    .summary("list, add, test, import or remove ways to sign in")
    .description("Lists, adds, tries, imports or removes connectors: the ways to sign in.")
    .addHelpText("after", EXAMPLES)
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(addCommand(context))
    .addCommand(removeCommand(context))
    .addCommand(testConnectorCommand(context))
    .addCommand(importConnectorsCommand(context));
}

function listCommand(context: CommandContext): Command {
  return new Command("list")
    .summary("list the connectors")
    .description("Lists the connectors, without their secrets.")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl connectors list -o json")
    .action(async ({ output }: { output: OutputForm }) => {
      const connectors = await context.withManagement((management) => management.listConnectors());
      const rows = connectors.map(({ id, type, name }) => [String(id), String(type), String(name ?? "-")]);
      context.print(output === "table" ? renderTable(["id", "type", "name"], rows) : renderData(connectors, output));
    });
}

function showCommand(context: CommandContext): Command {
  return new Command("show")
    .summary("show one connector")
    .description("Shows one connector. Its secrets are shown as [secret], which means: keep the stored one.")
    .argument("<id>", "the connector's id")
    .addOption(outputOption().default("yaml"))
    .addHelpText("after", "\nExample:\n  dexctl connectors show github > github.yaml")
    .action(async (id: string, { output }: { output: OutputForm }) => {
      const found = await context.withManagement((management) => findConnector(management, id));
      if (found === undefined) throw unknownConnector(id);
      context.print(renderData(found, output === "table" ? "yaml" : output));
    });
}

const ADD_HELP = `
The file holds one connector as YAML or JSON: "id", "type" and the members of that type, or these in "config" as dex v2
writes them. $NAME and \${NAME} in it become what the environment says, $$ is one dollar sign. A connector that is there
already is changed; a secret that is left out keeps its stored value.

Examples:
  dexctl connectors add github.yaml --secret-file clientSecret=/run/secrets/github
  dexctl connectors add - --secret-env clientSecret=GITHUB_SECRET < github.json`;

function addCommand(context: CommandContext): Command {
  return new Command("add")
    .summary("add a connector, or change it")
    .description("Adds the connector that a file describes, or changes it.")
    .argument("<file>", "a YAML or JSON file, or - for standard input")
    .option("--secret-file <member=file>", "take this member from a file; may be repeated", collectSource, [])
    .option("--secret-env <member=name>", "take this member from the environment; may be repeated", collectSource, [])
    .addHelpText("after", ADD_HELP)
    .action(async (file: string, options: AddOptions) => {
      const connector = await readConnectorFile(context, file, options);
      const before = await context.withManagement(async (management) => {
        const found = await findConnector(management, connector.id);
        await management.saveConnector(connector);
        return found;
      });
      context.print(`${before === undefined ? "added" : "changed"} connector ${toPrintable(connector.id)}`);
    });
}

function removeCommand(context: CommandContext): Command {
  return new Command("remove")
    .summary("remove a connector")
    .description(
      "Removes a connector. Nobody signs in through it any more, and refresh tokens that came by it are refused.",
    )
    .argument("<id>", "the connector's id")
    .addHelpText("after", "\nExample:\n  dexctl connectors remove github")
    .action(async (id: string) => {
      const outcome = await context.withManagement((management) => management.removeConnector(id));
      if (outcome === "unknown") throw unknownConnector(id);
      context.print(`removed connector ${toPrintable(id)}`);
    });
}

async function findConnector(management: Management, id: string): Promise<JsonObject | undefined> {
  return (await management.listConnectors()).find((one) => one.id === id);
}

function collectSource(value: string, previous: readonly SecretSource[]): readonly SecretSource[] {
  const [, member = "", from = ""] = /^([A-Za-z]\w*)=(.+)$/.exec(value) ?? [];
  // The parser shows this text alone: what was typed may be a secret in the wrong place.
  if (from === "") throw new InvalidArgumentError("Expected member=source, such as clientSecret=/run/secrets/github.");
  return [...previous, { member, from }];
}
