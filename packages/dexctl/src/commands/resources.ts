import type { JsonObject } from "@dex/runtime";
import { Command, InvalidArgumentError } from "commander";
import { Failure } from "../failure.ts";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";

const EXAMPLES = `
Examples:
  dexctl resources add https://api.example.com/ --name "The API" --scope read --scope write
  dexctl resources add https://reports.example.com/ --name Reports --format opaque --introspected-by reports-server
  dexctl resources set https://api.example.com/ --json '{"accessTokenLifetime": 300, "allowedClients": ["app"]}'
  dexctl resources list`;

const JSON_HELP = `
Members of the JSON object, all but the first two may be missing: identifier, name, scopes, accessTokenLifetime (seconds),
tokenFormat (jwt or opaque), signingAlg, allowedClients (a client that acts for itself, or exchanges tokens for it,
must be named here), introspectedBy (its own clients), authorizationDetailsTypes.
${EXAMPLES}`;

/** Registers the resources that tokens are made for. */
export function resourcesCommand(context: CommandContext): Command {
  return new Command("resources")
    .summary("list, show, add, change or remove resources that tokens are made for")
    .description("Lists, shows, adds, changes or removes resources: the APIs that clients ask tokens for (RFC 8707).")
    .addHelpText("after", EXAMPLES)
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(addCommand(context))
    .addCommand(setCommand(context))
    .addCommand(removeCommand(context));
}

function listCommand(context: CommandContext): Command {
  return new Command("list")
    .summary("list the resources")
    .description("Lists the resources.")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  dexctl resources list -o json")
    .action(async ({ output }: { output: OutputForm }) => {
      const resources = await context.withManagement((management) => management.listResources());
      const rows = resources.map(({ identifier, name, tokenFormat, scopes }) => [
        ...[identifier, name, tokenFormat].map(String),
        [scopes].flat().join(" "),
      ]);
      const columns = ["identifier", "name", "format", "scopes"];
      context.print(output === "table" ? renderTable(columns, rows) : renderData(resources, output));
    });
}

function showCommand(context: CommandContext): Command {
  return new Command("show")
    .summary("show one resource")
    .description("Shows one resource.")
    .argument("<identifier>", "the URI that it is registered by")
    .addOption(outputOption().default("yaml"))
    .addHelpText("after", "\nExample:\n  dexctl resources show https://api.example.com/")
    .action(async (identifier: string, { output }: { output: OutputForm }) => {
      const all = await context.withManagement((management) => management.listResources());
      const found = all.find((one) => one.identifier === identifier);
      if (found === undefined) throw unknownResource(identifier);
      context.print(renderData(found, output === "table" ? "yaml" : output));
    });
}

interface AddOptions {
  readonly name?: string;
  readonly scope: readonly string[];
  readonly format?: string;
  readonly client: readonly string[];
  readonly introspectedBy: readonly string[];
  readonly json: JsonObject;
}

function addCommand(context: CommandContext): Command {
  return new Command("add")
    .summary("register a resource")
    .description("Registers a resource that clients can ask tokens for.")
    .argument("<identifier>", "an absolute URI without a fragment")
    .option("--name <name>", "what people are told that a client wants to use")
    .option("--scope <scope>", "a scope that its tokens can have; may be repeated", collect, [])
    .option("--format <format>", "jwt, or opaque for a resource that introspects")
    .option("--client <id>", "a client that may ask for it, and all others may not; may be repeated", collect, [])
    .option("--introspected-by <id>", "a client that may introspect its tokens; may be repeated", collect, [])
    .option("--json <object>", "further members, as JSON", parseMembers, {})
    .addHelpText("after", JSON_HELP)
    .action(async (identifier: string, options: AddOptions) => {
      const { name, scope, format, client, introspectedBy, json } = options;
      const resource = {
        ...(name === undefined ? {} : { name }),
        ...(scope.length === 0 ? {} : { scopes: scope }),
        ...(format === undefined ? {} : { tokenFormat: format }),
        ...(client.length === 0 ? {} : { allowedClients: client }),
        ...(introspectedBy.length === 0 ? {} : { introspectedBy }),
        ...json,
        identifier,
      };
      await context.withManagement((management) => management.addResource(resource));
      context.print(`added resource ${toPrintable(identifier)}`);
    });
}

function setCommand(context: CommandContext): Command {
  return new Command("set")
    .summary("change a resource")
    .description("Changes members of a resource; null takes one away, the others stay.")
    .argument("<identifier>", "the URI that it is registered by")
    .requiredOption("--json <object>", "the members, as JSON", parseMembers)
    .addHelpText("after", JSON_HELP)
    .action(async (identifier: string, { json }: { json: JsonObject }) => {
      const outcome = await context.withManagement((management) => management.changeResource(identifier, json));
      if (outcome === "unknown") throw unknownResource(identifier);
      context.print(`changed resource ${toPrintable(identifier)}`);
    });
}

function removeCommand(context: CommandContext): Command {
  return new Command("remove")
    .summary("remove a resource")
    .description("Removes a resource: no more tokens are made for it, and those that there are go on to their end.")
    .argument("<identifier>", "the URI that it is registered by")
    .addHelpText("after", "\nExample:\n  dexctl resources remove https://api.example.com/")
    .action(async (identifier: string) => {
      const outcome = await context.withManagement((management) => management.removeResource(identifier));
      if (outcome === "unknown") throw unknownResource(identifier);
      context.print(`removed resource ${toPrintable(identifier)}`);
    });
}

function unknownResource(identifier: string): Failure {
  return new Failure("refused", `there is no resource ${toPrintable(identifier)}: see dexctl resources list`);
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

function parseMembers(text: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(text);
    // JSON.parse makes nothing but JSON.
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
  } catch {
    // Told below, as for what is no object.
  }
  throw new InvalidArgumentError("Expected a JSON object.");
}
