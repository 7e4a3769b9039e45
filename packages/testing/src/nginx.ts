// A real reverse proxy for tests: Debian's nginx as an ordinary process on a port of 127.0.0.1. One of them asks for a name and a
// password (RFC 7617) on one path and tells the server behind it in headers who that was.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts } from "./fleet/free-ports.ts";
import { waitUntilOpen } from "./wait-until-open.ts";

export interface RunningNginx {
  readonly origin: string;
  close(): Promise<void>;
}

export interface NginxOptions {
  /** Where requests go, such as http://127.0.0.1:1234. */
  readonly upstream: string;
  /** The one path that asks who somebody is. Everything else goes through as it comes, with its headers. */
  readonly protectedPath: string;
  /** Password by name. */
  readonly people: Readonly<Record<string, string>>;
  /** Set on the way to the upstream on the protected path; nginx's variables work, `$remote_user` among them. "" removes. */
  readonly headers: Readonly<Record<string, string>>;
}

export async function startNginx(options: NginxOptions): Promise<RunningNginx> {
  const [port = 0] = await findFreePorts(1);
  const people = Object.entries(options.people).map(([name, password]) => `${name}:{PLAIN}${password}\n`);
  return runNginx({
    port,
    scheme: "http",
    files: { people: people.join("") },
    http: (directory) => siteThatAsks(directory, port, options),
  });
}

/** Starts one in the foreground, so that it ends with us. `http` is what its http block holds, beside these files. */
export async function runNginx(parts: {
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly files: Readonly<Record<string, string>>;
  readonly http: (directory: string) => string;
}): Promise<RunningNginx> {
  const { port } = parts;
  const directory = await mkdtemp(join(tmpdir(), "dex-nginx-"));
  await mkdir(join(directory, "logs"));
  for (const [name, text] of Object.entries(parts.files)) await writeFile(join(directory, name), text, { mode: 0o600 });
  await writeFile(join(directory, "nginx.conf"), configuration(directory, parts.http(directory)));
  const program = existsSync("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx";
  const args = ["-p", directory, "-c", join(directory, "nginx.conf"), "-e", join(directory, "logs", "error.log")];
  const server = spawn(program, args, { stdio: "ignore" });
  const close = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, "exit");
      server.kill("SIGTERM");
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await waitUntilOpen(port, "nginx");
  } catch (error) {
    await close();
    throw error;
  }
  return { origin: `${parts.scheme}://127.0.0.1:${port}`, close };
}

function siteThatAsks(directory: string, port: number, { upstream, protectedPath, headers }: NginxOptions): string {
  const set = Object.entries(headers).map(([name, value]) => `proxy_set_header ${name} "${value}";`);
  return `
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass ${upstream}; }
    location = ${protectedPath} {
      auth_basic "people";
      auth_basic_user_file ${directory}/people;
      ${set.join("\n      ")}
      proxy_pass ${upstream};
    }
  }`;
}

function configuration(directory: string, http: string): string {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  // Started by root, its workers would become somebody who may not read our directory.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `daemon off;
${user}
worker_processes 1;
pid ${directory}/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  ${scratch.join("\n  ")}
  ${http}
}
`;
}
