import { Command } from "commander";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { UserManagement } from "../user-management.ts";
import type { CommandContext } from "./command-context.ts";
import { findUserId, noSuchUser } from "./find-user.ts";
import { type ChangeFlags, parseChanges } from "./user-changes.ts";

/** The commands that change one user. */
export function changeCommands(context: CommandContext): readonly Command[] {
  return [
    updateCommand(context),
    disableCommand(context, "disable"),
    disableCommand(context, "enable"),
    deleteCommand(context),
    resetPasswordCommand(context),
    unlinkCommand(context),
  ];
}

/** Does something to the user that was named, and says what. */
function change(
  context: CommandContext,
  user: string,
  work: (management: UserManagement, userId: string) => Promise<string>,
): Promise<void> {
  return context.withManagement(async (management) => {
    context.print(await work(management, await findUserId(management, user)));
  });
}

function disableCommand(context: CommandContext, name: "disable" | "enable"): Command {
  const what =
    name === "disable"
      ? "end all sessions and tokens of a user, and let the user in no more"
      : "let a user in again who was disabled";
  return new Command(name)
    .summary(what)
    .description(`${what.charAt(0).toUpperCase()}${what.slice(1)}.`)
    .argument("<user>", "id or email address")
    .addHelpText("after", `\nExample:\n  dexctl users ${name} jane@example.com`)
    .action((user: string) =>
      change(context, user, async (management, id) => {
        const outcome = await management.setUserDisabled(id, name === "disable");
        if (outcome === "unknown") throw noSuchUser(user);
        return `${name}d user ${toPrintable(id)}`;
      }),
    );
}

function updateCommand(context: CommandContext): Command {
  return new Command("update")
    .summary("change what a user is called and described by")
    .description(
      "Changes what a user is called and described by: only what is given. Clients learn it by scope, see OpenID Connect Core §5.4.",
    )
    .argument("<user>", "id or email address")
    .option("--name <name>", 'what the user is called; "" takes the name away')
    .option("--email <email>", "another address, which ends all sessions and tokens")
    .option("--verified", "the address is known to be the user's")
    .option(
      "--set <claim=value...>",
      "members of the profile, such as given_name=Jane or address.country=DE; without a value it is taken away",
    )
    .option("--phone-verified", "the phone number is known to be the user's")
    .addHelpText(
      "after",
      `

Claims: given_name, family_name, middle_name, nickname, preferred_username, profile, picture, website, gender, birthdate,
zoneinfo, locale, phone_number; and of an address, which is replaced as a whole: address.formatted,
address.street_address, address.locality, address.region, address.postal_code, address.country.

Example:
  dexctl users update jane@example.com --set given_name=Jane birthdate=1990-02-28 phone_number='+49 30 1234567'`,
    )
    .action((user: string, flags: ChangeFlags) =>
      change(context, user, async (management, id) => {
        await management.updateUser(id, parseChanges(flags));
        return `changed user ${toPrintable(id)}`;
      }),
    );
}

function deleteCommand(context: CommandContext): Command {
  return new Command("delete")
    .summary("delete a user with all sessions, tokens and identities")
    .description(
      "Deletes a user with all sessions, tokens and identities. This cannot be undone, and the id is never given out again.",
    )
    .argument("<user>", "id or email address")
    .option("--yes", "do it")
    .addHelpText("after", "\nExample:\n  dexctl users delete jane@example.com --yes")
    .action(async (user: string, { yes }: { yes?: true }) => {
      if (!yes) {
        throw new Failure("refused", `nothing was deleted: this cannot be undone, give --yes if you mean it`);
      }
      await change(context, user, async (management, id) => {
        if ((await management.deleteUser(id)) === "unknown") throw noSuchUser(user);
        return `deleted user ${toPrintable(id)}`;
      });
    });
}

function resetPasswordCommand(context: CommandContext): Command {
  return new Command("reset-password")
    .summary("promise a user the mail to choose a new password")
    .description("Promises a user the mail to choose a new password. The present one works until then.")
    .argument("<user>", "id or email address")
    .addHelpText("after", "\nExample:\n  dexctl users reset-password jane@example.com")
    .action((user: string) =>
      change(context, user, async (management, id) => {
        await management.sendPasswordReset(id);
        return `the mail to user ${toPrintable(id)} is promised: a worker sends it, see dexctl mail queue`;
      }),
    );
}

function unlinkCommand(context: CommandContext): Command {
  return new Command("unlink")
    .summary("take an identity from a user")
    .description(
      "Takes an identity from a user, with the sessions and refresh tokens that it began, and tells the user.",
    )
    .argument("<user>", "id or email address")
    .argument("<connector>", "the connector's id")
    .argument("<remote-id>", "who the user is there")
    .addHelpText(
      "after",
      "\nSee dexctl users identities.\n\nExample:\n  dexctl users unlink jane@example.com google 1234",
    )
    .action((user: string, connectorId: string, remoteId: string) =>
      change(context, user, async (management, id) => {
        if ((await management.unlink(id, connectorId, remoteId)) === "unknown") {
          throw new Failure(
            "refused",
            `user ${toPrintable(id)} has no such identity: see dexctl users identities ${toPrintable(id)}`,
          );
        }
        return `unlinked ${toPrintable(connectorId)} from user ${toPrintable(id)}`;
      }),
    );
}
