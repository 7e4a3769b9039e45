import type { Json, JsonObject } from "@dex/runtime";
import { Command } from "commander";
import { Failure } from "../failure.ts";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { clientCertificatesCommand, clientKeysCommand } from "./client-keys.ts";
import { clientMetadataCommand, clientProfileCommand } from "./client-metadata.ts";
import { clientSecretsCommand } from "./client-secrets.ts";
import { clientSetCommand } from "./client-set.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { isObject } from "./json-object.ts";
import { unknownClient } from "./unknown-client.ts";

const EXAMPLES = `
Examples:
  dexctl --db-url postgres://dex@localhost/dex clients list
  dexctl clients list -o json | jq -r '.[].id'
  dexctl clients delete my-app`;

/** Lists and deletes clients. */
export function clientsCommand(context: CommandContext): Command {
  return new Command("clients")
    .summary("list, show, change or delete clients, or say which may administer")
    .description("Lists, changes or deletes clients, and says which may use the management API. See also new-client.")
    .addHelpText("after", EXAMPLES)
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(clientSetCommand(context))
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
    .description(
      "Lists the clients: what they prove themselves by, and which grants they may use. Secrets are not among it.",
    )
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl clients list -o json")
    .action(async ({ output }: { output: OutputForm }) => {
      const clients = await context.withManagement((management) => management.listClients());
      const head = ["id", "name", "kind", "proves by", "grants", "redirect urls"];
      context.print(output === "table" ? renderTable(head, clients.map(toRow)) : renderData(clients, output));
    });
}

function showCommand(context: CommandContext): Command {
  return new Command("show")
    .summary("show all that is registered of a client")
    .description("Shows all that is registered of a client, its secrets aside.")
    .argument("<id>", "the client's id")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl clients show my-app -o yaml")
    .action(async (id: string, { output }: { output: OutputForm }) => {
      const clients = await context.withManagement((management) => management.listClients());
      const client = clients.find((one) => one.id === id);
      if (client === undefined) {
        throw unknownClient(id);
      }
      context.print(output === "table" ? renderClient(client) : renderData(client, output));
    });
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
        throw unknownClient(id);
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
  const details = detailsOf(client);
  const kind = [
    client.public === true ? "public" : "confidential",
    ...(client.isAdmin === true ? ["admin"] : []),
    ...(client.trusted === true ? ["trusted"] : []),
    ...(details.profile === undefined ? [] : [String(details.profile)]),
  ];
  return [
    String(client.id ?? ""),
    String(client.clientName ?? "-"),
    kind.join(","),
    String(details.token_endpoint_auth_method ?? (client.public === true ? "none" : "secret")),
    listOf(client.grantTypes).map(shorten).join(",") || "-",
    listOf(client.redirectURIs).join(" ") || "-",
  ];
}

/** One line for each member; what a client registered beside stands among them by its registered name. */
function renderClient(client: JsonObject): string {
  const { details: _, ...own } = client;
  const members = Object.entries({ ...own, ...detailsOf(client) });
  return renderTable(
    ["member", "value"],
    members.map(([name, value]) => [name, textOf(value)]),
  );
}

function textOf(value: Json): string {
  if (typeof value === "string") return value;
  const words = Array.isArray(value) && value.every((one) => typeof one === "string");
  return words ? value.join(" ") || "-" : JSON.stringify(value);
}

/** What a grant is called by those who use it: `device_code` for `urn:ietf:params:oauth:grant-type:device_code`. */
const shorten = (grant: Json) => String(grant).replace(/^urn:[a-z]+:params:(?:oauth:)?grant-type:/, "");
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

function detailsOf({ details }: JsonObject): JsonObject {
  return isObject(details) ? details : {};
}
