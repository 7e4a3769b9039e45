import type { IncomingMessage } from "node:http";
import { readRequestBody } from "@dex/runtime";
import { ApiError } from "./api-error.ts";
import type { ApiConventions } from "./conventions.ts";

/** The JSON in a request's body. Throws ApiError: 415 for another type, 413 when too large, 400 when malformed. */
export async function readJson(
  request: IncomingMessage,
  { untypedBody }: Pick<ApiConventions, "untypedBody">,
): Promise<unknown> {
  const body = await readRequestBody(request);
  if (body.kind === "too large") {
    throw new ApiError("payload_too_large", "the body is larger than 64 KiB", { Connection: "close" });
  }
  if (body.kind === "compressed") throw new ApiError("unsupported_media_type", "a compressed body is not accepted");
  if (body.type !== "application/json" && !(body.type === "" && untypedBody === "taken for JSON")) {
    throw new ApiError("unsupported_media_type", "the body must be application/json");
  }
  try {
    // RFC 8259 §8.1: UTF-8. Replacement characters in place of wrong bytes would change what is stored.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body.bytes));
  } catch {
    throw new ApiError("invalid_request", "the body is not JSON");
  }
}
