// Brings node_modules up to date with the lockfile, with nothing at hand but Node >= 20 and npm. Runs before anything is
// installed, so it is plain JavaScript and imports only what comes with Node.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PNPM = "pnpm@12.21.0";
const OLDEST_NODE = 20;
const LOG_LINES_SHOWN = 15;

/** The directory of the clone. */
export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Node that the lockfile pins; exists once ensureInstalled has returned. */
export const pinnedNode = join(projectRoot, "node_modules", ".bin", "node");

const modules = join(projectRoot, "node_modules");
const recordFile = join(modules, ".dex-installed");

/** A problem that its message explains in full: print the message, no stack, and exit with 1. */
export class InstallProblem extends Error {}

/**
 * Installs the locked dependencies unless the last complete install was for this very lockfile, platform and Node.
 * Progress goes to `say`, one line per call. Throws InstallProblem.
 */
export async function ensureInstalled(say = (line) => process.stdout.write(`${line}\n`)) {
  refuseOldNode(process.versions.node);
  const wanted = fingerprint();
  if (existsSync(pinnedNode) && readIfThere(recordFile) === wanted) return;
  refuseReadOnly();
  say("installing the locked dependencies (the first time takes up to a minute)");
  const startedAt = performance.now();
  await runPnpm(say);
  writeFileSync(recordFile, wanted);
  say(`installed in ${Math.ceil((performance.now() - startedAt) / 1000)} s`);
}

function refuseOldNode(version) {
  const major = Number(version.split(".")[0]);
  if (major >= OLDEST_NODE) return;
  throw new InstallProblem(
    `dex needs Node ${OLDEST_NODE} or newer, found ${version}: install a newer Node and try again`,
  );
}

// The lockfile names every version; the workspace file says which install scripts may run. A clone copied to another
// machine brings binaries of the wrong platform along.
function fingerprint() {
  const digest = createHash("sha256");
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) {
    const content = readIfThere(join(projectRoot, file));
    if (content === undefined) throw new InstallProblem(`${file} is missing in ${projectRoot}: is the clone complete?`);
    digest.update(content).update("\0");
  }
  return digest.update(`${process.platform} ${process.arch} ${PNPM}`).digest("hex");
}

function refuseReadOnly() {
  for (const directory of [projectRoot, modules]) {
    if (!existsSync(directory)) continue;
    try {
      accessSync(directory, constants.W_OK | constants.X_OK);
    } catch {
      throw new InstallProblem(`may not write to ${directory}: make it yours (chown) or clone where you may write`);
    }
  }
}

function runPnpm(say) {
  return new Promise((resolve, reject) => {
    const options = ["--frozen-lockfile", "--reporter=append-only", "--config.confirm-modules-purge=false"];
    const child = spawn("npx", ["--yes", PNPM, "install", ...options], {
      cwd: projectRoot,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = [];
    let progress = "";
    let lastSaid = 0;
    const take = (line) => {
      log.push(line);
      if (log.length > 200) log.shift();
      const counts = /Progress: (.*)$/.exec(line)?.[1];
      if (counts === undefined || performance.now() - lastSaid < 1000) return;
      lastSaid = performance.now();
      progress = counts;
      say(`  ${counts}`);
    };
    const splitters = [child.stdout, child.stderr].map((stream) => eachLine(stream, take));
    // Fetching pnpm itself, or a slow download, says nothing for a while: show that we are alive.
    const startedAt = performance.now();
    const alive = setInterval(() => {
      if (performance.now() - lastSaid < 5000) return;
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      say(`  still installing after ${seconds} s${progress === "" ? ", fetching the package manager" : ""}`);
    }, 5000);
    child.once("error", (error) => {
      clearInterval(alive);
      reject(
        new InstallProblem(
          error.code === "ENOENT"
            ? "npm is missing: its npx command was not found on the PATH; install npm, which comes with Node"
            : `npx could not be started: ${error.message}`,
        ),
      );
    });
    child.once("close", (code, signal) => {
      clearInterval(alive);
      for (const flush of splitters) flush();
      if (code === 0) return resolve();
      const why = signal === null ? `exit code ${code}` : `ended by ${signal}`;
      const last = log.slice(-LOG_LINES_SHOWN).map((line) => `  ${line}`);
      reject(new InstallProblem([`installing the dependencies failed (${why}); it last said:`, ...last].join("\n")));
    });
  });
}

function eachLine(stream, take) {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") take(line.trimEnd());
  });
  return () => {
    if (rest.trim() !== "") take(rest.trimEnd());
    rest = "";
  };
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw new InstallProblem(`cannot read ${file}: ${error.message}`);
  }
}
