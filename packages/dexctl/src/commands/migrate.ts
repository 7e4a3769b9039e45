import { Command } from "commander";
import type { CommandContext } from "./command-context.ts";

const EXAMPLES = `
The overlord does the same when it starts; this is for creating the schema earlier, or under another database user.
Running it twice, or at the same time as an overlord, is harmless.

Example:
  dexctl --db-url postgres://dex@localhost/dex migrate`;

/** Brings the database's schema up to date. */
export function migrateCommand(context: CommandContext): Command {
  return new Command("migrate")
    .summary("bring the database's schema up to date")
    .description("Brings the database's schema up to date. Needs --db-url.")
    .addHelpText("after", EXAMPLES)
    .action(async () => {
      const applied = await context.withDatabase((database) => database.migrate());
      const lines = applied.map((name) => `applied ${name}`);
      context.print(lines.length === 0 ? "the schema is up to date, nothing to apply" : lines.join("\n"));
    });
}
