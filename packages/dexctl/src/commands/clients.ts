import type { Json, JsonObject } from "@dex/runtime";
import { Command } from "commander";
import { Failure } from "../failure.ts";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { clientCertificatesCommand } from "./client-certificates.ts";
import { clientKeysCommand, clientMetadataCommand, clientProfileCommand } from "./client-metadata.ts";
import { clientSecretsCommand } from "./client-secrets.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { GRANT_TYPES, repeated } from "./new-client.ts";

const EXAMPLES = `
Examples:
  dexctl --db-url postgres://dex@localhost/dex clients list
  dexctl clients list -o json | jq -r '.[].id'
  dexctl clients delete my-app`;

/** Lists and deletes clients. */
export function clientsCommand(context: CommandContext): Command {
  return new Command("clients")
    .summary("list, change or delete clients, or say which may administer")
    .description("Lists, changes or deletes clients, and says which may use the management API. See also new-client.")
    .addHelpText("after", EXAMPLES)
    .addCommand(listCommand(context))
    .addCommand(setCommand(context))
    .addCommand(clientSecretsCommand(context))
    .addCommand(clientKeysCommand(context))
    .addCommand(clientCertificatesCommand(context))
    .addCommand(clientMetadataCommand(context))
    .addCommand(clientProfileCommand(context))
    .addCommand(deleteCommand(context))
    .addCommand(adminCommand(context, "make-admin"))
    .addCommand(adminCommand(context, "revoke-admin"));
}

function listCommand(context: CommandContext): Command {
  return new Command("list")
    .summary("list the clients")
    .description("Lists the clients, without their secrets.")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl clients list -o json")
    .action(async ({ output }: { output: OutputForm }) => {
      const clients = await context.withManagement((management) => management.listClients());
      const head = ["id", "name", "kind", "redirect urls"];
      context.print(output === "table" ? renderTable(head, clients.map(toRow)) : renderData(clients, output));
    });
}

interface SetFlags {
  readonly allowedConnector?: readonly string[];
  readonly anyConnector?: true;
  readonly grantType?: readonly string[];
}

function setCommand(context: CommandContext): Command {
  return new Command("set")
    .summary("say which connectors people may sign in to a client through, or which grants it may use")
    .description(
      "Says which connectors people may sign in to a client through, or which grants it may use. Sign-ins and refresh tokens of others are refused from now on.",
    )
    .argument("<id>", "the client's id")
    .addOption(repeated("--allowed-connector <id>", "a connector to sign in to it through"))
    .option("--any-connector", "allow all connectors")
    .addOption(repeated("--grant-type <type>", `a grant it may use: ${GRANT_TYPES.join(", ")}`, GRANT_TYPES))
    .addHelpText(
      "after",
      "\nExamples:\n  dexctl clients set my-app --allowed-connector corp\n  dexctl clients set my-app --any-connector\n  dexctl clients set my-tv --grant-type urn:ietf:params:oauth:grant-type:device_code --grant-type refresh_token",
    )
    .action(async (id: string, flags: SetFlags, command: Command) => {
      const { allowedConnector, anyConnector, grantType } = flags;
      if ([allowedConnector, anyConnector, grantType].filter((flag) => flag !== undefined).length !== 1) {
        command.error("expected either --allowed-connector or --any-connector or --grant-type", {
          code: "commander.missingArgument",
        });
      }
      const changes: JsonObject =
        grantType === undefined ? { allowedConnectors: allowedConnector ?? [] } : { grantTypes: grantType };
      const outcome = await context.withManagement((management) => management.changeClient(id, changes));
      if (outcome === "unknown") {
        throw new Failure("refused", `there is no client ${toPrintable(id)}: see dexctl clients list`);
      }
      context.print(describeChange(toPrintable(id), flags));
    });
}

function describeChange(id: string, { allowedConnector, grantType }: SetFlags): string {
  if (grantType !== undefined) return `client ${id} may use ${grantType.join(", ")}`;
  const through = allowedConnector?.map((one) => toPrintable(one)).join(", ") ?? "any connector";
  return `people may sign in to client ${id} through ${through}`;
}

function deleteCommand(context: CommandContext): Command {
  return new Command("delete")
    .summary("delete a client and end all its tokens")
    .description("Deletes a client. Its refresh tokens, codes and consents go with it; this cannot be undone.")
    .argument("<id>", "the client's id")
    .addHelpText("after", "\nExample:\n  dexctl clients delete my-app")
    .action(async (id: string) => {
      const outcome = await context.withManagement((management) => management.deleteClient(id));
      if (outcome === "unknown") {
        throw new Failure("refused", `there is no client ${toPrintable(id)}: see dexctl clients list`);
      }
      context.print(`deleted client ${toPrintable(id)}`);
    });
}

function adminCommand(context: CommandContext, name: "make-admin" | "revoke-admin"): Command {
  const admin = name === "make-admin";
  const what = admin ? "let a client use the management API" : "keep a client from using the management API";
  return new Command(name)
    .summary(what)
    .description(
      `${admin ? "Lets" : "Keeps"} a client ${admin ? "use" : "from using"} the management API. Needs --db-url.`,
    )
    .argument("<id>", "the client's id")
    .addHelpText("after", `\nExample:\n  dexctl --db-url-file db.txt clients ${name} my-app`)
    .action(async (id: string) => {
      const outcome = await context.withDatabase((database) => database.setClientAdmin(id, admin));
      if (outcome === "unknown") {
        throw new Failure("refused", `there is no client ${toPrintable(id)} with a secret: see dexctl clients list`);
      }
      context.print(`client ${toPrintable(id)} ${admin ? "may now" : "may no longer"} use the management API`);
    });
}

function toRow(client: JsonObject): readonly string[] {
  const kind = [
    client.public === true ? "public" : "confidential",
    ...(client.isAdmin === true ? ["admin"] : []),
    ...(client.trusted === true ? ["trusted"] : []),
  ];
  const redirectUris: readonly Json[] = Array.isArray(client.redirectURIs) ? client.redirectURIs : [];
  return [String(client.id ?? ""), String(client.clientName ?? "-"), kind.join(","), redirectUris.join(" ") || "-"];
}
