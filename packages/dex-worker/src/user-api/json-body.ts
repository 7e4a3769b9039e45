import type { IncomingMessage } from "node:http";
import { InvalidInput } from "../middleware/invalid-input.ts";

const MAX_BODY_BYTES = 64 * 1024;

/** The JSON in a request's body. Throws InvalidInput: 415 for another type, 413 when too large, 400 when malformed. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new InvalidInput(415, "the body must be application/json");
  if (!/^(identity)?$/i.test(request.headers["content-encoding"] ?? "")) {
    throw new InvalidInput(415, "a compressed body is not accepted");
  }
  const bytes = await readBounded(request);
  try {
    // RFC 8259 §8.1: UTF-8. Replacement characters in place of wrong bytes would change what is stored.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InvalidInput(400, "the body is not JSON");
  }
}

async function readBounded(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving an ordinary `for await` would cut the connection, and with it the answer that says why.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new InvalidInput(413, "the body is larger than 64 KiB", { Connection: "close" });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
