import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Secret } from "@dex/runtime";
import { findFreePort } from "./mail-server.ts";

export interface RedisServer {
  readonly port: number;
  readonly url: Secret<string>;
  /** Ends it as a crash does: it forgets everything. */
  kill(): Promise<void>;
  /** Starts it again, empty, at the same port. */
  restart(): Promise<void>;
  /** Stops it from answering without ending it. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** Starts the real redis-server on a port of its own, keeping nothing on disk. */
export async function startRedis(): Promise<RedisServer> {
  const port = await findFreePort();
  const directory = await mkdtemp(join(tmpdir(), "dex-redis-"));
  let child = await launch(port, directory);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
  return {
    port,
    url: new Secret(`redis://127.0.0.1:${port}`),
    kill,
    async restart() {
      child = await launch(port, directory);
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async close() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function launch(port: number, directory: string): Promise<ChildProcess> {
  const flags = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory];
  const child = spawn("redis-server", [...flags, "--maxmemory-policy", "noeviction"], { stdio: "ignore" });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (cause) => {
      const how = "install the program redis-server (Debian: apt-get install redis-server)";
      reject(new Error(`these tests need a real Redis: ${how}`, { cause }));
    });
    child.once("exit", (code) => reject(new Error(`redis-server ended at its start with ${code}`)));
  });
  // Nobody waits for it any more once the server answers.
  failed.catch(() => undefined);
  await Promise.race([failed, untilListening(port)]);
  return child;
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    await sleep(20);
  }
  throw new Error(`redis-server does not listen on port ${port}`);
}
