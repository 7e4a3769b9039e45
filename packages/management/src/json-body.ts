import type { IncomingMessage } from "node:http";
import { ApiError } from "./api-error.ts";
import type { ApiConventions } from "./conventions.ts";

const MAX_BODY_BYTES = 64 * 1024;

/** The JSON in a request's body. Throws ApiError: 415 for another type, 413 when too large, 400 when malformed. */
export async function readJson(
  request: IncomingMessage,
  { untypedBody }: Pick<ApiConventions, "untypedBody">,
): Promise<unknown> {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json" && !(type === "" && untypedBody === "taken for JSON")) {
    throw new ApiError("unsupported_media_type", "the body must be application/json");
  }
  if (!/^(identity)?$/i.test(request.headers["content-encoding"] ?? "")) {
    throw new ApiError("unsupported_media_type", "a compressed body is not accepted");
  }
  const bytes = await readBounded(request);
  try {
    // RFC 8259 §8.1: UTF-8. Replacement characters in place of wrong bytes would change what is stored.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ApiError("invalid_request", "the body is not JSON");
  }
}

async function readBounded(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving an ordinary `for await` would cut the connection, and with it the answer that says why.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new ApiError("payload_too_large", "the body is larger than 64 KiB", { Connection: "close" });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
