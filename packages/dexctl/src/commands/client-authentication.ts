// How a client proves itself, changed with `clients set --token-endpoint-auth-method`.
import type { JsonObject } from "@dex/runtime";
import { Option } from "commander";
import { quoteForShell, toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";
import { readCertificates, readPublicKeys } from "./read-keys.ts";
import { unknownClient } from "./unknown-client.ts";

export const METHODS = [
  "client_secret_basic",
  "client_secret_post",
  "client_secret_jwt",
  "private_key_jwt",
  "tls_client_auth",
  "self_signed_tls_client_auth",
] as const;

/** Flags that go with the method. */
export interface AuthenticationFlags {
  readonly tokenEndpointAuthMethod?: string;
  readonly jwksFile?: string;
  readonly jwksUri?: string;
  readonly certificate?: readonly string[];
  readonly certificateSubject?: string;
}

export function methodOption(): Option {
  return new Option("--token-endpoint-auth-method <method>", "how it proves itself from now on").choices(METHODS);
}

/** Moves a client to the method of the flags; says what became of its secrets, and prints a new one where one was made. */
export async function changeAuthentication(
  context: CommandContext,
  id: string,
  method: string,
  flags: AuthenticationFlags,
): Promise<void> {
  const wanted = await readWanted(context, method, flags);
  const changed = await context.withManagement((management) => management.changeClientAuthentication(id, wanted));
  if (changed === "unknown") {
    throw unknownClient(id);
  }
  const { endedSecrets: ended, secret } = changed;
  const of = ended === 0 ? "" : `; its ${ended === 1 ? "secret has" : `${ended} secrets have`} ended`;
  const line = `client ${toPrintable(id)} proves itself with ${method}${of}`;
  if (secret === undefined) return context.print(line);
  const assignments = [`DEX_APP_CLIENT_ID=${quoteForShell(id)}`, `DEX_APP_CLIENT_SECRET=${quoteForShell(secret)}`];
  context.print([`# ${line}; this one is shown only now`, ...assignments].join("\n"));
}

async function readWanted(context: CommandContext, method: string, flags: AuthenticationFlags): Promise<JsonObject> {
  const { jwksFile, jwksUri, certificate, certificateSubject } = flags;
  const keys =
    certificate === undefined
      ? jwksFile && (await readPublicKeys(context, jwksFile))
      : await readCertificates(context, certificate);
  return {
    token_endpoint_auth_method: method,
    ...(keys ? { jwks: { keys } } : {}),
    ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri }),
    ...(certificateSubject === undefined ? {} : { tls_client_auth_subject_dn: certificateSubject }),
  };
}
