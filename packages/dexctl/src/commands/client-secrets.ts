import type { JsonObject } from "@dex/runtime";
import { Command, InvalidArgumentError, Option } from "commander";
import { Failure } from "../failure.ts";
import { quoteForShell, renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { unknownClient } from "./unknown-client.ts";

const EXAMPLES = `
Two secrets can work at a time, so a client can take up a new one before the old one ends:
  dexctl clients secrets add my-app
  dexctl clients secrets list my-app         # the last day on which each was used
  dexctl clients secrets expire my-app first --at 2030-01-31T00:00:00Z
  dexctl clients secrets remove my-app first`;

/** Replaces the secrets of a client one by one. */
export function clientSecretsCommand(context: CommandContext): Command {
  return new Command("secrets")
    .summary("list, add, expire or remove the secrets of a client")
    .description("Lists the secrets of a client, adds one, lets one expire, or removes one.")
    .addHelpText("after", EXAMPLES)
    .addCommand(listCommand(context))
    .addCommand(addCommand(context))
    .addCommand(expireCommand(context))
    .addCommand(removeCommand(context));
}

function listCommand(context: CommandContext): Command {
  return new Command("list")
    .summary("list the secrets of a client")
    .description("Lists when each secret was made, ends and was used last. What is secret about them is not kept.")
    .argument("<id>", "the client's id")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl clients secrets list my-app -o json")
    .action(async (id: string, { output }: { output: OutputForm }) => {
      const secrets = await context.withManagement((management) => management.listClientSecrets(id));
      if (secrets === "unknown") throw unknownClient(id);
      const head = ["id", "created", "expires", "last used"];
      context.print(output === "table" ? renderTable(head, secrets.map(toRow)) : renderData(secrets, output));
    });
}

function addCommand(context: CommandContext): Command {
  return new Command("add")
    .summary("make another secret for a client and print it")
    .description("Makes another secret for a client. It is shown this once; those that there are go on working.")
    .argument("<id>", "the client's id")
    .addOption(new Option("--expires <time>", "when it ends, in RFC 3339; never when left out").argParser(parseTime))
    .addHelpText("after", '\nExample:\n  eval "$(dexctl clients secrets add my-app)"')
    .action(async (id: string, { expires }: { expires?: string }) => {
      const added = await context.withManagement((management) => management.addClientSecret(id, expires));
      if (added === "unknown") throw unknownClient(id);
      context.print(
        [
          `# secret ${toPrintable(added.id)} added; it is shown only now`,
          `DEX_APP_CLIENT_ID=${quoteForShell(id)}`,
          `DEX_APP_CLIENT_SECRET=${quoteForShell(added.secret)}`,
        ].join("\n"),
      );
    });
}

function expireCommand(context: CommandContext): Command {
  return new Command("expire")
    .summary("say when a secret of a client ends: now, later, or never")
    .description("Says when a secret of a client ends. From then on it proves nothing; without a time that is now.")
    .argument("<id>", "the client's id")
    .argument("<secret>", "the secret's id: see dexctl clients secrets list")
    .addOption(new Option("--at <time>", "when it ends, in RFC 3339").argParser(parseTime).conflicts("never"))
    .option("--never", "it does not end by itself")
    .addHelpText("after", "\nExample:\n  dexctl clients secrets expire my-app first --at 2030-01-31T00:00:00Z")
    .action(async (id: string, secretId: string, flags: { at?: string; never?: true }) => {
      const end = flags.never ? undefined : (flags.at ?? context.clock().toISOString());
      const outcome = await context.withManagement((management) => management.expireClientSecret(id, secretId, end));
      if (outcome === "unknown") throw unknownSecret(id, secretId);
      const when = flags.never
        ? "does not end by itself"
        : flags.at === undefined
          ? "has ended"
          : flags.at <= context.clock().toISOString()
            ? `has ended: ${flags.at} is over`
            : `ends at ${flags.at}`;
      context.print(`secret ${toPrintable(secretId)} of client ${toPrintable(id)} ${when}`);
    });
}

function removeCommand(context: CommandContext): Command {
  return new Command("remove")
    .summary("end a secret of a client for good")
    .description("Ends a secret of a client for good. The last one stays: add another first.")
    .argument("<id>", "the client's id")
    .argument("<secret>", "the secret's id: see dexctl clients secrets list")
    .addHelpText("after", "\nExample:\n  dexctl clients secrets remove my-app first")
    .action(async (id: string, secretId: string) => {
      const outcome = await context.withManagement((management) => management.removeClientSecret(id, secretId));
      if (outcome === "unknown") throw unknownSecret(id, secretId);
      context.print(`removed secret ${toPrintable(secretId)} of client ${toPrintable(id)}`);
    });
}

function toRow({ id, createdAt, expiresAt, expired, lastUsedOn }: JsonObject): readonly string[] {
  const end = expiresAt === undefined ? "-" : `${String(expiresAt)}${expired === true ? " (over)" : ""}`;
  return [String(id), String(createdAt), end, String(lastUsedOn ?? "-")];
}

function parseTime(text: string): string {
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? new Date(text) : undefined;
  if (time === undefined || Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError("expected a time in RFC 3339, such as 2030-01-31T00:00:00Z.");
  }
  return time.toISOString();
}

function unknownSecret(id: string, secretId: string): Failure {
  const what = `there is no client ${toPrintable(id)}, or no secret ${toPrintable(secretId)} of it`;
  return new Failure("refused", `${what}: see dexctl clients secrets list`);
}
