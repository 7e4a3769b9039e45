// `npm start`: installs what is missing, then runs dex-embedded under the pinned Node. Its flags are dex-embedded's.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, InstallProblem, pinnedNode, projectRoot } from "./install.mjs";

// One Ctrl-C arrives twice when npm forwards what the terminal sent to all of us anyway.
const SAME_SIGNAL_MILLISECONDS = 300;

try {
  await ensureInstalled();
  run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof InstallProblem)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

function run(flags) {
  const program = join(projectRoot, "packages", "dex-embedded", "src", "main.ts");
  // A process group of its own: signals come from here alone, once each. The channel tells dex-embedded when we are gone.
  const child = spawn(pinnedNode, [program, ...flags], {
    detached: true,
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    // Compiled code is kept between starts: the programs load in half the time.
    env: { NODE_COMPILE_CACHE: join(projectRoot, "node_modules", ".cache", "compiled"), ...process.env },
  });
  let lastSignalAt = Number.NEGATIVE_INFINITY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (performance.now() - lastSignalAt < SAME_SIGNAL_MILLISECONDS) return;
      lastSignalAt = performance.now();
      child.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
    });
  }
  child.once("error", (error) => {
    process.stderr.write(`dex-embedded could not be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
