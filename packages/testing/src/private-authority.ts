// A certificate authority that nobody trusts by itself, and a server's certificate by it.
import { makeOpensslAuthority, type TestCertificate } from "./openssl-authority.ts";
import { SERVER_NAMES } from "./test-certificates.ts";

export interface PrivateAuthority {
  /** PEM of the authority's certificate. */
  readonly ca: string;
  /** For a server on 127.0.0.1, which is also localhost. */
  readonly server: TestCertificate;
}

/** Makes one of which no file is left. */
export function makePrivateAuthority(): PrivateAuthority {
  const { read, sign, remove } = makeOpensslAuthority("private");
  try {
    return { ca: read("ca.pem"), server: sign(SERVER_NAMES) };
  } finally {
    remove();
  }
}
