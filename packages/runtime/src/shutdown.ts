import type { Logger } from "./logger.ts";
import { describeError } from "./logger.ts";

/** What must be closed, in the order in which it is to be closed. */
export type ClosingStep = readonly [name: string, close: () => Promise<void> | void];

/**
 * Runs `steps` in order at SIGTERM or SIGINT, then exits 0. A second signal, a failing step or `deadlineSeconds` exits 1.
 * Returns a function that starts the same from within, with the exit code to use.
 */
export function closeOnSignal(parts: {
  steps: () => readonly ClosingStep[];
  logger: Logger;
  deadlineSeconds: number;
}): (exitCode: number) => void {
  let closing = false;
  const close = async (reason: string, exitCode: number) => {
    if (closing) {
      parts.logger.warn("stopping at once", { reason });
      process.exit(1);
    }
    closing = true;
    parts.logger.info("stopping", { reason });
    setTimeout(() => {
      parts.logger.error("stopping took too long", { deadlineSeconds: parts.deadlineSeconds });
      process.exit(1);
    }, parts.deadlineSeconds * 1000).unref();
    let code = exitCode;
    for (const [name, step] of parts.steps()) {
      try {
        await step();
      } catch (error) {
        parts.logger.error("closing failed", { part: name, ...describeError(error) });
        code = 1;
      }
    }
    process.exit(code);
  };
  process.on("SIGTERM", () => void close("SIGTERM", 0));
  process.on("SIGINT", () => void close("SIGINT", 0));
  return (exitCode) => void close("asked from within", exitCode);
}
