// Public keys and certificates out of files, as JWKs: whoever holds the private half keeps it.
import { createPublicKey, X509Certificate } from "node:crypto";
import type { Json, JsonObject } from "@dex/runtime";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";
import { isObject } from "./json-object.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g;

/** The public keys in a file: a JWK, a JWK set (RFC 7517), or PEM. What is wrong with each is for the administration to say. */
export async function readPublicKeys(context: CommandContext, file: string): Promise<readonly JsonObject[]> {
  const text = await readPublicText(context, file);
  const pems = text.match(PUBLIC_KEY) ?? [];
  if (pems.length > 0) return pems.map((pem) => readPem(pem, nameOf(file)));
  const found = parseJson(text, nameOf(file));
  const keys: Json = isObject(found) && Array.isArray(found.keys) ? found.keys : [found];
  if (keys.length === 0 || !keys.every(isObject)) {
    throw new Failure("refused", `found no key in ${nameOf(file)}: expected a JWK, a JWK set, or PEM of a public key`);
  }
  return keys;
}

/** The certificates in files, PEM, as keys with `x5c` (RFC 7517 §4.7). Throws a Failure where a file holds none. */
export async function readCertificates(
  context: CommandContext,
  files: readonly string[],
): Promise<readonly JsonObject[]> {
  const found: JsonObject[] = [];
  for (const file of files) {
    const name = nameOf(file);
    const certificates = ((await readPublicText(context, file)).match(CERTIFICATE) ?? []).map((pem) =>
      parse(pem, name),
    );
    if (certificates.length === 0) throw new Failure("refused", `found no certificate, PEM, in ${name}`);
    const over = certificates.find(({ validToDate }) => validToDate <= context.clock());
    if (over !== undefined) {
      throw new Failure("refused", `a certificate in ${name} ended at ${over.validToDate.toISOString()}`);
    }
    found.push(...certificates.map(toKey));
  }
  return found;
}

async function readPublicText(context: CommandContext, file: string): Promise<string> {
  const text = await context.readInput(file);
  if (!text.includes("PRIVATE KEY")) return text;
  throw new Failure("refused", `${nameOf(file)} holds a private key: only its owner needs it`);
}

function readPem(pem: string, name: string): JsonObject {
  try {
    // What Node exports as a JWK is JSON.
    return createPublicKey(pem).export({ format: "jwk" }) as JsonObject;
  } catch (cause) {
    throw new Failure("refused", `a public key in ${name} cannot be read: expected RSA, P-256 or Ed25519`, { cause });
  }
}

function parse(pem: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Failure("refused", `a certificate in ${name} cannot be read`, { cause });
  }
}

function toKey({ publicKey, raw }: X509Certificate): JsonObject {
  const jwk = publicKey.export({ format: "jwk" }) as JsonObject;
  return { ...jwk, use: "sig", x5c: [raw.toString("base64")] };
}

function parseJson(text: string, name: string): Json {
  try {
    // JSON.parse returns nothing else.
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new Failure("refused", `${name} is neither JSON nor PEM of a public key`, { cause });
  }
}

function nameOf(file: string): string {
  return file === "-" ? "standard input" : toPrintable(file);
}
