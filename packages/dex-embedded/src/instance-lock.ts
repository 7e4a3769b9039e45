// One instance per data directory. The lock is a listening socket in that directory: the system ends it together with its
// process, so there is no stale lock to tell from a live one by a process id that may belong to somebody else by now.
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { codeOf, Problem } from "./problem.ts";

// Relative to the working directory: a socket's path may have about a hundred bytes only.
const SOCKET = "running.sock";

/** Takes the lock of the working directory. Throws a Problem when another instance holds it. */
export async function takeInstanceLock(): Promise<{ release(): Promise<void> }> {
  const holder = await askHolder();
  if (holder === undefined) rmSync(SOCKET, { force: true });
  else refuse(holder);
  const server = createServer((socket) => {
    socket.on("error", () => {}); // whoever asked has gone
    socket.end(String(process.pid));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(codeOf(error) === "EADDRINUSE" ? new Problem("another instance is starting right now") : error);
    });
    server.listen(SOCKET, resolve);
  });
  server.unref();
  // Of two that found a dead socket at the same moment, the later one has replaced the earlier one's.
  const winner = await askHolder();
  if (winner !== String(process.pid)) refuse(winner ?? "unknown");
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function refuse(holder: string): never {
  throw new Problem(
    `dex is already running with this data directory (process ${holder}): stop it, or give another --data-dir`,
  );
}

function askHolder(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(SOCKET);
    let answer = "";
    socket.setEncoding("utf8");
    socket.setTimeout(2000, () => socket.destroy(new Error("no answer")));
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.once("error", (error) => {
      resolve(codeOf(error) === "ENOENT" || codeOf(error) === "ECONNREFUSED" ? undefined : "unknown");
    });
    socket.once("end", () => resolve(/^\d+$/.test(answer) ? answer : "unknown"));
  });
}
