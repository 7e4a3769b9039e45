import { createReadStream } from "node:fs";
import { Failure } from "./failure.ts";
import { toPrintable } from "./printable.ts";

const MAX_BYTES = 4 * 1024 * 1024;

/** The text of a file, or of `stdin` for `-`. A Failure when it cannot be read, is not UTF-8 or is larger than 4 MiB. */
export async function readInput(file: string, stdin: AsyncIterable<Buffer>): Promise<string> {
  const name = file === "-" ? "standard input" : toPrintable(file);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of file === "-" ? stdin : (createReadStream(file) as AsyncIterable<Buffer>)) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new Failure("refused", `${name} is larger than 4 MiB`);
      chunks.push(chunk);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("refused", `cannot read ${name}: ${whyUnreadable(cause)}`, { cause });
  }
}

function whyUnreadable(error: unknown): string {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "permission denied";
  if (code === "EISDIR") return "it is a directory";
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "it is not UTF-8 text";
  return typeof code === "string" ? code : "reading failed";
}
