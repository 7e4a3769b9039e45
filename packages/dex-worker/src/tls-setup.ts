import { readFileSync } from "node:fs";

/** The certificate and key to serve https with; undefined where http is served, and text where they cannot be read. */
export function readTls(
  listen: URL,
  certFile: string | undefined,
  keyFile: string | undefined,
): { cert: Buffer; key: Buffer } | undefined | string {
  if (listen.protocol === "http:") return undefined;
  if (certFile === undefined || keyFile === undefined) {
    return "--listen: https needs both --tls-cert-file and --tls-key-file";
  }
  try {
    return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  } catch (error) {
    return `--tls-cert-file, --tls-key-file: ${error instanceof Error ? error.message : String(error)}`;
  }
}
