/** Something that its message explains in full to the person at the terminal: no stack is shown. */
export class Problem extends Error {}

/** The code of a system error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
