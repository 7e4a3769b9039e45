import { Command } from "commander";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { findUserId, noSuchUser } from "./find-user.ts";

const EXAMPLES = `
Examples:
  dexctl refresh-tokens list jane@example.com
  dexctl refresh-tokens revoke jane@example.com my-app
  dexctl refresh-tokens revoke jane@example.com --all`;

/** Which clients hold refresh tokens of a user. */
export function refreshTokensCommand(context: CommandContext): Command {
  return new Command("refresh-tokens")
    .summary("list or revoke the refresh tokens of a user")
    .description("Lists or revokes the refresh tokens of a user.")
    .addHelpText("after", EXAMPLES)
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context));
}

function listCommand(context: CommandContext): Command {
  return new Command("list")
    .summary("list the clients that hold refresh tokens of a user")
    .description("Lists the clients that hold refresh tokens of a user, each once.")
    .argument("<user>", "id or email address")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl refresh-tokens list jane@example.com -o json")
    .action(async (user: string, { output }: { output: OutputForm }) => {
      const clients = await context.withManagement(
        async (management) => (await management.refreshClients(await findUserId(management, user))) ?? [],
      );
      const rows = () => clients.map(({ clientID, clientName }) => [String(clientID), String(clientName ?? "-")]);
      context.print(output === "table" ? renderTable(["client", "name"], rows()) : renderData(clients, output));
    });
}

function revokeCommand(context: CommandContext): Command {
  return new Command("revoke")
    .summary("end the tokens that a client has of a user")
    .description("Ends the tokens that a client has of a user: it has to send the user here again.")
    .argument("<user>", "id or email address")
    .argument("[client]", "the client's id")
    .option("--all", "of every client")
    .addHelpText("after", "\nExample:\n  dexctl refresh-tokens revoke jane@example.com my-app")
    .action(async (user: string, clientId: string | undefined, { all }: { all?: true }, command: Command) => {
      if ((clientId === undefined) === (all === undefined)) {
        command.error("expected either a client or --all", { code: "commander.missingArgument" });
      }
      await context.withManagement(async (management) => {
        const id = await findUserId(management, user);
        const clients = all
          ? ((await management.refreshClients(id)) ?? []).map(({ clientID }) => String(clientID))
          : [clientId ?? ""];
        for (const client of clients) {
          if ((await management.revokeRefresh(id, client)) === "unknown") throw noSuchUser(user);
          context.print(`client ${toPrintable(client)} holds no tokens of user ${toPrintable(id)} any more`);
        }
        if (clients.length === 0) context.print(`no client holds refresh tokens of user ${toPrintable(id)}`);
      });
    });
}
