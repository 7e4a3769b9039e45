import type { JsonObject } from "@dex/runtime";
import { Command, Option } from "commander";
import { Failure } from "../failure.ts";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { MAIL_STATES, type MailState, type UserManagement } from "../user-management.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { type LimitFlags, limitOptions, readUpTo } from "./pages.ts";

const EXAMPLES = `
Examples:
  dexctl mail queue --state dead
  dexctl mail retry --all-dead`;

/** The mail that was promised. */
export function mailCommand(context: CommandContext): Command {
  return new Command("mail")
    .summary("list the mail that was promised, or try it again")
    .description("Lists the mail that was promised, or tries again what could not be delivered.")
    .addHelpText("after", EXAMPLES)
    .addCommand(queueCommand(context))
    .addCommand(retryCommand(context));
}

interface QueueFlags extends LimitFlags {
  readonly state: MailState;
  readonly output: OutputForm;
}

function queueCommand(context: CommandContext): Command {
  const [limit, all] = limitOptions("mails");
  return new Command("queue")
    .summary("list the mail that was promised, with what became of it")
    .description("Lists the mail that was promised, with what became of it. Never its text or its links.")
    .addOption(new Option("--state <state>", "which").choices([...MAIL_STATES]).default("waiting"))
    .addOption(limit)
    .addOption(all)
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl mail queue --state dead -o json")
    .action(async (flags: QueueFlags) => {
      const { items, more } = await context.withManagement((management) =>
        readUpTo(flags, (page) => management.listMail(flags.state, page)),
      );
      if (flags.output !== "table") {
        context.print(renderData(items, flags.output));
        return;
      }
      context.print(renderTable(["id", "kind", "state", "promised", "tries", "last error"], items.map(toRow)));
      if (more) context.print(`and more: raise --limit above ${items.length}, or give --all`);
    });
}

function toRow(mail: JsonObject): readonly string[] {
  return [mail.id, mail.kind, mail.state, mail.createdAt, mail.attempts, mail.lastError].map((value) =>
    value === undefined || value === null ? "-" : String(value),
  );
}

function retryCommand(context: CommandContext): Command {
  return new Command("retry")
    .summary("try mail again that could not be delivered")
    .description("Tries mail again that could not be delivered.")
    .argument("[id]", "the mail's id, see mail queue")
    .option("--all-dead", "all that was given up on")
    .addHelpText("after", EXAMPLES)
    .action(async (id: string | undefined, { allDead }: { allDead?: true }, command: Command) => {
      if ((id === undefined) === (allDead === undefined)) {
        command.error("expected either an id or --all-dead", { code: "commander.missingArgument" });
      }
      await context.withManagement(async (management) => {
        if (id === undefined) context.print(await retryAllDead(management));
        else if ((await management.retryMail(id)) === "retried") context.print(`mail ${toPrintable(id)} is due now`);
        else
          throw new Failure("refused", `there is no dead mail ${toPrintable(id)}: see dexctl mail queue --state dead`);
      });
    });
}

/** Listed to the end before the first is tried: what is tried again leaves the list, and pages would shift. */
async function retryAllDead(management: UserManagement): Promise<string> {
  const { items } = await readUpTo({ limit: 1, all: true }, (page) => management.listMail("dead", page));
  let retried = 0;
  for (const { id } of items) if ((await management.retryMail(String(id))) === "retried") retried += 1;
  return retried === 1 ? "1 mail is due now" : `${retried} mails are due now`;
}
