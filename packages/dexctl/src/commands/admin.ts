import { Command } from "commander";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";
import { readPassword } from "./users-new.ts";

/** The first administrator. */
export function adminCommand(context: CommandContext): Command {
  return new Command("admin")
    .summary("make the first administrator")
    .description("Makes the first administrator.")
    .addHelpText(
      "after",
      "\nExample:\n  dexctl --db-url-file db.txt admin create root@example.com --password-file root.txt",
    )
    .addCommand(createCommand(context));
}

function createCommand(context: CommandContext): Command {
  return new Command("create")
    .summary("make the first administrator, a user with a password")
    .description("Makes the first administrator, a user who signs in with a password. Needs --db-url.")
    .argument("<email>", "the address; it counts as verified")
    .option(
      "--password-file <file>",
      "read the password from this file, or from standard input for - (the default); a line break at its end is left out",
      "-",
    )
    .addHelpText(
      "after",
      `
There has to be a connector of type "local" first, see set-connector-configs. Once there is an administrator this does
nothing: see users create --admin and users invite --admin.

Example:
  dexctl --db-url-file db.txt admin create root@example.com --password-file root.txt`,
    )
    .action(async (email: string, { passwordFile }: { passwordFile: string }) => {
      const password = await readPassword(context, passwordFile);
      await context.withDatabase(async (database) => {
        if (await database.adminExists()) {
          throw new Failure("refused", "there is an administrator already: see dexctl users list --admin");
        }
        const { id } = await database.createUser({ email, admin: true, emailVerified: true }, password);
        context.print(`created administrator ${toPrintable(String(id))}`);
      });
    });
}
