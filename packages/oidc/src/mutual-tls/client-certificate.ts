// The certificate with which a client made its TLS connection, RFC 8705: from the connection itself or from the header of a proxy.
import { X509Certificate } from "node:crypto";
import { type JsonObject, sha256 } from "@dex/runtime";

/** Whoever sends the request has its key: the TLS handshake showed that. Nothing else of it was looked at. */
export interface ClientCertificate {
  readonly x509: X509Certificate;
  /** RFC 8705 §3.1: SHA-256 of the certificate in DER, base64url. */
  readonly thumbprint: string;
}

/** Room for keys of RSA with 4096 bits and many names, each character of the text escaped. */
const MAX_LENGTH = 12_288;
const PEM = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export function clientCertificateOf(x509: X509Certificate): ClientCertificate {
  return { x509, thumbprint: sha256(x509.raw).toString("base64url") };
}

/**
 * The certificate in a header, in one of the forms that proxies write: PEM in the escapes of a URL ($ssl_client_escaped_cert of
 * nginx), a byte sequence between colons (RFC 9440 §2.2), or DER in base64 (ssl_c_der of HAProxy). Undefined when it is none of
 * them. Whether who sent it may is to be asked before.
 */
export function parseClientCertificate(text: string): ClientCertificate | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const der = decode(text);
  if (der === undefined) return undefined;
  try {
    const x509 = new X509Certificate(der);
    return x509.raw.equals(der) ? clientCertificateOf(x509) : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 7517 §4.7: the first one is the key's own. In base64, DER. */
export function certificateIn(key: JsonObject): string | undefined {
  const { x5c } = key;
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined;
  return typeof first === "string" ? first : undefined;
}

function decode(text: string): Buffer | undefined {
  if (text.startsWith("-") || text.includes("%"))
    return fromBase64(PEM.exec(unescapeUrl(text))?.[1]?.replace(/\s/g, ""));
  return fromBase64(/^:(.*):$/.exec(text)?.[1] ?? text);
}

function unescapeUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function fromBase64(text = ""): Buffer | undefined {
  const bytes = BASE64.test(text) ? Buffer.from(text, "base64") : undefined;
  return bytes?.toString("base64") === text ? bytes : undefined;
}
