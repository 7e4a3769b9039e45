// What the settings say about certificates of clients (RFC 8705), with the files they name, checked at the start.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { CertificateUse } from "@dex/oidc";

/** The settings about certificates of clients. */
export interface MutualTlsSettings {
  readonly issuer: URL;
  readonly insecureHttpIssuer: boolean;
  readonly listen: URL;
  readonly trustedProxies: readonly string[];
  readonly clientCertificateHeader: string | undefined;
  readonly clientCertificateCa: string | undefined;
  readonly requestClientCertificates: boolean;
  readonly mtlsUrl: URL | undefined;
}

export interface MutualTlsSetup {
  /** In which trusted proxies say what certificate a client has. */
  readonly header: string | undefined;
  /** Whether who connects to this worker over TLS is asked for a certificate. */
  readonly fromConnection: boolean;
  readonly certificates: CertificateUse;
  /** Who may issue certificates to clients. */
  readonly authorities: readonly X509Certificate[];
  /** What stands for the issuer in addresses at which clients are asked for certificates. */
  readonly url: string | undefined;
}

const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The setup, or what is wrong with it: a sentence for each mistake. */
export function readMutualTlsSetup(
  settings: MutualTlsSettings,
): MutualTlsSetup | { readonly problems: readonly string[] } {
  const { clientCertificateHeader: header, requestClientCertificates: fromConnection, mtlsUrl } = settings;
  const problems = [...headerProblems(settings), ...urlProblems(settings)];
  if (fromConnection && settings.listen.protocol !== "https:") {
    problems.push(
      "--request-client-certificates needs --listen to be https: otherwise a proxy ends TLS, and has a header",
    );
  }
  const shown = header !== undefined || fromConnection;
  if (!shown && (settings.clientCertificateCa !== undefined || mtlsUrl !== undefined)) {
    problems.push(
      "--client-certificate-ca and --mtls-url need --client-certificate-header or --request-client-certificates: nothing else shows certificates of clients",
    );
  }
  const authorities = readAuthorities(settings.clientCertificateCa);
  if ("problem" in authorities) problems.push(authorities.problem);
  if (problems.length > 0 || "problem" in authorities) return { problems };
  const certificates = authorities.length > 0 ? "issued" : "shown";
  const url = mtlsUrl?.href.replace(/\/+$/, "");
  return { header, fromConnection, certificates: shown ? certificates : "none", authorities, url };
}

function headerProblems({ clientCertificateHeader: header, trustedProxies }: MutualTlsSettings): readonly string[] {
  if (header === undefined) return [];
  return [
    ...(HEADER_NAME.test(header) ? [] : ["--client-certificate-header: expected the name of a header"]),
    ...(trustedProxies.length > 0
      ? []
      : ["--client-certificate-header needs --trusted-proxies: from everybody else the header is not believed"]),
  ];
}

function urlProblems({ mtlsUrl, issuer, insecureHttpIssuer }: MutualTlsSettings): readonly string[] {
  if (mtlsUrl === undefined) return [];
  const path = (url: URL) => url.pathname.replace(/\/+$/, "");
  return [
    ...(mtlsUrl.protocol === "https:" || insecureHttpIssuer ? [] : ["--mtls-url: expected https"]),
    ...(path(mtlsUrl) === path(issuer) && mtlsUrl.search === "" && mtlsUrl.hash === ""
      ? []
      : ["--mtls-url: expected the path of --issuer and nothing after it, on another host or port"]),
  ];
}

function readAuthorities(file: string | undefined): readonly X509Certificate[] | { readonly problem: string } {
  if (file === undefined) return [];
  const flag = "--client-certificate-ca";
  try {
    const authorities = (readFileSync(file, "latin1").match(PEM) ?? []).map((pem) => new X509Certificate(pem));
    if (authorities.length === 0) return { problem: `${flag}: found no certificate, PEM, in the file` };
    return authorities.every(({ ca }) => ca)
      ? authorities
      : { problem: `${flag}: found a certificate that is no authority's` };
  } catch (error) {
    return { problem: `${flag}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
