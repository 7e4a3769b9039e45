// nginx where clients show certificates, as deploy/nginx-mtls.conf has it: an ordinary process on a port of 127.0.0.1.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { repositoryRoot } from "./fleet/program-files.ts";
import { type RunningNginx, runNginx } from "./nginx.ts";

export interface MtlsNginxOptions {
  readonly port: number;
  /** Where the workers listen, such as http://127.0.0.1:1234. */
  readonly workers: readonly string[];
  /** PEM, for a server on 127.0.0.1. */
  readonly server: { readonly cert: string; readonly key: string };
}

export async function startMtlsNginx({ port, workers, server }: MtlsNginxOptions): Promise<RunningNginx> {
  const deployed = await readFile(join(repositoryRoot, "deploy", "nginx-mtls.conf"), "utf8");
  const upstream = workers.map((origin) => `server ${new URL(origin).host};`).join("\n    ");
  const configured = deployed
    .replace(/server 127\.0\.0\.1:5601;\s*server 127\.0\.0\.1:5602;/, upstream)
    .replace("listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`)
    .replaceAll("/etc/dex/", "");
  const files = { "mtls.pem": server.cert, "mtls.key": server.key };
  return runNginx({ port, scheme: "https", files, http: () => configured });
}
