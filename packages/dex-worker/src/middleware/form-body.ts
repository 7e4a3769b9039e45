// Reads parameters flat, into URLSearchParams: nested and array-shaped names stay plain names that nobody asks for
// (AUT-9).
import type { IncomingMessage } from "node:http";
import { isWellFormedForm } from "@dex/oidc";
import { MAX_BODY_BYTES, readRequestBody } from "@dex/runtime";
import { InvalidInput } from "./invalid-input.ts";

const MAX_PARAMETERS = 200;

/** The query of the request. Throws InvalidInput when it cannot be decoded or holds too many parameters. */
export function readQuery(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? "";
  const start = url.indexOf("?");
  return parseParameters(start === -1 ? "" : url.slice(start + 1));
}

/**
 * The form in the request's body, of at most `maxBytes`. Throws InvalidInput: 415 for another type, 413 when too large, 400
 * when malformed.
 */
export async function readForm(request: IncomingMessage, maxBytes: number = MAX_BODY_BYTES): Promise<URLSearchParams> {
  const body = await readRequestBody(request, maxBytes);
  if (body.kind === "too large") {
    throw new InvalidInput(413, `the body is larger than ${maxBytes / 1024} KiB`, { Connection: "close" });
  }
  if (body.kind === "compressed") throw new InvalidInput(415, "a compressed body is not accepted");
  if (body.type !== "application/x-www-form-urlencoded") {
    throw new InvalidInput(415, "the body must be application/x-www-form-urlencoded");
  }
  return parseParameters(body.bytes.toString("latin1"));
}

function parseParameters(text: string): URLSearchParams {
  if (text.split("&", MAX_PARAMETERS + 1).length > MAX_PARAMETERS) throw new InvalidInput(400, "too many parameters");
  // Everything beyond ASCII must be percent-encoded; raw bytes would be read in the wrong charset.
  if (/[^\x20-\x7e]/.test(text)) throw new InvalidInput(400, "a parameter is not percent-encoded");
  // URLSearchParams would quietly turn malformed escapes into other characters (AUT-10).
  if (!isWellFormedForm(text)) throw new InvalidInput(400, "a parameter is not percent-encoded UTF-8");
  return new URLSearchParams(text);
}
