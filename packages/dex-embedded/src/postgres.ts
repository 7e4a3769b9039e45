import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type ChildProgram, startChild, waitUntilReady } from "./child-program.ts";
import type { PostgresPlace } from "./postgres-place.ts";
import { Problem } from "./problem.ts";
import { stopLeftover } from "./processes.ts";

const USER = "dex";
const DATABASE = "dex";

export interface RunningPostgres {
  readonly program: ChildProgram;
  readonly pid: number;
  readonly databaseUrl: string;
}

/** Whether the cluster has been made, completely. */
export function isInitialised(place: PostgresPlace): boolean {
  return existsSync(join(place.directory, "PG_VERSION"));
}

/** Makes the cluster and its database. An interrupted attempt leaves nothing that a later one would take for complete. */
export function initialise(place: PostgresPlace, password: string): void {
  const fresh = `${place.directory}.new`;
  const passwordFile = `${place.directory}.password`;
  rmSync(fresh, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  try {
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: "wx" });
    if (place.user !== undefined) {
      chownSync(passwordFile, place.user.uid, place.user.gid);
      // Its parent may belong to root: the directory is made here and handed over.
      mkdirSync(fresh, { mode: 0o700 });
      chownSync(fresh, place.user.uid, place.user.gid);
    }
    const options = [`--pgdata=${fresh}`, `--username=${USER}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
    run(place, join(place.installation, "bin", "initdb"), [...options, "--encoding=UTF8", "--locale=C"]);
    // Before anybody can connect, and without a driver: a server of this one statement.
    run(
      place,
      join(place.installation, "bin", "postgres"),
      ["--single", "-D", fresh, "postgres"],
      `CREATE DATABASE ${DATABASE}\n`,
    );
    renameSync(fresh, place.directory);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function run(place: PostgresPlace, command: string, args: readonly string[], input = ""): void {
  const env = { PATH: process.env.PATH, LC_ALL: "C" };
  const done = spawnSync(command, [...args], { ...place.user, cwd: "/", env, input, encoding: "utf8" });
  if (done.status === 0) return;
  const said = `${done.stderr}${done.error?.message ?? ""}`.trim().split("\n").slice(-5);
  throw new Problem(`preparing Postgres failed; it said:\n${said.map((line) => `  ${line}`).join("\n")}`);
}

// Postgres does not notice that who started it is gone. This shell does: its input closes, and it asks for a fast stop.
const LEASH = `exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(cat <&3 >/dev/null; kill -INT "$server" 2>/dev/null) &
leash=$!
wait "$server"
code=$?
kill "$leash" 2>/dev/null
exit "$code"`;

/** Starts the server on loopback with a password; first ends one that a killed instance left behind. */
export async function startPostgres(parts: {
  place: PostgresPlace;
  port: number;
  password: string;
  logDirectory: string;
}): Promise<RunningPostgres> {
  const { place, port, password } = parts;
  await clearLeftover(place);
  const settings = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "200",
    log_min_messages: "warning",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = [join(place.installation, "bin", "postgres"), "-D", place.directory, ...flags];
  const program = startChild({
    name: "Postgres",
    command: "/bin/sh",
    args: ["-c", LEASH, "sh", ...server],
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    logFile: join(parts.logDirectory, "postgres.log"),
    cwd: "/",
    leash: "input",
    ...(place.user === undefined ? {} : { user: place.user }),
  });
  try {
    await waitUntilReady(program, () => serverIsReady(place, port));
  } catch (error) {
    await program.stop();
    throw error;
  }
  const databaseUrl = `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  return { program, pid: readPidFile(place)?.pid ?? 0, databaseUrl };
}

/** The process id file, whose eighth line says `ready` once connections are taken. */
function readPidFile(place: PostgresPlace): { pid: number; ready: boolean } | undefined {
  const file = join(place.directory, "postmaster.pid");
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, "utf8").split("\n");
  return { pid: Number(lines[0]), ready: lines[7]?.trim() === "ready" };
}

async function serverIsReady(place: PostgresPlace, port: number): Promise<boolean> {
  if (readPidFile(place)?.ready !== true) return false;
  return new Promise((resolve) => {
    const probe = connect(port, "127.0.0.1");
    probe.once("connect", () => [probe.destroy(), resolve(true)]);
    probe.once("error", () => resolve(false));
  });
}

async function clearLeftover(place: PostgresPlace): Promise<void> {
  const left = readPidFile(place);
  if (left === undefined) return;
  await stopLeftover(left.pid, (commandLine) => commandLine.includes(place.directory), "SIGINT");
  // The id may by now belong to another program, for whose sake Postgres would refuse to start.
  rmSync(join(place.directory, "postmaster.pid"), { force: true });
}
