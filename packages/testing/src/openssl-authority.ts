// A directory in which openssl keeps an authority, and what that signs.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestCertificate {
  /** PEM */
  readonly key: string;
  readonly cert: string;
}

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

export interface OpensslAuthority {
  /** The file of this name in the directory; `ca.pem` and `ca.key` are the authority's own. */
  path(file: string): string;
  read(file: string): string;
  openssl(...args: readonly string[]): void;
  /** A name for files that no other has. */
  newName(): string;
  /** A certificate, and a key of its own. `signer`: what tells `openssl ca` who signs where it is not the authority. */
  sign(wanted: WantedCertificate, signer?: (keyFile: string) => readonly string[]): TestCertificate;
  remove(): void;
}

/** What makes `openssl req` make a key, too. */
export const NEW_KEY: readonly string[] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export function makeOpensslAuthority(name: string): OpensslAuthority {
  const directory = mkdtempSync(join(tmpdir(), "dex-authority-"));
  const path = (file: string) => join(directory, file);
  const read = (file: string) => readFileSync(path(file), "utf8");
  const openssl = (...args: readonly string[]) =>
    void execFileSync("openssl", args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  writeFileSync(path("index.txt"), "");
  writeFileSync(path("ca.cnf"), CONFIGURATION);
  openssl("req", "-new", ...NEW_KEY, "-subj", `/CN=${name}`, "-keyout", "ca.key", "-out", "ca.csr");
  const itself = ["-selfsign", "-extensions", "authority", ...dates("20200101000000Z", "20980101000000Z")];
  openssl("ca", "-batch", "-config", "ca.cnf", ...itself, "-in", "ca.csr", "-out", "ca.pem", "-notext");
  let made = 0;
  const newName = () => {
    made += 1;
    return `made-${made}`;
  };

  return {
    path,
    read,
    openssl,
    newName,
    sign(wanted, signer = () => []) {
      const file = newName();
      const { subject = "/CN=client", names, usage, from = "20200101000000Z", to = "20990101000000Z" } = wanted;
      const extensions = [
        ...(names === undefined ? [] : ["-addext", `subjectAltName=${names}`]),
        ...(usage === undefined ? [] : ["-addext", `extendedKeyUsage=${usage}`]),
      ];
      const asked = ["-utf8", "-multivalue-rdn", "-subj", subject, ...extensions];
      openssl("req", "-new", ...NEW_KEY, ...asked, "-keyout", `${file}.key`, "-out", `${file}.csr`);
      const signed = [...signer(`${file}.key`), ...dates(from, to)];
      const out = ["-in", `${file}.csr`, "-out", `${file}.pem`, "-notext"];
      openssl("ca", "-batch", "-utf8", "-preserveDN", "-config", "ca.cnf", ...signed, ...out);
      return { key: read(`${file}.key`), cert: read(`${file}.pem`) };
    },
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
x509_extensions = issued
[anything]
commonName = optional
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[issued]
basicConstraints = CA:FALSE
subjectKeyIdentifier = none
authorityKeyIdentifier = none
`;
