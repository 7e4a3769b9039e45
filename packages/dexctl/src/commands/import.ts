import { Secret } from "@dex/runtime";
import { Command } from "commander";
import { withDexV1 } from "../drivers/open-dex-v1.ts";
import { Failure } from "../failure.ts";
import { toImportSource } from "../import/dex-v1-records.ts";
import { toDexV1Url } from "../import/dex-v1-url.ts";
import { parseFixtures } from "../import/fixture-files.ts";
import { type ImportReport, toCountRows, toReasonLines, toReportJson } from "../import/import-report.ts";
import type { ImportSource } from "../import/import-source.ts";
import { renderTable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";

const RULES = `
Users keep their ids, so every application knows them as before; passwords and client secrets go on working. What is
here already is never changed, so it can be run again, also after it was interrupted. What breaks a rule of today stays
out and is reported with the reason. Exit code 0 means that the report is complete, also when something stayed out.`;

const V1_EXAMPLES = `
Reads users with passwords and remote identities, clients and connectors; never sessions, refresh tokens and signing keys:
people sign in once more, and applications fetch the new keys by themselves.
${RULES}

Examples:
  dexctl --db-url-file new.txt import v1 --from-file old.txt --dry-run
  dexctl --db-url-file new.txt import v1 --from-file old.txt -o json > report.json`;

const FILES_EXAMPLES = `
The formats are those of dex v1's mode without a database. A file that dex v1 would have refused is refused as a whole.
${RULES}

Examples:
  dexctl --db-url-file db.txt import files --clients clients.json --users users.json --connectors connectors.json
  dexctl --db-url-file db.txt import files --users users.json --dry-run`;

/** Takes over what a dex v1 knew. */
export function importCommand(context: CommandContext): Command {
  return new Command("import")
    .summary("take over users, clients and connectors of a dex v1")
    .description("Takes over users, clients and connectors of a dex v1. Needs --db-url.")
    .addHelpText("after", "\nExample:\n  dexctl --db-url-file new.txt import v1 --from-file old.txt --dry-run")
    .addCommand(v1Command(context))
    .addCommand(filesCommand(context));
}

interface ImportFlags {
  readonly dryRun?: true;
  readonly output: OutputForm;
}

function v1Command(context: CommandContext): Command {
  return new Command("v1")
    .summary("from the database of a dex v1")
    .description("Takes over users, clients and connectors from the Postgres database of a dex v1, which is only read.")
    .option("--from <dsn>", "the postgres:// URL of that database; better in a file")
    .option("--from-file <file>", "the same, read from a file, or - for standard input")
    .option("--dry-run", "write nothing, and print the same report")
    .addOption(outputOption())
    .addHelpText("after", V1_EXAMPLES)
    .action(async (flags: ImportFlags & { readonly from?: string; readonly fromFile?: string }, command: Command) => {
      if ((flags.from === undefined) === (flags.fromFile === undefined)) {
        command.error("expected one of --from and --from-file", { code: "commander.missingArgument" });
      }
      const url = toDexV1Url(
        new Secret(flags.fromFile === undefined ? (flags.from ?? "") : await context.readInput(flags.fromFile)),
      );
      if (url instanceof Failure) throw url;
      const report = await context.withDatabase((database) =>
        withDexV1(url, async (dex) => database.importFrom(await toImportSource(dex), modeOf(flags))),
      );
      context.print(renderReport(report, flags.output));
    });
}

function filesCommand(context: CommandContext): Command {
  return new Command("files")
    .summary("from the fixture files of a dex v1")
    .description("Takes over clients, users and connectors from the files of a dex v1 that ran without a database.")
    .option("--clients <file>", "clients.json")
    .option("--users <file>", "users.json; its passwords are stored as hashes")
    .option("--connectors <file>", "connectors.json")
    .option("--dry-run", "write nothing, and print the same report")
    .addOption(outputOption())
    .addHelpText("after", FILES_EXAMPLES)
    .action(
      async (flags: ImportFlags & Partial<Record<"clients" | "users" | "connectors", string>>, command: Command) => {
        if (flags.clients === undefined && flags.users === undefined && flags.connectors === undefined) {
          command.error("expected at least one of --clients, --users and --connectors", {
            code: "commander.missingArgument",
          });
        }
        const read = async (file: string | undefined) => (file === undefined ? undefined : context.readInput(file));
        const source: ImportSource = parseFixtures({
          clients: await read(flags.clients),
          users: await read(flags.users),
          connectors: await read(flags.connectors),
        });
        const report = await context.withDatabase((database) => database.importFrom(source, modeOf(flags)));
        context.print(renderReport(report, flags.output));
      },
    );
}

function modeOf({ dryRun }: ImportFlags): "dry" | "real" {
  return dryRun ? "dry" : "real";
}

function renderReport(report: ImportReport, output: OutputForm): string {
  if (output !== "table") return renderData(toReportJson(report), output);
  const [head = [], ...rows] = toCountRows(report);
  return [renderTable(head, rows), ...toReasonLines(report)].join("\n");
}
