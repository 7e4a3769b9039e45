import { Command } from "commander";
import type { BackchannelAnswer } from "../backchannel-management.ts";
import { Failure } from "../failure.ts";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { findUserId, noSuchUser } from "./find-user.ts";

const EXAMPLES = `
Examples:
  dexctl backchannel-requests list jane@example.com
  dexctl backchannel-requests approve jane@example.com 01963d7e-9c5a-7c3e-8f43-0b7c6a1d2e4f
  dexctl backchannel-requests deny jane@example.com 01963d7e-9c5a-7c3e-8f43-0b7c6a1d2e4f`;

const ANSWERS = [
  {
    verb: "approve",
    summary: "allow it: the client gets tokens of the user, which say that nobody signed in",
    done: "approved",
  },
  { verb: "deny", summary: "refuse it", done: "denied" },
] as const satisfies readonly { verb: BackchannelAnswer; summary: string; done: string }[];

/** What clients ask of a user by name (CIBA), answered in their place. */
export function backchannelRequestsCommand(context: CommandContext): Command {
  const command = new Command("backchannel-requests")
    .summary("list what clients ask of a user by name, and answer it")
    .description(
      "Lists what clients ask of a user by name (CIBA), and answers it in the user's place, such as in tests: over --issuer, where the worker runs with --enable-backchannel-decisions-by-administrators.",
    )
    .addHelpText("after", EXAMPLES)
    .addCommand(listCommand(context));
  for (const answer of ANSWERS) command.addCommand(answerCommand(context, answer));
  return command;
}

function listCommand(context: CommandContext): Command {
  return new Command("list")
    .summary("list what nobody has answered yet")
    .description("Lists what clients ask of a user and nobody has answered, the newest first.")
    .argument("<user>", "id or email address")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl backchannel-requests list jane@example.com -o json")
    .action(async (user: string, { output }: { output: OutputForm }) => {
      const requests = await context.withManagement(async (management) => {
        const found = await management.backchannelRequests(await findUserId(management, user));
        if (found === undefined) throw noSuchUser(user);
        return found;
      });
      const columns = ["id", "clientID", "bindingMessage", "scope", "expiresAt"] as const;
      const rows = () => requests.map((request) => columns.map((column) => String(request[column] ?? "-")));
      const heads = ["request", "client", "message", "scope", "expires"];
      context.print(output === "table" ? renderTable(heads, rows()) : renderData(requests, output));
    });
}

function answerCommand(context: CommandContext, { verb, summary, done }: (typeof ANSWERS)[number]): Command {
  return new Command(verb)
    .summary(summary)
    .description(`Answers a request in the user's place: ${summary}.`)
    .argument("<user>", "id or email address")
    .argument("<request>", "as `list` shows it")
    .addHelpText(
      "after",
      `\nExample:\n  dexctl backchannel-requests ${verb} jane@example.com 01963d7e-9c5a-7c3e-8f43-0b7c6a1d2e4f`,
    )
    .action(async (user: string, requestId: string) => {
      await context.withManagement(async (management) => {
        const userId = await findUserId(management, user);
        if ((await management.answerBackchannelRequest(userId, requestId, verb)) === "unknown") {
          const reason = "it has expired, or was never made";
          throw new Failure(
            "refused",
            `nothing of user ${toPrintable(userId)} waits as ${toPrintable(requestId)}: ${reason}`,
          );
        }
        context.print(`${done} request ${toPrintable(requestId)} in the place of user ${toPrintable(userId)}`);
      });
    });
}
