import { PROFILES } from "@dex/oidc";
import type { Json, JsonObject } from "@dex/runtime";
import { Command, InvalidArgumentError, Option } from "commander";
import { parseDataFile } from "../connector-files.ts";
import type { CreatedClient } from "../management.ts";
import { quoteForShell, toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";
import { isObject } from "./json-object.ts";
import { readCertificates, readPublicKeys } from "./read-keys.ts";

interface NewClientFlags {
  readonly id?: string;
  readonly name?: string;
  readonly public?: true;
  readonly trusted?: true;
  readonly admin?: true;
  readonly requirePkce?: true;
  readonly grantType?: readonly string[];
  readonly scope?: readonly string[];
  readonly trustedPeer?: readonly string[];
  readonly allowedConnector?: readonly string[];
  readonly alg?: string;
  readonly metadata?: string;
  readonly jwksFile?: string;
  readonly certificate?: readonly string[];
  readonly certificateSubject?: string;
  readonly profile?: string;
}

/** What `--grant-type` takes. */
export const GRANT_TYPES = [
  "authorization_code",
  "refresh_token",
  "client_credentials",
  "password",
  "urn:ietf:params:oauth:grant-type:device_code",
  "urn:openid:params:grant-type:ciba",
  "urn:ietf:params:oauth:grant-type:jwt-bearer",
  "urn:ietf:params:oauth:grant-type:token-exchange",
];
const EXAMPLES = `
The output can be evaluated by a shell. The secret is shown this once; dex keeps only its hash.

Examples:
  dexctl --db-url postgres://dex@localhost/dex new-client https://app.example.com/callback
  eval "$(dexctl new-client --name 'My App' http://127.0.0.1:5555/callback)"
  dexctl new-client --public --name 'My CLI' http://127.0.0.1/callback
  dexctl new-client --public --name 'My CLI'    # any port of http://localhost, or a code copied by hand
  dexctl new-client --admin --grant-type client_credentials
  dexctl new-client --public --name TV --grant-type urn:ietf:params:oauth:grant-type:device_code --grant-type refresh_token
  echo '{"token_endpoint_auth_method": "client_secret_post"}' | dexctl new-client --metadata - https://a.example/cb
  dexctl new-client --grant-type client_credentials --jwks-file public.pem
  dexctl new-client --grant-type client_credentials --certificate client.pem
  dexctl new-client --grant-type client_credentials --certificate-subject 'CN=billing,O=Example,C=DE'
  echo '{"jwks_uri": "https://bank.example/jwks"}' | dexctl new-client --profile fapi2 --metadata - https://bank.example/cb`;

/** Registers a client and prints its credentials as assignments. */
export function newClientCommand(context: CommandContext): Command {
  return new Command("new-client")
    .summary("register a client and print its id and secret")
    .description("Registers a client that may send people to the given redirect URLs.")
    .argument(
      "[redirect-url...]",
      "where people are sent back to; at least one, unless --public with --name, or without the authorization_code grant",
    )
    .option("--id <id>", "the client's id; random when left out")
    .option("--name <name>", "what people are shown")
    .option("--public", "an app that cannot keep a secret: no secret, always PKCE")
    .option("--trusted", "your own app: people are not asked for consent")
    .option("--admin", "may use the management API; needs --db-url")
    .option("--require-pkce", "refuse it without PKCE although it has a secret")
    .addOption(repeated("--grant-type <type>", `a grant it may use: ${GRANT_TYPES.join(", ")}`, GRANT_TYPES))
    .addOption(repeated("--scope <scope>", "a scope it may ask for; every scope when left out"))
    .addOption(repeated("--trusted-peer <id>", "a client that may ask for ID tokens that are also for this one"))
    .addOption(repeated("--allowed-connector <id>", "a connector to sign in to it through; any when left out"))
    .addOption(new Option("--alg <algorithm>", "how its ID tokens are signed").choices(["RS256", "ES256", "EdDSA"]))
    .option("--metadata <file>", "more of its metadata by the registered names, JSON or YAML; - is standard input")
    .addOption(
      new Option(
        "--jwks-file <file>",
        "its public keys, a JWK set or PEM, with which it proves itself by signing",
      ).conflicts(["certificate", "certificateSubject"]),
    )
    .addOption(repeated("--certificate <file>", "a certificate of its own making, PEM, which proves it (RFC 8705)"))
    .addOption(
      new Option(
        "--certificate-subject <name>",
        "the subject of its certificates, which an authority of --client-certificate-ca issues",
      ).conflicts("certificate"),
    )
    .addOption(new Option("--profile <profile>", "hold it to a security profile").choices(PROFILES))
    .addHelpText("after", EXAMPLES)
    .action(async (redirectUrls: string[], flags: NewClientFlags, command: Command) => {
      if (redirectUrls.length === 0 && needsRedirectUrl(flags)) {
        command.error("expected at least one redirect URL, found none", { code: "commander.missingArgument" });
      }
      const details = await readDetails(context, flags);
      const created = await context.withManagement((management) =>
        management.createClient(toRequest(redirectUrls, flags, details)),
      );
      warnOfMissingIssuers(context, { id: created.id, grantTypes: flags.grantType, details });
      context.print(renderAssignments(created));
    });
}

/** The assignments that a shell can evaluate, after one comment line. */
export function renderAssignments(created: CreatedClient): string {
  return [
    "# client created; the secret is shown only now",
    `DEX_APP_CLIENT_ID=${quoteForShell(created.id)}`,
    // Assigned also when there is none: what an earlier client left in the shell must not pass for this one's.
    `DEX_APP_CLIENT_SECRET=${quoteForShell(created.secret ?? "")}`,
    ...created.redirectUris.map((uri, index) => `DEX_APP_REDIRECTURL_${index}=${quoteForShell(uri)}`),
  ].join("\n");
}

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** Says what a client lacks that may show JWTs of issuers (RFC 7523), and trusts none. */
export function warnOfMissingIssuers(
  context: Pick<CommandContext, "warn">,
  client: {
    readonly id: string;
    readonly grantTypes: readonly string[] | undefined;
    readonly details: Json | undefined;
  },
): void {
  const { id, grantTypes = [], details } = client;
  const issuers = isObject(details) ? details.trusted_issuers : undefined;
  if (!grantTypes.includes(JWT_BEARER) || (Array.isArray(issuers) && issuers.length > 0)) return;
  context.warn(
    `client ${toPrintable(id)} may use jwt-bearer and trusts no issuer: name those with trusted_issuers, by dexctl clients metadata`,
  );
}

// Whether a name makes up for it, as for a public client, is the validator's business.
function needsRedirectUrl(flags: NewClientFlags): boolean {
  if (flags.public === true) return false;
  return flags.grantType === undefined || flags.grantType.includes("authorization_code");
}

async function readDetails(
  context: CommandContext,
  { metadata, jwksFile, certificate, certificateSubject }: NewClientFlags,
): Promise<Json | undefined> {
  const given = metadata === undefined ? undefined : await readMetadata(context, metadata);
  if (jwksFile !== undefined) {
    const jwks = { keys: await readPublicKeys(context, jwksFile) };
    return beside(given, { token_endpoint_auth_method: "private_key_jwt", jwks });
  }
  if (certificate !== undefined) {
    const jwks = { keys: await readCertificates(context, certificate) };
    return beside(given, { token_endpoint_auth_method: "self_signed_tls_client_auth", jwks });
  }
  if (certificateSubject === undefined) return given;
  const member = { token_endpoint_auth_method: "tls_client_auth", tls_client_auth_subject_dn: certificateSubject };
  return beside(given, member);
}

/** RFC 7591 §2 and what OpenID Connect adds: addresses for signing out, keys, how it authenticates. The validator reads it. */
async function readMetadata(context: CommandContext, file: string): Promise<Json> {
  return parseDataFile(await context.readInput(file), file === "-" ? "standard input" : file);
}

function toRequest(redirectURIs: readonly string[], flags: NewClientFlags, details: Json | undefined): JsonObject {
  return {
    redirectURIs,
    ...(flags.id === undefined ? {} : { id: flags.id }),
    ...(flags.name === undefined ? {} : { clientName: flags.name }),
    ...(flags.public ? { public: true } : {}),
    ...(flags.trusted ? { trusted: true } : {}),
    ...(flags.admin ? { isAdmin: true } : {}),
    ...(flags.requirePkce ? { requirePKCE: true } : {}),
    ...(flags.grantType === undefined ? {} : { grantTypes: flags.grantType }),
    ...(flags.scope === undefined ? {} : { scopes: flags.scope }),
    ...(flags.trustedPeer === undefined ? {} : { trustedPeers: flags.trustedPeer }),
    ...(flags.allowedConnector === undefined ? {} : { allowedConnectors: flags.allowedConnector }),
    ...(flags.alg === undefined ? {} : { idTokenSignedResponseAlg: flags.alg }),
    ...(details === undefined && flags.profile === undefined ? {} : { details: withProfile(details, flags) }),
  };
}

function withProfile(details: Json | undefined, { profile }: NewClientFlags): Json {
  return beside(details, profile === undefined ? {} : { profile });
}

/** The details with these members. What is no object is left for the validator, which says so. */
function beside(details: Json = {}, members: JsonObject): Json {
  return isObject(details) ? { ...details, ...members } : details;
}

/** One value for each time the flag is given: a flag that takes many at once would swallow the arguments behind it. */
export function repeated(flags: string, description: string, choices?: readonly string[]): Option {
  return new Option(flags, `${description}; may be repeated`).argParser(
    (value: string, before: readonly string[] | undefined) => {
      if (choices?.includes(value) === false)
        throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
      return [...(before ?? []), value];
    },
  );
}
