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
    .description(
      "Makes the first administrator: with a password, which needs --db-url, or by an invitation that is mailed.",
    )
    .argument("<email>", "the address; with a password it counts as verified")
    .option(
      "--password-file <file>",
      "read the password from this file, or from standard input for - (the default); a line break at its end is left out",
      "-",
    )
    .option("--invite", "mail a link to choose a password instead; the address counts as verified when it is used")
    .addHelpText(
      "after",
      `
There has to be a connector of type "local" first, see set-connector-configs. Once there is an administrator this does
nothing: see users create --admin and users invite --admin.

Example:
  dexctl --db-url-file db.txt admin create root@example.com --password-file root.txt
  dexctl admin create root@example.com --invite`,
    )
    .action(async (email: string, { passwordFile, invite }: { passwordFile: string; invite?: true }) => {
      const password = invite ? undefined : await readPassword(context, passwordFile);
      await context.withManagement(async (management) => {
        if (await management.adminExists()) {
          throw new Failure("refused", "there is an administrator already: see dexctl users list --admin");
        }
        const { id } = invite
          ? await management.inviteUser({ email, admin: true }, { redirectUrl: undefined, clientId: undefined })
          : await management.createUser({ email, admin: true, emailVerified: true }, password);
        const how = invite ? "; the invitation is promised, see dexctl mail queue" : "";
        context.print(`created administrator ${toPrintable(String(id))}${how}`);
      });
    });
}
