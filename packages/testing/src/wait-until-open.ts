import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const TRIES = 200;
const PAUSE_MILLISECONDS = 50;

/** Waits until somebody listens at a port of 127.0.0.1. Fails when nobody does within ten seconds; `what` was to. */
export async function waitUntilOpen(port: number, what: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    await sleep(PAUSE_MILLISECONDS);
  }
  throw new Error(`${what} did not start`);
}
