// Clients that prove who they are with the certificate of their TLS connection: one that an authority issued, RFC 8705 §2.1, or
// one that they made and registered themselves, §2.2.
import type { X509Certificate } from "node:crypto";
import type { JsonObject } from "@dex/runtime";
import type { ClientKeySets } from "../client-jwts/client-key-sets.ts";
import { idOfSubject } from "../client-jwts/key-ids.ts";
import type { Client } from "../clients/client.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import type { NoteKeyUse } from "../clients/secret-ports.ts";
import { hasRegisteredSubject } from "./certificate-subject.ts";
import { type ClientCertificate, certificateIn } from "./client-certificate.ts";

/** Why the certificate does not prove that the request comes from `client`, for operators; undefined when it does. */
export type CheckClientCertificate = (
  certificate: ClientCertificate | undefined,
  client: Client,
  now: Date,
) => Promise<string | undefined>;

/** RFC 5280 §4.2.1.12: what a key is for, where the certificate says so. */
const FOR_CLIENTS: readonly string[] = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

export function makeCheckClientCertificate(parts: {
  readonly keySets: ClientKeySets;
  /**
   * Who may issue certificates to clients; each of them alone is trusted, also where another one signed it. One in between that
   * a client shows is not: behind a proxy nobody sees it, and whom a root signs is more than a deployment means. Without any
   * nobody proves who it is with an issued certificate.
   */
  readonly authorities: readonly X509Certificate[];
  readonly noteKeyUse?: NoteKeyUse | undefined;
}): CheckClientCertificate {
  return async (certificate, { id, details }, now) => {
    if (certificate === undefined) return "the client certificate is missing";
    if (!isValidAt(certificate.x509, now)) return "the client certificate is not valid now";
    const problem = await problemOf(certificate, details, parts, now);
    if (problem !== undefined) return problem;
    const issued = details.token_endpoint_auth_method === "tls_client_auth";
    // An authority may issue a new one every hour: what stays is the subject.
    const keyId = issued ? idOfSubject(details) : certificate.thumbprint;
    if (keyId !== undefined) parts.noteKeyUse?.(id, keyId, now);
    return undefined;
  };
}

async function problemOf(
  certificate: ClientCertificate,
  details: ClientDetails,
  parts: { readonly keySets: ClientKeySets; readonly authorities: readonly X509Certificate[] },
  now: Date,
): Promise<string | undefined> {
  switch (details.token_endpoint_auth_method) {
    case "tls_client_auth":
      return issuedProblem(certificate.x509, details, parts.authorities, now);
    case "self_signed_tls_client_auth":
      return registeredProblem(certificate, details, parts.keySets, now);
    default:
      return "the client registered another method";
  }
}

function issuedProblem(
  x509: X509Certificate,
  details: ClientDetails,
  authorities: readonly X509Certificate[],
  now: Date,
): string | undefined {
  // First: it costs less than a signature.
  if (!hasRegisteredSubject(x509, details)) return "the client certificate is another subject's";
  const issuer = authorities.find((authority) => x509.checkIssued(authority) && x509.verify(authority.publicKey));
  if (issuer === undefined) return "no known authority issued the client certificate";
  if (!isValidAt(issuer, now)) return "the authority of the client certificate is not valid now";
  const uses: readonly string[] | undefined = x509.keyUsage;
  return uses === undefined || uses.some((use) => FOR_CLIENTS.includes(use))
    ? undefined
    : "the client certificate is not for clients";
}

/** RFC 8705 §2.2.2: the certificates are those in the client's key set. */
async function registeredProblem(
  { x509 }: ClientCertificate,
  details: ClientDetails,
  keySets: ClientKeySets,
  now: Date,
): Promise<string | undefined> {
  const text = x509.raw.toString("base64");
  const holds = (keys: readonly JsonObject[]) => keys.some((key) => certificateIn(key) === text);
  const { keys, problem } = await keySets.find(details, holds, now);
  if (holds(keys)) return undefined;
  return `the client certificate is not in the client's key set${problem === undefined ? "" : `: ${problem}`}`;
}

/** Whether somebody could find a certificate among these keys. */
export function hasCertificate({ jwks, jwks_uri: uri }: ClientDetails): boolean {
  return uri !== undefined || jwks?.keys.some((key) => certificateIn(key) !== undefined) === true;
}

function isValidAt({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  return validFromDate <= now && now <= validToDate;
}
