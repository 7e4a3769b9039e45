// Reads parameters flat, into URLSearchParams: nested and array-shaped names stay plain names that nobody asks for
// (AUT-9). Sizes are those of section 0 of the security requirements.
import type { IncomingMessage } from "node:http";
import { isWellFormedForm } from "@dex/oidc";
import { InvalidInput } from "./invalid-input.ts";

const MAX_BODY_BYTES = 64 * 1024;
const MAX_PARAMETERS = 200;

/** The query of the request. Throws InvalidInput when it cannot be decoded or holds too many parameters. */
export function readQuery(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? "";
  const start = url.indexOf("?");
  return parseParameters(start === -1 ? "" : url.slice(start + 1));
}

/** The form in the request's body. Throws InvalidInput: 415 for another type, 413 when too large, 400 when malformed. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new InvalidInput(415, "the body must be application/x-www-form-urlencoded");
  }
  if (!/^(identity)?$/i.test(request.headers["content-encoding"] ?? "")) {
    throw new InvalidInput(415, "a compressed body is not accepted");
  }
  const chunks: Buffer[] = [];
  let size = 0;
  // The stream is left alone on the way out: destroying it would take the answer with it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new InvalidInput(413, "the body is larger than 64 KiB", { Connection: "close" });
    chunks.push(chunk);
  }
  return parseParameters(Buffer.concat(chunks).toString("latin1"));
}

function parseParameters(text: string): URLSearchParams {
  if (text.split("&", MAX_PARAMETERS + 1).length > MAX_PARAMETERS) throw new InvalidInput(400, "too many parameters");
  // Everything beyond ASCII must be percent-encoded; raw bytes would be read in the wrong charset.
  if (/[^\x20-\x7e]/.test(text)) throw new InvalidInput(400, "a parameter is not percent-encoded");
  // URLSearchParams would quietly turn malformed escapes into other characters (AUT-10).
  if (!isWellFormedForm(text)) throw new InvalidInput(400, "a parameter is not percent-encoded UTF-8");
  return new URLSearchParams(text);
}
