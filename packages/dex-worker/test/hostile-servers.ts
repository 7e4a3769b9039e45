// Upstreams that mean harm, or are very ill, over HTTP and LDAP. They run in a thread of their own: what they do costs the
// worker under test neither time nor memory.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

/** Section 4.11 of the security requirements, as far as the protocol has it. */
export const HOSTILITIES = [
  "never answers",
  "dribbles a byte at a time",
  "sends without end",
  "sends ten thousand headers",
  "redirects in a loop",
  "answers that it is broken",
  "talks nonsense in place of TLS",
  "stops in the middle of the TLS handshake",
  "shows a certificate nobody vouches for",
] as const;
export type Hostility = (typeof HOSTILITIES)[number];
export const PROTOCOLS = ["http", "ldap"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Path of an OpenID issuer whose discovery is good, on each of the HTTP servers. Everything else there is hostile. */
export const GOOD_DISCOVERY = "/good";

export interface HostileThreadData {
  readonly certificate: string;
  readonly key: string;
  /** One Int32: how many connections are open now, at all of them. */
  readonly connections: SharedArrayBuffer;
}

export interface HostileServers {
  port(protocol: Protocol, hostility: Hostility): number;
  /** How many connections they all have open now. */
  connections(): number;
  close(): Promise<void>;
}

export async function startHostileServers(): Promise<HostileServers> {
  const connections = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const count = new Int32Array(connections);
  const workerData: HostileThreadData = { ...makeCertificate(), connections };
  const thread = new Worker(new URL("./hostile-servers-thread.ts", import.meta.url), { workerData });
  const [ports]: readonly (readonly number[])[][] = await once(thread, "message");
  return {
    port: (protocol, hostility) => ports?.[PROTOCOLS.indexOf(protocol)]?.[HOSTILITIES.indexOf(hostility)] ?? 0,
    connections: () => Atomics.load(count, 0),
    close: async () => void (await thread.terminate()),
  };
}

/** For 127.0.0.1, signed by itself. */
function makeCertificate(): { certificate: string; key: string } {
  const directory = mkdtempSync(join(tmpdir(), "dex-hostile-"));
  const [certificate, key] = [join(directory, "certificate.pem"), join(directory, "key.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-days", "2", ...names, "-keyout", key, "-out", certificate], {
    stdio: "ignore",
  });
  try {
    return { certificate: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
