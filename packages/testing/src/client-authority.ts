// An authority that issues certificates to clients, and certificates that nobody issued, made with openssl.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestCertificate } from "./test-certificates.ts";

export interface WantedCertificate {
  /** As openssl takes it: /C=DE/O=Acme/CN=client */
  readonly subject?: string;
  /** subjectAltName as openssl takes it: DNS:a.example,IP:192.0.2.1 */
  readonly names?: string;
  /** extendedKeyUsage as openssl takes it: clientAuth */
  readonly usage?: string;
  /** YYYYMMDDHHMMSSZ; it is valid from 2020 to 2099 when they are not given, a year longer than the authority. */
  readonly from?: string;
  readonly to?: string;
}

export interface ClientAuthority {
  /** Where the authority's certificate is, and what is in that file. */
  readonly caFile: string;
  readonly ca: string;
  issue(wanted?: WantedCertificate): TestCertificate;
  /** Issued by an authority that this one signed, with the certificate of that one after its own, as clients show both. */
  issueBelow(wanted?: WantedCertificate): TestCertificate & { readonly intermediateFile: string };
  /** Signed by its own key. */
  selfSigned(wanted?: WantedCertificate): TestCertificate;
  remove(): void;
}

export function makeClientAuthority(name = "client ca"): ClientAuthority {
  const directory = mkdtempSync(join(tmpdir(), "dex-client-authority-"));
  const path = (file: string) => join(directory, file);
  const read = (file: string) => readFileSync(path(file), "utf8");
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  writeFileSync(path("index.txt"), "");
  writeFileSync(path("ca.cnf"), CONFIGURATION);
  openssl("req", "-new", ...key, "-subj", `/CN=${name}`, "-keyout", "ca.key", "-out", "ca.csr");
  const itself = ["-selfsign", "-extensions", "authority", ...dates("20200101000000Z", "20980101000000Z")];
  openssl("ca", "-batch", "-config", "ca.cnf", ...itself, "-in", "ca.csr", "-out", "ca.pem", "-notext");
  let made = 0;

  function make(wanted: WantedCertificate, signer: readonly string[]): TestCertificate {
    made += 1;
    const file = String(made);
    const { subject = "/CN=client", names, usage, from = "20200101000000Z", to = "20990101000000Z" } = wanted;
    const extensions = [
      ...(names === undefined ? [] : ["-addext", `subjectAltName=${names}`]),
      ...(usage === undefined ? [] : ["-addext", `extendedKeyUsage=${usage}`]),
    ];
    const asked = ["-utf8", "-multivalue-rdn", "-subj", subject, ...extensions];
    openssl("req", "-new", ...key, ...asked, "-keyout", `${file}.key`, "-out", `${file}.csr`);
    const signed = [...signer.map((part) => part.replace("{key}", `${file}.key`)), ...dates(from, to)];
    const out = ["-in", `${file}.csr`, "-out", `${file}.pem`, "-notext"];
    openssl("ca", "-batch", "-utf8", "-preserveDN", "-config", "ca.cnf", ...signed, ...out);
    return { key: read(`${file}.key`), cert: read(`${file}.pem`) };
  }

  function issueBelow(wanted: WantedCertificate = {}) {
    made += 1;
    const file = `below-${made}`;
    const authority = ["-subj", "/CN=intermediate", "-addext", "basicConstraints=critical,CA:TRUE"];
    openssl("req", "-new", ...key, ...authority, "-keyout", `${file}.key`, "-out", `${file}.csr`);
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy", "-days", "2"];
    openssl("x509", "-req", "-in", `${file}.csr`, ...signed, "-out", `${file}.pem`);
    const issued = make(wanted, ["-cert", `${file}.pem`, "-keyfile", `${file}.key`]);
    return { ...issued, cert: issued.cert + read(`${file}.pem`), intermediateFile: path(`${file}.pem`) };
  }

  return {
    issueBelow,
    caFile: path("ca.pem"),
    ca: read("ca.pem"),
    issue: (wanted = {}) => make(wanted, []),
    selfSigned: (wanted = {}) => make(wanted, ["-selfsign", "-keyfile", "{key}"]),
    remove: () => rmSync(directory, { recursive: true }),
  };
}

function dates(from: string, to: string): readonly string[] {
  return ["-startdate", from, "-enddate", to];
}

// Nothing but its signature says which of two authorities of one name issued a certificate.
const CONFIGURATION = `
[ca]
default_ca = test
[test]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
rand_serial = yes
default_md = sha256
policy = anything
copy_extensions = copy
unique_subject = no
x509_extensions = client
[anything]
commonName = optional
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[client]
basicConstraints = CA:FALSE
subjectKeyIdentifier = none
authorityKeyIdentifier = none
`;
