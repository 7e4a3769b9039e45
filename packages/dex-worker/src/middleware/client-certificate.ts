// The certificate of the TLS connection that a client made, RFC 8705: the worker's own connection, or what a proxy says of its.
import { TLSSocket } from "node:tls";
import { type ClientCertificate, clientCertificateOf, parseClientCertificate } from "@dex/oidc";
import type { Request } from "express";
import type { MutualTlsSetup } from "../mutual-tls-setup.ts";
import { InvalidInput } from "./invalid-input.ts";

/** Undefined when there is none. Throws InvalidInput when a trusted proxy sends what is no certificate. */
export type ReadClientCertificate = (request: Request) => ClientCertificate | undefined;

/**
 * A header is believed of trusted proxies alone, and a certificate of a connection of everybody else: that which a proxy has
 * for itself says nothing of who is behind it (NET-2).
 */
export function makeReadClientCertificate(
  setup: Pick<MutualTlsSetup, "header" | "fromConnection">,
): ReadClientCertificate {
  const header = setup.header?.toLowerCase();
  return (request) => {
    if (isTrustedProxy(request)) return header === undefined ? undefined : readHeader(request, header);
    return setup.fromConnection ? readConnection(request) : undefined;
  };
}

function isTrustedProxy({ app, socket }: Request): boolean {
  const trusts: unknown = app.get("trust proxy fn");
  return typeof trusts === "function" && trusts(socket.remoteAddress, 0) === true;
}

function readHeader(request: Request, header: string): ClientCertificate | undefined {
  const [text, ...more] = request.headersDistinct[header] ?? [];
  // What a proxy writes where there is none.
  if (more.length === 0 && (text === undefined || text === "")) return undefined;
  const certificate = more.length > 0 ? undefined : parseClientCertificate(text ?? "");
  if (certificate === undefined) throw new InvalidInput(400, "found no one certificate in the header of the proxy");
  return certificate;
}

function readConnection({ socket }: Request): ClientCertificate | undefined {
  const x509 = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return x509 === undefined ? undefined : clientCertificateOf(x509);
}
