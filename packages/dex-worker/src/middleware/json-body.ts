import type { IncomingMessage } from "node:http";
import { readRequestBody } from "@dex/runtime";
import { InvalidInput } from "./invalid-input.ts";

/**
 * The JSON in the request's body, whatever it holds. A body without a declared type is taken for JSON. Throws InvalidInput:
 * 415 for another type, 413 when too large, 400 when malformed.
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const body = await readRequestBody(request);
  if (body.kind === "too large") throw new InvalidInput(413, "the body is larger than 64 KiB", { Connection: "close" });
  if (body.kind === "compressed") throw new InvalidInput(415, "a compressed body is not accepted");
  if (body.type !== "application/json" && body.type !== "") {
    throw new InvalidInput(415, "the body must be application/json");
  }
  try {
    // RFC 8259 §8.1: UTF-8. Replacement characters in place of wrong bytes would change what is stored.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body.bytes));
  } catch {
    throw new InvalidInput(400, "the body is not JSON");
  }
}
