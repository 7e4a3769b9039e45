// Certificates that clients made themselves and show in their TLS connections, RFC 8705 §2.2: they are registered as keys.
import { X509Certificate } from "node:crypto";
import type { Json, JsonObject } from "@dex/runtime";
import { Command } from "commander";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const METHOD = "self_signed_tls_client_auth";

/** Says which certificates prove a client. */
export function clientCertificatesCommand(context: CommandContext): Command {
  return new Command("certificates")
    .summary("say which self-signed certificates prove a client")
    .description(
      "Says which certificates of its own making prove a client that was registered with new-client --certificate, in place of those before. Name the old and the new one to replace one in peace.",
    )
    .argument("<id>", "the client's id")
    .argument("<file...>", "files of certificates, PEM; - is standard input")
    .addHelpText("after", "\nExample:\n  dexctl clients certificates my-service old.pem new.pem")
    .action(async (id: string, files: string[]) => {
      const certificates = await readCertificates(context, files);
      const details = { token_endpoint_auth_method: METHOD, jwks: toKeySet(certificates), jwks_uri: null };
      const outcome = await context.withManagement((management) => management.changeClient(id, { details }));
      if (outcome === "unknown") {
        throw new Failure("refused", `there is no client ${toPrintable(id)}: see dexctl clients list`);
      }
      const lines = certificates.map(
        ({ subject, validToDate }) =>
          `  ${toPrintable(subject.replaceAll("\n", ", "))}, valid until ${validToDate.toISOString()}`,
      );
      context.print([`client ${toPrintable(id)} is proved by`, ...lines].join("\n"));
    });
}

/** What of a new client's metadata its certificates come to. */
export async function certificateMetadata(context: CommandContext, files: readonly string[]): Promise<JsonObject> {
  return { token_endpoint_auth_method: METHOD, jwks: toKeySet(await readCertificates(context, files)) };
}

/** The certificates in the files. Throws a Failure where one holds none, a private key beside it, or one that is over. */
async function readCertificates(
  context: CommandContext,
  files: readonly string[],
): Promise<readonly X509Certificate[]> {
  const found: X509Certificate[] = [];
  for (const file of files) {
    const text = await context.readInput(file);
    const name = file === "-" ? "standard input" : toPrintable(file);
    if (text.includes("PRIVATE KEY"))
      throw new Failure("refused", `${name} holds a private key: only its owner needs it`);
    const certificates = (text.match(PEM) ?? []).map((pem) => parse(pem, name));
    if (certificates.length === 0) throw new Failure("refused", `found no certificate, PEM, in ${name}`);
    const over = certificates.find(({ validToDate }) => validToDate <= context.clock());
    if (over !== undefined) {
      throw new Failure("refused", `a certificate in ${name} ended at ${over.validToDate.toISOString()}`);
    }
    found.push(...certificates);
  }
  return found;
}

function parse(pem: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Failure("refused", `a certificate in ${name} cannot be read`, { cause });
  }
}

/** RFC 7517 §4.7. */
function toKeySet(certificates: readonly X509Certificate[]): JsonObject {
  const keys = certificates.map(({ publicKey, raw }) => {
    // What Node exports as a JWK is JSON.
    const jwk = publicKey.export({ format: "jwk" }) as Readonly<Record<string, Json>>;
    return { ...jwk, use: "sig", x5c: [raw.toString("base64")] };
  });
  return { keys };
}
