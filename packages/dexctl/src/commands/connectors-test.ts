import { type CheckStep, openConnector } from "@dex/connectors";
import { silentLogger } from "@dex/runtime";
import { Command } from "commander";
import { type DryLoginOptions, openForDryRun, runDryLogin } from "../dry-run/dry-login.ts";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";
import { readConnectorFile, unknownConnector } from "./read-connector-file.ts";

const HELP = `
Without --file a worker tries the stored connector, with the secrets and from the place where it is used: give --issuer.
With --file dexctl itself tries what the file describes, stored or not.

--login signs in a person: dexctl listens at --callback, which must be registered upstream, and shows the claims that
came, every rule that changed one, and the identity that dex would see. Nothing is stored.

Exit code 1 when a step failed.

Examples:
  dexctl --issuer https://dex.example.com --client-id admin --client-secret-file secret.txt connectors test github
  dexctl connectors test --file github.yaml
  dexctl connectors test --file github.yaml --login --callback http://127.0.0.1:5555/callback
  dexctl connectors test --file ldap.yaml --login --username jane --password-file password.txt`;

type TestOptions = DryLoginOptions & { readonly file?: string; readonly login: boolean };

/** Tries a connector without changing anything. */
export function testConnectorCommand(context: CommandContext): Command {
  return new Command("test")
    .summary("try a connector, and sign in through it without storing anything")
    .description("Tries what can be tried of a connector: discovery, bind, certificates, token endpoint, clock.")
    .argument("[id]", "the id of a stored connector")
    .option("--file <file>", "try the connector of this YAML or JSON file instead")
    .option("--login", "sign in through it and show what becomes of the claims; needs --file", false)
    .option("--callback <url>", "where the upstream sends the browser", "http://127.0.0.1:5555/callback")
    .option("--no-browser", "only print the address to open")
    .option("--username <name>", "who signs in, for connectors that ask for a password")
    .option("--password-file <file>", "their password, or - for standard input")
    .addHelpText("after", HELP)
    .action(async (id: string | undefined, options: TestOptions) => {
      if ((id === undefined) === (options.file === undefined)) {
        throw new Failure("usage", "expected either the id of a stored connector or --file");
      }
      if (options.login && options.file === undefined) {
        throw new Failure("usage", "--login needs --file: the secrets of stored connectors stay where they are");
      }
      if (id !== undefined) return report(context, await checkStored(context, id));
      const connector = await readConnectorFile(context, options.file ?? "");
      if (options.login) return runDryLogin(context, connector, options);
      report(context, await checkDescribed(context, connector));
    });
}

async function checkStored(context: CommandContext, id: string): Promise<readonly CheckStep[]> {
  const steps = await context.withManagement((management) => management.checkConnector(id));
  if (steps === "unknown") throw unknownConnector(id);
  return steps;
}

async function checkDescribed(
  context: CommandContext,
  described: Parameters<typeof openForDryRun>[1],
): Promise<readonly CheckStep[]> {
  const opened = openForDryRun(openConnector, described, { ...context, logger: silentLogger });
  try {
    return (
      (await opened.check?.()) ?? [
        { name: "configuration", ok: true, detail: "this kind asks nothing of anybody else" },
      ]
    );
  } finally {
    opened.close?.();
  }
}

function report(context: CommandContext, steps: readonly CheckStep[]): void {
  for (const { name, ok, detail } of steps) {
    context.print(`${ok ? "ok    " : "FAILED"}  ${toPrintable(name)}: ${toPrintable(detail)}`);
  }
  const failed = steps.filter(({ ok }) => !ok).length;
  if (failed > 0) throw new Failure("refused", `${failed} of ${steps.length} steps failed`);
}
