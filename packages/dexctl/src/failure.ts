/**
 * Why a command did not do its work, in words for the person at the terminal: what was found, what was expected, what to
 * do. Never holds a secret.
 */
export class Failure extends Error {
  readonly exitCode: 1 | 2;
  /** `usage`: the command line or the environment is wrong. `refused`: anything else. */
  constructor(kind: "usage" | "refused", message: string, more: { cause?: unknown } = {}) {
    super(message, { cause: more.cause });
    this.exitCode = kind === "usage" ? 2 : 1;
  }
}
