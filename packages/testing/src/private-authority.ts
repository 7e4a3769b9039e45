// A certificate authority that nobody trusts by itself, and a server's certificate by it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PrivateAuthority {
  /** PEM of the authority's certificate. */
  readonly ca: string;
  /** PEM, for a server on 127.0.0.1, which is also localhost. */
  readonly server: { readonly key: string; readonly cert: string };
}

/** Makes one with openssl. It is good for two days. */
export function makePrivateAuthority(): PrivateAuthority {
  const directory = mkdtempSync(join(tmpdir(), "dex-authority-"));
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    openssl("req", "-x509", ...key, "-days", "2", "-subj", "/CN=private", "-keyout", "ca.key", "-out", "ca.pem");
    const request = ["-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
    openssl("req", "-new", ...key, ...request, "-keyout", "server.key", "-out", "server.csr");
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"];
    openssl("x509", "-req", "-in", "server.csr", ...signed, "-days", "2", "-out", "server.pem");
    return { ca: read("ca.pem"), server: { key: read("server.key"), cert: read("server.pem") } };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
