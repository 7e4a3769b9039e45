import type { Json, JsonObject } from "@dex/runtime";
import { Command } from "commander";
import type { Management } from "../management.ts";
import { toPrintable } from "../printable.ts";
import { type AuthenticationFlags, changeAuthentication, methodOption } from "./client-authentication.ts";
import type { CommandContext } from "./command-context.ts";
import { GRANT_TYPES, repeated, warnOfMissingIssuers } from "./new-client.ts";
import { unknownClient } from "./unknown-client.ts";

const EXAMPLES = `
Examples:
  dexctl clients set my-app --allowed-connector corp
  dexctl clients set my-app --any-connector
  dexctl clients set my-tv --grant-type urn:ietf:params:oauth:grant-type:device_code --grant-type refresh_token
  dexctl clients set my-service --token-endpoint-auth-method private_key_jwt --jwks-file public.pem
  dexctl clients set my-service --token-endpoint-auth-method self_signed_tls_client_auth --certificate client.pem
  dexctl clients set my-service --token-endpoint-auth-method tls_client_auth --certificate-subject 'CN=billing,O=Example'
  eval "$(dexctl clients set my-service --token-endpoint-auth-method client_secret_basic)"`;

interface SetFlags extends AuthenticationFlags {
  readonly allowedConnector?: readonly string[];
  readonly anyConnector?: true;
  readonly grantType?: readonly string[];
}

/** Changes one thing of a client: its connectors, its grants, or how it proves itself. */
export function clientSetCommand(context: CommandContext): Command {
  return new Command("set")
    .summary(
      "say through which connectors people sign in to a client, which grants it may use, or how it proves itself",
    )
    .description(
      "Says which connectors people may sign in to a client through, which grants it may use in place of those before, or how it proves itself. Sign-ins and refresh tokens of other connectors and grants are refused from now on. Where it proves itself with a key or certificates its secrets end; where it goes back to a secret, a new one is printed.",
    )
    .argument("<id>", "the client's id")
    .addOption(repeated("--allowed-connector <id>", "a connector to sign in to it through"))
    .option("--any-connector", "allow all connectors")
    .addOption(repeated("--grant-type <type>", `a grant it may use: ${GRANT_TYPES.join(", ")}`, GRANT_TYPES))
    .addOption(methodOption())
    .option("--jwks-file <file>", "with private_key_jwt: its public keys, a JWK set or PEM; - is standard input")
    .option("--jwks-uri <url>", "with private_key_jwt or self_signed_tls_client_auth: where it publishes them; https")
    .addOption(repeated("--certificate <file>", "with self_signed_tls_client_auth: a certificate, PEM"))
    .option("--certificate-subject <name>", "with tls_client_auth: the subject of its certificates")
    .addHelpText("after", EXAMPLES)
    .action(async (id: string, flags: SetFlags, command: Command) => {
      const { allowedConnector, anyConnector, grantType, tokenEndpointAuthMethod: method } = flags;
      if ([allowedConnector, anyConnector, grantType, method].filter((flag) => flag !== undefined).length !== 1) {
        command.error(
          "expected either --allowed-connector or --any-connector or --grant-type or --token-endpoint-auth-method",
          { code: "commander.missingArgument" },
        );
      }
      const misplaced = misplacedIn(flags);
      if (misplaced !== undefined) command.error(misplaced, { code: "commander.conflictingOption" });
      if (method !== undefined) return changeAuthentication(context, id, method, flags);
      if (grantType !== undefined) return changeGrants(context, id, grantType);
      const changes = { allowedConnectors: allowedConnector ?? [] };
      if ((await context.withManagement((management) => management.changeClient(id, changes))) === "unknown") {
        throw unknownClient(id);
      }
      const through = allowedConnector?.map((one) => toPrintable(one)).join(", ") ?? "any connector";
      context.print(`people may sign in to client ${toPrintable(id)} through ${through}`);
    });
}

const METHODS_OF = {
  jwksFile: { flag: "--jwks-file", methods: ["private_key_jwt"] },
  jwksUri: { flag: "--jwks-uri", methods: ["private_key_jwt", "self_signed_tls_client_auth"] },
  certificate: { flag: "--certificate", methods: ["self_signed_tls_client_auth"] },
  certificateSubject: { flag: "--certificate-subject", methods: ["tls_client_auth"] },
} as const;

/** A flag that means nothing beside the others. */
function misplacedIn(flags: SetFlags): string | undefined {
  const given = Object.entries(METHODS_OF).filter(([name]) => flags[name as keyof typeof METHODS_OF] !== undefined);
  if (given.length > 1) return `expected one of ${given.map(([, { flag }]) => flag).join(" and ")}`;
  const [, found] = given[0] ?? [];
  const method = flags.tokenEndpointAuthMethod ?? "";
  if (found === undefined || found.methods.some((one) => one === method)) return undefined;
  return `${found.flag} needs --token-endpoint-auth-method ${found.methods.join(" or ")}`;
}

/** All grants at once: which ones it had is told, so that one that was left out by mistake can be put back. */
async function changeGrants(context: CommandContext, id: string, grantTypes: readonly string[]): Promise<void> {
  const client = await context.withManagement(async (management) => {
    const found = await findClient(management, id);
    const outcome = await management.changeClient(id, { grantTypes });
    return outcome === "unknown" ? undefined : found;
  });
  if (client === undefined) throw unknownClient(id);
  const before = Array.isArray(client.grantTypes) ? client.grantTypes.map(String) : [];
  const lines = [
    `client ${toPrintable(id)} may use ${grantTypes.join(", ")}`,
    `before: ${toPrintable(before.join(", ")) || "none"}`,
  ];
  context.print(lines.join("\n"));
  const details: Json | undefined = client.details;
  warnOfMissingIssuers(context, { id, grantTypes, details });
}

async function findClient(management: Management, id: string): Promise<JsonObject | undefined> {
  return (await management.listClients()).find((one) => one.id === id);
}
