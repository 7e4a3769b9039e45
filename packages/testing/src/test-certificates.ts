// An authority of a test's own, and what it signed for servers on 127.0.0.1.
import { makeOpensslAuthority, type TestCertificate } from "./openssl-authority.ts";

export interface TestCertificates {
  /** Where the authority's certificate is, and what is in that file. */
  readonly caFile: string;
  readonly ca: string;
  readonly server: TestCertificate;
  /** Signed by the same authority, and no longer valid. */
  readonly expired: TestCertificate;
  remove(): void;
}

export const SERVER_NAMES = { subject: "/CN=server", names: "IP:127.0.0.1,DNS:localhost" };

export function makeTestCertificates(): TestCertificates {
  const { path, read, sign, remove } = makeOpensslAuthority("test ca");
  const server = sign(SERVER_NAMES);
  const expired = sign({ ...SERVER_NAMES, to: "20200201000000Z" });
  return { caFile: path("ca.pem"), ca: read("ca.pem"), server, expired, remove };
}
