// What of TLS our servers, and the proxies as they are shipped, let a client use.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect, getCiphers, type SecureVersion } from "node:tls";
import { fileURLToPath } from "node:url";
import { openHttpServer } from "@dex/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findFreeOrigin, makeClientAuthority, makePrivateAuthority, startMtlsNginx } from "../src/index.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
/** Which of the old ciphers could be taken is a question of the server's key: those that encrypt to it need one of RSA. */
const PEMS = {
  "an elliptic curve": makePrivateAuthority().server,
  RSA: makeRsaCertificate(),
} as const;
type KeyKind = keyof typeof PEMS;
/** RFC 9325 §4.2. */
const ALLOWED: Readonly<Record<KeyKind, readonly string[]>> = {
  "an elliptic curve": ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  RSA: ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"],
};
const PLACES = ["a worker", "the load balancer", "the load balancer for certificates", "nginx"] as const;

const authority = makeClientAuthority();
const ports = new Map<string, number>();
const ends: (() => Promise<unknown>)[] = [async () => authority.remove()];
const nameOf = (place: string, kind: KeyKind) => `${place} with ${kind}`;
beforeAll(async () => {
  for (const kind of Object.keys(PEMS) as KeyKind[]) {
    const { cert, key } = PEMS[kind];
    const tls = { cert: Buffer.from(cert), key: Buffer.from(key) };
    const server = await openHttpServer({ handler: () => {}, listen: new URL("https://127.0.0.1:0"), tls });
    ports.set(nameOf("a worker", kind), Number(server.url.port));
    ends.push(() => server.close(0));
    const [own, forCertificates] = await startLoadBalancer(kind);
    ports.set(nameOf("the load balancer", kind), own);
    ports.set(nameOf("the load balancer for certificates", kind), forCertificates);
    const port = await freePort();
    const nginx = await startMtlsNginx({ port, workers: ["http://127.0.0.1:1"], server: PEMS[kind] });
    ports.set(nameOf("nginx", kind), port);
    ends.push(() => nginx.close());
  }
});
afterAll(async () => {
  for (const end of ends) await end();
});

const freePort = async () => Number(new URL(await findFreeOrigin()).port);

function makeRsaCertificate(): { readonly cert: string; readonly key: string } {
  const directory = mkdtempSync(join(tmpdir(), "dex-tls-"));
  const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=server"];
  try {
    execFileSync("openssl", [...made, "-keyout", files.key, "-out", files.cert], { stdio: "pipe" });
    return { cert: readFileSync(files.cert, "utf8"), key: readFileSync(files.key, "utf8") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * HAProxy with deploy/haproxy.cfg, and one more listener, which says nothing of TLS but where its certificate is: the port of
 * that one, and of that where clients show certificates.
 */
async function startLoadBalancer(kind: KeyKind): Promise<readonly [number, number]> {
  const [port, plain, forCertificates] = [await freePort(), await freePort(), await freePort()];
  const directory = mkdtempSync(join(tmpdir(), "dex-tls-"));
  const [certificate, more] = [join(directory, "server.pem"), join(directory, "tls.cfg")];
  writeFileSync(certificate, PEMS[kind].cert + PEMS[kind].key, { mode: 0o600 });
  writeFileSync(more, `frontend tls\n    bind 127.0.0.1:${port} ssl crt ${certificate}\n    default_backend workers\n`);
  const haproxy = spawn("haproxy", ["-db", "-f", join(root, "deploy", "haproxy.cfg"), "-f", more], {
    env: {
      PATH: process.env.PATH,
      DEX_LB_BIND: `127.0.0.1:${plain}`,
      DEX_LB_HEALTH: "/health/live",
      DEX_LB_MTLS_BIND: `127.0.0.1:${forCertificates}`,
      DEX_LB_MTLS_CERT: certificate,
      DEX_LB_MTLS_CA: authority.caFile,
    },
    stdio: "ignore",
  });
  ends.push(async () => {
    const ended = once(haproxy, "exit");
    haproxy.kill();
    await ended;
    rmSync(directory, { recursive: true });
  });
  for (let tries = 0; tries < 100; tries++) {
    if ((await shakeHands(port, "TLSv1.3")) !== undefined) return [port, forCertificates];
    if (haproxy.exitCode !== null) throw new Error(`haproxy ended with ${haproxy.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("haproxy did not answer within five seconds");
}

/** What a client that wants this version, and this cipher alone, agrees on with the server; undefined when they do not. */
function shakeHands(port: number, version: SecureVersion, cipher?: string) {
  // The lowest level of openssl: what a server refuses is then the server's doing.
  const ciphers = `${cipher ?? "ALL"}:@SECLEVEL=0`;
  return new Promise<{ version: string | null; cipher: string } | undefined>((resolve) => {
    const options = { minVersion: version, maxVersion: version, ciphers, rejectUnauthorized: false };
    const socket = connect({ host: "127.0.0.1", port, ...options }, () => {
      resolve({ version: socket.getProtocol(), cipher: socket.getCipher().name });
      socket.destroy();
    });
    socket.on("error", () => resolve(undefined));
  });
}

/** Every cipher of TLS 1.2 and before that the client can speak, as the server agrees to each. */
async function takenBy(port: number): Promise<readonly string[]> {
  const taken: string[] = [];
  for (const name of getCiphers().filter((one) => !one.startsWith("tls_"))) {
    const agreed = await shakeHands(port, "TLSv1.2", name.toUpperCase());
    if (agreed !== undefined) taken.push(agreed.cipher);
  }
  return taken.toSorted();
}

const CASES = PLACES.flatMap((place) => (Object.keys(PEMS) as KeyKind[]).map((kind) => ({ place, kind })));
describe.each(CASES)("$place with a key of $kind", ({ place, kind }) => {
  const port = () => ports.get(nameOf(place, kind)) ?? 0;

  test("speaks neither TLS 1.0 nor 1.1 (cert 11 happy-flow; cert 11 ensure-holder-of-key-required)", async () => {
    for (const version of ["TLSv1", "TLSv1.1"] as const) expect(await shakeHands(port(), version)).toBeUndefined();
  });

  test("of TLS 1.2 takes the recommended ciphers and no others (cert 11 happy-flow; cert 11 ensure-holder-of-key-required)", async () => {
    expect(await takenBy(port())).toEqual(ALLOWED[kind]);
  });

  test("prefers TLS 1.3 (cert 11 happy-flow)", async () => {
    const agreed = await new Promise<string | null>((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: port(), minVersion: "TLSv1.2", rejectUnauthorized: false });
      socket.on("error", reject).on("secureConnect", () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
    });
    expect(agreed).toBe("TLSv1.3");
  });
});

test("this client would have spoken the old versions and ciphers, had a server let it", async () => {
  const lax = { ...PEMS.RSA, minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" } as const;
  const server = createServer(lax).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    for (const version of ["TLSv1", "TLSv1.1"] as const)
      expect(await shakeHands(port, version)).toMatchObject({ version });
    // By the server's key, and with CBC.
    expect(await takenBy(port)).toEqual(expect.arrayContaining(["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256"]));
  } finally {
    server.close();
  }
});
