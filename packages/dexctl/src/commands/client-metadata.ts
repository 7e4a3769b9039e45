import { PROFILES } from "@dex/oidc";
import type { Json, JsonObject } from "@dex/runtime";
import { Argument, Command } from "commander";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";
import { unknownClient } from "./unknown-client.ts";

/** Changes members of a client's metadata. */
export function clientMetadataCommand(context: CommandContext): Command {
  return new Command("metadata")
    .summary("change members of a client's metadata")
    .description(
      "Changes members of a client's metadata, by the names of OpenID Connect Dynamic Client Registration. Null takes one away.",
    )
    .argument("<id>", "the client's id")
    .argument("<file>", "a JSON object of the members to change, or - for standard input")
    .addHelpText(
      "after",
      `\nExample:\n  echo '{"initiate_login_uri": "https://app.example.com/login"}' | dexctl clients metadata my-app -`,
    )
    .action(async (id: string, file: string) => {
      const members = parseJson(await context.readInput(file));
      if (typeof members !== "object" || members === null || Array.isArray(members)) {
        throw new Failure("refused", "expected a JSON object of members, found something else");
      }
      // Narrowed as far as TypeScript can: what is an object and no array is one of members.
      await change(context, id, members as JsonObject);
      context.print(`changed the metadata of client ${toPrintable(id)}`);
    });
}

/** Holds a client to a profile, or to none. */
export function clientProfileCommand(context: CommandContext): Command {
  return new Command("profile")
    .summary("hold a client to a security profile")
    .description(
      "Holds a client to a security profile: what it demands is switched on and all else refused, also later. What of the client does not fit is named and must be changed before; the list of clients shows which ones have a profile.",
    )
    .argument("<id>", "the client's id")
    .addArgument(new Argument("<profile>", "the profile").choices([...PROFILES, "none"]))
    .addHelpText("after", "\nExample:\n  dexctl clients profile my-bank fapi2")
    .action(async (id: string, profile: string) => {
      await change(context, id, { profile: profile === "none" ? null : profile });
      const held = profile === "none" ? "has no profile any more" : `is held to ${profile}`;
      context.print(`client ${toPrintable(id)} ${held}`);
    });
}

async function change(context: CommandContext, id: string, details: JsonObject): Promise<void> {
  const outcome = await context.withManagement((management) => management.changeClient(id, { details }));
  if (outcome === "unknown") {
    throw unknownClient(id);
  }
}

function parseJson(text: string): Json {
  try {
    // JSON.parse returns nothing else.
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new Failure("refused", "expected JSON, found something else", { cause });
  }
}
