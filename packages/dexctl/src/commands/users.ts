import type { JsonObject } from "@dex/runtime";
import { Command } from "commander";
import { renderTable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import type { UserListFilter } from "../user-management.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { findUser, findUserId } from "./find-user.ts";
import { type LimitFlags, limitOptions, readUpTo } from "./pages.ts";
import { changeCommands } from "./users-change.ts";
import { newUserCommands } from "./users-new.ts";

const EXAMPLES = `
A user is named by id or by email address.

Examples:
  dexctl users list --email jane@
  dexctl users invite jane@example.com --name 'Jane Doe'
  dexctl users disable jane@example.com`;

/** Everything about users. */
export function usersCommand(context: CommandContext): Command {
  const users = new Command("users")
    .summary("list, invite, disable or delete users")
    .description("Lists, makes, disables and deletes users, and what they sign in with.")
    .addHelpText("after", EXAMPLES);
  const commands = [
    listCommand(context),
    showCommand(context),
    identitiesCommand(context),
    ...newUserCommands(context),
    ...changeCommands(context),
  ];
  for (const command of commands) users.addCommand(command);
  return users;
}

interface ListFlags extends LimitFlags {
  readonly email?: string;
  readonly admin?: true;
  readonly disabled?: true;
  readonly unverified?: true;
  readonly output: OutputForm;
}

function listCommand(context: CommandContext): Command {
  const [limit, all] = limitOptions("users");
  return new Command("list")
    .summary("list users, ordered by email address")
    .description("Lists users, ordered by email address.")
    .option("--email <prefix>", "only addresses that begin with this")
    .option("--admin", "only administrators")
    .option("--disabled", "only those who are disabled")
    .option("--unverified", "only those whose address is not verified")
    .addOption(limit)
    .addOption(all)
    .addOption(outputOption())
    .addHelpText("after", "\nExamples:\n  dexctl users list --unverified --limit 20\n  dexctl users list --all -o json")
    .action(async (flags: ListFlags) => {
      const { items, more } = await context.withManagement((management) =>
        readUpTo(flags, (page) => management.listUsers(toFilter(flags), page)),
      );
      if (flags.output !== "table") {
        context.print(renderData(items, flags.output));
        return;
      }
      context.print(renderTable(["id", "email", "name", "is"], items.map(toRow)));
      if (more) context.print(`and more: raise --limit above ${items.length}, or give --all`);
    });
}

function toFilter({ email, admin, disabled, unverified }: ListFlags): UserListFilter {
  return {
    ...(email === undefined ? {} : { emailPrefix: email.toLowerCase() }),
    ...(admin ? { admin } : {}),
    ...(disabled ? { disabled } : {}),
    ...(unverified ? { emailVerified: false as const } : {}),
  };
}

function toRow(user: JsonObject): readonly string[] {
  const is = [
    ...(user.admin === true ? ["admin"] : []),
    ...(user.disabled === true ? ["disabled"] : []),
    ...(user.emailVerified === true ? [] : ["unverified"]),
  ];
  return [String(user.id ?? ""), String(user.email ?? ""), String(user.displayName ?? "-"), is.join(",") || "-"];
}

function showCommand(context: CommandContext): Command {
  return new Command("show")
    .summary("show one user")
    .description("Shows one user.")
    .argument("<user>", "id or email address")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl users show jane@example.com -o yaml")
    .action(async (user: string, { output }: { output: OutputForm }) => {
      const found = await context.withManagement((management) => findUser(management, user));
      const rows = () =>
        Object.entries(found).map(([name, value]) => [
          name,
          typeof value === "object" ? JSON.stringify(value) : String(value),
        ]);
      context.print(output === "table" ? renderTable(["member", "value"], rows()) : renderData(found, output));
    });
}

function identitiesCommand(context: CommandContext): Command {
  return new Command("identities")
    .summary("list what a user signs in with")
    .description("Lists what a user signs in with: at which connector, and as whom there.")
    .argument("<user>", "id or email address")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl users identities jane@example.com")
    .action(async (user: string, { output }: { output: OutputForm }) => {
      const identities = await context.withManagement(
        async (management) => (await management.identities(await findUserId(management, user))) ?? [],
      );
      const rows = () => identities.map((one) => [one.connectorID, one.remoteID, one.createdAt].map(String));
      context.print(
        output === "table" ? renderTable(["connector", "remote id", "since"], rows()) : renderData(identities, output),
      );
    });
}
