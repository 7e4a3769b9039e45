import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

export interface RunningOverlord {
  readonly process: ChildProcess;
  /** Everything written to either stream so far. */
  output(): string;
  /** Waits until the output matches. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

/** Runs the program. Only `env`, PATH apart, is its environment. */
export function runOverlord(argv: readonly string[], env: Readonly<Record<string, string>>): RunningOverlord {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env },
  });
  let text = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (const look of waiting) look();
    });
  }
  const exited = once(child, "close").then(([code, signal]): number | string => code ?? signal);
  return {
    process: child,
    output: () => text,
    exited,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(text);
          if (match === null) return;
          waiting.delete(look);
          resolve(match);
        };
        waiting.add(look);
        look();
        void exited.then((code) => reject(new Error(`ended with ${code} before ${pattern} came:\n${text}`)));
      }),
  };
}

export interface CuttableConnection {
  /** The DSN with this proxy in place of the server. */
  readonly url: string;
  /** Ends every connection as seen from the server, and takes no new ones. */
  cut(): void;
  mend(): void;
  close(): void;
}

/** A way to the database that a test can interrupt. */
export async function openCuttableConnection(databaseUrl: string): Promise<CuttableConnection> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let whole = true;
  const server = createServer((inbound) => {
    if (!whole) return void inbound.destroy();
    const outbound = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = typeof address === "object" && address !== null ? String(address.port) : "";
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    mend() {
      whole = true;
    },
    close() {
      cut();
      server.close();
    },
  };
}
