import { parseConnectorConfigs } from "@dex/connectors";
import { Command } from "commander";
import { expandEnvironment, parseDataFile, readDexV2File } from "../connector-files.ts";
import { Failure } from "../failure.ts";
import { renderTable, toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";

const HELP = `
The file is a configuration of dex v2; its "connectors" are taken as they are, and "local" when it has enablePasswordDB.
$NAME and \${NAME} become what the environment says, unless DEX_EXPAND_ENV is false. Connectors that the file does not name
stay as they are. Each is checked before any is saved; to go on after an interruption, run it again.

Upstreams where <issuer>/callback is registered, the address of dex v2, go on working: it stands in redirectURI. Without
that member the address is <issuer>/auth/<id>/callback.

Examples:
  dexctl connectors import dex.yaml --dry-run
  dexctl --db-url-file db.txt connectors import dex.yaml`;

/** Takes over the connectors of a dex v2 configuration. */
export function importConnectorsCommand(context: CommandContext): Command {
  return new Command("import")
    .summary("take over the connectors of a dex v2 configuration")
    .description("Takes over the connectors of a dex v2 configuration file.")
    .argument("<file>", "its YAML file, or - for standard input")
    .option("--dry-run", "check and show, and save nothing", false)
    .addHelpText("after", HELP)
    .action(async (file: string, { dryRun }: { dryRun: boolean }) => {
      const name = file === "-" ? "standard input" : file;
      const expanded = expandEnvironment(parseDataFile(await context.readInput(file), name), context.env);
      for (const missing of expanded.unknown)
        context.warn(`${missing} is not in the environment: it is taken as empty`);
      const { connectors: wanted, staticPasswords } = readDexV2File(expanded.value, name);
      if (staticPasswords > 0) {
        context.warn(`staticPasswords: ${staticPasswords} not taken over; make their users with dexctl users create`);
      }
      const parsed = parseConnectorConfigs(wanted);
      if (parsed.kind === "refused") throw new Failure("refused", toPrintable(parsed.reason));
      const known = await context.withManagement(async (management) => {
        const before = new Set((await management.listConnectors()).map(({ id }) => id));
        if (!dryRun) for (const connector of wanted) await management.saveConnector(connector);
        return before;
      });
      const word = (id: string) => `${dryRun ? "would be " : ""}${known.has(id) ? "changed" : "added"}`;
      context.print(
        renderTable(
          ["id", "type", "outcome"],
          wanted.map(({ id, type }) => [id, type, word(id)]),
        ),
      );
    });
}
