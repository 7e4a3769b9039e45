// A private Keystone for tests: Debian's, as an ordinary process on a free port of 127.0.0.1, with its own configuration,
// keys and SQLite database. What is sent to it passes a recorder, which can also misbehave in its place.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Misbehaviour } from "./fake-openid-behaviours.ts";
import { findFreePorts } from "./fleet/free-ports.ts";
import { misbehave } from "./misbehave.ts";

const START_TRIES = 400;
const START_PAUSE_MILLISECONDS = 50;
const ADMIN = { name: "admin", password: "the cloud's admin" };

export interface KeystoneRequest {
  readonly method: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface RunningKeystone {
  /** Of the recorder. */
  readonly url: string;
  /** An administrator of the domain `default`, with a role in the system and in the project `admin`. */
  readonly admin: { readonly name: string; readonly password: string };
  readonly requests: KeystoneRequest[];
  /** By path, until removed; or an answer of one's own. */
  readonly behaviours: Record<string, Misbehaviour | { readonly status: number; readonly body: string }>;
  /** A call of the Identity API as the administrator, past the recorder. Throws unless it succeeds. */
  call(method: string, path: string, body?: unknown): Promise<Record<string, Record<string, unknown>>>;
  reset(): void;
  close(): Promise<void>;
}

/** Starts one with nobody in it but the administrator. Takes some seconds. */
export async function startKeystone(): Promise<RunningKeystone> {
  const directory = await mkdtemp(join(tmpdir(), "dex-keystone-"));
  const [port = 0, recorderPort = 0] = await findFreePorts(2);
  const origin = `http://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  const recorder = makeRecorder(origin);
  const close = async () => {
    recorder.server.closeAllConnections();
    recorder.server.close();
    if (server?.exitCode === null) {
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await prepare(directory, origin);
    const config = ["--config-file", join(directory, "keystone.conf")];
    const env = environment(directory);
    const args = ["--host", "127.0.0.1", "--port", String(port), "--", ...config];
    server = spawn("keystone-wsgi-public", args, { env, cwd: directory, stdio: "ignore" });
    await waitUntilAnswering(`${origin}/v3`);
    await new Promise<void>((resolve) => recorder.server.listen(recorderPort, "127.0.0.1", resolve));
    const token = await signInAsAdmin(origin);
    return {
      url: `http://127.0.0.1:${recorderPort}`,
      admin: ADMIN,
      requests: recorder.requests,
      behaviours: recorder.behaviours,
      async call(method, path, body) {
        const response = await fetch(`${origin}${path}`, {
          method,
          headers: { "content-type": "application/json", "x-auth-token": token },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
        return text === "" ? {} : JSON.parse(text);
      },
      reset() {
        for (const path of Object.keys(recorder.behaviours)) delete recorder.behaviours[path];
        recorder.requests.length = 0;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** No configuration of the machine's own is read. */
function environment(directory: string): NodeJS.ProcessEnv {
  return { ...process.env, OS_KEYSTONE_CONFIG_DIR: directory };
}

async function prepare(directory: string, origin: string): Promise<void> {
  const path = (name: string) => join(directory, name);
  // What `fernet_setup` and `credential_setup` would make, each of which takes seconds.
  for (const keys of ["fernet", "receipts", "credential"]) {
    await mkdir(path(keys), { mode: 0o700 });
    for (const name of ["0", "1"]) {
      // Fernet's keys are base64url with padding.
      const key = `${randomBytes(32).toString("base64url")}=`;
      await writeFile(path(join(keys, name)), key, { mode: 0o600 });
    }
  }
  await writeFile(
    path("keystone.conf"),
    `[DEFAULT]
log_file = ${directory}/keystone.log
[database]
connection = sqlite:///${directory}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = ${directory}/fernet
[fernet_receipts]
key_repository = ${directory}/receipts
[credential]
key_repository = ${directory}/credential
[identity]
password_hash_rounds = 4
[cache]
enabled = false
`,
  );
  const manage = (...args: string[]) =>
    promisify(execFile)("keystone-manage", ["--config-file", path("keystone.conf"), ...args], {
      env: environment(directory),
      cwd: directory,
    });
  await manage("db_sync");
  const admin = ["--bootstrap-username", ADMIN.name, "--bootstrap-password", ADMIN.password];
  await manage("bootstrap", ...admin, "--bootstrap-region-id", "here", "--bootstrap-public-url", `${origin}/v3/`);
}

async function waitUntilAnswering(url: string): Promise<void> {
  for (let tries = 0; tries < START_TRIES; tries++) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await sleep(START_PAUSE_MILLISECONDS);
  }
  throw new Error("keystone did not start");
}

async function signInAsAdmin(origin: string): Promise<string> {
  const user = { ...ADMIN, domain: { id: "default" } };
  const auth = { identity: { methods: ["password"], password: { user } }, scope: { system: { all: true } } };
  const response = await fetch(`${origin}/v3/auth/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ auth }),
  });
  const token = response.headers.get("x-subject-token");
  if (token === null) throw new Error(`keystone's administrator: ${response.status} ${await response.text()}`);
  return token;
}

function makeRecorder(origin: string) {
  const requests: KeystoneRequest[] = [];
  const behaviours: RunningKeystone["behaviours"] = {};

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", origin);
    const { method = "GET" } = request;
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const parameters = Object.fromEntries(url.searchParams);
    requests.push({ method, path: url.pathname, parameters, body: text === "" ? undefined : JSON.parse(text) });
    const behaviour = behaviours[url.pathname];
    if (typeof behaviour === "string") return misbehave(behaviour, request, response);
    if (behaviour !== undefined) {
      response.writeHead(behaviour.status, { "content-type": "application/json" }).end(behaviour.body);
      return;
    }
    const { host: _host, connection: _connection, "content-length": _length, ...kept } = request.headers;
    const headers = Object.entries(kept).map(([name, value]): [string, string] => [name, String(value)]);
    const answer = await fetch(url, { method, headers, ...(text === "" ? {} : { body: text }) });
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  return { server, requests, behaviours };
}
