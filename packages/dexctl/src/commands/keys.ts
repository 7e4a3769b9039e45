import type { StoredSigningKey } from "@dex/keys";
import { Command } from "commander";
import { renderTable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";

const EXAMPLES = `
Examples:
  dexctl --db-url postgres://dex@localhost/dex keys list
  dexctl --db-url postgres://dex@localhost/dex keys rotate`;

/** Shows the signing keys and asks for new ones. */
export function keysCommand(context: CommandContext): Command {
  return new Command("keys")
    .summary("list or rotate the signing keys")
    .description("Lists or rotates the signing keys. Needs --db-url.")
    .addHelpText("after", EXAMPLES)
    .addCommand(listCommand(context))
    .addCommand(rotateCommand(context));
}

function listCommand(context: CommandContext): Command {
  return new Command("list")
    .summary("list the signing keys and where each one is in its life")
    .description("Lists the signing keys: next (published, not used yet), active (signs), retired (still published).")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl --db-url postgres://dex@localhost/dex keys list -o json")
    .action(async ({ output }: { output: OutputForm }) => {
      const { keys, rotationRequestedAt } = await context.withDatabase((database) => database.signingKeys());
      if (output !== "table") {
        context.print(renderData(keys.map(toShown), output));
        return;
      }
      const head = ["kid", "alg", "state", "created", "activated", "retired"];
      context.print(renderTable(head, keys.map(toRow)));
      if (rotationRequestedAt !== undefined) {
        context.print(
          `a rotation was requested at ${rotationRequestedAt.toISOString()}, the overlord has yet to act on it`,
        );
      }
    });
}

function rotateCommand(context: CommandContext): Command {
  return new Command("rotate")
    .summary("ask the overlord for a rotation before it is due")
    .description("Asks the overlord for a rotation before it is due. Verifiers notice nothing.")
    .addHelpText("after", "\nExample:\n  dexctl --db-url postgres://dex@localhost/dex keys rotate")
    .action(async () => {
      await context.withDatabase((database) => database.requestKeyRotation());
      context.print("rotation requested: the overlord acts on it at its next tick, see dexctl keys list");
    });
}

// Public facts only: the sealed private part is of no use to a reader and has no business in a terminal's history.
function toShown(key: StoredSigningKey): Readonly<Record<string, string | null>> {
  return {
    kid: key.id,
    alg: key.algorithm,
    state: key.state,
    createdAt: key.createdAt.toISOString(),
    activatedAt: key.activatedAt?.toISOString() ?? null,
    retiredAt: key.retiredAt?.toISOString() ?? null,
  };
}

function toRow(key: StoredSigningKey): readonly string[] {
  return Object.values(toShown(key)).map((value) => value ?? "-");
}
