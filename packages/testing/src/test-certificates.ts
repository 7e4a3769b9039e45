// An authority of a test's own, and what it signed for servers on 127.0.0.1.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestCertificate {
  /** PEM */
  readonly key: string;
  readonly cert: string;
}

export interface TestCertificates {
  /** Where the authority's certificate is, and what is in that file. */
  readonly caFile: string;
  readonly ca: string;
  readonly server: TestCertificate;
  /** Signed by the same authority, and no longer valid. */
  readonly expired: TestCertificate;
  remove(): void;
}

/** Made with openssl, as for the directory of `startSlapd`. */
export function makeTestCertificates(): TestCertificates {
  const directory = mkdtempSync(join(tmpdir(), "dex-certificates-"));
  const path = (name: string) => join(directory, name);
  const read = (name: string) => readFileSync(path(name), "utf8");
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-days", "2", "-subj", "/CN=test ca", "-keyout", "ca.key", "-out", "ca.pem");
  writeFileSync(path("index.txt"), "");
  writeFileSync(path("ca.cnf"), CA_CONFIGURATION);
  const sign = (name: string, from: string, to: string): TestCertificate => {
    openssl("req", "-new", ...key, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const dates = ["-startdate", from, "-enddate", to];
    openssl("ca", "-batch", "-config", "ca.cnf", ...dates, "-in", `${name}.csr`, "-out", `${name}.pem`, "-notext");
    return { key: read(`${name}.key`), cert: read(`${name}.pem`) };
  };
  const server = sign("server", "20200101000000Z", "20990101000000Z");
  const expired = sign("expired", "20200101000000Z", "20200201000000Z");
  const remove = () => rmSync(directory, { recursive: true });
  return { caFile: path("ca.pem"), ca: read("ca.pem"), server, expired, remove };
}

const CA_CONFIGURATION = `
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
x509_extensions = server
[anything]
commonName = supplied
[server]
subjectAltName = IP:127.0.0.1
`;
