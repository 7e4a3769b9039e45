// An authority that issues certificates to clients, and certificates that nobody issued.
import { makeOpensslAuthority, NEW_KEY, type TestCertificate, type WantedCertificate } from "./openssl-authority.ts";

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
  const { path, read, openssl, newName, sign, remove } = makeOpensslAuthority(name);
  return {
    caFile: path("ca.pem"),
    ca: read("ca.pem"),
    issue: (wanted = {}) => sign(wanted),
    issueBelow(wanted = {}) {
      const file = newName();
      const authority = ["-subj", "/CN=intermediate", "-addext", "basicConstraints=critical,CA:TRUE"];
      openssl("req", "-new", ...NEW_KEY, ...authority, "-keyout", `${file}.key`, "-out", `${file}.csr`);
      const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy", "-days", "2"];
      openssl("x509", "-req", "-in", `${file}.csr`, ...signed, "-out", `${file}.pem`);
      const issued = sign(wanted, () => ["-cert", `${file}.pem`, "-keyfile", `${file}.key`]);
      return { ...issued, cert: issued.cert + read(`${file}.pem`), intermediateFile: path(`${file}.pem`) };
    },
    selfSigned: (wanted = {}) => sign(wanted, (keyFile) => ["-selfsign", "-keyfile", keyFile]),
    remove,
  };
}
