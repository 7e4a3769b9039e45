// What of TLS our servers, and the load balancer as it is shipped, let a client use.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect, getCiphers, type SecureVersion } from "node:tls";
import { fileURLToPath } from "node:url";
import { openHttpServer } from "@dex/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makePrivateAuthority } from "../src/index.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const { server: pem } = makePrivateAuthority();
/** RFC 9325 §4.2, for a server whose key is of an elliptic curve. */
const ALLOWED = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"];

const ports = new Map<string, number>();
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  const tls = { cert: Buffer.from(pem.cert), key: Buffer.from(pem.key) };
  const server = await openHttpServer({ handler: () => {}, listen: new URL("https://127.0.0.1:0"), tls });
  ports.set("a worker", Number(server.url.port));
  ends.push(() => server.close(0));
  ports.set("the load balancer", await startLoadBalancer());
});
afterAll(async () => {
  for (const end of ends) await end();
});

/** HAProxy with deploy/haproxy.cfg, and one more listener, which says nothing of TLS but where its certificate is. */
async function startLoadBalancer(): Promise<number> {
  const free = await openHttpServer({ handler: () => {}, listen: new URL("http://127.0.0.1:0") });
  const port = Number(free.url.port);
  const second = await openHttpServer({ handler: () => {}, listen: new URL("http://127.0.0.1:0") });
  const bind = second.url.host;
  await Promise.all([free.close(0), second.close(0)]);
  const directory = mkdtempSync(join(tmpdir(), "dex-tls-"));
  const [certificate, more] = [join(directory, "server.pem"), join(directory, "tls.cfg")];
  writeFileSync(certificate, pem.cert + pem.key, { mode: 0o600 });
  writeFileSync(more, `frontend tls\n    bind 127.0.0.1:${port} ssl crt ${certificate}\n    default_backend workers\n`);
  const haproxy = spawn("haproxy", ["-db", "-f", join(root, "deploy", "haproxy.cfg"), "-f", more], {
    env: { PATH: process.env.PATH, DEX_LB_BIND: bind, DEX_LB_HEALTH: "/health/live" },
    stdio: "ignore",
  });
  ends.push(async () => {
    const ended = once(haproxy, "exit");
    haproxy.kill();
    await ended;
    rmSync(directory, { recursive: true });
  });
  for (let tries = 0; tries < 100; tries++) {
    if ((await shakeHands(port, "TLSv1.3")) !== undefined) return port;
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

describe.each(["a worker", "the load balancer"])("%s", (place) => {
  const port = () => ports.get(place) ?? 0;

  test("speaks neither TLS 1.0 nor 1.1 (cert 11 happy-flow)", async () => {
    for (const version of ["TLSv1", "TLSv1.1"] as const) expect(await shakeHands(port(), version)).toBeUndefined();
  });

  test("of TLS 1.2 takes the recommended ciphers and no others (cert 11 happy-flow)", async () => {
    const taken: string[] = [];
    for (const name of getCiphers().filter((one) => !one.startsWith("tls_"))) {
      const agreed = await shakeHands(port(), "TLSv1.2", name.toUpperCase());
      if (agreed !== undefined) taken.push(agreed.cipher);
    }
    expect(taken.toSorted()).toEqual(ALLOWED);
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
