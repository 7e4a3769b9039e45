import type { JsonObject } from "@dex/runtime";
import { Command } from "commander";
import type { ClientKeyList } from "../client-key-management.ts";
import { Failure } from "../failure.ts";
import { renderTable, toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { type CommandContext, type OutputForm, outputOption } from "./command-context.ts";
import { readCertificates, readPublicKeys } from "./read-keys.ts";
import { unknownClient } from "./unknown-client.ts";

const KEY_EXAMPLES = `
Several keys can work at a time, so a client can take up a new one before the old one goes:
  dexctl clients keys add my-service new.pem --kid 2030
  dexctl clients keys list my-service         # the last day on which each was used
  dexctl clients keys remove my-service 2029`;

const CERTIFICATE_EXAMPLES = `
Several certificates can work at a time, so a client can take up a new one before the old one goes:
  dexctl clients certificates add my-service new.pem
  dexctl clients certificates list my-service         # the last day on which each was used
  dexctl clients certificates remove my-service sbOwZpZ1Gm2BxLCnnyYbfIkWn2GRdaHx9hqpUcO9kzM`;

/** Replaces the public keys of a client one by one, or all at once. */
export function clientKeysCommand(context: CommandContext): Command {
  return new Command("keys")
    .summary("list, add or remove the public keys that a client signs with")
    .description("Lists the public keys of a client, adds one, removes one, or says where the client publishes them.")
    .addHelpText("after", KEY_EXAMPLES)
    .addCommand(listCommand(context, "keys"))
    .addCommand(addKeyCommand(context))
    .addCommand(removeCommand(context, "keys"))
    .addCommand(setCommand(context));
}

/** Replaces the certificates of a client, which it made itself, one by one. */
export function clientCertificatesCommand(context: CommandContext): Command {
  return new Command("certificates")
    .summary("list, add or remove the self-signed certificates that prove a client")
    .description("Lists the certificates of its own making that prove a client (RFC 8705), adds one, or removes one.")
    .addHelpText("after", CERTIFICATE_EXAMPLES)
    .addCommand(listCommand(context, "certificates"))
    .addCommand(addCertificateCommand(context))
    .addCommand(removeCommand(context, "certificates"));
}

type What = "keys" | "certificates";

function listCommand(context: CommandContext, what: What): Command {
  return new Command("list")
    .summary(`list the ${what} of a client`)
    .description(`Lists the ${what} of a client, and the day in UTC on which each was used last.`)
    .argument("<id>", "the client's id")
    .addOption(outputOption())
    .addHelpText("after", `\nExample:\n  dexctl clients ${what} list my-service -o json`)
    .action(async (id: string, { output }: { output: OutputForm }) => {
      const list = await context.withManagement((management) => management.listClientKeys(id));
      if (list === "unknown") throw unknownClient(id);
      const shown = what === "keys" ? list.keys : list.keys.filter(({ kind }) => kind !== "key");
      context.print(output === "table" ? renderKeys(shown, what) : renderData({ ...list, keys: shown }, output));
      if (list.jwksURI !== undefined) {
        context.warn(
          `its keys are those that it publishes at ${toPrintable(list.jwksURI)}; those that it used are listed`,
        );
      }
    });
}

function renderKeys(keys: ClientKeyList["keys"], what: What): string {
  if (what === "certificates") {
    const rows = keys.map((key) => [text(key.id), text(key.subject), endOf(key), text(key.lastUsedOn)]);
    return renderTable(["id", "subject", "expires", "last used"], rows);
  }
  const rows = keys.map((key) => [text(key.id), text(key.kid), typeOf(key), text(key.alg), text(key.lastUsedOn)]);
  return renderTable(["id", "kid", "type", "alg", "last used"], rows);
}

function typeOf({ kind, kty, crv, bits, subject }: JsonObject): string {
  if (kind === "subject") return text(subject);
  if (kty === undefined) return text(kind);
  const size = crv ?? bits;
  return [`${text(kty)}${size === undefined ? "" : ` ${text(size)}`}`, ...(kind === "key" ? [] : [text(kind)])].join(
    ", ",
  );
}

const endOf = ({ expiresAt, expired }: JsonObject) => `${text(expiresAt)}${expired === true ? " (over)" : ""}`;
const text = (value: unknown) => (value === undefined ? "-" : String(value));

function addKeyCommand(context: CommandContext): Command {
  return new Command("add")
    .summary("add a public key to those of a client")
    .description(
      "Adds public keys to those of a client: a JWK, a JWK set, or PEM. Those that there are go on working. Private keys, weak ones, and a kid that is there already are refused.",
    )
    .argument("<id>", "the client's id")
    .argument("<file>", "the file; - is standard input")
    .option("--kid <kid>", "what the client calls the key where it signs; for one key")
    .addHelpText(
      "after",
      "\nExample:\n  openssl pkey -in private.pem -pubout | dexctl clients keys add my-service - --kid 2030",
    )
    .action(async (id: string, file: string, { kid }: { kid?: string }) => {
      const found = await readPublicKeys(context, file);
      if (kid !== undefined && found.length !== 1) {
        throw new Failure("refused", `found ${found.length} keys, expected one for --kid`);
      }
      await addEach(context, id, kid === undefined ? found : found.map((key) => ({ ...key, kid })), "key");
    });
}

function addCertificateCommand(context: CommandContext): Command {
  return new Command("add")
    .summary("add a certificate to those that prove a client")
    .description(
      "Adds certificates to those of its own making that prove a client. Those that there are go on working.",
    )
    .argument("<id>", "the client's id")
    .argument("<file...>", "files of certificates, PEM; - is standard input")
    .addHelpText("after", "\nExample:\n  dexctl clients certificates add my-service new.pem")
    .action(async (id: string, files: string[]) => {
      await addEach(context, id, await readCertificates(context, files), "certificate");
    });
}

async function addEach(
  context: CommandContext,
  id: string,
  keys: readonly JsonObject[],
  what: "key" | "certificate",
): Promise<void> {
  await context.withManagement(async (management) => {
    for (const key of keys) {
      const added = await management.addClientKey(id, key);
      if (added === "unknown") throw unknownClient(id);
      const name = toPrintable(text(added.kid ?? added.id));
      const end =
        added.expiresAt === undefined
          ? ""
          : `, ${toPrintable(text(added.subject))}, valid until ${text(added.expiresAt)}`;
      context.print(`added ${what} ${name} of client ${toPrintable(id)}${end}`);
    }
    const method = keys.length === 0 ? undefined : await methodOf(id, management);
    if (method === (what === "key" ? "private_key_jwt" : "self_signed_tls_client_auth")) return;
    const wanted = what === "key" ? "private_key_jwt" : "self_signed_tls_client_auth";
    context.warn(
      `client ${toPrintable(id)} does not prove itself with it yet: dexctl clients set ${toPrintable(id)} --token-endpoint-auth-method ${wanted}`,
    );
  });
}

type KeyLister = { listClientKeys(clientId: string): Promise<ClientKeyList | "unknown"> };

async function methodOf(id: string, management: KeyLister): Promise<string | undefined> {
  const list = await management.listClientKeys(id);
  return list === "unknown" ? undefined : list.tokenEndpointAuthMethod;
}

function removeCommand(context: CommandContext, what: What): Command {
  const one = what === "keys" ? "key" : "certificate";
  return (
    new Command("remove")
      .summary(`take a ${one} from a client`)
      .description(`Takes a ${one} from a client: it proves nothing any more. The last one stays: add another first.`)
      .argument("<id>", "the client's id")
      // A thumbprint may begin with a hyphen: one in 64 does.
      .allowUnknownOption()
      .argument(`<${one}>`, `its id${what === "keys" ? " or kid" : ""}: see dexctl clients ${what} list`)
      .addHelpText(
        "after",
        `\nExample:\n  dexctl clients ${what} remove my-service ${what === "keys" ? "2029" : "sbOwZpZ1Gm2BxLCnnyYbfIkWn2GRdaHx9hqpUcO9kzM"}`,
      )
      .action(async (id: string, key: string) => {
        const outcome = await context.withManagement((management) => management.removeClientKey(id, key));
        if (outcome === "unknown") {
          const missing = `there is no client ${toPrintable(id)}, or no ${one} ${toPrintable(key)} of it`;
          throw new Failure("refused", `${missing}: see dexctl clients ${what} list`);
        }
        context.print(`removed ${one} ${toPrintable(key)} of client ${toPrintable(id)}`);
      })
  );
}

interface SetFlags {
  readonly jwksFile?: string;
  readonly jwksUri?: string;
  readonly none?: true;
}

function setCommand(context: CommandContext): Command {
  return new Command("set")
    .summary("replace all public keys of a client, or say where it publishes them")
    .description(
      "Replaces all public keys of a client: by those of a file, or by those that it publishes at an address.",
    )
    .argument("<id>", "the client's id")
    .option("--jwks-file <file>", "a JWK set of public keys, or - for standard input")
    .option("--jwks-uri <url>", "where the client publishes them; https")
    .option("--none", "it has no keys any more")
    .addHelpText("after", "\nExample:\n  dexctl clients keys set my-app --jwks-uri https://app.example.com/jwks")
    .action(async (id: string, flags: SetFlags, command: Command) => {
      const { jwksFile, jwksUri, none } = flags;
      if ([jwksFile, jwksUri, none].filter((flag) => flag !== undefined).length !== 1) {
        command.error("expected either --jwks-file or --jwks-uri or --none", { code: "commander.missingArgument" });
      }
      const jwks = jwksFile === undefined ? null : { keys: await readPublicKeys(context, jwksFile) };
      const details = { jwks, jwks_uri: jwksUri ?? null };
      const outcome = await context.withManagement((management) => management.changeClient(id, { details }));
      if (outcome === "unknown") throw unknownClient(id);
      context.print(`changed the keys of client ${toPrintable(id)}`);
    });
}
