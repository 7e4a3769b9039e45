import { type JsonObject, Secret } from "@dex/runtime";
import { Command } from "commander";
import { toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";

const PASSWORD_HELP =
  "read the password from this file, or from standard input for -; a line break at its end is left out";

/** The commands that make users. */
export function newUserCommands(context: CommandContext): readonly Command[] {
  return [createCommand(context), inviteCommand(context)];
}

interface CreateFlags {
  readonly name?: string;
  readonly admin?: true;
  readonly verified?: true;
  readonly passwordFile?: string;
}

function createCommand(context: CommandContext): Command {
  return new Command("create")
    .summary("make a user without an invitation")
    .description(
      "Makes a user without an invitation. A password can be given with --db-url; otherwise the user chooses one by mail.",
    )
    .argument("<email>", "the address")
    .option("--name <name>", "what the user is called")
    .option("--admin", "may use the management API")
    .option("--verified", "the address is known to be the user's")
    .option("--password-file <file>", PASSWORD_HELP)
    .addHelpText(
      "after",
      `

Examples:
  dexctl users create jane@example.com --name 'Jane Doe'
  dexctl --db-url-file db.txt users create jane@example.com --name 'Jane Doe' --verified --password-file jane.txt
  pwgen -s 24 1 | dexctl --db-url-file db.txt users create jane@example.com --password-file -`,
    )
    .action(async (email: string, flags: CreateFlags) => {
      const password = await readPassword(context, flags.passwordFile);
      const created = await context.withManagement((management) =>
        management.createUser({ ...toWanted(email, flags), emailVerified: flags.verified ?? false }, password),
      );
      const how = password === undefined ? ", who has no password and was sent no mail" : "";
      context.print(`created user ${toPrintable(String(created.id))}${how}`);
    });
}

interface InviteFlags {
  readonly name?: string;
  readonly admin?: true;
  readonly redirectUrl?: string;
  readonly clientId?: string;
}

function inviteCommand(context: CommandContext): Command {
  return (
    new Command("invite")
      .summary("make a user and promise an invitation by mail")
      .description(
        "Makes a user and promises a mail with a link to choose a password, which also verifies the address.",
      )
      .argument("<email>", "the address")
      .option("--name <name>", "what the user is called")
      .option("--admin", "may use the management API")
      .option("--redirect-url <url>", "where the link leads in the end: a redirect URL of a client")
      // `--client-id` is the global flag of the client that signs in.
      .option("--for-client <id>", "that client; over the HTTP API it is the one that dexctl signs in as")
      .addHelpText(
        "after",
        `
Examples:
  dexctl users invite jane@example.com --name 'Jane Doe'
  dexctl users invite jane@example.com --redirect-url https://app.example.com/callback --for-client my-app`,
      )
      .action(async (email: string, { forClient, redirectUrl, ...flags }: InviteFlags & { forClient?: string }) => {
        const target = { redirectUrl, clientId: forClient };
        const user = await context.withManagement((management) =>
          management.inviteUser(toWanted(email, flags), target),
        );
        context.print(
          `created user ${toPrintable(String(user.id))}; the invitation is promised, see dexctl mail queue`,
        );
      })
  );
}

function toWanted(email: string, { name, admin }: { readonly name?: string; readonly admin?: true }): JsonObject {
  return { email, ...(name === undefined ? {} : { displayName: name }), ...(admin ? { admin } : {}) };
}

/** The password in a file; undefined where none is named. */
export async function readPassword(
  context: CommandContext,
  file: string | undefined,
): Promise<Secret<string> | undefined> {
  if (file === undefined) return undefined;
  return new Secret((await context.readInput(file)).replace(/\r?\n$/, ""));
}
