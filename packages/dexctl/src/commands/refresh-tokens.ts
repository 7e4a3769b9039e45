import { Command } from "commander";
import { Failure } from "../failure.ts";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { findUserId, noSuchUser } from "./find-user.ts";

const EXAMPLES = `
Examples:
  dexctl refresh-tokens list jane@example.com
  dexctl refresh-tokens list jane@example.com --each
  dexctl refresh-tokens revoke jane@example.com my-app
  dexctl refresh-tokens revoke jane@example.com --token 7b0c3c1e-5f0a-4a52-9a3c-0d5f3e8f6a11
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
    .description("Lists the clients that hold refresh tokens of a user, each once, or the tokens one by one.")
    .argument("<user>", "id or email address")
    .option("--each", "every token by itself, such as one for each device, the last used first")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl refresh-tokens list jane@example.com -o json")
    .action(async (user: string, { output, each }: { output: OutputForm; each?: true }) => {
      if (each) return listTokens(context, user, output);
      const clients = await context.withManagement(
        async (management) => (await management.refreshClients(await findUserId(management, user))) ?? [],
      );
      const rows = () => clients.map(({ clientID, clientName }) => [String(clientID), String(clientName ?? "-")]);
      context.print(output === "table" ? renderTable(["client", "name"], rows()) : renderData(clients, output));
    });
}

async function listTokens(context: CommandContext, user: string, output: OutputForm): Promise<void> {
  const tokens = await context.withManagement(
    async (management) => (await management.refreshTokens(await findUserId(management, user))) ?? [],
  );
  const columns = ["id", "clientID", "createdAt", "lastUsedAt", "userAgent"] as const;
  const rows = () => tokens.map((token) => columns.map((column) => String(token[column] ?? "-")));
  const heads = ["token", "client", "begun", "last used", "browser"];
  context.print(output === "table" ? renderTable(heads, rows()) : renderData(tokens, output));
}

function revokeCommand(context: CommandContext): Command {
  return new Command("revoke")
    .summary("end the tokens that a client has of a user")
    .description("Ends the tokens that a client has of a user: it has to send the user here again.")
    .argument("<user>", "id or email address")
    .argument("[client]", "the client's id")
    .option("--all", "of every client")
    .option("--token <id>", "this one alone, as `list --each` shows it")
    .addHelpText("after", "\nExample:\n  dexctl refresh-tokens revoke jane@example.com my-app")
    .action(
      async (user: string, clientId: string | undefined, given: { all?: true; token?: string }, command: Command) => {
        const { all, token } = given;
        if ([clientId, all, token].filter((one) => one !== undefined).length !== 1) {
          command.error("expected either a client or --all or --token", { code: "commander.missingArgument" });
        }
        if (token !== undefined) return revokeToken(context, user, token);
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
      },
    );
}

async function revokeToken(context: CommandContext, user: string, token: string): Promise<void> {
  await context.withManagement(async (management) => {
    const id = await findUserId(management, user);
    if ((await management.revokeRefreshToken(id, token)) === "unknown") {
      throw new Failure("refused", `user ${toPrintable(id)} has no refresh token ${toPrintable(token)}`);
    }
    context.print(`refresh token ${toPrintable(token)} of user ${toPrintable(id)} is good for nothing any more`);
  });
}
