// Certificates and keys that an operator names in a configuration: a file, PEM text, or base64 of PEM text.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";

const MAX_PEM_LENGTH = 262_144;

/** Reads a file that `member` of a configuration names. Throws an Error that names the member, not the file's content. */
export function readConfiguredFile(member: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "failed";
    throw new Error(`${member}: the file cannot be read (${code})`);
  }
  if (text.length > MAX_PEM_LENGTH || !text.includes("-----BEGIN")) throw new Error(`${member}: expected a PEM file`);
  return text;
}

/** PEM text from base64 of it. Throws an Error that names the member. */
export function decodePem(member: string, base64: string): string {
  const text = Buffer.from(base64, "base64").toString("utf8");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new Error(`${member}: expected base64 of PEM certificates`);
  return text;
}

/** dex v2's rule: a path if there is such a file, else base64 of PEM, else PEM itself. Throws naming the member. */
export function readRootCa(member: string, value: string): string {
  if (value.includes("-----BEGIN")) return value;
  const decoded = Buffer.from(value, "base64").toString("utf8");
  if (decoded.includes("-----BEGIN CERTIFICATE-----")) return decoded;
  return readConfiguredFile(member, value);
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * A list of authorities, each as `readRootCa` takes one, as one text; empty entries are skipped, and undefined is returned
 * for a list of nothing. Throws an Error that names the member and the index, also for what only looks like PEM.
 */
export function readRootCas(member: string, entries: readonly string[]): string | undefined {
  const read = entries.map((entry, index) => (entry === "" ? "" : readCertificates(`${member}.${index}`, entry)));
  const text = read.filter((pem) => pem !== "").join("\n");
  return text === "" ? undefined : text;
}

function readCertificates(member: string, entry: string): string {
  const text = readRootCa(member, entry);
  const certificates = text.match(CERTIFICATE) ?? [];
  try {
    for (const pem of certificates) new X509Certificate(pem);
  } catch {
    throw new Error(`${member}: expected PEM certificates`);
  }
  if (certificates.length === 0) throw new Error(`${member}: expected PEM certificates`);
  return text;
}

/** Node takes either its own authorities or those it is given; this is both. */
export function withSystemAuthorities(rootCa: string): string[] {
  return [...getCACertificates("default"), rootCa];
}
